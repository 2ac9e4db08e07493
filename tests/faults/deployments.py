"""Redis that looks after itself: Sentinel and Cluster, as gateways are told of them by `--redis-url`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import redis

from gateway.store.keys import log_keys, room_log
from gateway.wire.names import room_key
from tests.faults.fault import Fault, NotNowError
from tests.faults.stores import Store
from tests.harness.cluster import Cluster
from tests.harness.sentinels import DOWN_AFTER_S, Sentinels
from tests.harness.tcp_proxy import Target
from tests.harness.valkey_node import ValkeyNode

__all__ = ["CLUSTER", "SENTINEL", "MasterFrozen", "MasterKilled", "MasterStunned", "sentinel", "sharded"]

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
# As docs/operating.md has them: a former master that comes back, and does not know it yet, takes nothing.
GUARDED = (*DURABLE, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "3")


class SentinelStore(Store):
    """A master, its replicas, and three Sentinels."""

    def __init__(self, sentinels: Sentinels) -> None:
        self.sentinels = sentinels
        self.url = sentinels.url

    def client(self, key: str) -> redis.Redis:
        return self.sentinels.master().client()

    @property
    def servers(self) -> Sequence[Target]:
        return [node.address for node in (*self.sentinels.sentinels, *self.sentinels.servers)]


class ClusterStore(Store):
    """Three masters and their replicas."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.url = cluster.url

    def client(self, key: str) -> redis.Redis:
        return self.cluster.owner(key).client()

    @property
    def servers(self) -> Sequence[Target]:
        return [node.address for node in self.cluster.nodes]


@asynccontextmanager
async def sentinel(directory: Path) -> AsyncIterator[Store]:
    """Ready to fail over."""
    starting = Sentinels.running(directory / "sentinel", arguments=GUARDED)
    sentinels = await asyncio.to_thread(starting.__enter__)
    try:
        yield SentinelStore(sentinels)
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)


@asynccontextmanager
async def sharded(directory: Path) -> AsyncIterator[Store]:
    """All slots served."""
    starting = Cluster.running(directory / "cluster", arguments=DURABLE)
    cluster = await asyncio.to_thread(starting.__enter__)
    try:
        yield ClusterStore(cluster)
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)


class _OfSentinel(Fault):
    """Another server becomes master; `heal` has the former one follow it."""

    sentinels: Sentinels
    former: ValkeyNode
    asked_for = False  # by an operator; else the Sentinels see to it

    def claim(self) -> None:
        if not isinstance(self.site.store, SentinelStore):
            raise NotNowError(self.name)
        self.sentinels = self.site.store.sentinels
        self.take(self.site.store)

    async def strike(self) -> None:
        self.former = await asyncio.to_thread(self.sentinels.master)
        async with self.sentinels.telling() as told:
            await asyncio.to_thread(self.remove)
            removed_s = asyncio.get_running_loop().time()
            again = self.remove if self.asked_for else None
            await asyncio.to_thread(self.sentinels.wait_for_another, self.former, again)
        self.own_s = told.get("+switch-master", removed_s) - removed_s

    def remove(self) -> None:
        """What makes the Sentinels choose another."""
        raise NotImplementedError

    async def heal(self) -> None:
        await asyncio.to_thread(self.restore)
        await asyncio.to_thread(self.sentinels.wait_for_replicas, len(self.sentinels.servers) - 1)
        # Else the next failover may find Sentinels that have not heard of this one.
        await asyncio.to_thread(self.sentinels.wait_until_agreed)

    def restore(self) -> None:
        """Bring the former master back."""


class MasterKilled(_OfSentinel):
    """SIGKILL."""

    name = "Sentinel: SIGKILL of the master"

    def remove(self) -> None:
        self.former.kill()

    def restore(self) -> None:
        self.former.start()


class MasterFrozen(_OfSentinel):
    """SIGSTOP until another is master."""

    name = "Sentinel: SIGSTOP of the master"

    def remove(self) -> None:
        self.former.freeze()

    def restore(self) -> None:
        self.former.thaw()


class MasterStunned(_OfSentinel):
    """SIGSTOP for about as long as the Sentinels wait: it wakes before they notice, while they choose, or after."""

    name = "Sentinel: SIGSTOP of the master, for a moment"
    hold_s = (0.2 * DOWN_AFTER_S, 3.0 * DOWN_AFTER_S)

    async def strike(self) -> None:
        self.former = await asyncio.to_thread(self.sentinels.master)
        self.former.freeze()

    async def heal(self) -> None:
        self.former.thaw()
        await asyncio.to_thread(self.sentinels.wait_until_agreed)
        await super().heal()

    def restore(self) -> None:
        """It has woken."""


class PlannedFailover(_OfSentinel):
    """Asked for by an operator; the master hands over what it has."""

    name = "Sentinel: planned failover"
    asked_for = True

    def remove(self) -> None:
        self.sentinels.fail_over("COORDINATED")


class ForcedFailover(_OfSentinel):
    """Asked for without the master's consent: it goes on answering until it is told."""

    name = "Sentinel: failover of a master that answers"
    asked_for = True

    async def strike(self) -> None:
        with self.site.court.rivalling():
            await super().strike()
            await self.heal()

    def remove(self) -> None:
        self.sentinels.fail_over()


class _OfCluster(Fault):
    """It works on the slot of a room and on the master that serves it."""

    cluster: Cluster
    ROOM: ClassVar[str] = "#lab0"

    def claim(self) -> None:
        if not isinstance(self.site.store, ClusterStore):
            raise NotNowError(self.name)
        self.cluster = self.site.store.cluster
        self.take(self.site.store)
        room = room_key(self.ROOM)
        assert room is not None
        self.key = log_keys(room_log(room)).state


class SlotMoved(_OfCluster):
    """Key by key to another master, while people talk in the room."""

    name = "Cluster: a room's slot moves"

    async def strike(self) -> None:
        await asyncio.to_thread(self.cluster.migrate, self.key)


class ShardKilled(_OfCluster):
    """SIGKILL of the master of a room; its replica takes over."""

    name = "Cluster: SIGKILL of a master"

    async def strike(self) -> None:
        self.former = await asyncio.to_thread(self.cluster.owner, self.key)
        await asyncio.to_thread(self.remove)
        await asyncio.to_thread(lambda: self.cluster.wait_for_owner(self.key, not_=self.former))

    def remove(self) -> None:
        """What makes its replica take over."""
        self.former.kill()

    async def heal(self) -> None:
        await asyncio.to_thread(self.restore)
        await asyncio.to_thread(self.cluster.wait_until_whole)

    def restore(self) -> None:
        """Bring the former master back."""
        self.former.start()


class ShardFrozen(ShardKilled):
    """SIGSTOP of the master of a room, until its replica has taken over."""

    name = "Cluster: SIGSTOP of a master"

    def remove(self) -> None:
        self.former.freeze()

    def restore(self) -> None:
        self.former.thaw()


SENTINEL: tuple[type[Fault], ...] = (
    MasterKilled,
    MasterFrozen,
    MasterStunned,
    PlannedFailover,
    ForcedFailover,
)
CLUSTER: tuple[type[Fault], ...] = (SlotMoved, ShardKilled, ShardFrozen)
