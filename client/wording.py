"""Numbers in words. Pure."""

__all__ = ["lines", "people", "span"]


def people(count: int) -> str:
    """`1 person`, `2 people`."""
    return "1 person" if count == 1 else f"{count} people"


def lines(count: int) -> str:
    """`1 line`, `2 lines`."""
    return "1 line" if count == 1 else f"{count} lines"


def span(seconds: int) -> str:
    """`59 s`, `59 min`, `2 h`: the largest unit that there is one of, rounded down."""
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"
