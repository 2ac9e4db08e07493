"""A message of several lines while it comes in from a client. Pure.

Source: IRCv3 draft/multiline and client-batch.
"""

import re

from gateway.wire.message import Message
from gateway.wire.names import casefold

__all__ = ["KIND", "MAX_BYTES", "MAX_LINES", "MULTILINE_VALUE", "Draft", "Problem", "is_reference"]

KIND = "draft/multiline"
CONCAT = "draft/multiline-concat"
MAX_BYTES = 8192  # of the texts, and the line feeds that join them
MAX_LINES = 40  # with its two BATCHes what a session's budget has at once, and some is left
MULTILINE_VALUE = f"max-bytes={MAX_BYTES},max-lines={MAX_LINES}"

_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}")  # IRCv3 batch: letters, digits, hyphens; the length is ours

Problem = tuple[str, ...]
"""Code, context and text of the FAIL that ends a batch."""


def is_reference(text: str) -> bool:
    """Whether a batch may be called so."""
    return _REFERENCE.fullmatch(text) is not None


class Draft:
    """The lines so far."""

    __slots__ = ("_bytes", "began_at_s", "label", "lines", "opening", "problem", "reference", "told")

    def __init__(self, opening: Message, label: str, began_at_s: float) -> None:
        """`opening` is the BATCH that began it: reference, kind and target, with the tags of the whole message."""
        self.opening = opening
        self.reference = opening.params[0][1:]
        self.label = label
        self.began_at_s = began_at_s
        self.lines: list[tuple[bool, str]] = []  # whether it goes on where the one before ended; its text
        self.problem: Problem | None = None  # why nothing of it will be said
        self.told = False  # the client knows of the problem
        self._bytes = 0

    @property
    def target(self) -> str:
        """To whom it is."""
        return self.opening.params[2]

    def add(self, message: Message) -> None:
        """Take one line of the batch; sets `problem` if it cannot be."""
        if self.problem is None:
            self.problem = self._problem_of(message)
        if self.problem is not None:
            return
        text = message.params[1]
        goes_on = bool(self.lines) and CONCAT in message.tags
        self._bytes += len(text.encode()) + bool(self.lines and not goes_on)
        self.lines.append((goes_on, text))
        if self._bytes > MAX_BYTES:
            self.problem = "MULTILINE_MAX_BYTES", str(MAX_BYTES), "The message is too long"
        elif len(self.lines) > MAX_LINES:
            self.problem = "MULTILINE_MAX_LINES", str(MAX_LINES), "The message has too many lines"

    def _problem_of(self, message: Message) -> Problem | None:
        if message.command != "PRIVMSG" or len(message.params) < 2:
            return "MULTILINE_INVALID", "Only PRIVMSG with a text can be part of it"
        if casefold(message.params[0]) != casefold(self.target):
            return "MULTILINE_INVALID_TARGET", self.target, message.params[0], "All lines have the target of the batch"
        if not message.tags.keys() <= {"batch", CONCAT}:
            return "MULTILINE_INVALID", "Its tags belong on the BATCH that begins it"
        if CONCAT in message.tags and not message.params[1]:
            return "MULTILINE_INVALID", "A blank line cannot go on with the one before"
        return None

    def spoil(self) -> None:
        """A line was refused before anybody could read whether it is one of these: a message is said as a whole."""
        if self.problem is None:
            self.problem = "MULTILINE_INVALID", "A line of it was refused; nothing was said"

    def end(self) -> None:
        """It is complete; sets `problem` if it says nothing."""
        if self.problem is None and not any(text for _, text in self.lines):
            self.problem = "MULTILINE_INVALID", "There is nothing in it"
