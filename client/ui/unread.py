"""What was said while a person looked elsewhere. Pure: fresh rows in, counts out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from client.line import RoomLine
from client.renames import move, move_in
from client.render import mentions
from client.timeline import Timeline
from client.transcripts import Shown
from gateway.wire.names import casefold

__all__ = ["Unread", "UnreadRoom"]

MAX_COUNTED_ROWS = 10_000  # more unread ones are not counted


@dataclass(slots=True)
class UnreadRoom:
    """Lines of others, those of them that name us, and the first of them."""

    lines: int = 0
    mentions: int = 0
    first: RoomLine | None = None


class Unread:
    """Counts by room."""

    def __init__(self) -> None:
        self._rooms: dict[str, UnreadRoom] = {}
        self._begun: set[str] = set()
        self._newest_ms: dict[str, int] = {}
        self._marked_ms: dict[str, int] = {}  # how far the server says that a room was read

    def __getitem__(self, room: str) -> UnreadRoom:
        return self._rooms.get(casefold(room)) or UnreadRoom()

    @property
    def total(self) -> UnreadRoom:
        """All rooms together."""
        rooms = self._rooms.values()
        return UnreadRoom(sum(room.lines for room in rooms), sum(room.mentions for room in rooms))

    def begun(self, room: str) -> None:
        """The first history of `room` is here: what is replayed from now on was missed, and counts."""
        self._begun.add(casefold(room))

    def add(self, fresh: Iterable[Shown], *, nick: str) -> list[tuple[str, RoomLine]]:
        """Count rows that came, and return the lines of others among them that are for us: mentions, private talk."""
        called = []
        for shown in fresh:
            row, key = shown.row, casefold(shown.room)
            if not isinstance(row, RoomLine) or not row.kind.is_text or row.time_ms < self._newest_ms.get(key, 0):
                continue  # older lines are here because they were asked for
            self._newest_ms[key] = row.time_ms
            if row.own or shown.recalled:
                continue
            private = not shown.room.startswith("#")
            marked_ms = self._marked_ms.get(key)
            if (
                row.time_ms <= marked_ms
                if marked_ms is not None
                else row.replayed and not (private or key in self._begun)
            ):
                continue
            room = self._rooms.setdefault(key, UnreadRoom())
            room.lines += 1
            room.first = room.first or row
            if private or mentions(row.text, nick):
                room.mentions += 1
                called.append((shown.room, row))
        return called

    def marked(self, room: str, time_ms: int, timeline: Timeline, *, nick: str) -> None:
        """Count anew: everything up to `time_ms` has been read, here or at another device, and nothing after it."""
        key = casefold(room)
        self._marked_ms[key] = time_ms
        counts = UnreadRoom()
        for back in range(min(len(timeline), MAX_COUNTED_ROWS)):
            row = timeline[len(timeline) - 1 - back]
            if row.time_ms <= time_ms:
                break
            if isinstance(row, RoomLine) and row.kind.is_text and not row.own:
                counts.lines += 1
                counts.mentions += not room.startswith("#") or mentions(row.text, nick)
                counts.first = row
        self._rooms[key] = counts

    def keep(self, rooms: Collection[str]) -> None:
        """Forget all but `rooms`: strangers who change their nicks must not fill our memory."""
        if len(self._newest_ms) > len(rooms):
            kept = {casefold(room) for room in rooms}
            self._begun &= kept
            for counts in (self._rooms, self._newest_ms, self._marked_ms):
                for key in counts.keys() - kept:
                    del counts[key]

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise."""
        move_in(self._begun, old, new)
        move(self._rooms, old, new)
        for times in (self._newest_ms, self._marked_ms):
            move(times, old, new)

    def read(self, room: str) -> None:
        """Everything in `room` has been seen."""
        self._rooms.pop(casefold(room), None)
