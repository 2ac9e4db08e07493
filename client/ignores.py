"""Whom a person does not want to hear, in memory and on disk: one nick a line."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from client.disk import Disk
from client.private_files import write_whole
from gateway.wire.names import casefold, is_nick

__all__ = ["Ignores"]

MAX_IGNORED = 500  # then the one ignored first is heard again
_KEPT = "whom you ignore"


class Ignores:
    """Nicks, in any case. Clients that run at once share the file; each change is made to what it says then."""

    def __init__(self, path: Path | None = None, disk: Disk | None = None) -> None:
        """Args: path: None: they last as long as the client, as they do where the disk refuses, which is told."""
        self._path = path
        self._disk = disk if disk is not None else Disk()
        self._nicks = dict.fromkeys(self._kept())

    def __contains__(self, nick: str) -> bool:
        return bool(self._nicks) and casefold(nick) in self._nicks

    @property
    def nicks(self) -> list[str]:
        """All of them, casefolded, in the order they were ignored."""
        return list(self._nicks)

    def add(self, nick: str) -> None:
        """Hear nothing more of `nick`."""
        self._reread()
        self._nicks[casefold(nick)] = None
        if len(self._nicks) > MAX_IGNORED:
            del self._nicks[next(iter(self._nicks))]
        self._write()

    def discard(self, nick: str) -> bool:
        """Hear `nick` again; False when it was not ignored."""
        self._reread()
        known = casefold(nick) in self._nicks
        self._nicks.pop(casefold(nick), None)
        self._write()
        return known

    def _reread(self) -> None:
        # What the disk refused is in memory alone.
        if self._path is not None and self._path.exists() and not self._disk.is_failing(_KEPT):
            self._nicks = dict.fromkeys(self._kept())

    def _kept(self) -> Iterable[str]:
        if self._path is not None:
            with contextlib.suppress(OSError, ValueError):
                lines = self._path.read_text("utf-8").splitlines()[:MAX_IGNORED]
                return [casefold(line) for line in lines if is_nick(line)]
        return []

    def _write(self) -> None:
        if self._path is None:
            return
        with self._disk.keeping(_KEPT):
            write_whole(self._path, "".join(f"{nick}\n" for nick in self._nicks).encode())
