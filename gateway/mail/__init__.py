"""E-mail to the owners of accounts: where it goes out, what is in it, and the sending."""
