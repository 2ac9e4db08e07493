"""One gateway's view of logs, for contract tests: the same calls over memory and over a real server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from gateway.errors import StoreError
from gateway.events import Entry
from gateway.model import Answer, GatewayId, LogKey, Position, SendKey, Uid
from gateway.rooms.ports import Change, LogStore
from gateway.spoken import Spoken
from gateway.store.keys import log_keys
from gateway.store.lanes import Lanes, lanes_to
from gateway.store.logs import LOG_ENTRIES, Logs
from gateway.store.scripts import sha
from gateway.store.urls import Durability
from tests.harness.deadlines import DEADLINE_S
from tests.harness.lanes import opened
from tests.harness.memory_store import MemoryRedis, MemoryStore

__all__ = ["Heard", "LogSite", "MemorySite", "RedisSite", "change", "redis_site", "say"]

Heard = tuple[LogKey, Position, list[Entry]]
"""An announcement."""


class LogSite(Protocol):
    """A gateway as far as the port goes, with what it heard."""

    store: LogStore
    heard: list[Heard]

    async def reap(self, log: LogKey, gateway: GatewayId, *uids: Uid) -> None:
        """Take members that went with a dead gateway out of the log, and fence it there."""

    async def relink(self, log: LogKey, gateway: str, *uids: Uid) -> None:
        """Members have lost their connection, or are back on a gateway."""

    async def alias(self, log: LogKey, room: str) -> None:
        """Have the first name of a log lead to another room."""

    async def subscribe(self, log: LogKey) -> None:
        """Subscribe and wait until that is confirmed."""

    async def settle(self) -> None:
        """Return when everything announced so far was heard."""


async def say(
    site: LogSite,
    log: LogKey,
    number: int,
    events: Sequence[Spoken],
    permissions: Position | None = None,
    *keys: SendKey | None,
) -> Answer:
    """Append a batch, its events with `keys` if there are any, and wait for its answer. Raises `StoreError`."""
    answer: asyncio.Future[Answer | StoreError] = asyncio.get_running_loop().create_future()
    site.store.append_said(log, number, permissions, events, answer.set_result, keys)
    return await _definite(answer)


async def change(site: LogSite, log: LogKey, number: int, what: Change) -> Answer:
    """Append a state change and wait for its answer. Raises `StoreError`."""
    answer: asyncio.Future[Answer | StoreError] = asyncio.get_running_loop().create_future()
    site.store.append_change(log, number, what, answer.set_result)
    return await _definite(answer)


async def _definite(answer: "asyncio.Future[Answer | StoreError]") -> Answer:
    async with asyncio.timeout(DEADLINE_S):
        got = await answer
    if isinstance(got, StoreError):
        raise got
    return got


class MemorySite:
    """Over `tests.harness.memory_store`."""

    def __init__(self, redis: MemoryRedis, gateway: GatewayId) -> None:
        self.heard: list[Heard] = []
        self.store: LogStore
        self._redis = redis
        self.store = store = redis.store(gateway)
        store.on_announcement = lambda *heard: self.heard.append(heard)
        self._store: MemoryStore = store

    async def reap(self, log: LogKey, gateway: GatewayId, *uids: Uid) -> None:
        """As in `LogSite`."""
        self._redis.room_reap(log, gateway, "lost", *uids)

    async def relink(self, log: LogKey, gateway: str, *uids: Uid) -> None:
        """As in `LogSite`."""
        self._redis.room_link(log, GatewayId(gateway), *uids)

    async def alias(self, log: LogKey, room: str) -> None:
        """As in `LogSite`."""
        self._redis.aliases[log] = room

    async def subscribe(self, log: LogKey) -> None:
        """As in `LogSite`."""
        self._store.subscribe(log)
        await self.settle()

    async def settle(self) -> None:
        """As in `LogSite`."""
        await asyncio.sleep(0)


class RedisSite:
    """Over lanes to a real server."""

    def __init__(self, lanes: Lanes, gateway: GatewayId) -> None:
        self.heard: list[Heard] = []
        self.lanes = lanes
        self.confirmations = Counter[LogKey]()  # of subscriptions
        self._confirmed = asyncio.Event()
        self.logs = Logs(lanes, gateway)
        self.store: LogStore = self.logs
        self.logs.on_announcement = lambda *heard: self.heard.append(heard)
        self.logs.on_subscribed = self._subscribed

    def _subscribed(self, log: LogKey) -> None:
        self.confirmations[log] += 1
        self._confirmed.set()

    async def reap(self, log: LogKey, gateway: GatewayId, *uids: Uid) -> None:
        """As in `LogSite`."""
        names = log_keys(log)
        await self.lanes.commands.call(
            "EVALSHA", sha("room_reap"), 4, names.state, names.log, names.members, names.lists,
            names.channel, LOG_ENTRIES, gateway, "lost", *uids,
        )  # fmt: skip

    async def relink(self, log: LogKey, gateway: str, *uids: Uid) -> None:
        """As in `LogSite`."""
        names = log_keys(log)
        await self.lanes.commands.call(
            "EVALSHA", sha("room_link"), 3, names.state, names.log, names.members,
            names.channel, LOG_ENTRIES, gateway, *uids,
        )  # fmt: skip

    async def alias(self, log: LogKey, room: str) -> None:
        """As in `LogSite`."""
        await self.lanes.commands.call("SET", log_keys(log).alias, room)

    async def subscribe(self, log: LogKey) -> None:
        """As in `LogSite`."""
        before = self.confirmations[log]
        self.logs.subscribe(log)
        await self.confirmed(log, before + 1)

    async def confirmed(self, log: LogKey, times: int) -> None:
        """Until a subscription of the log was confirmed so often."""
        async with asyncio.timeout(2 * DEADLINE_S):
            while self.confirmations[log] < times:
                self._confirmed.clear()
                await self._confirmed.wait()

    async def settle(self) -> None:
        """As in `LogSite`."""
        await self.logs.barrier()


@asynccontextmanager
async def redis_site(url: str, durability: Durability, gateway: str) -> AsyncIterator[RedisSite]:
    """One gateway's view of the deployment at `url`."""
    # Before the lanes open: they ask then who hears pushes.
    site = RedisSite(lanes_to(url, durability), GatewayId(gateway))
    async with opened(site.lanes):
        yield site
