"""JOIN, PART, TOPIC, NAMES, LIST. Source: RFC 2812 section 3.2; https://modern.ircdocs.horse/#channel-operations."""

import asyncio
import contextlib
from itertools import zip_longest

from gateway.commands.changing import Arrived, change_room
from gateway.commands.departure import leave, unheard
from gateway.commands.history import replay
from gateway.commands.marking import marker_line
from gateway.commands.services import Services
from gateway.commands.visible import find_room, identity, visible_room
from gateway.errors import StoreError
from gateway.events import Entry, Joined, LeftBy, TopicSet
from gateway.model import Member, MsgId, Position
from gateway.rooms.joining import join_refusal, joining
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.rights import is_operator
from gateway.rooms.room import Room
from gateway.session import capabilities
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire import numerics as n
from gateway.wire.limits import CHANNELLEN, MAX_BODY_BYTES, TOPICLEN
from gateway.wire.message import Message
from gateway.wire.names import casefold, room_key
from gateway.wire.splitting import clip, first_word

__all__ = ["add_names", "greet", "inline", "join", "joined_room", "list_", "names", "part", "prefixes", "topic"]

MAX_ROOMS = 100  # a session may sit in; advertised as CHANLIMIT
MAX_NAMES_TARGETS = 4
_REFUSALS = {
    n.ERR_BANNEDFROMCHAN: "Cannot join channel (+b): you are banned",
    n.ERR_INVITEONLYCHAN: "Cannot join channel (+i): you are not invited",
    n.ERR_BADCHANNELKEY: "Cannot join channel (+k): wrong key",
    n.ERR_CHANNELISFULL: "Cannot join channel (+l): it is full",
}


