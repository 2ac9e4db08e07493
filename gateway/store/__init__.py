"""The only part of the gateway that speaks to Redis. Names in `keys`, effects that belong together in `scripts/`."""
