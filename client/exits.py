"""What the command tells whoever called it: exit codes, and lines on standard error."""

import sys

__all__ = ["ExitCode", "complain"]


class ExitCode:
    """Source: sysexits.h; 128 + number for signals."""

    OK = 0
    USAGE = 2
    REFUSED = 65  # a message, or all rooms
    UNAVAILABLE = 69  # no gateway was reachable
    CRASH = 70
    OUTPUT_GONE = 74
    NOT_CONFIRMED = 75
    LOGIN_REFUSED = 77
    CONFIG = 78
    SIGNAL = 128


def complain(text: str) -> None:
    """Say one line."""
    sys.stderr.write(f"chat-client: {text}\n")
