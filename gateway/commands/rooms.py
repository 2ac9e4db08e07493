"""JOIN, PART, TOPIC. Source: RFC 2812 section 3.2; https://modern.ircdocs.horse/#channel-operations."""

import asyncio
import contextlib
from itertools import zip_longest

from gateway.commands.changing import Arrived, change_room
from gateway.commands.departure import leave, unheard
from gateway.commands.history import replay
from gateway.commands.marking import marker_line
from gateway.commands.names import NAMES_AT_ONCE, add_names, tell_names
from gateway.commands.naming import own_room, room_named
from gateway.commands.pacing import PACE_BYTES, finish
from gateway.commands.services import Services
from gateway.commands.visible import identity, visible_room
from gateway.errors import AliasedError, StoreError
from gateway.events import Entry, Joined, LeftBy, TopicSet
from gateway.model import MsgId, Position
from gateway.rooms.joining import join_refusal, joining
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.rights import is_operator, is_visible
from gateway.rooms.room import Room
from gateway.session import capabilities
from gateway.session.held import Held
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire import numerics as n
from gateway.wire.limits import CHANNELLEN, MAX_BODY_BYTES, TOPICLEN
from gateway.wire.message import Message
from gateway.wire.names import RoomKey, casefold, room_key
from gateway.wire.splitting import clip, first_word

__all__ = ["announce", "greet", "inline", "join", "joined_room", "names_follow", "part", "topic"]

MAX_MOVES = 3  # of a name from one room to another while somebody joins by it
MAX_ROOMS = 100  # a session may sit in; advertised as CHANLIMIT
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
                _refuse_name(name, reply)
        elif (own := own_room(services, session, name)) is not None:
            _redirected(session, own, key, name, reply)  # a repeated JOIN is answered by silence
        elif len(session.rooms) >= MAX_ROOMS:
            reply.numeric(n.ERR_TOOMANYCHANNELS, name, "You have joined too many channels")
        else:
            await _enter(services, session, key, name, password, reply)


def _refuse_name(name: str, reply: Reply) -> None:
    """Source: Modern, ERR_BADCHANMASK: "similar to, but stronger than, ERR_NOSUCHCHANNEL"; CHANNELLEN is a limit of
    ours, and the name might be a room's elsewhere."""
    if len(name.encode()) > CHANNELLEN:
        reply.numeric(n.ERR_NOSUCHCHANNEL, first_word(name), "No such channel: the name is too long")
    else:
        reply.numeric(n.ERR_BADCHANMASK, first_word(name), "Bad Channel Mask: a name begins with #")


async def _enter(services: Services, session: Session, key: RoomKey, name: str, password: str, reply: Reply) -> None:
    """Join the room that answers to a name. Redis is not asked whether the name leads to another room than the one it
    looks like: it would not let anybody found that."""
    there = services.engine.names.find(key)
    where, redirected = key if there is None else there.key, False
    for _ in range(MAX_MOVES):
        async with services.engine.open_room(where, name) as room:
            redirected = redirected or _redirected(session, room, key, name, reply)
            if redirected and session.has(capabilities.RENAME):
                return
            # Within, so that a room that closes at this moment forgets before, and not after.
            await asyncio.gather(
                services.history.remember_log(services.log_of_room(where)), services.records.enter(session.uid, where)
            )
            try:
                await _join(services, session, room, name, password, reply)
            except AliasedError:
                await services.records.left(session.uid, where)
            else:
                return
        where = await room_named(services, key)
    raise AliasedError("the name leads to one room after the other")


def _redirected(session: Session, room: Room, key: RoomKey, name: str, reply: Reply) -> bool:
    """Whether the room is called otherwise now, and the peer may know how; True after that was said.

    Source: IRCv3 channel-rename, "Channel redirection".
    """
    now = room.replica.name
    if casefold(now) == key or not is_visible(room.replica, session.uid):
        return False
    text = "The channel has been renamed"
    if session.has(capabilities.RENAME):
        reply.message("FAIL", "JOIN", "CHANNEL_RENAMED", name, now, text)
    else:
        reply.numeric(n.ERR_LINKCHANNEL, name, now, text)
    return True


