"""How a session ends: out of every room, nick freed, record gone; each exactly once."""

import asyncio

from gateway.commands.changing import Arrived, change_room
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.model import Left, LeftBy, MsgId, Position
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session.session import Session, State
from gateway.wire.limits import KICKLEN
from gateway.wire.splitting import clip

__all__ = ["depart", "forget", "leave", "unheard"]

RETRY_S = 0.5  # while Redis is away; should this process end first, its lease ends and others do the rest
INBOX_KEPT_S = 3600


async def depart(services: Services, session: Session) -> None:
    """End a session; does nothing for one that has ended."""
    if session.state is State.CLOSED:
        return
    session.state = State.CLOSED
    services.sessions.pop(session.uid, None)
    services.engine.close_inbox(session.uid)
    rooms = list(session.rooms.values())
    for room in rooms:
        room.unseat(session.uid)
    await asyncio.gather(*(leave(services, session, room, LeftBy.QUIT, session.quit_reason, unheard) for room in rooms))
    if session.recorded:
        await forget(services, session)


async def forget(services: Services, session: Session) -> None:
    """Free the nick and delete the record, now or as soon as Redis is back."""
    while True:
        try:
            await services.directory.remove(session.uid, session.key)
            await services.history.forget(services.log_of_inbox(session.uid), INBOX_KEPT_S)
        except StoreError:
            await asyncio.sleep(RETRY_S)
        else:
            return


async def leave(services: Services, session: Session, room: Room, by: LeftBy, reason: str, arrived: Arrived) -> bool:
    """Take a session out of a room, now or as soon as Redis is back; False: it was not in it any more."""
    reason = clip(reason, KICKLEN)

    def decide(replica: Replica, msgid: MsgId) -> Change:
        event = Left(session.uid, msgid, by, reason)
        return Change(event=event, permissions=None, uid=session.uid, need="in", leaves=True)

    room.users += 1
    try:
        while True:
            try:
                return await change_room(services, room, decide, arrived)
            except StoreError:
                await asyncio.sleep(RETRY_S)
    finally:
        room.users -= 1
        services.engine.close_if_empty(room)


def unheard(line: bytes, position: Position) -> bytes:
    """The author's own line where the author is gone."""
    return b""
