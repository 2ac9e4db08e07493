"""A room with local members: what an entry of its log does to the replica, and who is told."""

from collections import deque
from collections.abc import Mapping
from functools import partial

from gateway.events import (
    MEMBER_FIELDS,
    Entry,
    Event,
    HostSet,
    Invited,
    Joined,
    Kicked,
    Left,
    LeftBy,
    LinkChanged,
    MemberChange,
    ModesSet,
    Reaped,
    Rebound,
    Renamed,
    Restored,
    RoomRenamed,
    TopicSet,
)
from gateway.model import AttachmentId, Known, Member, MsgId, Position, Uid
from gateway.rooms.audience import NOBODY, Audience, Line
from gateway.rooms.difference import difference
from gateway.rooms.follower import Follower
from gateway.rooms.pace import Pace
from gateway.rooms.ports import OnRenamed, Origin, Render, Saying, Seat
from gateway.rooms.redaction import Redactions
from gateway.rooms.replica import Replica
from gateway.rooms.seen import Seen
from gateway.rooms.turns import Turns
from gateway.rooms.writer import Writer
from gateway.spoken import Redacted, Said, SaidLines, SaidTo
from gateway.wire.names import RoomKey

__all__ = ["GONE", "Room"]

_line = partial(tuple.__new__, Line)  # half the cost of calling the class by name
GONE = "Not there any more"  # the reason others see when nobody wrote that a member left


