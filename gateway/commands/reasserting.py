"""Write again what Redis must know about the sessions here: it may have lost some of it, or all."""

import asyncio
import itertools

from gateway.commands.nicks import rename
from gateway.commands.renaming import keep_names
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.session.reply import Reply
from gateway.session.session import Session, State

__all__ = ["Reassertion"]

SESSIONS_PER_S = 1000
RETRY_S = 1.0
_AT_ONCE = 20


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
        sessions = iter(list(services.sessions.values()))
        while group := list(itertools.islice(sessions, _AT_ONCE)):
            await asyncio.gather(*(self._one(session) for session in group))
            await asyncio.sleep(_AT_ONCE / SESSIONS_PER_S)

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
