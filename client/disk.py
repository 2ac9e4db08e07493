"""What the disk refuses to keep, told to the person once, and once more when it keeps again. Standard library only.

A full disk ends the keeping and never the chat: whoever writes goes on in memory, and tries again with the next change.
"""

import contextlib
import os
from collections.abc import Iterator

__all__ = ["Disk"]


class Disk:
    """The troubles of all files of one client; each kind of thing kept has a name, as "unsent lines"."""

    def __init__(self) -> None:
        self._failing: set[str] = set()
        self._news: list[str] = []

    @contextlib.contextmanager
    def keeping(self, what: str) -> Iterator[None]:
        """Stands around the writing of `what`, and takes the OSError of a disk that refuses."""
        try:
            yield
        except OSError as exc:
            self.refused(what, os.strerror(exc.errno) if exc.errno else "the disk refuses")
        else:
            self.kept(what)

    def refused(self, what: str, reason: str) -> None:
        """`what` could not be written."""
        if what not in self._failing:
            self._failing.add(what)
            self._news.append(f"not kept on disk for now: {what} ({reason[:1].lower()}{reason[1:]}); the chat goes on")

    def kept(self, what: str) -> None:
        """`what` has been written."""
        if what in self._failing:
            self._failing.discard(what)
            self._news.append(f"kept on disk again: {what}")

    def is_failing(self, what: str) -> bool:
        """Whether `what` could not be written the last time."""
        return what in self._failing

    def news(self) -> list[str]:
        """What the person does not know yet; each once."""
        news, self._news = self._news, []
        return news
