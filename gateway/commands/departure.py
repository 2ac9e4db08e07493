"""How a connection ends: its session departs (out of every room, nick freed, record gone; each exactly once), or is
detached: it stays in its rooms for its grace, and whoever can prove to be its client comes back to it. A session with
other attachments goes on with them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from gateway.commands.changing import Arrived, change_room
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.events import Left, LeftBy
from gateway.model import LogKey, MsgId, Position
from gateway.people import Detached, End
from gateway.rooms.inboxes import INBOX_KEPT_S
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session.session import Session, State
from gateway.wire.limits import KICKLEN
from gateway.wire.splitting import clip

__all__ = ["RETRY_S", "depart", "detach", "forget", "keep", "leave", "let_go", "persistently", "unfinished", "unheard"]

RETRY_S = 0.5  # while Redis is away; should this process end first, its lease ends and others do the rest

_GONE = (State.CLOSED, State.DETACHED)
_Answer = TypeVar("_Answer")


async def depart(services: Services, session: Session, *, connected: bool = False) -> None:
    """End an attachment, and its session with the last one; does nothing for one that has ended here.

    `connected`: its connection is still there, and ends next.
    """
    if session.state in _GONE:
        return
    session.state = State.CLOSED
    with unfinished(services):
        with _open(services, list(session.rooms.values())) as rooms:
            _unhook(services, session, connected=connected)
            if (session.provable or session.shared) and await _claim_end(services, session) is not End.LAST:
                return  # its client is back on another connection, or has others
            await asyncio.gather(
                *(leave(services, session, room, LeftBy.QUIT, session.quit_reason, unheard) for room in rooms)
            )
        if session.recorded:
            await forget(services, session)


async def detach(services: Services, session: Session) -> None:
    """Keep a session for its grace after its connection is lost; does nothing for one that has ended here."""
    if session.state in _GONE:
        return
    positions = {services.log_of_room(key): room.replica.last for key, room in session.rooms.items()}
    positions[services.log_of_inbox(session.uid)] = services.engine.inboxes.read_up_to(session.uid)
    await keep(services, session, positions)


def let_go(services: Services, session: Session) -> None:
    """Take a session out of everything here. Neither Redis nor anybody else hears of it."""
    with _open(services, list(session.rooms.values())):
        _unhook(services, session)


def _unhook(services: Services, session: Session, *, connected: bool = False) -> None:
    # Where its client has come back on this very gateway, its successor is the same attachment.
    if services.sessions.get(session.attachment, session) is session:
        services.sessions.pop(session.attachment, None)
        services.engine.inboxes.close(session.attachment)
        marked = session.shared or session.operator or "i" in session.modes
        services.count_users(leaving=int(connected), recount=marked)
    services.watches.stop(session, list(session.watches))
    for room in list(session.rooms.values()):
        room.unseat(session.attachment)


@contextmanager
def unfinished(services: Services) -> Iterator[None]:
    """A gateway that ends in the meantime must leave its lease behind: whoever buries it does the rest."""
    services.leaving += 1
    try:
        yield
    finally:
        services.leaving -= 1


@contextmanager
def _open(services: Services, rooms: list[Room]) -> Iterator[list[Room]]:
    for room in rooms:
        room.users += 1
    try:
        yield rooms
    finally:
        for room in rooms:
            room.users -= 1
            services.engine.close_if_empty(room)


async def keep(services: Services, session: Session, positions: dict[LogKey, Position]) -> None:
    """Let a session go and start its grace, now or as soon as Redis is back."""
    session.state = State.DETACHED
    reason, rooms, token = clip(session.quit_reason, KICKLEN), list(session.rooms.values()), session.token
    user, watches = session.as_user(services.gateway), tuple(session.watches.values())
    with unfinished(services), _open(services, rooms):
        _unhook(services, session)
        epoch = await persistently(
            lambda: services.holding.detach(session.attachment, session.epoch, services.grace_s, reason, positions)
        )
        if epoch is None:
            return
        user = user._replace(epoch=epoch or user.epoch)
        lost = Detached(session.attachment, user, token, reason, positions, watches, session.shared)
        services.graces.begin(lost, rooms, services.grace_s)
        if not epoch:
            services.graces.on_forgotten()


async def _claim_end(services: Services, session: Session) -> End:
    while True:
        try:
            return await services.holding.claim_end(session.attachment, session.epoch, whole=session.ends_all)
        except StoreError:
            await asyncio.sleep(RETRY_S)


async def persistently(attempt: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Do what may be done twice, now or as soon as Redis is back."""
    while True:
        try:
            return await attempt()
        except StoreError:
            await asyncio.sleep(RETRY_S)


async def forget(services: Services, session: Session) -> None:
    """Free the nick and delete the record, now or as soon as Redis is back."""

    async def attempt() -> None:
        if session.signed_on_s:
            await services.directory.note_former(session.as_user(services.gateway))
        await services.directory.remove(session.attachment, session.key)
        await services.history.forget(services.log_of_inbox(session.uid), INBOX_KEPT_S)

    await persistently(attempt)


async def leave(services: Services, session: Session, room: Room, by: LeftBy, reason: str, arrived: Arrived) -> bool:
    """Take a session out of a room, now or as soon as Redis is back; False: it was not in it any more."""
    reason = clip(reason, KICKLEN)

    def decide(replica: Replica, msgid: MsgId) -> Change:
        event = Left(session.uid, msgid, by, reason, source=session.source)
        return Change(event=event, permissions=None, uid=session.uid, need="in", leaves=True)

    room.users += 1
    try:
        while True:
            try:
                return await change_room(services, session, room, decide, arrived)
            except StoreError:
                await asyncio.sleep(RETRY_S)
    finally:
        room.users -= 1
        services.engine.close_if_empty(room)


def unheard(line: bytes, position: Position) -> bytes:
    """The author's own line where the author is gone."""
    return b""
