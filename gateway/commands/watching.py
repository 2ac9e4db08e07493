"""The nicks that sessions here watch (MONITOR), and who holds them, on whatever gateway.

Each watched nick is one subscription of this gateway. What is published tells the new state; only after a subscription
has been confirmed, for the first time or again, is the store looked at. What is published during a look is newer.
"""

import asyncio

from gateway.commands.ports.network import Presence
from gateway.errors import StoreError
from gateway.events import Entry
from gateway.model import AttachmentId, Member, Uid
from gateway.session.capabilities import EXTENDED_MONITOR
from gateway.session.render import render
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.names import NickKey

__all__ = ["MAX_WATCHED", "Watches"]

MAX_WATCHED = 100  # nicks of one session; advertised as MONITOR
LOOK_AT_ONCE = 500  # nicks, in one go
FIRST_LOOK_S = 5.0
RETRY_S = 0.5


class _Watched:
    """One nick."""

    __slots__ = ("here", "known", "told", "watchers")

    def __init__(self) -> None:
        self.watchers: dict[AttachmentId, Session] = {}
        self.here: Member | None = None  # who holds it
        self.known = asyncio.Event()  # whether `here` has ever been found out
        self.told = False  # something was published since the last look began


class Watches:
    """All of this gateway."""

    def __init__(self, presence: Presence, server_name: str) -> None:
        self._presence = presence
        self._server = server_name
        self._nicks: dict[NickKey, _Watched] = {}
        self._to_look_at: dict[NickKey, None] = {}
        self._due = asyncio.Event()
        presence.on_watching = self._confirmed
        presence.on_here = self._here
        presence.on_gone = self._gone
        presence.on_changed = self._changed

    async def run(self) -> None:
        """Look at nicks whose subscription was confirmed, until cancelled."""
        while True:
            await self._due.wait()
            nicks = list(self._to_look_at)[:LOOK_AT_ONCE]
            if not nicks:  # all are looked at, or whoever watched them has gone
                self._due.clear()
                continue
            for nick in nicks:
                del self._to_look_at[nick]  # at once: one that is confirmed again during the look is looked at again
                self._nicks[nick].told = False
            try:
                found = await self._presence.look(nicks)
            except StoreError:
                self._to_look_at.update((nick, None) for nick in nicks if nick in self._nicks)
                await asyncio.sleep(RETRY_S)
                continue
            for nick in nicks:
                self._looked(nick, found.get(nick))

    async def start(self, session: Session, nicks: dict[NickKey, str]) -> None:
        """Put nicks, with their spelling, on the list of a session; on return it is known who holds them. Nothing is
        left of it where the session ends meanwhile, or has ended.

        Raises:
            StoreError: that could not be found out in time; they are on the list all the same.
        """
        if not session.ready:
            return
        session.watches = {**session.watches, **nicks}
        for nick in nicks:
            watched = self._nicks.get(nick)
            if watched is None:
                watched = self._nicks[nick] = _Watched()
                self._presence.watch(nick)
            watched.watchers[session.attachment] = session
        try:
            async with asyncio.timeout(FIRST_LOOK_S):
                for nick in nicks:
                    if (watched := self._nicks.get(nick)) is not None:
                        await watched.known.wait()
        except TimeoutError as exc:
            raise StoreError("the nicks could not be looked at in time") from exc
        finally:
            if not session.ready:
                self.stop(session, list(nicks))  # its end may not have known of them

    def stop(self, session: Session, nicks: list[NickKey]) -> None:
        """Take nicks from the list of a session."""
        session.watches = {nick: spelt for nick, spelt in session.watches.items() if nick not in nicks}
        for nick in nicks:
            watched = self._nicks.get(nick)
            if watched is not None and watched.watchers.get(session.attachment) is session:
                del watched.watchers[session.attachment]
                if not watched.watchers:
                    del self._nicks[nick]
                    self._to_look_at.pop(nick, None)
                    self._presence.unwatch(nick)

    def holder(self, nick: NickKey) -> Member | None:
        """Who holds a watched nick, as far as is known."""
        watched = self._nicks.get(nick)
        return watched.here if watched is not None else None

    def subscriptions_up(self) -> None:
        """A new subscription lane: every nick is asked for again, and looked at when that was confirmed."""
        for nick in self._nicks:
            self._presence.watch(nick)

    def _confirmed(self, nick: NickKey) -> None:
        if nick in self._nicks:
            self._to_look_at[nick] = None
            self._due.set()

    def _looked(self, nick: NickKey, holder: Member | None) -> None:
        if (watched := self._nicks.get(nick)) is not None and not watched.told:
            self._set(watched, holder)

    def _here(self, nick: NickKey, member: Member) -> None:
        if (watched := self._nicks.get(nick)) is not None:
            watched.told = True
            self._set(watched, member)

    def _gone(self, nick: NickKey, uid: Uid) -> None:
        watched = self._nicks.get(nick)
        if watched is not None and (watched.here is None or watched.here.uid == uid):
            watched.told = True
            self._set(watched, None)

    def _set(self, watched: _Watched, holder: Member | None) -> None:
        before, watched.here = watched.here, holder
        if not watched.known.is_set():
            watched.known.set()  # whoever asked reads it
            return
        if (before.uid if before else None) == (holder.uid if holder else None):
            return  # as it was, at most spelt differently
        if before is not None:
            self._tell(watched, n.RPL_MONOFFLINE, before.nick)
        if holder is not None:
            self._tell(watched, n.RPL_MONONLINE, holder.source)

    def _tell(self, watched: _Watched, number: str, target: str) -> None:
        for session in watched.watchers.values():
            if session.ready:
                session.write(f":{self._server} {number} {session.nick} :{target}\r\n".encode())

    def _changed(self, nick: NickKey, member: Member, entry: Entry) -> None:
        """Source: IRCv3 extended-monitor. Who shares a room with somebody hears of it there."""
        for session in self._nicks[nick].watchers.values() if nick in self._nicks else ():
            wanted = session.has(EXTENDED_MONITOR) and session.ready and session.uid != member.uid
            if wanted and not any(member.uid in room.replica.members for room in session.rooms.values()):
                session.write(render(entry, member, "", session.render_class))
