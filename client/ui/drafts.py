"""What was typed and not sent, by room, in memory and on disk. The file is written anew, whole, when it changed."""

import contextlib
import json
from pathlib import Path

from client.commands import holds_secret
from client.disk import Disk
from client.private_files import write_whole
from client.renames import move
from gateway.wire.names import casefold

__all__ = ["Drafts"]

MAX_DRAFTS = 100  # then the oldest is forgotten
MAX_CHARS = 20_000  # of one; a longer one is kept in memory only


class Drafts:
    """Drafts of a client; the file is its own, as its outbox is."""

    def __init__(self, path: Path | None = None, disk: Disk | None = None) -> None:
        """Args: path: None: they last as long as the client; as they do where the disk refuses, which is told."""
        self._path = path
        self._disk = disk if disk is not None else Disk()
        self._texts: dict[str, str] = {}
        self._written: dict[str, str] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError):
                kept = json.loads(path.read_text("utf-8"))
                if isinstance(kept, dict):
                    self._texts = {room: text for room, text in kept.items() if isinstance(text, str)}
        self._written = dict(self._texts)

    def __getitem__(self, room: str) -> str:
        return self._texts.get(casefold(room), "")

    def __setitem__(self, room: str, text: str) -> None:
        self._texts.pop(casefold(room), None)
        if text.strip():
            self._texts[casefold(room)] = text
            if len(self._texts) > MAX_DRAFTS:
                del self._texts[next(iter(self._texts))]

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise; a draft that stands under the new name already stays."""
        if casefold(new) not in self._texts:
            move(self._texts, old, new)

    @property
    def rooms(self) -> frozenset[str]:
        """The casefolded rooms that have one."""
        return frozenset(self._texts)

    def save(self) -> None:
        """Write them if they have changed since; one with a secret in it lasts as long as the client."""
        if self._path is None or self._texts == self._written:
            return
        with self._disk.keeping("drafts"):
            kept = {
                room: text for room, text in self._texts.items() if len(text) <= MAX_CHARS and not holds_secret(text)
            }
            write_whole(self._path, json.dumps(kept).encode())
            self._written = dict(self._texts)
