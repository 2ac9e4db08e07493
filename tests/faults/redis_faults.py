"""Redis is killed, frozen, replaced by a replica that lacks something, and the wires to it are torn at."""

import asyncio
from typing import ClassVar

from tests.faults.fault import LEASE_S, Fault, NotNowError, OfGateway
from tests.faults.stores import Replicated, Single
from tests.harness.tcp_proxy import Direction

__all__ = [
    "LossyFailover", "RedisClockStepped", "RedisFrozen", "RedisKilled", "RedisStopped", "WireCut", "WireDeaf",
    "WireRefused", "WireSlow", "WireStalled",
]  # fmt: skip


class _OfWire(OfGateway):
    """It works on the wires from one gateway to Redis, all of them."""

    async def heal(self) -> None:
        for wire in self.station.wires:
            await wire.restore()


class WireCut(_OfWire):
    """Both lanes are aborted, and may be opened again at once."""

    name = "wire to Redis: cut"

    async def strike(self) -> None:
        for wire in self.station.wires:
            await wire.cut()


class WireRefused(_OfWire):
    """Cut, and connections are refused for a while."""

    name = "wire to Redis: refused"
    hold_s = (0.5, 4.0)

    async def strike(self) -> None:
        for wire in self.station.wires:
            await wire.refuse()


class WireSlow(_OfWire):
    """Every chunk takes its time, each way."""

    name = "wire to Redis: 20 to 200 ms of delay each way"
    hold_s = (1.0, 5.0)

    async def strike(self) -> None:
        delay_s = self.chance.uniform(0.02, 0.2)
        for wire in self.station.wires:
            wire.delay_s = delay_s


class WireStalled(_OfWire):
    """Open and silent; what was kept is passed on later, if its connection still stands."""

    name = "wire to Redis: stalled"
    hold_s = (0.5, 5.0)

    async def strike(self) -> None:
        for wire in self.station.wires:
            wire.stall()


class WireDeaf(_OfWire):
    """One direction swallows everything until the connections end: loss."""

    name = "wire to Redis: one direction lost"
    hold_s = (0.5, 5.0)

    async def strike(self) -> None:
        direction = self.chance.choice(list(Direction))
        for wire in self.station.wires:
            wire.deafen(direction)


class _OfRedis(Fault):
    """It works on the one server, or on the master of two."""

    store: Single

    def claim(self) -> None:
        if not isinstance(self.site.store, Single):
            raise NotNowError(self.name)
        self.store = self.site.store
        self.take(self.store)


class RedisKilled(_OfRedis):
    """SIGKILL; it comes back with its log of writes."""

    name = "Redis: SIGKILL"

    async def strike(self) -> None:
        await asyncio.to_thread(self.store.master.kill)

    async def heal(self) -> None:
        await self.store.restart_master()


class RedisStopped(_OfRedis):
    """SIGTERM and a new start."""

    name = "Redis: restart"

    async def strike(self) -> None:
        await self.store.restart_master()


class RedisFrozen(_OfRedis):
    """SIGSTOP for less than a lease."""

    name = "Redis: SIGSTOP, SIGCONT"
    hold_s = (1.0, 6.0)

    async def strike(self) -> None:
        self.store.master.freeze()

    async def heal(self) -> None:
        self.store.master.thaw()


class LossyFailover(_OfRedis):
    """A replica that lacks the last second of writes takes the place of its master, which is killed."""

    name = "Redis: failover that loses the last second"
    LOST_S: ClassVar[float] = 1.0
    LINK_S: ClassVar[float] = 0.1  # what was written so long ago has reached the replica

    store: Replicated

    def claim(self) -> None:
        if not isinstance(self.site.store, Replicated):
            raise NotNowError(self.name)
        super().claim()

    async def strike(self) -> None:
        with self.site.court.losing():
            await asyncio.sleep(self.LINK_S)
            self.store.pair.lose_from_now()
            await asyncio.sleep(self.LOST_S)
            await self.store.pair.fail_over()

    async def heal(self) -> None:
        await self.store.pair.restore()


class RedisClockStepped(_OfRedis):
    """The wall clock of Redis jumps ahead by more than a lease, and stays there."""

    name = "Redis: clock ahead by 20 s"
    hold_s = (4.0, 5.0)  # two beats

    def claim(self) -> None:
        super().claim()
        if self.store.clock is None:
            raise NotNowError(self.name)
        self._clock = self.store.clock

    async def strike(self) -> None:
        self._clock.step_to(self._clock.seconds + 2 * LEASE_S)
