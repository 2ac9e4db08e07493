"""Several connections of one account are one session: what one changes, the others learn. ADR 23.

An attachment is told by `Changed` in the session's inbox that something is new, reads what it shares with the others,
and does what is left to do. So it does not matter which change it was told of, how often, or how late.
"""

import asyncio
from typing import Any

from gateway.commands.changing import change_room
from gateway.commands.departure import RETRY_S
from gateway.commands.everywhere import change_everywhere
from gateway.commands.history import replay
from gateway.commands.marking import marker_line
from gateway.commands.names import tell_names
from gateway.commands.pacing import finish
from gateway.commands.rooms import greet, names_follow
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.events import AwaySet, Entry, Joined, Renamed
from gateway.model import MsgId
from gateway.people import User
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session.capabilities import CHATHISTORY, SETNAME
from gateway.session.held import Held
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire.names import RoomKey

__all__ = ["look", "most_attachments", "publish", "repair_nick"]


async def publish(services: Services, session: Session, **changes: Any) -> None:
    """Write what a session here has become just now, and have its other attachments learn of it.

    Args:
        changes: fields of `User` as they are now; of a shared session no others are written.
    Raises:
        StoreError: Redis is away.
    """
    session.publishing += 1
    try:
        user = session.as_user(services.gateway)._replace(**changes)
        if session.alone:
            await services.directory.put(user)
        else:
            await services.records.change(session.attachment, session.epoch, user, tuple(changes))
        if session.shared:  # or is meanwhile
            await services.records.tell_others(session.uid)
    finally:
        session.publishing -= 1
        session.published += 1


async def most_attachments(services: Services, session: Session) -> int:
    """How many connections may share a session of the peer's account; 1: its connections do not. Raises
    `StoreError`."""
    return services.network.max_attachments if await _may_share(services, session) else 1


async def _may_share(services: Services, session: Session) -> bool:
    """What the account has chosen, else what the network does. Raises `StoreError`."""
    chosen = await services.accounts.multiclient(session.account)
    return services.network.multiclient if chosen is None else chosen


def look(services: Services, session: Session) -> None:
    """Have a session here look at what its attachments share, now or once more when it has looked."""
    if not session.ready:
        return
    if session.looking:
        session.look_again = True
        return
    session.looking = True
    task = asyncio.ensure_future(_keep_looking(services, session))
    services.under_way.add(task)
    task.add_done_callback(services.under_way.discard)


async def _keep_looking(services: Services, session: Session) -> None:
    try:
        session.look_again = True
        while session.look_again and session.ready:
            session.look_again = False
            try:
                await _look(services, session)
            except StoreError:
                session.look_again = True
                await asyncio.sleep(RETRY_S)
    finally:
        session.looking = False


async def _look(services: Services, session: Session) -> None:
    published = session.published
    found = await services.records.look(session.attachment, session.epoch)
    if not session.ready:
        return
    if session.publishing or session.published != published:
        session.look_again = True  # what was read may be older than what is so here
        return
    if found is None:
        session.close("The session is not shared any more")
        return
    first, session.shared = found.attachments > 1 and not session.shared, found.attachments > 1
    counted = session.leads, session.operator, session.modes
    session.leads = found.leads
    if first:
        session.shown_away = session.away
    reply = Reply(session, services.network.server_name)
    _take_nick(session, found.user.nick, reply)
    _take_modes(session, found.user, reply)
    _take_realname(session, found.user.realname, reply)
    reply.finish()
    if counted != (session.leads, session.operator, session.modes):
        services.count_users(recount=True)
    for key in sorted(found.rooms):
        if key not in session.rooms:
            await _follow(services, session, RoomKey(key))
    for room in list(session.rooms.values()):
        if room.key not in found.rooms:
            await _note_again(services, session, room)
        if not found.renaming:
            await repair_nick(services, session, room)
    if found.leads:
        await _show_away(services, session, found.user.away)
    session.shown_away = found.user.away
    if first:
        # What was done here before we knew of the others, they do not know of.
        await services.records.tell_others(session.uid)


def _take_nick(session: Session, nick: str, reply: Reply) -> None:
    if nick != session.nick:
        reply.add(f":{session.source} NICK {nick}\r\n".encode())
        session.nick = nick


def _take_modes(session: Session, user: User, reply: Reply) -> None:
    before = set(session.modes) | ({"o"} if session.operator else set())
    after = set(user.modes) | ({"o"} if user.operator else set())
    if before == after:
        return
    session.set_modes(user.modes)
    session.operator = user.operator
    gained, lost = "".join(sorted(after - before)), "".join(sorted(before - after))
    line = ("+" + gained if gained else "") + ("-" + lost if lost else "")
    reply.add(f":{session.source} MODE {session.nick} :{line}\r\n".encode())


def _take_realname(session: Session, realname: str, reply: Reply) -> None:
    if realname != session.realname:
        session.realname = realname
        if session.has(SETNAME):
            reply.add(f":{session.source} SETNAME :{realname}\r\n".encode())


async def _show_away(services: Services, session: Session, shown: str) -> None:
    """Have others see the session as all its attachments together are: one of them does so for all."""
    members = (room.replica.members.get(session.uid) for room in session.rooms.values())
    if any(member is not None and member.away != shown for member in members):
        await change_everywhere(
            services,
            session,
            lambda msgid: AwaySet(session.uid, msgid, shown),
            lambda member: member._replace(away=shown),
        )
    elif session.shown_away not in {None, shown}:  # in no room; who watches its nick hears of it all the same
        event = AwaySet(session.uid, services.new_msgid(), shown)
        await services.presence.changed(session.as_member(services.gateway, ""), event)


async def _follow(services: Services, session: Session, key: RoomKey) -> None:
    """Take a seat in a room another attachment has joined."""
    async with services.engine.open_room(key, key) as room:
        # Not in it: the JOIN is under way, and who sends it tells when it is done; or it has left again.
        if session.uid not in room.replica.members:
            return
        await services.history.remember_log(services.log_of_room(key))
        marker = await marker_line(services, session, room)
        member = room.replica.members.get(session.uid)
        if member is None or not session.ready or key in session.rooms:
            return
        room.seat(session)
        session.forget_invitations(room.names)
        reply = Reply(session, services.network.server_name)
        greet(session, room, Entry(room.replica.last, Joined(session.uid, MsgId(b""), member)), reply, marker)
        if not session.has(CHATHISTORY):
            replay(services, session, room, reply)
        with Held(session) as held:  # what follows waits for its place behind it
            await finish(reply, held.write)
        if names_follow(session, room):
            await tell_names(session, room.replica, reply)
            reply.finish()


async def _note_again(services: Services, session: Session, room: Room) -> None:
    """A room that one attachment left while another joined it: the note of the first must not be the last."""
    if session.uid in room.replica.members:
        await services.records.enter(session.uid, room.key)


async def repair_nick(services: Services, session: Session, room: Room) -> None:
    """A gateway may have died in the middle of a nick change; the record tells how it ended. Raises `StoreError`."""
    uid, nick = session.uid, session.nick

    def decide(replica: Replica, msgid: MsgId) -> Change | None:
        member = replica.members.get(uid)
        if member is None or member.nick == nick:
            return None
        event, now = Renamed(uid, msgid, nick, member.source), member._replace(nick=nick)
        return Change(event=event, permissions=replica.permissions, uid=uid, need="in", member=now)

    if (member := room.replica.members.get(uid)) is not None and member.nick != nick:
        await change_room(services, session, room, decide, lambda line, position: b"")
