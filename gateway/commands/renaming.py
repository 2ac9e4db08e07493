"""RENAME: a room gets another name. Source: IRCv3 channel-rename; docs/adr/0026-a-name-leads-to-a-room.md.

Who does not know RENAME leaves the room of one name and joins that of the other, with all that a JOIN brings.
"""

import asyncio
import contextlib
from collections.abc import Sequence

from gateway.commands.changing import change_room
from gateway.commands.marking import marker_line
from gateway.commands.names import NameLines, add_names
from gateway.commands.naming import current_room, own_room
from gateway.commands.oversight import audit, record
from gateway.commands.rooms import announce
from gateway.commands.services import Services
from gateway.commands.visible import visible_room
from gateway.errors import StoreError
from gateway.events import Entry, Joined, Left, LeftBy, RoomRenamed
from gateway.model import MsgId, Outcome, Position, Uid
from gateway.rooms.ports import Change, Seat
from gateway.rooms.renaming import aliases, forgotten, renaming
from gateway.rooms.replica import Replica
from gateway.rooms.rights import is_operator
from gateway.rooms.room import Room
from gateway.session.capabilities import NO_IMPLICIT_NAMES, READ_MARKER, RENAME
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.limits import KICKLEN, MAX_BODY_BYTES
from gateway.wire.message import Message
from gateway.wire.names import casefold, room_key
from gateway.wire.splitting import clip

__all__ = ["MAX_MEMBERS", "keep_names", "reintroduce", "rename"]

MAX_MEMBERS = 1000  # of a room that may be renamed: each of them may have to be sent all their names
NAME_LOST = "Another room has that name by now"


