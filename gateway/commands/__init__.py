"""What each IRC command does. `table` lists them; handlers know neither sockets nor Redis, only `services`."""
