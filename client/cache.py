"""What was said, on disk: a room shows its transcript before there is a network. Source: sqlite.org.

Only a copy: a file that is broken or of another make is begun anew, and a disk that refuses ends the keeping, not the
chat. It is behind the transcript by one `save` at most; what is missing after a crash the server gives again.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from client.events import Kind, RoomLine
from client.timeline import MAX_ROWS
from gateway.wire.names import casefold

__all__ = ["Cache"]

VERSION = 1
MAX_ROOMS = 200  # then the one with the oldest last line goes
MAX_TIME_MS = 2**63 - 1  # the largest number of SQLite
TRIM_EVERY_LINES = 500  # so a room may have so many more than the limit for a while
_T = TypeVar("_T")
_TABLE = """
CREATE TABLE lines (
    room TEXT, time_ms INTEGER, ident TEXT, spelled TEXT, msgid TEXT, kind TEXT, nick TEXT, text TEXT, subject TEXT,
    own INTEGER, PRIMARY KEY (room, time_ms, ident)
) WITHOUT ROWID
"""
_DELETE = "DELETE FROM lines WHERE room = ? AND time_ms <= ?"
_FORGET_ROOMS = """
DELETE FROM lines WHERE room NOT IN (SELECT room FROM lines GROUP BY room ORDER BY max(time_ms) DESC LIMIT ?)
"""
_COLUMNS = "spelled, kind, nick, text, time_ms, subject, ident, msgid, own"


class Cache:
    """The last lines of each room and private talk."""

    def __init__(self, path: Path | None = None, *, limit_lines: int = MAX_ROWS) -> None:
        """Open the file, which is made when it is missing; None: keep nothing."""
        self._limit = limit_lines
        self._fresh: dict[str, int] = {}  # lines added since the room was trimmed
        self._database = _open(path) if path is not None else None
        self._attempt(lambda database: database.execute(_FORGET_ROOMS, (MAX_ROOMS,)))
        self.save()

    def lines(self, room: str, limit: int, *, until_ms: int = MAX_TIME_MS) -> list[RoomLine]:
        """The last `limit` lines of `room` that are no newer than `until_ms`, oldest first."""
        query = f"SELECT {_COLUMNS} FROM lines WHERE room = ? AND time_ms <= ? ORDER BY time_ms DESC LIMIT ?"
        found = []
        for row in reversed(self._rows(query, casefold(room), until_ms, limit)):
            with contextlib.suppress(ValueError):  # a kind that a later version knows
                found.append(_line(row))
        return found

    def talks(self, limit: int) -> list[str]:
        """The private talks, those with the newest lines, oldest first."""
        query = "SELECT spelled FROM lines WHERE room NOT LIKE '#%' GROUP BY room ORDER BY max(time_ms) DESC LIMIT ?"
        return [spelled for (spelled,) in reversed(self._rows(query, limit))]

    def add(self, line: RoomLine) -> None:
        """Keep a line, if it can be told from others."""
        if not line.ident:
            return
        room = casefold(line.room)
        values = (room, line.time_ms, line.ident, line.room, line.msgid, line.kind.value, line.nick, line.text,
                  line.subject, line.own)  # fmt: skip
        self._attempt(lambda database: database.execute(f"INSERT OR IGNORE INTO lines VALUES ({'?, ' * 9}?)", values))
        self._fresh[room] = self._fresh.get(room, 0) + 1

    def save(self) -> None:
        """Write down what has been added."""
        for room in [room for room, count in self._fresh.items() if count >= TRIM_EVERY_LINES]:
            self._trim(room)
        self._attempt(lambda database: database.commit())

    def close(self) -> None:
        """Save, and let go of the file."""
        for room in list(self._fresh):
            self._trim(room)
        self._attempt(lambda database: database.commit())
        self._attempt(lambda database: database.close())
        self._database = None

    def _trim(self, room: str) -> None:
        del self._fresh[room]
        query = "SELECT time_ms FROM lines WHERE room = ? ORDER BY time_ms DESC LIMIT 1 OFFSET ?"
        if rows := self._rows(query, room, self._limit):
            too_old = (room, rows[0][0])
            self._attempt(lambda database: database.execute(_DELETE, too_old))

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._attempt(lambda database: database.execute(query, values).fetchall()) or []

    def _attempt(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        if self._database is None:
            return None
        try:
            return work(self._database)
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None
            return None


def _line(row: tuple[Any, ...]) -> RoomLine:
    spelled, kind, nick, text, time_ms, subject, ident, msgid, own = row
    return RoomLine(
        room=spelled,
        kind=Kind(kind),
        nick=nick,
        text=text,
        time_ms=time_ms,
        subject=subject,
        ident=ident,
        msgid=msgid,
        own=bool(own),
        replayed=True,
    )


def _open(path: Path) -> sqlite3.Connection | None:
    for _ in range(2):
        try:
            # SQLite gives its files the mode of the first; it must never have been another.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            # One thread at a time uses it, but not always the one that opened it.
            database = sqlite3.connect(path, check_same_thread=False)
        except (OSError, sqlite3.Error):
            return None
        try:
            _prepare(database)
        except sqlite3.Error:
            database.close()
            with contextlib.suppress(OSError):
                for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                    path.with_name(name).unlink(missing_ok=True)
        else:
            return database
    return None


def _prepare(database: sqlite3.Connection) -> None:
    """Make or check the table.

    Raises:
        sqlite3.Error: the file is none of ours.
    """
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        database.execute(_TABLE)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.commit()
    elif version != VERSION:
        raise sqlite3.DatabaseError("of another version")
    database.execute(f"SELECT {_COLUMNS} FROM lines LIMIT 1")
