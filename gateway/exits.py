"""How `chat-gateway` ends: its exit codes, and the line for whoever called it. docs/operating.md has the table."""

import sys

__all__ = ["ExitCode", "failed"]


class ExitCode:
    """Source: sysexits.h; flags that do not exist end with 2, as everywhere."""

    OK = 0
    NO_SUCH_GATEWAY = 68
    UNAVAILABLE = 69  # Redis, the private store or a port cannot be had
    BURIED = 75  # the others took this gateway for dead; started again it is a new one
    CONFIG = 78  # a setting has a value that cannot be


def failed(problem: object, code: int) -> int:
    """Say in one line on standard error what the problem is, and return the code."""
    sys.stderr.write(f"chat-gateway: {problem}\n")
    return code
