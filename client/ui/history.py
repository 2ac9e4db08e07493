"""Typed lines on disk, for Up and Ctrl-R: private, and never longer than a limit. Source: prompt_toolkit FileHistory,
whose files are world-readable and grow for ever."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory

from client.commands import holds_secret
from client.disk import Disk
from client.private_files import write_whole

__all__ = ["InputHistory"]

MAX_LINES = 1000  # kept on disk; the file is trimmed when it is read and may double in between


class InputHistory(FileHistory):
    """History in a file of mode 0600. Without a disk to write to it lasts as long as the client."""

    def __init__(self, path: Path, disk: Disk | None = None, *, limit_lines: int = MAX_LINES) -> None:
        super().__init__(path)
        self._path = path
        self._disk = disk if disk is not None else Disk()
        self._limit = limit_lines
        self._stored = 0

    def load_history_strings(self) -> Iterable[str]:
        """Newest first."""
        try:
            lines = list(super().load_history_strings())
        except OSError:
            return []
        if len(lines) > self._limit:
            lines = lines[: self._limit]
            with contextlib.suppress(OSError):  # a file that is too long is read all the same
                self._trim(lines)
        return lines

    def store_string(self, string: str) -> None:
        """Add one line to the file, unless it is a secret; a disk that refuses costs the history, not the chat."""
        if holds_secret(string):
            return
        with self._disk.keeping("typed lines"):
            os.close(os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
            super().store_string(string)
            self._stored += 1
            if self._stored > self._limit:
                self._stored = 0
                list(self.load_history_strings())

    def _trim(self, newest_first: list[str]) -> None:
        entries = ("".join(f"+{line}\n" for line in text.split("\n")) for text in reversed(newest_first))
        write_whole(self._path, "".join(f"\n# kept\n{entry}" for entry in entries).encode())
