"""Watched nicks: what is looked at, and that nothing is left of who has gone.

Source: IRCv3 monitor, https://ircv3.net/specs/extensions/monitor; the header of `gateway.commands.watching`.
"""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from gateway.commands.watching import Watches
from gateway.errors import StoreError
from gateway.events import Entry, Event
from gateway.model import Member, Uid
from gateway.session.session import Session, State
from gateway.wire.names import NickKey

NICK = NickKey("ann")


class Port:
    """`commands.ports.Presence` in memory: nobody is there, and a look answers when the test lets it."""

    def __init__(self) -> None:
        self.on_watching: Callable[[NickKey], None] = lambda nick: None
        self.on_here: Callable[[NickKey, Member], None] = lambda nick, member: None
        self.on_gone: Callable[[NickKey, Uid], None] = lambda nick, uid: None
        self.on_changed: Callable[[NickKey, Member, Entry], None] = lambda nick, member, entry: None
        self.watched: set[NickKey] = set()
        self.looks = asyncio.Semaphore(0)  # one for each that has begun
        self.up = True
        self.slow = asyncio.Event()
        self.slow.set()

    async def here(self, member: Member) -> None:
        """Nobody is told."""

    async def changed(self, member: Member, event: Event) -> None:
        """Nobody is told."""

    async def look(self, nicks: Sequence[NickKey]) -> dict[NickKey, Member]:
        """Nobody is there."""
        assert nicks, "a look at nothing"
        self.looks.release()
        await self.slow.wait()
        if not self.up:
            raise StoreError("away")
        return {}

    def watch(self, nick: NickKey) -> None:
        """Noted."""
        self.watched.add(nick)

    def unwatch(self, nick: NickKey) -> None:
        """Noted."""
        self.watched.discard(nick)


def make_session() -> Session:
    """A registered session that nobody reads."""
    session = Session(Uid(b"uid"), "host", lambda data: None)
    session.state = State.READY
    return session


async def test_who_is_gone_when_redis_is_back_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that failed is made again; where the last who watched has gone meanwhile there is nothing to look at, and
    the loop waits for more instead of turning without end, which would hold up the whole gateway."""
    monkeypatch.setattr("gateway.commands.watching.RETRY_S", 0.0)
    port, session = Port(), make_session()
    watches = Watches(port, "server")
    running = asyncio.create_task(watches.run())
    starting = asyncio.create_task(watches.start(session, {NICK: "ann"}))
    await asyncio.sleep(0)
    port.up = False
    port.on_watching(NICK)
    await port.looks.acquire()
    watches.stop(session, [NICK])
    starting.cancel()
    port.up = True
    async with asyncio.timeout(3.0):
        starting = asyncio.create_task(watches.start(session, {NickKey("bob"): "bob"}))
        for _ in range(5):
            await asyncio.sleep(0)
        port.on_watching(NickKey("bob"))
        await starting
    assert not running.done()
    running.cancel()


async def test_a_session_that_ends_while_it_begins_to_watch_leaves_nothing() -> None:
    """Its end did not know of what it was about to watch, whether it was gone before or went meanwhile."""
    port, session = Port(), make_session()
    watches = Watches(port, "server")
    starting = asyncio.create_task(watches.start(session, {NICK: "ann"}))
    await asyncio.sleep(0)
    assert port.watched == {NICK}
    session.state = State.DETACHED
    running = asyncio.create_task(watches.run())
    port.on_watching(NICK)
    await starting
    assert port.watched == set()
    await watches.start(session, {NICK: "ann"})
    assert (port.watched, session.watches) == (set(), {})
    running.cancel()


async def test_nor_does_one_whose_nicks_cannot_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is away all the time."""
    monkeypatch.setattr("gateway.commands.watching.FIRST_LOOK_S", 0.01)
    port, session = Port(), make_session()
    watches = Watches(port, "server")
    starting = asyncio.create_task(watches.start(session, {NICK: "ann"}))
    await asyncio.sleep(0)
    session.state = State.CLOSED
    with pytest.raises(StoreError):
        await starting
    assert (port.watched, session.watches) == (set(), {})


async def test_a_nick_that_is_confirmed_again_during_a_look_is_looked_at_again() -> None:
    """What was published before the second confirmation may be newer than what the first look has read."""
    port, session = Port(), make_session()
    watches = Watches(port, "server")
    running = asyncio.create_task(watches.run())
    starting = asyncio.create_task(watches.start(session, {NICK: "ann"}))
    await asyncio.sleep(0)
    port.slow.clear()
    port.on_watching(NICK)
    async with asyncio.timeout(3.0):
        await port.looks.acquire()
        port.on_watching(NICK)
        port.slow.set()
        await starting
        await port.looks.acquire()
    running.cancel()
