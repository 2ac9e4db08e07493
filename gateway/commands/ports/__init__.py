"""What the commands need of the store and of hashing."""