async def _join(services: Services, session: Session, room: Room, name: str, key: str, reply: Reply) -> None:
    """Raises `AliasedError`: the name leads to another room by now."""
    joined: Joined | None = None
    held: Held | None = None
    marker = await marker_line(services, session, room)

    def decide(replica: Replica, msgid: MsgId) -> Change | None:
        nonlocal joined
        if refusal := join_refusal(replica, identity(services, session), key):
            # Under which other name a secret room goes is not told to whom it refuses.
            reply.numeric(refusal, name if "s" in replica.modes else replica.name, _REFUSALS[refusal])
            return None
        joined, change = joining(replica, identity(services, session), msgid, name)
        return change

    def arrived(line: bytes, position: Position) -> bytes:
        nonlocal held
        if session.ready and joined is not None:
            # The same member, made of the session's own strings: half a KiB less for each.
            room.replica.members[session.uid] = joined.member
            room.seat(session)
            session.forget_invitations(room.names)
            greet(session, room, Entry(position, joined), reply, marker)
            if not session.has(capabilities.CHATHISTORY):
                replay(services, session, room, reply)
            if reply.size > PACE_BYTES and not reply.label:
                held = stack.enter_context(Held(session))  # what follows waits for its place behind it
            elif not reply.label:
                reply.finish()
        return b""

    with contextlib.ExitStack() as stack:
        if await change_room(services, session, room, decide, arrived) and session.shared:
            await services.records.tell_others(session.uid)
        if held is not None:
            await finish(reply, held.write)
    if session.state is State.CLOSED and not session.shared:
        # The connection ended while the JOIN was on its way, too late for its departure to know of this room.
        await leave(services, session, room, LeftBy.QUIT, session.quit_reason, unheard)
    elif session.rooms.get(room.key) is room and names_follow(session, room):
        await tell_names(session, room.replica, reply)


def greet(session: Session, room: Room, entry: Entry, reply: Reply, marker: bytes) -> None:
    """What a newcomer gets at its own place in the log: JOIN, topic, how far it has read, and the names, if they do not
    follow."""
    announce(session, room, entry, reply)
    if marker:
        reply.add(marker)
    if not session.has(capabilities.NO_IMPLICIT_NAMES) and not names_follow(session, room):
        add_names(session, room.replica, reply)


def announce(session: Session, room: Room, entry: Entry, reply: Reply) -> None:
    """Its own JOIN, and the topic."""
    member = room.replica.members[session.uid]
    render_class = session.render_class & ~capabilities.AWAY_NOTIFY  # it knows whether it is away itself
    reply.add(render(entry, member, room.replica.name, render_class))
    if room.replica.topic.text:
        _add_topic(room.replica, reply)


def names_follow(session: Session, room: Room) -> bool:
    """Whether a newcomer gets the names afterwards, in parts: the room is too large to write all of them at once."""
    return len(room.replica.members) > NAMES_AT_ONCE and not session.has(capabilities.NO_IMPLICIT_NAMES)


async def part(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """PART a list of rooms."""
    reason = message.params[1] if len(message.params) > 1 else ""
    for name in message.params[0].split(","):
        if await visible_room(services, session, name, reply) is None:
            continue
        if (room := joined_room(services, session, name, reply)) is not None:
            await _part(services, session, room, reason, reply)


async def _part(services: Services, session: Session, room: Room, reason: str, reply: Reply) -> None:
    def arrived(line: bytes, position: Position) -> bytes:
        reply.add(line)  # nothing of this room follows it, so it may come with the rest of the answer
        return b""

    await leave(services, session, room, LeftBy.PART, reason, arrived)
    with contextlib.suppress(StoreError):  # it has left; that the note of it stays does no harm
        await services.records.left(session.uid, room.key)
        if session.shared:  # should another have joined meanwhile, that note has to be made again
            await services.records.tell_others(session.uid)


def joined_room(services: Services, session: Session, name: str, reply: Reply) -> Room | None:
    """The room the peer is in; None after 403 or 442."""
    room = own_room(services, session, name)
    if room is None:
        if room_key(name) is None:
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
    if (room := joined_room(services, session, name, reply)) is None:
        return
    room_left = MAX_BODY_BYTES - len(f":{session.source} TOPIC {room.replica.name} :".encode())
    text = clip(message.params[1], min(TOPICLEN, room_left))

    def decide(replica: Replica, msgid: MsgId) -> Change | None:
        if session.uid not in replica.members or ("t" in replica.modes and not is_operator(replica, session.uid)):
            reply.numeric(n.ERR_CHANOPRIVSNEEDED, replica.name, "You're not a channel operator")
            return None
        if text == replica.topic.text:
            return None  # Modern, "TOPIC message": who is in hears "if the topic of a channel is changed or cleared"
        return Change(
            event=TopicSet(session.uid, msgid, session.source, text),
            permissions=replica.permissions,
            uid=session.uid,
            need="in",
            state=(("topic", text), ("topic_by", session.source)),
            stamps=("topic_at",),
        )

    await change_room(services, session, room, decide, inline(reply))


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
