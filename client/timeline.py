"""The transcript of one room: ordered, no line twice, bounded. Pure.

Lines come live, from history, twice, in any interleaving; the rows are the same for all of them as long as no two
lines bear the same time. Of lines at the very same millisecond the one that came first stands first.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from client.line import Kind, RoomLine
from gateway.wire.names import casefold
from gateway.wire.tags import format_time

__all__ = ["MAX_ROWS", "Failed", "Note", "Pending", "Row", "Timeline"]

MAX_ROWS = 100_000  # then the oldest row goes, and older lines are not taken any more


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the client itself, as "connection lost"."""

    text: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A line of ours that no server has acknowledged yet; `reason` says why it waits, when that is known."""

    key: str
    nick: str
    text: str
    time_ms: int
    emote: bool = False
    reason: str = ""
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A line of ours that will not be sent again, and why."""

    line: Pending
    reason: str
    time_ms: int


Row = RoomLine | Note | Failed


class Timeline:
    """The rows of one room, and our own lines that are to become rows."""

    def __init__(self, room: str, *, limit_rows: int = MAX_ROWS) -> None:
        self.room = room
        self._limit = limit_rows
        self._rows: list[Row] = []
        self._first = 0  # where the rows begin that are kept; those before it go all together, now and then
        self._idents: dict[str, RoomLine] = {}
        self._floor_ms = -1  # time of the newest row that had to go
        self._pending: dict[str, Pending] = {}
        self.cleared: Row | None = None  # the newest row when the screen was cleared
        self._latest_text: RoomLine | None = None
        self._oldest_skipped: RoomLine | None = None
        self._first_seen_ms: int | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Oldest first, at most `limit_rows`; a copy, which is not for every redraw."""
        return tuple(self._rows[self._first :])

    def __len__(self) -> int:
        return len(self._rows) - self._first

    def __getitem__(self, index: int) -> Row:
        """The row at `index`, from 0 for the oldest; at once, however many there are."""
        return self._rows[self._first + index]

    def index_of(self, row: Row) -> int:
        """Where `row` stands now; where it stood, as its time tells, when it is here no more."""
        index = bisect_left(self._rows, row.time_ms, lo=self._first, key=lambda other: other.time_ms)
        found = index
        while found < len(self._rows) and self._rows[found].time_ms == row.time_ms:
            if self._rows[found] is row:
                return found - self._first
            found += 1
        return min(index - self._first, max(0, len(self) - 1))

    @property
    def oldest(self) -> RoomLine | None:
        """The oldest line that has a msgid, one that was passed over among them."""
        lines = (row for row in islice(self._rows, self._first, None) if isinstance(row, RoomLine) and row.msgid)
        oldest = next(lines, None)
        skipped = self._oldest_skipped
        if skipped is not None and (oldest is None or skipped.time_ms < oldest.time_ms):
            oldest = skipped
        return oldest

    @property
    def oldest_position(self) -> str:
        """What older lines come before: `msgid=...` of the oldest line that has one; empty: nothing known."""
        return f"msgid={self.oldest.msgid}" if self.oldest is not None else ""

    @property
    def newest_text_ms(self) -> int | None:
        """When the newest text with a msgid was said, by the server's clock."""
        return self._latest_text.time_ms if self._latest_text is not None else None

    @property
    def is_full(self) -> bool:
        """Whether older lines would not be taken."""
        return self._floor_ms >= 0

    @property
    def pending(self) -> tuple[Pending, ...]:
        """Our lines on their way, in the order typed; they stand below all rows."""
        return tuple(self._pending.values())

    @property
    def position(self) -> str:
        """Where catching up must begin: `msgid=...` of the newest text, or the time we came; empty: nothing known."""
        if self._latest_text is not None:
            return f"msgid={self._latest_text.msgid}"
        return "" if self._first_seen_ms is None else f"timestamp={format_time(self._first_seen_ms)}"

    def add(self, line: RoomLine) -> bool:
        """Take a line from the server; False when it is here already, or older than all that is kept."""
        self._pending.pop(line.key, None)
        if line.ident in self._idents or line.time_ms <= self._floor_ms:
            return False
        if line.ident:
            self._idents[line.ident] = line
        self._known(line)
        self._insert(line)
        return True

    def take(self, other: "Timeline") -> None:
        """What another timeline has of the same room."""
        for row in other.rows:
            if isinstance(row, RoomLine):
                self.add(row)
            else:
                self._insert(row)
        for line in other.pending:
            self.pend(line)

    def redact(self, msgid: str, by: str, reason: str) -> RoomLine | None:
        """Hide what a line says; the row that stands in its place, None when it is not here or hidden already."""
        row = self.find(msgid)
        if row is None or not row.kind.is_text:
            return None
        hidden = replace(row, kind=Kind.REDACTED, text=reason, subject=by)
        self._rows[self._first + self.index_of(row)] = hidden
        self._idents[row.ident] = hidden
        return hidden

    def find(self, msgid: str) -> RoomLine | None:
        """The line of that msgid, as it is now; None when it is not here."""
        line = self._idents.get(msgid)
        return line if line is not None and line.msgid == msgid else None

    def newest_of(self, nick: str) -> RoomLine | None:
        """The last thing that somebody else said, when the server has given it a msgid."""
        return self._newest(lambda line: not line.own and casefold(line.nick) == casefold(nick))

    @property
    def newest_own(self) -> RoomLine | None:
        """The last thing we said, when the server has given it a msgid."""
        return self._newest(lambda line: line.own)

    def _newest(self, fits: Callable[[RoomLine], bool]) -> RoomLine | None:
        for index in range(len(self._rows) - 1, self._first - 1, -1):
            row = self._rows[index]
            if isinstance(row, RoomLine) and row.msgid and row.kind.is_text and fits(row):
                return row
        return None

    def skip(self, line: RoomLine) -> None:
        """Pass over a line that nobody wants to see: it is no row, but need not be asked for again."""
        self._known(line)
        oldest = self._oldest_skipped
        if line.msgid and (oldest is None or line.time_ms < oldest.time_ms):
            self._oldest_skipped = line

    def clear(self) -> None:
        """The screen is to be empty but for what comes; all rows are still here."""
        self.cleared = self._rows[-1] if len(self) else None

    def note(self, text: str, now_ms: int) -> Note:
        """Add a line of our own; it stands last, whatever the server's clock says."""
        note = Note(text, self._not_before_last(now_ms))
        self._insert(note)
        return note

    def pend(self, line: Pending) -> None:
        """A line has been typed. Its number is limited by the outbox."""
        self._pending[line.key] = line

    def explain(self, key: str, reason: str) -> None:
        """A line waits, for `reason`; unknown keys are ignored."""
        if key in self._pending:
            self._pending[key] = replace(self._pending[key], reason=reason)

    def accept(self, key: str) -> None:
        """The server took the line and shows it elsewhere, or not at all."""
        self._pending.pop(key, None)

    def fail(self, key: str, reason: str, now_ms: int) -> Failed | None:
        """The line will not be sent: it becomes a row that says so. None when it is not pending."""
        if (line := self._pending.pop(key, None)) is None:
            return None
        failed = Failed(line, reason, self._not_before_last(now_ms))
        self._insert(failed)
        return failed

    @property
    def failed(self) -> list[Failed]:
        """The rows of lines that were not sent, oldest first."""
        return [row for row in islice(self._rows, self._first, None) if isinstance(row, Failed)]

    def remove_failed(self) -> None:
        """Forget the rows of lines that were not sent."""
        self._rows = [row for row in islice(self._rows, self._first, None) if not isinstance(row, Failed)]
        self._first = 0

    def _known(self, line: RoomLine) -> None:
        if self._first_seen_ms is None:
            self._first_seen_ms = line.time_ms
        latest = self._latest_text
        if line.msgid and line.kind.is_text and (latest is None or latest.time_ms <= line.time_ms):
            self._latest_text = line

    def _not_before_last(self, now_ms: int) -> int:
        return max(now_ms, self._rows[-1].time_ms) if self._rows else now_ms

    def _insert(self, row: Row) -> None:
        # Nearly every row is the newest.
        if len(self) and row.time_ms < self._rows[-1].time_ms:
            place = bisect_right(self._rows, row.time_ms, lo=self._first, key=lambda other: other.time_ms)
            self._rows.insert(place, row)
        else:
            self._rows.append(row)
        if len(self) > self._limit:
            oldest = self._rows[self._first]
            self._floor_ms = oldest.time_ms
            if isinstance(oldest, RoomLine):
                self._idents.pop(oldest.ident, None)
            self._first += 1
            # Moving all rows for each that comes would cost more than everything else here.
            if self._first > max(self._limit // 10, 1):
                del self._rows[: self._first]
                self._first = 0