async def rename(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """RENAME room name [reason]: by an operator of the room, or of the network."""
    old, new, reason = (*message.params, "")[:3]
    renaming_it = _Renaming(services, session, reply, old, new, reason)
    if (room := own_room(services, session, old)) is not None:
        await renaming_it.carry_out(room)
    elif session.operator and (found := await current_room(services, old)) is not None:
        async with services.engine.open_room(found.room, found.replica.name) as room:
            await renaming_it.carry_out(room)
    elif await visible_room(services, session, old, reply) is not None:
        reply.numeric(n.ERR_NOTONCHANNEL, old, "You're not on that channel")


class _Renaming:
    """One command."""

    def __init__(self, services: Services, session: Session, reply: Reply, old: str, new: str, reason: str) -> None:
        self._services = services
        self._session = session
        self._reply = reply
        self._old = old
        self._new = new
        self._key = room_key(new)
        room_left = MAX_BODY_BYTES - len(f":{session.source} RENAME {old} {new} :".encode())
        self._reason = clip(reason, min(KICKLEN, room_left))
        self._before = ""
        self._marker = b""

    async def carry_out(self, room: Room) -> None:
        """Raises `StoreError`."""
        services, session, name = self._services, self._session, self._key
        if not self._may(room.replica) or not await self._can(room) or name is None:
            return
        if name != room.key and not await services.aliases.claim(name, room.key):
            self._fail("CHANNEL_NAME_IN_USE", "The channel name is already taken")
            return
        if not session.knows_renames:
            self._marker = await marker_line(services, session, room, self._new)
        by_office = not is_operator(room.replica, session.uid)
        renamed = await change_room(
            services, session, room, self._decide, lambda line, position: self._arrived(room, line, position)
        )
        if name != room.key:
            settle = services.aliases.keep if renamed else services.aliases.release
            with contextlib.suppress(StoreError):  # a claim ends by itself, and `keep_names` makes good the other
                await settle(name, room.key)
        if renamed and session.operator:
            fields = {"room": room.key, "was": self._before, "now": self._new}
            if by_office:
                await record(services, session, "room_renamed", f"renamed {self._before} to {self._new}", **fields)
            else:
                audit(session, "room_renamed", **fields)

    def _may(self, replica: Replica) -> bool:
        """Whether the peer may; False after 482."""
        allowed = self._session.operator or is_operator(replica, self._session.uid)
        if not allowed:
            self._reply.numeric(n.ERR_CHANOPRIVSNEEDED, replica.name, "You're not a channel operator")
        return allowed

    async def _can(self, room: Room) -> bool:
        """Whether the room can get the name; False after the peer was told why not."""
        services = self._services
        if self._new == room.replica.name:
            self._fail("CHANNEL_NAME_IN_USE", "The channel has that name")
        elif self._key is None:
            self._fail("CANNOT_RENAME", "That is no name for a channel here: one begins with #")
        elif len(room.replica.members) > MAX_MEMBERS:
            self._fail("CANNOT_RENAME", f"A channel of more than {MAX_MEMBERS} people cannot be renamed")
        elif services.network.limits and await services.allowances.wait_to_rename(self._session, room.key):
            self._fail("CANNOT_RENAME", "This channel has been renamed recently")
        else:
            return True
        return False

    def _decide(self, replica: Replica, msgid: MsgId) -> Change | None:
        if not self._may(replica):
            return None
        session, self._before = self._session, replica.name
        event = RoomRenamed(
            session.uid, msgid, session.source, replica.name, self._new, self._reason, forgotten(replica, self._new)
        )
        return renaming(replica, event, as_member=not session.operator)

    def _arrived(self, room: Room, line: bytes, position: Position) -> bytes:
        session, reply = self._session, self._reply
        if session.attachment not in room.seats:
            reply.note("RENAME", "RENAMED", self._before, self._new, text="The channel has been renamed")
            return b""
        if line:
            reply.add(line)
        elif not session.knows_renames and casefold(self._before) != casefold(self._new):
            _move(session, room, self._before, self._reason, reply)
            if self._marker:
                reply.add(self._marker)
            if not session.has(NO_IMPLICIT_NAMES):
                add_names(session, room.replica, reply)
        return reply.take()

    def _fail(self, code: str, text: str) -> None:
        self._reply.fail_for(RENAME, "RENAME", code, self._old, self._new, text=text)


def reintroduce(services: Services, room: Room, seats: Sequence[Seat], before: str, reason: str) -> None:
    """Have sessions leave the room that was called `before`, and join it under its name (`rooms.ports.Reintroduce`)."""
    lines = NameLines(room.replica, services.network.server_name)
    for seat in seats:
        assert isinstance(seat, Session)
        reply = Reply(seat, services.network.server_name)
        _move(seat, room, before, reason, reply)
        if seat.has(READ_MARKER):
            task = asyncio.ensure_future(_tell_marker(services, seat, room))
            services.under_way.add(task)
            task.add_done_callback(services.under_way.discard)
        elif not seat.has(NO_IMPLICIT_NAMES):
            lines.add(seat, reply)
        reply.finish()


def _move(session: Session, room: Room, before: str, reason: str, reply: Reply) -> None:
    """PART, JOIN and topic. Source: IRCv3 channel-rename, "Fallback"."""
    if (member := room.replica.members.get(session.uid)) is None:
        return
    at, nobody = room.replica.last, MsgId(b"")
    left = Left(session.uid, nobody, LeftBy.PART, reason)
    reply.add(render(Entry(at, left), member, before, session.render_class))
    announce(session, room, Entry(at, Joined(session.uid, nobody, member)), reply)


async def _tell_marker(services: Services, session: Session, room: Room) -> None:
    """How far it has read, which belongs in front of the names (IRCv3 read-marker) and has to be asked for."""
    marker = await marker_line(services, session, room)
    if session.attachment in room.seats:
        reply = Reply(session, services.network.server_name)
        reply.add(marker)
        if not session.has(NO_IMPLICIT_NAMES):
            add_names(session, room.replica, reply)
        reply.finish()


async def keep_names(services: Services) -> None:
    """Have Redis know the names of the rooms here: it may have lost some. A room whose name another has by now goes
    back to its first one, which nobody else can have. Raises `StoreError`."""
    for room in list(services.engine.rooms.values()):
        if not room.follower.live or not room.replica.members:
            continue
        for name in aliases(room.replica, room.key):
            if not await services.aliases.keep(name, room.key) and casefold(room.replica.name) == name:
                msgid = services.new_msgid()
                services.engine.change(room, msgid, _GoingBack(services, room, msgid))


class _GoingBack:
    """A room that takes its first name again (`rooms.ports.Proposal`)."""

    __slots__ = ("_msgid", "_name", "_room", "_server", "seat")

    def __init__(self, services: Services, room: Room, msgid: MsgId) -> None:
        self.seat = None
        self._room = room
        self._name = room.replica.name
        self._msgid = msgid
        self._server = services.network.server_name

    def propose(self, replica: Replica) -> Change | None:
        first = self._room.key
        if replica.name != self._name:  # another gateway was first
            self._room.origins.pop(self._msgid, None)
            return None
        name = replica.former[first].by if first in replica.former else first
        event = RoomRenamed(Uid(b""), self._msgid, self._server, self._name, name, NAME_LOST, casefold(self._name))
        return renaming(replica, event, as_member=False)

    def arrived(self, line: bytes, position: Position) -> bytes:
        return b""

    def allowed(self, replica: Replica) -> bool:
        return True

    def unchanged(self, outcome: Outcome) -> None:
        pass

    def failed(self) -> None:
        pass
