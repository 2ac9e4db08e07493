"""The IRCv3 wire format, shared by gateway and client. Standard library only, no I/O."""
