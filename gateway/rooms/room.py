"""A room with local members: its replica, its seats, and the lines that wait to be delivered."""

from collections import deque
from functools import partial
from typing import NamedTuple

from gateway.model import (
    AccountSet,
    Entry,
    Joined,
    Kicked,
    Left,
    LeftBy,
    Member,
    ModesSet,
    MsgId,
    Position,
    Reaped,
    Renamed,
    Said,
    SaidTo,
    Uid,
)
from gateway.rooms.follower import Follower
from gateway.rooms.pace import Pace
from gateway.rooms.ports import Origin, Render, Seat
from gateway.rooms.replica import Replica
from gateway.rooms.writer import Writer
from gateway.wire.names import RoomKey

__all__ = ["Line", "Room"]

SAID = frozenset({Said, SaidTo})
NOBODY: frozenset[Uid] = frozenset()
LOST = "Gateway lost"  # the reason others see when a gateway died with a member on it


class Line(NamedTuple):
    """An applied entry on its way to the seats."""

    entry: Entry
    about: Member | None  # whom the event is about, as before it
    unseen_by: frozenset[Uid]
    origin: Origin | None


class Room:
    """All of one room on this gateway. Synchronous throughout: nobody can join, leave or stall others half-way."""

    __slots__ = ("_late", "classes", "follower", "held", "key", "lines", "listed_as", "origins", "pace",
                 "recent", "replica", "seats", "users", "writer")  # fmt: skip

    def __init__(self, key: RoomKey, name: str, recent_limit: int) -> None:
        self.key = key
        self.replica = Replica(name)
        self.follower: Follower
        self.writer: Writer
        self.seats: dict[Uid, Seat] = {}
        self.classes: dict[int, dict[Uid, Seat]] = {}  # the same seats by render class
        self.lines: list[Line] = []
        self.origins: dict[MsgId, Origin] = {}  # what came from here and has not come back
        self.recent: deque[Entry] = deque(maxlen=recent_limit)  # the last things said, for who joins
        self.pace = Pace()
        self.held = False  # the writer waits until the pace lets it go
        self.listed_as = b""  # the engine's key for the name
        self.users = 0  # commands under way that need the room open
        self._late: dict[Uid, int] = {}  # seats taken while lines wait: the first line that is theirs

    def seat(self, seat: Seat) -> None:
        """Deliver to `seat` from the next line on."""
        self.seats[seat.uid] = seat
        seat.rooms[self.key] = self
        self.classes.setdefault(seat.render_class, {})[seat.uid] = seat
        if self.lines:
            self._late[seat.uid] = len(self.lines)

    def unseat(self, uid: Uid) -> None:
        """Deliver nothing more to the seat; what waits for it is not sent."""
        if (seat := self.seats.pop(uid, None)) is None:
            return
        del seat.rooms[self.key]
        self._late.pop(uid, None)
        for render_class, seats in list(self.classes.items()):
            if seats.pop(uid, None) is not None and not seats:
                del self.classes[render_class]

    def reclass(self, seat: Seat, render: Render) -> None:
        """The seat negotiated other capabilities: what waits goes out as before, what comes after as it is now."""
        self.flush(render)
        self.unseat(seat.uid)
        self.seat(seat)

    def apply(self, entries: list[Entry], render: Render) -> None:
        """Make entries part of the replica and queue their lines; `flush` delivers them.

        Who shares several rooms with somebody hears of a QUIT when the last of them is left, of a NICK or ACCOUNT at
        the first.
        """
        origins, recent = self.origins, self.recent
        for entry in entries:
            position, event = entry
            origin = origins.pop(event.msgid, None) if origins else None
            if event.__class__ is Said:
                # The path that is taken thousands of times a second; it changes nothing but the position.
                recent.append(entry)
                self.replica.last = position
                if origin is not None and event.uid not in self.seats:
                    origin.arrived(b"", position)  # its author is gone
                    origin = None
                self.lines.append(_line((entry, None, NOBODY, origin)))
                continue
            self._apply_change(entry, self.replica.apply(entry), origin, render)

    def _apply_change(self, entry: Entry, members: tuple[Member, ...], origin: Origin | None, render: Render) -> None:
        about = members[0] if members else None
        match entry.event:
            case Left(uid, _, LeftBy.QUIT):
                self.unseat(uid)
                self._queue(entry, about, self._told_elsewhere(uid), origin)
            case Left(uid) | Kicked(target=uid):
                self._part(entry, uid, about, origin, render)
            case Renamed(uid, _, nick):
                self._queue(entry, about, self._told_elsewhere(uid, "nick", nick) | {uid}, origin)
            case AccountSet(uid, _, account):
                self._queue(entry, about, self._told_elsewhere(uid, "account", account) | {uid}, origin)
            case SaidTo(uid, to=to):
                self._queue(entry, None, self._without(to) - {uid}, origin)
            case ModesSet() as event:
                self._queue(entry._replace(event=self.replica.named(event)), about, NOBODY, origin)
            case Reaped():
                for member in members:
                    self._reap(entry.position, member)
            case Joined(blank=blank):
                if blank:
                    self.recent.clear()
                self._joined(entry, members[0], origin)
            case _:
                self._queue(entry, about, NOBODY, origin)

    def flush(self, render: Render) -> int:
        """Deliver what waits: one join per class of receiver, one write per seat. Returns lines delivered."""
        lines, self.lines = self.lines, []
        late, self._late = self._late, {}
        if not lines:
            return 0
        name = self.replica.name
        special = {line.entry.event.uid for line in lines} & self.seats.keys()
        special.update(late, *(line.unseen_by for line in lines if line.unseen_by))
        delivered = 0
        for render_class, seats in list(self.classes.items()):
            rendered = [render(line.entry, line.about, name, render_class) for line in lines]
            everything = b"".join(rendered)
            delivered += len(lines) * len(seats)
            for uid, seat in seats.items():
                data = everything if uid not in special else _for_one(seat, lines, rendered, late.get(uid, 0))
                if data:
                    seat.write(data)
        return delivered

    def _queue(self, entry: Entry, about: Member | None, unseen: frozenset[Uid], origin: Origin | None) -> None:
        author = entry.event.uid
        if origin is not None and (author not in self.seats or author in unseen):
            # Nothing of it goes to the author (any more); the command still has to hear that it is done.
            origin.arrived(b"", entry.position)
            origin = None
        if self.seats:
            self.lines.append(Line(entry, about, unseen, origin))

    def _joined(self, entry: Entry, member: Member, origin: Origin | None) -> None:
        self._queue(entry, member, frozenset({member.uid}) if origin is not None else NOBODY, None)
        if origin is not None:
            # Its own JOIN, the topic, names and history belong to exactly this place in the log.
            origin.arrived(b"", entry.position)

    def _part(self, entry: Entry, uid: Uid, member: Member | None, origin: Origin | None, render: Render) -> None:
        self._queue(entry, member, NOBODY, origin)
        if uid in self.seats:
            self.flush(render)
            self.unseat(uid)

    def _reap(self, position: Position, member: Member) -> None:
        self.unseat(member.uid)
        unseen = self._told_elsewhere(member.uid)
        left = Left(member.uid, MsgId(b""), LeftBy.QUIT, LOST)
        self._queue(Entry(position, left), member, unseen, None)

    def _without(self, modes: str) -> frozenset[Uid]:
        """Local members that have none of these modes."""
        members, wanted = self.replica.members, set(modes)
        return frozenset(uid for uid in self.seats if uid not in members or wanted.isdisjoint(members[uid].modes))

    def _told_elsewhere(self, uid: Uid, field: str = "", value: str = "") -> frozenset[Uid]:
        """Local members that share another room where `uid` is a member (with that value of a field, if one is
        given)."""
        found = []
        for seat in self.seats.values():
            if len(seat.rooms) == 1:
                continue
            for room in seat.rooms.values():
                member = room.replica.members.get(uid) if room is not self else None
                if member is not None and (not field or getattr(member, field) == value):
                    found.append(seat.uid)
                    break
        return frozenset(found)


_line = partial(tuple.__new__, Line)  # half the cost of calling the class by name


def _for_one(seat: Seat, lines: list[Line], rendered: list[bytes], start: int) -> bytes:
    """The lines for a seat that does not get the same as its class: own lines, lines it knows already."""
    parts = []
    for line, data in zip(lines[start:], rendered[start:], strict=True):
        event = line.entry.event
        if seat.uid in line.unseen_by:
            continue
        if event.uid == seat.uid:
            own = data if seat.wants_echo or event.__class__ not in SAID else b""
            parts.append(line.origin.arrived(own, line.entry.position) if line.origin is not None else own)
        else:
            parts.append(data)
    return b"".join(parts)
