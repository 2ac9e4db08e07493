"""The connections to Redis, whatever deployment it is: one server, a master found by Sentinels, a cluster."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from gateway.errors import StoreError
from gateway.store.cluster import ClusterLanes
from gateway.store.keys import MARK
from gateway.store.lane import Commands
from gateway.store.masters import Server
from gateway.store.pair import LanePair
from gateway.store.sentinels import SentinelMaster
from gateway.store.urls import Durability, Kind, RedisUrl

__all__ = ["Lanes", "lanes_to", "must_hold_lease", "reach"]

RETRY_S = 0.25  # after a beginning that was refused, or cut off
_log = logging.getLogger(__name__)


class Lanes(Protocol):
    """Commands out, announcements in; lost connections come back by themselves. Callbacks are set before `open`."""

    on_commands_up: Callable[[], None]
    """Called when commands can be sent again: what was in flight got a `StoreError` and may go out again."""
    on_subscriptions_lost: Callable[[], None]
    on_subscriptions_up: Callable[[], None]
    """Called when subscriptions were lost and every one has to be asked for again."""
    on_push: Callable[[list[Any]], None]
    on_read_end: Callable[[], None]
    observe: Callable[[float], None]

    may_write: Callable[[], bool]
    """Asked before what others build on is written: a gateway that was frozen must not go on as if nothing was."""

    @property
    def reconnects(self) -> int:
        """Lanes opened again since `open`."""

    @property
    def commands(self) -> Commands:
        """Where commands go. In a cluster the first key decides: the first argument, or of a script, the third."""

    @property
    def up(self) -> bool:
        """Whether Redis can be reached, as far as is known; of a cluster, a part of it."""

    def moved_s(self, key: str) -> float:
        """When commands came to another server for that key than before, or to the same one started again, by the
        loop's clock: it may lack what others have heard of. -inf: they never did."""

    async def open(self, deadline_s: float) -> None:
        """Connect, trying for `deadline_s`. Raises `StoreError`, whose text names no secret."""

    async def run(self) -> None:
        """Keep everything open until cancelled; all is closed then."""

    def close(self) -> None:
        """Close everything."""

    def subscribe(self, channel: str) -> None:
        """Ask for a shard channel; a push `ssubscribe` confirms it, now and whenever it had to be asked for again."""

    def unsubscribe(self, channel: str) -> None:
        """End it."""

    async def barrier(self) -> None:
        """Return when everything announced before this call has been told. Raises `StoreError`."""

    async def reach_replicas(self) -> None:
        """Return when a replica has all that Redis took from here before this call, of each master that has any.

        Raises:
            StoreError: that is not known, or not so yet.
        """


async def reach(lanes: Lanes, wait_s: float, begin: Callable[[], Awaitable[None]]) -> None:
    """Open lanes and `begin` on them; again where that is refused, or the connection lost meanwhile.

    Raises:
        StoreError: not within `wait_s`; its text names no secret.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + wait_s
    while True:
        await lanes.open(until_s - loop.time())
        try:
            async with asyncio.timeout_at(until_s):
                await begin()
            return
        except TimeoutError as exc:
            raise StoreError(f"Redis did not answer within {wait_s:g} s") from exc
        except StoreError as exc:
            if loop.time() + RETRY_S >= until_s:
                raise
            _log.warning("redis_not_ready", extra={"error": str(exc)})
            await asyncio.sleep(RETRY_S)


def must_hold_lease(lanes: Lanes) -> None:
    """Raises `StoreError` while the lease has to be renewed first."""
    if not lanes.may_write():
        raise StoreError("the lease has to be renewed first")


def lanes_to(redis_url: str, durability: Durability = Durability.REDIS) -> Lanes:
    """The lanes to a deployment, not open yet.

    Raises:
        ValueError: the URL cannot be, as `RedisUrl.parse` says.
    """
    url = RedisUrl.parse(redis_url)
    replicated = durability is Durability.REPLICA
    if url.kind is Kind.CLUSTER:
        return ClusterLanes(url, replicated=replicated)
    master = SentinelMaster(url) if url.kind is Kind.SENTINEL else Server(url.single())
    return LanePair(master, lambda: MARK, replicated=replicated)
