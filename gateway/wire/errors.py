"""What can be wrong with bytes from the wire."""

__all__ = ["InvalidUtf8Error", "MalformedLineError", "WireError"]


class WireError(ValueError):
    """Base of all wire errors. Its text is for our own log, never for a peer."""


class MalformedLineError(WireError):
    """The line has no command, or a NUL, CR or LF inside."""


class InvalidUtf8Error(MalformedLineError):
    """The line is not UTF-8, and the network is UTF8ONLY. Source: IRCv3 utf8-only."""