class Room(Audience):
    """All of one room on this gateway. Synchronous throughout: nobody can join, leave or stall others half-way."""

    __slots__ = ("_alone", "doubts", "follower", "kept", "left", "origins", "pace", "recent", "redactions",
                 "settling_until_s", "turns", "users", "withdrawn", "writer")  # fmt: skip

    def __init__(self, key: RoomKey, name: str, recent_limit: int, *, server: str, on_renamed: OnRenamed) -> None:
        """`server` and `on_renamed` as of `Audience`."""
        super().__init__(key, Replica(name), server, on_renamed)
        self.follower: Follower
        self.writer: Writer
        self.origins: dict[MsgId, Origin] = {}  # what came from here and has not come back
        # While gateways send again what Redis had lost, some of it was shown before, and who Redis does not know is not
        # shown as gone. 0: not so; else the end of it, by the monotonic clock: then Redis is right.
        self.settling_until_s = 0.0
        self.doubts: dict[Uid, Member | None] = {}  # whether they are in: as Redis has it, None for "not"
        self.turns = Turns()  # of what has to be written again
        self.left = Seen()  # members, by uid
        self.recent: deque[Entry] = deque(maxlen=recent_limit)  # the last things said, for who joins
        self.redactions = Redactions()
        self.withdrawn: list[tuple[MsgId, Position | None]] = []  # taken back; with the place where it stands again
        self.pace = Pace()
        self.users = 0  # commands under way that need the room open
        self.kept = 0  # sessions that were here, and whose clients may come back
        self._alone: Mapping[RoomKey, Room] = {key: self}  # one for all who sit nowhere else

    def seat(self, seat: Seat) -> None:
        """Deliver to `seat` from the next line on."""
        super().seat(seat)
        seat.rooms = {**seat.rooms, self.key: self} if seat.rooms else self._alone

    def unseat(self, attachment: AttachmentId) -> None:
        """Deliver nothing more to the seat; what waits for it is not sent."""
        if attachment in self.seats:
            seat = self.seats[attachment]
            seat.rooms = {key: room for key, room in seat.rooms.items() if room is not self}
        super().unseat(attachment)

    def apply(self, entries: list[Entry], render: Render) -> None:
        """Make entries part of the replica and queue their lines; `flush` delivers them.

        Who shares several rooms with somebody hears of a QUIT when the last of them is left, of a NICK, ACCOUNT, AWAY,
        SETNAME or CHGHOST at the first.
        """
        origins, recent, seen, settling = self.origins, self.recent, self.seen.now, self.settling_until_s
        redactions = self.redactions
        for entry in entries:
            position, event = entry
            if settling and event.msgid and self.seen.get(event.msgid) is not None:
                self._apply_again(entry, render)
                continue
            if redactions and event.msgid in redactions:
                self._apply_withdrawn(entry)
                continue
            origin = origins.pop(event.msgid, None) if origins else None
            if event.__class__ is Said:
                # The path that is taken thousands of times a second; it changes nothing but the position.
                recent.append(entry)
                seen[event.msgid] = position
                self.replica.last = position
                if origin is not None and origin.seat not in self.seats:
                    origin.arrived(b"", position)  # its author is gone
                    origin = None
                self.lines.append(_line((entry, None, NOBODY, origin)))
                continue
            self._apply_change(entry, origin, render)

    def _apply_change(self, entry: Entry, origin: Origin | None, render: Render) -> None:
        position, event = entry
        was_here, topic = event.uid in self.replica.members, (self.shown or self.replica).topic
        name = self._name_before(event, render)
        members = self.replica.apply(entry)
        self._note(entry)
        about = members[0] if members else None
        if self.replica.name != name or isinstance(event, RoomRenamed):
            self._show_name(name, entry, about, origin, render)
        if isinstance(event, RoomRenamed):
            return
        if isinstance(event, Joined | Left | Kicked | Reaped):
            self._apply_presence(entry, members, origin, render, was_here=was_here)
            return
        if isinstance(event, MemberChange | Rebound | LinkChanged):
            self._apply_to_members(entry, event, members, origin)
            return
        match event:
            case Invited(uid, target=target):
                # Its author has 341, and who is invited the INVITE itself.
                unseen = self._without("o") | self._seats_of(uid) | self._seats_of(target)
                self._queue(entry, about, unseen, origin)
            case SaidLines(to=""):
                self.recent.append(entry)
                self._queue(entry, None, NOBODY, origin)
            case SaidTo(uid, to=to) | SaidLines(uid, to=to):
                self._queue(entry, None, self._without(to) - self._seats_of(uid), origin)
            case ModesSet():
                self._queue(entry._replace(event=self.replica.named(event)), about, NOBODY, origin)
            case Redacted():
                self._take_back(event)
                self._queue(entry, None, NOBODY, origin)
            case Restored(msgid, topic=restored):
                if restored.text != topic.text:
                    change = TopicSet(Uid(b""), msgid, restored.by, restored.text)
                    self._queue(Entry(position, change), None, NOBODY, None)
            case _:
                self._queue(entry, about, NOBODY, origin)

    def _apply_presence(
        self, entry: Entry, members: tuple[Member, ...], origin: Origin | None, render: Render, *, was_here: bool
    ) -> None:
        position, event = entry
        about = members[0] if members else None
        match event:
            case Left(uid, _, LeftBy.QUIT):
                self.left.now[uid] = position
                self._unseat_member(uid)
                self._queue(entry, about, self._told_elsewhere(uid), origin)
            case Left(uid) | Kicked(target=uid):
                self.left.now[uid] = position
                self._part(entry, uid, about, origin, render)
            case Reaped(reason=reason):
                self._reap(position, members, reason)
            case Joined(blank=blank):
                if blank:
                    self.recent.clear()
                self._joined(entry, members[0], origin, was_here=was_here)

    def _apply_again(self, entry: Entry, render: Render) -> None:
        """What was applied and shown before has got another place in the log."""
        event = entry.event
        name = self._name_before(event, render)
        self.replica.apply(entry)
        if self.replica.name != name:  # it had been shown as undone
            self._show_name(name, entry, None, None, render)
        self.seen.now[event.msgid] = entry.position
        self.turns.came(event.msgid)
        self._settle(event)
        if event.msgid in self.redactions:
            self._withdraw(event.msgid, entry.position)
        elif isinstance(event, Redacted):
            self._take_back(event)
        self._answer_again(entry)

    def _answer_again(self, entry: Entry) -> None:
        if (origin := self.origins.pop(entry.event.msgid, None)) is None:
            return
        if isinstance(origin, Saying):
            # Said again with its key, after the first was lost: everybody has it, and its author no answer.
            origin.repeated(Known(entry.position, entry.event.msgid, own=True))
        else:
            origin.arrived(b"", entry.position)

    def _take_back(self, event: Redacted) -> None:
        self.redactions.note(event.redacted, event.position)
        kept = [entry for entry in self.recent if entry.event.msgid != event.redacted]
        if len(kept) < len(self.recent):
            self.recent.clear()
            self.recent.extend(kept)
        # A failover may have had it written again, elsewhere than who took it back had found it.
        self._withdraw(event.redacted, self.seen.get(event.redacted) or event.position)

    def stands_again(self, entry: Entry) -> None:
        """What was applied before has got that place in the log."""
        self.seen.now[entry.event.msgid] = entry.position
        if entry.event.msgid in self.redactions:
            self._withdraw(entry.event.msgid, entry.position)
        self._answer_again(entry)

    def _withdraw(self, msgid: MsgId, position: Position) -> None:
        self.withdrawn.append((msgid, position if self.redactions.is_back(msgid, position) else None))

    def _apply_withdrawn(self, entry: Entry) -> None:
        """What was taken back has been written again."""
        self.replica.apply(entry)
        self.seen.now[entry.event.msgid] = entry.position
        self.turns.came(entry.event.msgid)
        self._withdraw(entry.event.msgid, entry.position)
        self._answer_again(entry)

    def _settle(self, event: Event) -> None:
        if isinstance(event, Joined | Left):
            self.doubts.pop(event.uid, None)
        elif isinstance(event, Kicked):
            self.doubts.pop(event.target, None)
        elif isinstance(event, Reaped):
            for uid in event.uids:
                self.doubts.pop(uid, None)

    def _note(self, entry: Entry) -> None:
        """It has been applied."""
        if entry.event.msgid:
            self.seen.now[entry.event.msgid] = entry.position
        if self.settling_until_s:
            self._settle(entry.event)
        if self.shown is None:
            return
        if isinstance(entry.event, Restored):
            self.shown.topic = entry.event.topic  # nothing else of it is shown, but for the name, and that at once
        else:
            self.shown.apply(entry)

    def resolve(self, render: Render, source: str) -> None:
        """Who could set a doubt right has had the time: it is as Redis says, and the members are told, modes as set by
        `source`. Who sits here is in: its gateway, which is this one, knows."""
        doubts, self.doubts = self.doubts, {}
        shown, self.shown = self.shown, None
        self.settling_until_s = 0.0
        nobody, permissions = MsgId(b""), self.replica.permissions
        events: list[Event] = [
            Joined(uid, nobody, member) if member else Left(uid, nobody, LeftBy.QUIT, GONE)
            for uid, member in doubts.items()
            if not self.sits(uid)
        ]
        self.apply([Entry(self.replica.last, event) for event in events], render)
        self.replica.permissions = permissions  # no event of the log has changed them
        for event in difference(shown, self.replica, source) if shown is not None else ():
            about, unseen = None, NOBODY
            if isinstance(event, Renamed) and shown is not None:
                about = shown.members[event.uid]
                unseen = self._told_elsewhere(event.uid, "nick", event.nick) | {event.uid}
            self._queue(Entry(self.replica.last, event), about, unseen, None)

    def _joined(self, entry: Entry, member: Member, origin: Origin | None, *, was_here: bool) -> None:
        if was_here and origin is None:
            return  # Redis had lost a member who never left
        self._queue(entry, member, self._seats_of(member.uid) if origin is not None else NOBODY, None)
        if origin is not None:
            # Its own JOIN, the topic, names and history belong to exactly this place in the log.
            origin.arrived(b"", entry.position)

    def _part(self, entry: Entry, uid: Uid, member: Member | None, origin: Origin | None, render: Render) -> None:
        self._queue(entry, member, NOBODY, origin)
        if self.sits(uid):
            self.flush(render)
            self._unseat_member(uid)

    def _reap(self, position: Position, members: tuple[Member, ...], reason: str) -> None:
        lost = []
        for member in members:
            self._unseat_member(member.uid)
            self.left.now[member.uid] = position
            left = Left(member.uid, MsgId(b""), LeftBy.QUIT, reason)
            lost.append((left, member, self._told_elsewhere(member.uid)))
        self._queue_lost(position, lost)

    def _apply_to_members(
        self,
        entry: Entry,
        event: MemberChange | Rebound | LinkChanged,
        members: tuple[Member, ...],
        origin: Origin | None,
    ) -> None:
        """What changes somebody in all its rooms; it is not told of itself in any."""
        if isinstance(event, LinkChanged):
            for member in members:  # several at once, each as if it were alone
                told = self._told_elsewhere(member.uid, "gateway", event.gateway)
                self._queue(entry, member, told | self._seats_of(member.uid), None)
            return
        about = members[0] if members else None
        if isinstance(event, MemberChange):
            told = self._told_elsewhere(event.uid, MEMBER_FIELDS[type(event)], event[2])
        elif about is not None and not about.gateway:
            told = self._told_elsewhere(event.uid, "gateway", event.gateway)
        else:
            self._queue(entry, about, NOBODY, origin)  # nobody was told that it had lost its connection
            return
        self._queue(entry, about, told | self._seats_of(event.uid), origin)
        if isinstance(event, HostSet) and about is not None:
            self._queue_reconnection(entry, about, told)
