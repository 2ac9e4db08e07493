"""The two connections every gateway keeps to Redis: a command lane and a subscription lane.

They are apart so that a subscriber dropped for its output buffer never takes commands with it. Each has a heartbeat:
a Redis that is frozen looks like one that is lost (redis-py's own PubSub never notices).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.errors import StoreError
from gateway.store.lane import Lane
from gateway.store.scripts import SOURCES

__all__ = ["Lanes"]

CONNECT_TIMEOUT_S = 2.0
HEARTBEAT_S = 1.0
SILENCE_LIMIT_S = 3.0  # an answer later than this: the lane is dropped and opened anew
RETRY_S = (0.05, 0.1, 0.25, 0.5, 1.0)  # waits between attempts; the last one repeats
_log = logging.getLogger(__name__)


class Lanes:
    """Keeps both lanes open, and says when one has come back.

    `on_commands_up` and `on_subscriptions_up` are called after every (re)connect, before anybody else uses the lane.
    """

    def __init__(self, url: str) -> None:
        # Commands here are not idempotent: redis-py must never repeat one by itself.
        self._client = Redis.from_url(
            url,
            protocol=3,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CONNECT_TIMEOUT_S,
        )
        self.commands = Lane("command")
        self.subscriptions = Lane("subscription")
        self.commands.lost.set()
        self.subscriptions.lost.set()
        self.on_commands_up: Callable[[], None] = _nothing
        self.on_subscriptions_up: Callable[[], None] = _nothing
        self.on_push: Callable[[list[Any]], None] = _ignore
        self.on_read_end: Callable[[], None] = _nothing
        # Asked before what others build on is written: a gateway that was frozen must not go on as if nothing was.
        self.may_write: Callable[[], bool] = lambda: True
        self.observe: Callable[[float], None] = _ignore
        self.reconnects = -2  # both lanes have to be opened once

    @property
    def up(self) -> bool:
        """Whether both lanes are open, as far as is known."""
        return not (self.commands.lost.is_set() or self.subscriptions.lost.is_set())

    def check_may_write(self) -> None:
        """Raises `StoreError` while the lease has to be renewed first."""
        if not self.may_write():
            raise StoreError("the lease has to be renewed first")

    async def open(self, deadline_s: float) -> None:
        """Open both lanes, trying for `deadline_s`.

        Raises:
            StoreError: Redis could not be reached in time; its text names no secret.
        """
        try:
            async with asyncio.timeout(deadline_s):
                await self._reopen_commands()
                await self._reopen_subscriptions()
        except TimeoutError as exc:
            raise StoreError(f"Redis could not be reached within {deadline_s:g} s") from exc

    async def run(self) -> None:
        """Reopen lost lanes and watch for silent ones, until cancelled; both lanes are closed then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_commands(), name="command lane")
                tasks.create_task(self._keep_subscriptions(), name="subscription lane")
                tasks.create_task(self._watch(), name="lane heartbeat")
        finally:
            self.close()

    def close(self) -> None:
        """Close both lanes."""
        self.commands.close()
        self.subscriptions.close()

    async def _keep_commands(self) -> None:
        while True:
            await self.commands.lost.wait()
            await self._reopen_commands()

    async def _keep_subscriptions(self) -> None:
        while True:
            await self.subscriptions.lost.wait()
            await self._reopen_subscriptions()

    async def _reopen_commands(self) -> None:
        while True:
            lane = Lane("command")
            await self._attach(lane)
            try:
                # The heartbeat watches lanes in use, and this one is not yet.
                async with asyncio.timeout(SILENCE_LIMIT_S):
                    await asyncio.gather(*(lane.call("SCRIPT", "LOAD", source) for source in SOURCES.values()))
            except (StoreError, TimeoutError):
                lane.abort("scripts not loaded")
                await asyncio.sleep(RETRY_S[-1])
                continue
            self.commands = lane
            self.on_commands_up()
            return

    async def _reopen_subscriptions(self) -> None:
        lane = Lane("subscription", self.on_push)
        lane.on_read_end(self.on_read_end)
        await self._attach(lane)
        self.subscriptions = lane
        self.on_subscriptions_up()

    async def _attach(self, lane: Lane) -> None:
        """Connect and hand the transport to `lane`; tries for ever, the owner sets the end."""
        attempt = 0
        while True:
            try:
                async with asyncio.timeout(2 * CONNECT_TIMEOUT_S):
                    # A new object each time: a lane keeps its connection, the pool must not lend it again.
                    connection = self._client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
                    await connection.connect()
            except (RedisError, OSError, TimeoutError) as exc:
                if attempt == 0:
                    _log.warning("redis_unreachable", extra={"lane": lane.name, "error": type(exc).__name__})
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1
                continue
            lane.take_over(connection)
            lane.observe = self.observe
            self.reconnects += 1
            return

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for lane in (self.commands, self.subscriptions):
                if lane.lost.is_set():
                    continue
                if lane.oldest_wait_s() > SILENCE_LIMIT_S:
                    lane.abort("silent")
                else:
                    lane.request(_ignore, "PING")


def _nothing() -> None:
    """The answer to nobody's interest."""


def _ignore(_: Any) -> None:
    """The answer to a reply nobody needs."""
