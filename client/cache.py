"""What was said, on disk: a room shows its transcript before there is a network. Source: sqlite.org.

Only a copy: a file that is broken or of another make is begun anew, and a disk that refuses ends the keeping, not the
reading and not the chat. It is behind the transcript by one `save` at most; what is missing after a crash the server
gives again.
"""

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from client.disk import Disk
from client.line import Kind, RoomLine
from client.timeline import MAX_ROWS
from gateway.wire.names import casefold

__all__ = ["MAX_TIME_MS", "Cache"]

VERSION = 3
MAX_ROOMS = 200  # then the one with the oldest last line goes
MAX_FOUND = 1_000  # lines that one search gives, the newest
MAX_TIME_MS = 2**63 - 1  # the largest number of SQLite
TRIM_EVERY_LINES = 500  # so a room may have so many more than the limit for a while
_KEPT = "what is said"
_TABLES = """
CREATE TABLE lines (
    room TEXT, time_ms INTEGER, ident TEXT, spelled TEXT, msgid TEXT, kind TEXT, nick TEXT, text TEXT, subject TEXT,
    own INTEGER, reply_to TEXT NOT NULL DEFAULT '', PRIMARY KEY (room, time_ms, ident)
) WITHOUT ROWID;
CREATE TABLE rooms (room TEXT PRIMARY KEY, spelled TEXT, newest_ms INTEGER) WITHOUT ROWID;
"""
_DELETE = "DELETE FROM lines WHERE room = ? AND time_ms <= ?"
_NEWEST = "INSERT INTO rooms VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET newest_ms = excluded.newest_ms"
_FROM_2 = "ALTER TABLE lines ADD COLUMN reply_to TEXT NOT NULL DEFAULT ''"
_COLUMNS = "spelled, kind, nick, text, time_ms, subject, ident, msgid, own, reply_to"


