"""Write again what Redis must know about the sessions here, and those that were here and wait for their clients: it may
have lost some of it, or all."""

import asyncio
import itertools
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from gateway.commands.graces import Grace
from gateway.commands.nicks import rename
from gateway.commands.renaming import keep_names
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire.names import nick_key

__all__ = ["Reassertion"]

SESSIONS_PER_S = 1000
RETRY_S = 1.0
_AT_ONCE = 20
_Result = TypeVar("_Result")


class Reassertion:
    """Does nothing until it is asked for; asked for again meanwhile, it begins anew."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._due = asyncio.Event()

    def request(self) -> None:
        """Redis may have lost something."""
        self._due.set()

    async def run(self) -> None:
        """Write all sessions, paced, whenever it is asked for; until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._all()
            except StoreError:
                self._due.set()
                await asyncio.sleep(RETRY_S)

    async def _all(self) -> None:
        services = self._services
        for room in list(services.engine.rooms.values()):
            services.resized[room.key] = room.replica
            if room.seats:
                await services.history.remember_log(services.log_of_room(room.key))
        await keep_names(services)
        await _paced(self._one(session) for session in list(services.sessions.values()))
        # Those that wait for their clients come after: who has come back meanwhile is known by then.
        waiting = list(services.graces.running())
        while waiting and not self._due.is_set():
            done = await _paced(self._waiting(grace) for grace in waiting)
            waiting = [grace for grace, is_done in zip(waiting, done, strict=True) if not is_done]
            await asyncio.sleep(RETRY_S if waiting else 0)

    async def _one(self, session: Session) -> None:
        services, key = self._services, session.key
        if not session.ready or key is None:
            return
        mine = await services.records.assert_all(
            session.as_user(services.gateway),
            key,
            session.token,
            session.rooms,
            session.watches.values(),
            session.attachment,
            shared=session.shared,
        )
        if session.state is State.CLOSED and not session.shared:
            await services.directory.remove(session.attachment, key)  # its departure may have been first
        elif not mine:
            # Somebody took the nick while Redis had forgotten whose it was. A uid is nobody else's.
            reply = Reply(session, services.network.server_name)
            await rename(services, session, f"u{session.uid.decode()}", reply)
            reply.finish()
        else:
            # Whoever looked while Redis had forgotten it takes it for gone.
            await services.presence.here(session.as_member(services.gateway, ""))

    async def _waiting(self, grace: Grace) -> bool:
        """One that is in its grace, in the rooms that it was not thrown out of; False: those come first."""
        services, lost, rest_s = self._services, grace.lost, grace.ends_s - self._services.now_s()
        if rest_s <= 0:
            return True
        rooms, uid = grace.rooms_left(services.gateway), lost.user.uid
        if not all(await asyncio.gather(*(services.directory.is_in(uid, room.key) for room in rooms))):
            # They are being written back. Whoever took it over before would find it in none.
            return False
        shown = not any(room.replica.members[uid].gateway for room in rooms if uid in room.replica.members)
        if not await services.holding.keep_again(lost, [room.key for room in rooms], rest_s, shown=shown):
            # Somebody took the nick, as above; its rooms hear of the other one when its client is back.
            user = lost.user._replace(nick=f"u{uid.decode()}")
            await services.records.change(lost.attachment, user.epoch, user, ["nick"])
            if (key := nick_key(user.nick)) is not None:
                await services.directory.claim(key, uid)
        return True


async def _paced(work: Iterable[Awaitable[_Result]]) -> list[_Result]:
    """A few at once."""
    results: list[_Result] = []
    left = iter(work)
    while group := list(itertools.islice(left, _AT_ONCE)):
        results += await asyncio.gather(*group)
        await asyncio.sleep(_AT_ONCE / SESSIONS_PER_S)
    return results
