"""Lines typed and not yet acknowledged: in memory in order, and on disk so that they survive a crash of the client.

The file is a journal: one JSON object a line, either a line to send, or the key of one that was sent for the first
time, or of one that is done. It is written before a line is sent; it survives the client being killed, not the machine
losing power (no fsync a line). A lock file beside it keeps two running clients apart. A disk that refuses costs the
journal and not the chat: lines stay in memory, and the whole journal is written anew as soon as the disk takes it.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from client.disk import Disk
from client.private_files import write_whole
from gateway.wire.names import casefold

__all__ = ["MAX_LINES", "Outbox", "OutboxFullError", "OutboxLine", "open_outbox"]

MAX_LINES = 1000  # then a typed line is refused: nobody wants that many to come out hours later
MAX_RECORD_BYTES = 262_144  # a longer record is none of ours
MAX_OLD_RECORDS = 2000  # of lines sent or done; then the journal is written anew, with what is left
MAX_CLIENTS = 16  # running at once as the same nick on the same servers; more keep their lines in memory only
_KEPT = "unsent lines"


class OutboxFullError(Exception):
    """The line was not taken: `limit_lines` wait already."""

    def __init__(self, limit_lines: int) -> None:
        super().__init__(f"the outbox is full (limit {limit_lines})")
        self.limit_lines = limit_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLine:
    """A line to send.

    Attributes:
        key: made by the client, never used twice.
        target: room or nick.
        position: where the room's history stood when it was typed; the answer to "was it sent?" comes after that.
        sent_ms: when it was sent for the first time, by our clock; 0: never.
        reply_to: the msgid of the line that it answers, or empty.
    """

    key: str
    target: str
    text: str
    time_ms: int
    emote: bool = False
    position: str = ""
    sent_ms: int = 0
    reply_to: str = ""


class Outbox:
    """At most `MAX_LINES` lines, oldest first."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        lock: int | None = None,
        limit_lines: int = MAX_LINES,
        disk: Disk | None = None,
    ) -> None:
        """Take up what an earlier run left.

        Args:
            path: the journal; None: keep nothing on disk.
            lock: descriptor to close together with the outbox.
            disk: is told when the journal cannot be written.
        Raises:
            OSError: the journal cannot be read.
        """
        self._path = path
        self._disk = disk if disk is not None else Disk()
        self._lock = lock
        self._limit = limit_lines
        self._lines = {line.key: line for line in _read(path)[-limit_lines:]} if path else {}
        self._journal: BinaryIO | None = None
        self._rewrite()

    @property
    def path(self) -> Path | None:
        """The journal; what else belongs to this client may stand beside it, under the same lock."""
        return self._path

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[OutboxLine]:
        return iter(tuple(self._lines.values()))

    def append(self, *lines: OutboxLine) -> None:
        """Keep lines until they are done, all or none.

        Raises:
            OutboxFullError: there is no room for all of them; none was kept.
        """
        if len(self._lines) + len(lines) > self._limit:
            raise OutboxFullError(self._limit)
        self._lines.update((line.key, line) for line in lines)
        self._write(*(asdict(line) for line in lines))

    def replace(self, key: str, lines: Sequence[OutboxLine]) -> None:
        """`lines` take the place of a line, also where there are more than the limit: they were one of its lines."""
        kept: list[OutboxLine] = []
        for line in self._lines.values():
            kept += lines if line.key == key else [line]
        self._lines = {line.key: line for line in kept}
        self._rewrite()

    def retarget(self, old: str, new: str) -> None:
        """Lines for a room that is called otherwise are for it by its new name."""
        if any(casefold(line.target) == casefold(old) for line in self._lines.values()):
            for key, line in self._lines.items():
                if casefold(line.target) == casefold(old):
                    self._lines[key] = replace(line, target=new)
            self._rewrite()

    def done(self, key: str) -> OutboxLine | None:
        """The line needs no sending any more: acknowledged, or refused for good. None when it is unknown."""
        if (line := self._lines.pop(key, None)) is not None:
            self._outdate({"done": key})
        return line

    def sent(self, key: str, now_ms: int) -> None:
        """The line is about to be sent; the first time counts."""
        line = self._lines.get(key)
        if line is not None and not line.sent_ms:
            self._lines[key] = replace(line, sent_ms=now_ms)
            self._outdate({"sent": key, "at_ms": now_ms})

    def save(self) -> None:
        """Write down what the disk has refused before; to be called now and then, and at the end."""
        if self._disk.is_failing(_KEPT):
            self._rewrite()

    def close(self) -> None:
        """Let go of the journal and its lock."""
        self.save()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _outdate(self, record: dict[str, object]) -> None:
        self._write(record)
        self._old_records += 1
        if self._old_records > MAX_OLD_RECORDS:
            self._rewrite()

    def _write(self, *records: dict[str, object]) -> None:
        """Add records to the journal; one that has a broken end is written anew instead."""
        if self._path is None:
            return
        if self._journal is None or self._disk.is_failing(_KEPT):
            self._rewrite()
            return
        data = b"".join(map(_encode, records))
        with self._disk.keeping(_KEPT):
            if self._journal.write(data) != len(data):
                raise OSError(errno.ENOSPC, "")  # as much as there was room for, which is no whole record

    def _rewrite(self) -> None:
        """Begin a new journal with what is left; the old one stands until the new one is whole."""
        self._old_records = 0
        if self._path is None:
            return
        with self._disk.keeping(_KEPT):
            write_whole(self._path, b"".join(_encode(asdict(line)) for line in self._lines.values()))
            journal = open(self._path, "ab", buffering=0)  # noqa: SIM115 - stays open for the records to come
            if self._journal is not None:
                self._journal.close()
            self._journal = journal


def open_outbox(folder: Path, name: str, disk: Disk | None = None) -> Outbox:
    """The outbox `name` in `folder`, which must exist; the next free one when another client runs under that name.

    Raises:
        OSError: a file cannot be opened.
    """
    for number in range(MAX_CLIENTS):
        stem = folder / (name if number == 0 else f"{name}.{number}")
        lock = os.open(f"{stem}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return Outbox(Path(f"{stem}.outbox"), lock=lock, disk=disk)
    return Outbox()


def _encode(record: dict[str, object]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _read(path: Path) -> list[OutboxLine]:
    """What a journal says is still to be sent. A broken record, as a crash may leave at the end, is skipped."""
    lines: dict[str, OutboxLine] = {}
    if not path.exists():
        return []
    with path.open("rb") as journal:
        while record := journal.readline(MAX_RECORD_BYTES):
            try:
                fields = json.loads(record)
                if "done" in fields:
                    lines.pop(fields["done"], None)
                elif "sent" in fields:
                    line = lines[fields["sent"]]
                    lines[line.key] = replace(line, sent_ms=int(fields["at_ms"]))
                elif (line := OutboxLine(**fields)) and _sane(line):
                    lines[line.key] = line
            except (ValueError, TypeError, KeyError):
                continue
    return list(lines.values())


def _sane(line: OutboxLine) -> bool:
    """Whether the line can be said on the wire: the file is ours, but a person may have edited it."""
    words = (line.key, line.target, line.position, line.reply_to)
    return (
        isinstance(line.sent_ms, int)
        and all(isinstance(part, str) and not set(part).intersection("\r\0") for part in (*words, line.text))
        and not any(word.startswith(":") or set(word).intersection("\n ") for word in words)
    )