class Cache:
    """The last lines of each room and private talk."""

    def __init__(self, path: Path | None = None, *, limit_lines: int = MAX_ROWS, disk: Disk | None = None) -> None:
        """Open the file, which is made when it is missing; None: keep nothing. `disk` is told when it refuses."""
        self._limit = limit_lines
        self._disk = disk if disk is not None else Disk()
        self._fresh: dict[str, int] = {}  # lines added since the room was trimmed
        self._dirty: set[str] = set()  # rooms whose newest time is not written yet
        self._writable = True
        self._database = _open(path) if path is not None else None
        if path is not None and self._database is None:
            self._disk.refused(_KEPT, "its file cannot be used")
        rooms = self._rows("SELECT room, spelled, newest_ms FROM rooms")
        self._rooms: dict[str, tuple[str, int]] = {room: (spelled, newest_ms) for room, spelled, newest_ms in rooms}

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
        talks = [entry for room, entry in self._rooms.items() if not room.startswith("#")]
        return [spelled for spelled, _ in sorted(talks, key=lambda entry: entry[1])[-limit:]]

    def find(self, room: str, words: str, *, before_ms: int) -> list[RoomLine]:
        """The newest lines of `room`, older than `before_ms`, whose text has `words` in it in any case; oldest first.

        At most `MAX_FOUND`. It looks at each line there is, 100 000 in some 50 ms.
        """
        # SQLite's own comparison folds ASCII only, and is ten times as fast.
        fits = "text LIKE ? ESCAPE '\\'" if words.isascii() else "has(text, ?)"
        wanted = "%" + re.sub(r"([\\%_])", r"\\\1", words) + "%" if words.isascii() else words.casefold()
        texts = ", ".join(f"'{kind.value}'" for kind in Kind if kind.is_text)
        query = (
            f"SELECT {_COLUMNS} FROM lines WHERE room = ? AND time_ms < ? AND kind IN ({texts}) AND {fits} "
            "ORDER BY time_ms DESC LIMIT ?"
        )
        rows = self._rows(query, casefold(room), before_ms, wanted, MAX_FOUND)
        return [_line(row) for row in reversed(rows)]

    def oldest(self, room: str) -> RoomLine | None:
        """The oldest line of `room` that has a msgid."""
        query = f"SELECT {_COLUMNS} FROM lines WHERE room = ? AND msgid <> '' ORDER BY time_ms LIMIT 1"
        rows = self._rows(query, casefold(room))
        return _line(rows[0]) if rows else None

    def add(self, line: RoomLine) -> None:
        """Keep a line, if it can be told from others."""
        if not line.ident or self._database is None or not self._writable:
            return
        room = casefold(line.room)
        self._count_room(room, line)
        values = (room, line.time_ms, line.ident, line.room, line.msgid, line.kind.value, line.nick, line.text,
                  line.subject, line.own, line.reply_to)  # fmt: skip
        self._write(f"INSERT OR IGNORE INTO lines VALUES ({'?, ' * 10}?)", values)
        self._fresh[room] = self._fresh.get(room, 0) + 1

    def rename(self, old: str, new: str) -> None:
        """What was said in the room `old` was said in `new`; what is there of a room of that name stays as well."""
        before, after = casefold(old), casefold(new)
        known, there = self._rooms.pop(before, None), self._rooms.get(after)
        if known is None:
            return
        self._rooms[after] = (new, max(known[1], there[1] if there is not None else 0))
        self._fresh[after] = self._fresh.get(after, 0) + self._fresh.pop(before, 0)
        self._dirty.discard(before)
        self._dirty.add(after)
        self._write("UPDATE OR IGNORE lines SET room = ?, spelled = ? WHERE room = ?", (after, new, before))
        if before != after:
            for table in ("lines", "rooms"):
                self._write(f"DELETE FROM {table} WHERE room = ?", (before,))
        self._write(_NEWEST, (after, *self._rooms[after]))

    def redact(self, room: str, msgid: str, *, by: str, reason: str) -> None:
        """Forget what a line said, and keep that it was deleted."""
        values = (Kind.REDACTED.value, reason, by, casefold(room), msgid)
        self._write("UPDATE lines SET kind = ?, text = ?, subject = ? WHERE room = ? AND msgid = ?", values)

    def save(self) -> None:
        """Write down what has been added."""
        self._save(trim_from_lines=TRIM_EVERY_LINES)

    def close(self) -> None:
        """Save, and let go of the file."""
        self._save(trim_from_lines=1)
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
        self._database = None

    def _save(self, *, trim_from_lines: int) -> None:
        if self._database is None or not self._writable:
            return
        for room in [room for room, count in self._fresh.items() if count >= trim_from_lines]:
            self._trim(room)
        for room in self._dirty & self._rooms.keys():
            self._write(_NEWEST, (room, *self._rooms[room]))
        self._dirty.clear()
        self._writing(lambda database: database.commit())

    def _count_room(self, room: str, line: RoomLine) -> None:
        """One more line of `room`; the room with the oldest last line goes when there are too many."""
        known = self._rooms.get(room)
        if known is None or known[1] < line.time_ms:
            self._rooms[room] = (line.room if known is None else known[0], line.time_ms)
            self._dirty.add(room)
        if len(self._rooms) > MAX_ROOMS:
            oldest = min(self._rooms.keys() - {room}, key=lambda key: self._rooms[key][1])
            del self._rooms[oldest]
            self._fresh.pop(oldest, None)
            for table in ("lines", "rooms"):
                self._write(f"DELETE FROM {table} WHERE room = ?", (oldest,))

    def _trim(self, room: str) -> None:
        del self._fresh[room]
        query = "SELECT time_ms FROM lines WHERE room = ? ORDER BY time_ms DESC LIMIT 1 OFFSET ?"
        if rows := self._rows(query, room, self._limit):
            self._write(_DELETE, (room, rows[0][0]))

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        if self._database is None:
            return []
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error:
            return []

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        self._writing(lambda database: database.execute(statement, values))

    def _writing(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """A disk that refused once is written to no more in this run: what the file has then is all of a time."""
        if self._database is None or not self._writable:
            return
        try:
            work(self._database)
        except sqlite3.Error:
            self._writable = False
            self._disk.refused(_KEPT, "its file cannot be written")
            with contextlib.suppress(sqlite3.Error):
                self._database.rollback()


def _line(row: tuple[Any, ...]) -> RoomLine:
    spelled, kind, nick, text, time_ms, subject, ident, msgid, own, reply_to = row
    return RoomLine(
        room=spelled,
        kind=Kind(kind),
        nick=nick,
        text=text,
        time_ms=time_ms,
        subject=subject,
        ident=ident,
        msgid=msgid,
        reply_to=reply_to,
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
        except sqlite3.OperationalError:
            database.close()  # a disk that is full is no reason to throw away what is there
            return None
        except sqlite3.Error:
            database.close()
            with contextlib.suppress(OSError):
                for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                    path.with_name(name).unlink(missing_ok=True)
        else:
            return database
    return None


def _prepare(database: sqlite3.Connection) -> None:
    """Make or check the tables.

    Raises:
        sqlite3.OperationalError: the disk does not let us.
        sqlite3.DatabaseError: the file is none of ours.
    """
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.create_function("has", 2, lambda text, wanted: wanted in text.casefold(), deterministic=True)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        database.executescript(_TABLES)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.commit()
    elif version == VERSION - 1:
        database.execute(_FROM_2)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.commit()
    elif version != VERSION:
        raise sqlite3.DatabaseError("of another version")
    try:
        database.execute(f"SELECT {_COLUMNS} FROM lines LIMIT 1")
        database.execute("SELECT spelled, newest_ms FROM rooms LIMIT 1")
    except sqlite3.OperationalError as exc:
        raise sqlite3.DatabaseError("no table of ours") from exc