async def join(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """JOIN a list of rooms, with a list of keys, or leave all with `JOIN 0`."""
    if message.params[0] == "0":
        for room in list(session.rooms.values()):
            await _part(services, session, room, "", reply)
        return
    keys = message.params[1].split(",") if len(message.params) > 1 else []
    for name, password in zip_longest(message.params[0].split(","), keys, fillvalue=""):
        key = room_key(name)
        if key is None:
            if name:
                reply.numeric(n.ERR_NOSUCHCHANNEL, first_word(name), "No such channel: a name begins with #")
        elif key in session.rooms:
            pass  # a repeated JOIN is answered by silence
        elif len(session.rooms) >= MAX_ROOMS:
            reply.numeric(n.ERR_TOOMANYCHANNELS, name, "You have joined too many channels")
        else:
            async with services.engine.open_room(key, name) as room:
                # Within, so that a room that closes at this moment forgets before, and not after.
                await asyncio.gather(
                    services.history.remember_log(services.log_of_room(key)), services.records.enter(session.uid, key)
                )
                await _join(services, session, room, password, reply)


async def _join(services: Services, session: Session, room: Room, key: str, reply: Reply) -> None:
    joined: Joined | None = None
    marker = await marker_line(services, session, room.replica.name)

    def decide(replica: Replica, msgid: MsgId) -> Change | None:
        nonlocal joined
        if refusal := join_refusal(replica, identity(services, session), key):
            reply.numeric(refusal, replica.name, _REFUSALS[refusal])
            return None
        joined, change = joining(replica, identity(services, session), msgid)
        return change

    def arrived(line: bytes, position: Position) -> bytes:
        if session.ready and joined is not None:
            # The same member, made of the session's own strings: half a KiB less for each.
            room.replica.members[session.uid] = joined.member
            room.seat(session)
            session.forget_invitation(room.key)
            greet(session, room, Entry(position, joined), reply, marker)
            if not session.has(capabilities.CHATHISTORY):
                replay(services, session, room, reply)
            if not reply.label:
                reply.finish()
        return b""

    await change_room(services, room, decide, arrived)
    if session.state is State.CLOSED:
        # The connection ended while the JOIN was on its way, too late for its departure to know of this room.
        await leave(services, session, room, LeftBy.QUIT, session.quit_reason, unheard)


def greet(session: Session, room: Room, entry: Entry, reply: Reply, marker: bytes) -> None:
    """What a newcomer gets at its own place in the log: JOIN, topic, how far it has read, names."""
    member = room.replica.members[session.uid]
    reply.add(render(entry, member, room.replica.name, session.render_class))
    if room.replica.topic.text:
        _add_topic(room.replica, reply)
    if marker:
        reply.add(marker)
    add_names(session, room.replica, reply)


async def part(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """PART a list of rooms."""
    reason = message.params[1] if len(message.params) > 1 else ""
    for name in message.params[0].split(","):
        if await visible_room(services, session, name, reply) is None:
            continue
        if (room := joined_room(session, name, reply)) is not None:
            await _part(services, session, room, reason, reply)


async def _part(services: Services, session: Session, room: Room, reason: str, reply: Reply) -> None:
    def arrived(line: bytes, position: Position) -> bytes:
        reply.add(line)  # nothing of this room follows it, so it may come with the rest of the answer
        return b""

    await leave(services, session, room, LeftBy.PART, reason, arrived)
    with contextlib.suppress(StoreError):  # it has left; that the note of it stays does no harm
        await services.records.left(session.uid, room.key)


def joined_room(session: Session, name: str, reply: Reply) -> Room | None:
    """The room the peer is in; None after 403 or 442."""
    key = room_key(name)
    room = session.rooms.get(key) if key is not None else None
    if room is None:
        if key is None:
            reply.numeric(n.ERR_NOSUCHCHANNEL, first_word(name), "No such channel")
        else:
            reply.numeric(n.ERR_NOTONCHANNEL, name, "You're not on that channel")
    return room


async def topic(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """TOPIC: ask or set."""
    name = message.params[0]
    if len(message.params) == 1:
        if (replica := await visible_room(services, session, name, reply)) is not None:
            if replica.topic.text:
                _add_topic(replica, reply)
            else:
                reply.numeric(n.RPL_NOTOPIC, replica.name, "No topic is set")
        return
    if await visible_room(services, session, name, reply) is None:
        return
    if (room := joined_room(session, name, reply)) is None:
        return
    room_left = MAX_BODY_BYTES - len(f":{session.source} TOPIC {room.replica.name} :".encode())
    text = clip(message.params[1], min(TOPICLEN, room_left))

    def decide(replica: Replica, msgid: MsgId) -> Change | None:
        if session.uid not in replica.members or ("t" in replica.modes and not is_operator(replica, session.uid)):
            reply.numeric(n.ERR_CHANOPRIVSNEEDED, replica.name, "You're not a channel operator")
            return None
        return Change(
            event=TopicSet(session.uid, msgid, session.source, text),
            permissions=replica.permissions,
            uid=session.uid,
            need="in",
            state=(("topic", text), ("topic_by", session.source)),
            stamps=("topic_at",),
        )

    await change_room(services, room, decide, inline(reply))


def inline(reply: Reply, *, last: bool = True) -> Arrived:
    """The answer to a change, at the change's place in the log; of a labelled command only to its last one, since a
    label has one answer."""

    def arrived(line: bytes, position: Position) -> bytes:
        reply.add(line)
        return reply.take() if last or not reply.label else b""

    return arrived


def _add_topic(replica: Replica, reply: Reply) -> None:
    reply.numeric(n.RPL_TOPIC, replica.name, replica.topic.text)
    reply.numeric(n.RPL_TOPICWHOTIME, replica.name, replica.topic.by, str(replica.topic.at_ms // 1000))


async def names(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """NAMES of rooms, here or not."""
    if not message.params:
        reply.numeric(n.RPL_ENDOFNAMES, "*", "End of /NAMES list")
        return
    rooms = message.params[0].split(",")[:MAX_NAMES_TARGETS]
    for name in rooms:
        if (replica := await find_room(services, session, name)) is not None:
            _add_members(session, replica, reply)
    # Modern: 366 repeats the parameter of the command, so a list has one end; it may be longer than other parameters.
    asked = clip(first_word(",".join(rooms)), MAX_NAMES_TARGETS * (CHANNELLEN + 1))
    reply.add(f":{reply.server} {n.RPL_ENDOFNAMES} {session.name} {asked} :End of /NAMES list\r\n".encode())


def add_names(session: Session, replica: Replica, reply: Reply) -> None:
    """All members in 353 lines, and 366."""
    _add_members(session, replica, reply)
    reply.numeric(n.RPL_ENDOFNAMES, replica.name, "End of /NAMES list")


def _add_members(session: Session, replica: Replica, reply: Reply) -> None:
    """353 lines, as full as they may be."""
    kind = "@" if "s" in replica.modes else "="
    prefix = f":{reply.server} {n.RPL_NAMREPLY} {session.name} {kind} {replica.name} :"
    room_left = MAX_BODY_BYTES - len(prefix.encode())
    line: list[str] = []
    used = 0
    for member in replica.members.values():
        name = _prefixed(session, member)
        if used + len(name) > room_left:
            reply.add(f"{prefix}{' '.join(line)}\r\n".encode())
            line, used = [], 0
        line.append(name)
        used += len(name) + 1
    if line:
        reply.add(f"{prefix}{' '.join(line)}\r\n".encode())


def prefixes(session: Session, member: Member) -> str:
    """`@` and `+`: the highest one, or with multi-prefix all."""
    everything = member.modes.replace("o", "@").replace("v", "+")
    return everything if session.has(capabilities.MULTI_PREFIX) else everything[:1]


def _prefixed(session: Session, member: Member) -> str:
    return prefixes(session, member) + (member.source if session.has(capabilities.USERHOST_IN_NAMES) else member.nick)


async def list_(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """LIST all rooms, or the named ones."""
    wanted = {casefold(name) for name in message.params[0].split(",")} if message.params else set()
    reply.numeric(n.RPL_LISTSTART, "Channel", "Users  Name")
    for row in await services.directory.rooms():
        hidden = "s" in row.modes and casefold(row.name) not in session.rooms
        if not hidden and (not wanted or casefold(row.name) in wanted):
            reply.numeric(n.RPL_LIST, row.name, str(row.members), row.topic)
    reply.numeric(n.RPL_LISTEND, "End of /LIST")
