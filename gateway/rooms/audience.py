"""Who sits in a room on this gateway, and the lines that wait to be delivered to them."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.events import (
    Entry,
    Event,
    Joined,
    Left,
    LeftBy,
    ModeChange,
    ModesSet,
    Restored,
    RoomRenamed,
    Split,
    Splitting,
)
from gateway.model import AttachmentId, FurtherId, Member, MsgId, Position, Uid
from gateway.rooms.ports import OnRenamed, Origin, Render, Seat
from gateway.rooms.renaming import aliases
from gateway.rooms.replica import Replica
from gateway.rooms.seen import MAX_SEEN, Seen
from gateway.spoken import Redacted, Said, SaidLines, SaidTo
from gateway.wire.names import RoomKey, casefold

__all__ = ["NOBODY", "Audience", "Line"]

SAID = frozenset({Redacted, Said, SaidLines, SaidTo})
NOBODY: frozenset[AttachmentId] = frozenset()
NEW_HOST = "Changing host"  # why somebody quits and comes again for who knows of no new hosts


class Line(NamedTuple):
    """An applied entry on its way to the seats."""

    entry: Entry
    about: Member | None  # whom the event is about, as before it
    unseen_by: frozenset[AttachmentId]
    origin: Origin | None


class Audience:
    """The seats of one room; what is queued for them stays in order."""

    __slots__ = ("_late", "_on_renamed", "_server", "classes", "further", "key", "lines", "replica", "seats",
                 "seen", "shown")  # fmt: skip

    def __init__(self, key: RoomKey, replica: Replica, server: str, on_renamed: OnRenamed) -> None:
        """`server` does what nobody did."""
        self.key = key
        self.replica = replica
        self._server = server
        self._on_renamed = on_renamed
        self.seats: dict[AttachmentId, Seat] = {}
        self.classes: dict[int, dict[AttachmentId, Seat]] = {}  # the same seats by render class
        self.further: dict[Uid, tuple[FurtherId, ...]] = {}  # seats of members that are not their first attachment's
        self.lines: list[Line] = []
        self.seen = Seen()  # events, by msgid
        self.shown: Replica | None = None  # the room as members were shown it, while it may not be so
        self._late: dict[AttachmentId, int] = {}  # seats taken while lines wait: the first line that is theirs

    def seat(self, seat: Seat) -> None:
        """Deliver to `seat` from the next line on."""
        attachment = seat.attachment
        self.seats[attachment] = seat
        self.classes.setdefault(seat.render_class, {})[attachment] = seat
        if attachment != seat.uid:
            others = (other for other in self.further.get(seat.uid, ()) if other != attachment)
            self.further[seat.uid] = (*others, FurtherId(attachment))
        if self.lines:
            self._late[attachment] = len(self.lines)

    def unseat(self, attachment: AttachmentId) -> None:
        """Deliver nothing more to the seat; what waits for it is not sent."""
        if (seat := self.seats.pop(attachment, None)) is None:
            return
        self._late.pop(attachment, None)
        if attachment != seat.uid:
            others = tuple(other for other in self.further.pop(seat.uid) if other != attachment)
            if others:
                self.further[seat.uid] = others
        for render_class, seats in list(self.classes.items()):
            if seats.pop(attachment, None) is not None and not seats:
                del self.classes[render_class]

    @property
    def names(self) -> Iterable[RoomKey]:
        """All that lead to the room, casefolded."""
        return (self.key, *aliases(self.replica, self.key))

    def sits(self, uid: Uid) -> bool:
        """Whether a member has a seat here."""
        return uid in self.seats or uid in self.further

    def _seats_of(self, uid: Uid) -> frozenset[AttachmentId]:
        """The seats a member may have here."""
        return frozenset((uid, *self.further.get(uid, ())))

    def _unseat_member(self, uid: Uid) -> None:
        for attachment in self._seats_of(uid):
            self.unseat(attachment)

    def reclass(self, seat: Seat, render: Render) -> None:
        """The seat negotiated other capabilities: what waits goes out as before, what comes after as it is now."""
        self.flush(render)
        self.unseat(seat.attachment)
        self.seat(seat)

    def tell(self, line: bytes) -> None:
        """A line of the server's own for all seats, at this place."""
        self._queue(Entry(self.replica.last, Said(Uid(b""), MsgId(b""), b"", b"", line)), None, NOBODY, None)

    def _queue(
        self, entry: Entry, about: Member | None, unseen: frozenset[AttachmentId], origin: Origin | None
    ) -> None:
        if origin is not None and (origin.seat not in self.seats or origin.seat in unseen):
            # Nothing of it goes to the author (any more); the command still has to hear that it is done.
            origin.arrived(b"", entry.position)
            origin = None
        if self.seats:
            self.lines.append(Line(entry, about, unseen, origin))

    def _queue_lost(self, position: Position, lost: list[tuple[Left, Member, frozenset[AttachmentId]]]) -> None:
        """Several that are lost at once reach who knows batches as one netsplit, the others as QUITs.

        Source: IRCv3 batch types, "netsplit".
        """
        batching = NOBODY
        if len(lost) > 1:
            batching = frozenset(attachment for attachment, seat in self.seats.items() if seat.wants_batches)
        plain = frozenset(self.seats) - batching
        if plain:
            for left, member, unseen in lost:
                self._queue(Entry(position, left), member, unseen | batching, None)
        if batching:
            blind = plain | frozenset.intersection(*(unseen for _, _, unseen in lost))
            self._queue(Entry(position, Split(Splitting.BEGINS)), None, blind, None)
            for left, member, unseen in lost:
                self._queue(Entry(position, Split(Splitting.QUIT, left)), member, unseen | plain, None)
            self._queue(Entry(position, Split(Splitting.ENDS)), None, blind, None)

    def _queue_reconnection(self, entry: Entry, member: Member, told: frozenset[AttachmentId]) -> None:
        """Somebody has another host: who knows of no such thing sees a QUIT, unless it was `told` in another room, and
        a JOIN with modes in each. Source: IRCv3 chghost, "Fallback"."""
        own = self._seats_of(member.uid)
        knowing = own | {attachment for attachment, seat in self.seats.items() if seat.knows_hosts}
        now = self.replica.members[member.uid]
        if len(knowing) >= len(self.seats):
            return
        nobody = MsgId(b"")
        again: list[Event] = [Joined(now.uid, nobody, now)]
        if now.modes:
            given = tuple(ModeChange("+", letter, now.nick) for letter in now.modes)
            again.append(ModesSet(Uid(b""), nobody, self._server, given))
        left = Left(member.uid, nobody, LeftBy.QUIT, NEW_HOST)
        self._queue(entry._replace(event=left), member, told | knowing, None)
        for event in again:
            self._queue(entry._replace(event=event), now, knowing, None)

    def _name_before(self, event: Event, render: Render) -> str:
        """The name that an event may change: what waits goes out under it."""
        if self.lines and (isinstance(event, RoomRenamed | Restored) or (isinstance(event, Joined) and event.names)):
            self.flush(render)
        return self.replica.name

    def _show_name(
        self, before: str, entry: Entry, about: Member | None, origin: Origin | None, render: Render
    ) -> None:
        """The room is not called `before` any more, since `entry` was applied; nothing waits."""
        event, name = entry.event, self.replica.name
        if self.shown is not None:
            self.shown.name = name
        if not isinstance(event, RoomRenamed):
            event, about, origin = RoomRenamed(Uid(b""), MsgId(b""), self._server, before, name), None, None
        author = origin.seat if origin is not None else None
        if before == name:
            if origin is not None:
                origin.arrived(b"", entry.position)
            return
        self._queue(entry._replace(event=event._replace(before=before)), about, NOBODY, origin)
        self.flush(render)
        others: list[Seat] = []
        if casefold(before) != casefold(name):
            others = [seat for seat in self.seats.values() if not seat.knows_renames and seat.attachment != author]
        self._on_renamed(others, before, event.reason)

    def flush(self, render: Render) -> int:
        """Deliver what waits: one join per class of receiver, one write per seat. Returns lines delivered."""
        lines, self.lines = self.lines, []
        late, self._late = self._late, {}
        if not lines:
            return 0
        if len(self.seen.now) > MAX_SEEN:
            self.seen.turn()
        name = self.replica.name
        special = {line.origin.seat for line in lines if line.origin is not None} & self.seats.keys()
        special.update(late, *(line.unseen_by for line in lines if line.unseen_by))
        delivered = 0
        for render_class, seats in list(self.classes.items()):
            rendered = [render(line.entry, line.about, name, render_class) for line in lines]
            everything = b"".join(rendered)
            delivered += len(lines) * len(seats)
            for attachment, seat in seats.items():
                data = (
                    everything
                    if attachment not in special
                    else _for_one(seat, lines, rendered, late.get(attachment, 0))
                )
                if data:
                    seat.write(data)
        return delivered

    def _without(self, modes: str) -> frozenset[AttachmentId]:
        """Seats of members that have none of these modes."""
        members, wanted = self.replica.members, set(modes)
        return frozenset(
            attachment
            for attachment, seat in self.seats.items()
            if seat.uid not in members or wanted.isdisjoint(members[seat.uid].modes)
        )

    def _told_elsewhere(self, uid: Uid, field: str = "", value: str = "") -> frozenset[AttachmentId]:
        """Seats of members that share another room where `uid` is a member (with that value of a field, if one is
        given)."""
        found = []
        for seat in self.seats.values():
            if len(seat.rooms) == 1:
                continue
            for room in seat.rooms.values():
                member = room.replica.members.get(uid) if room is not self else None
                if member is not None and (not field or getattr(member, field) == value):
                    found.append(seat.attachment)
                    break
        return frozenset(found)


def _for_one(seat: Seat, lines: list[Line], rendered: list[bytes], start: int) -> bytes:
    """The lines for a seat that does not get the same as its class: own lines, lines it knows already.

    `echo-message` is about what was said on this connection; what the same member says on another one is news here.
    """
    parts = []
    for line, data in zip(lines[start:], rendered[start:], strict=True):
        event = line.entry.event
        if seat.attachment in line.unseen_by:
            continue
        if line.origin is not None and line.origin.seat == seat.attachment:
            own = data if seat.wants_echo or event.__class__ not in SAID else b""
            parts.append(line.origin.arrived(own, line.entry.position))
        else:
            parts.append(data)
    return b"".join(parts)
