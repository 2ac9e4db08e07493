"""Sockets and time: bytes to lines, lines to commands, answers back."""
