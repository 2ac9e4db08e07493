"""What goes wrong: one class per fault. `strike` does it, `heal` undoes it and returns when the site is whole again.

A fault takes what it works on for itself (`claim`), so that several may strike at once.
"""

import asyncio
import random
import signal
from abc import ABC, abstractmethod
from typing import ClassVar

from gateway.store.keys import HEARTBEATS
from tests.faults.site import Site, Station
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.tcp_proxy import Direction

__all__ = [
    "ALONE",
    "ClockStepped",
    "Fault",
    "GatewayBuried",
    "GatewayFrozen",
    "GatewayKilled",
    "GatewayStopped",
    "LossyFailover",
    "NotNowError",
    "RedisClockStepped",
    "RedisFrozen",
    "RedisKilled",
    "RedisStopped",
    "RollingRestart",
    "ScaledUpAndDown",
    "SlowReader",
    "WireCut",
    "WireDeaf",
    "WireRefused",
    "WireSlow",
    "WireStalled",
]

LEASE_S = 10.0  # docs/architecture.md
HOUR_S = 3600.0


class NotNowError(Exception):
    """What the fault would work on is taken by another, or this site has none."""


class Fault(ABC):
    """One of them, about to strike."""

    name: ClassVar[str]
    """As the report calls it."""
    hold_s: ClassVar[tuple[float, float]] = (0.0, 0.5)
    """Between strike and heal, from and to."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self.site = site
        self.chance = chance
        self._claimed: list[object] = []

    @abstractmethod
    def claim(self) -> None:
        """Take what it works on. Raises `NotNowError`."""

    @abstractmethod
    async def strike(self) -> None:
        """Do it."""

    async def heal(self) -> None:  # noqa: B027 - some are over when they have struck
        """Undo it."""

    def release(self) -> None:
        """Give back what was claimed."""
        self.site.taken.difference_update(self._claimed)

    def _take(self, thing: object) -> None:
        if thing in self.site.taken:
            raise NotNowError(self.name)
        self.site.taken.add(thing)
        self._claimed.append(thing)


class _OfGateway(Fault):
    """It works on one gateway; one other at least is left alone."""

    station: Station

    def claim(self) -> None:
        free = self.site.free()
        if len(free) < 2:
            raise NotNowError(self.name)
        self.station = self.chance.choice(free)
        self._take(self.station)


class GatewayKilled(_OfGateway):
    """SIGKILL, and a new one on the same port."""

    name = "gateway: SIGKILL"

    async def strike(self) -> None:
        await asyncio.to_thread(self.station.process.kill)

    async def heal(self) -> None:
        await asyncio.to_thread(self.station.process.restart)


class GatewayFrozen(_OfGateway):
    """SIGSTOP for less than a lease."""

    name = "gateway: SIGSTOP, SIGCONT"
    hold_s = (1.0, 5.0)

    async def strike(self) -> None:
        self.station.process.send_signal(signal.SIGSTOP)

    async def heal(self) -> None:
        self.station.process.send_signal(signal.SIGCONT)


class GatewayBuried(GatewayFrozen):
    """SIGSTOP for longer than a lease: the others bury it, and it ends when it wakes up."""

    name = "gateway: SIGSTOP past its lease"
    hold_s = (LEASE_S + 4.0, LEASE_S + 6.0)

    async def heal(self) -> None:
        await super().heal()

        async def has_ended() -> int | None:
            return self.station.process.exit_code

        await eventually(has_ended, what="a buried gateway ends", deadline_s=6 * DEADLINE_S)
        await asyncio.to_thread(self.station.process.restart)


class GatewayStopped(_OfGateway):
    """SIGTERM: it drains, and is started again."""

    name = "gateway: SIGTERM (drain)"

    async def strike(self) -> None:
        await asyncio.to_thread(self.station.process.stop)

    async def heal(self) -> None:
        await asyncio.to_thread(self.station.process.restart)


class ClockStepped(_OfGateway):
    """The wall clock of one gateway jumps, ahead or back, and later jumps to the true time again."""

    name = "gateway: wall clock an hour off"
    hold_s = (1.0, 3.0)

    async def strike(self) -> None:
        assert self.station.process.clock is not None
        self.station.process.clock.step_to(self.chance.choice((-HOUR_S, HOUR_S)))

    async def heal(self) -> None:
        assert self.station.process.clock is not None
        self.station.process.clock.step_to(0.0)


class RollingRestart(Fault):
    """SIGTERM and a new start of each gateway, one after another."""

    name = "all gateways: rolling restart"

    def claim(self) -> None:
        for station in self.site.stations:
            self._take(station)

    async def strike(self) -> None:
        for station in list(self.site.stations):
            await asyncio.to_thread(station.process.stop)
            await asyncio.to_thread(station.process.restart)


class ScaledUpAndDown(Fault):
    """One gateway more, and later one less: SIGTERM to any that is free."""

    name = "one gateway more, one less"
    hold_s = (1.0, 3.0)

    def claim(self) -> None:
        self._take(ScaledUpAndDown)

    async def strike(self) -> None:
        await self.site.add_gateway()

    async def heal(self) -> None:
        async def any_free() -> Station | None:
            return self.chance.choice(free) if len(free := self.site.free()) > 1 else None

        leaving = await eventually(any_free, what="a gateway that nobody needs", deadline_s=6 * DEADLINE_S)
        self.site.stations.remove(leaving)
        await asyncio.to_thread(leaving.process.stop)


class _OfWire(_OfGateway):
    """It works on the wire from one gateway to Redis."""

    async def heal(self) -> None:
        await self.station.wire.restore()


class WireCut(_OfWire):
    """Both lanes are aborted, and may be opened again at once."""

    name = "wire to Redis: cut"

    async def strike(self) -> None:
        await self.station.wire.cut()


class WireRefused(_OfWire):
    """Cut, and connections are refused for a while."""

    name = "wire to Redis: refused"
    hold_s = (0.5, 4.0)

    async def strike(self) -> None:
        await self.station.wire.refuse()


class WireSlow(_OfWire):
    """Every chunk takes its time, each way."""

    name = "wire to Redis: 20 to 200 ms of delay each way"
    hold_s = (1.0, 5.0)

    async def strike(self) -> None:
        self.station.wire.delay_s = self.chance.uniform(0.02, 0.2)


class WireStalled(_OfWire):
    """Open and silent; what was kept is passed on later, if its connection still stands."""

    name = "wire to Redis: stalled"
    hold_s = (0.5, 5.0)

    async def strike(self) -> None:
        self.station.wire.stall()


class WireDeaf(_OfWire):
    """One direction swallows everything until the connections end: loss."""

    name = "wire to Redis: one direction lost"
    hold_s = (0.5, 5.0)

    async def strike(self) -> None:
        self.station.wire.deafen(self.chance.choice(list(Direction)))


class _OfRedis(Fault):
    """It works on the master."""

    def claim(self) -> None:
        self._take(self.site.store)


class RedisKilled(_OfRedis):
    """SIGKILL; it comes back with its log of writes."""

    name = "Redis: SIGKILL"

    async def strike(self) -> None:
        await asyncio.to_thread(self.site.store.master.kill)

    async def heal(self) -> None:
        await asyncio.to_thread(self.site.store.master.restart)


class RedisStopped(_OfRedis):
    """SIGTERM and a new start."""

    name = "Redis: restart"

    async def strike(self) -> None:
        await asyncio.to_thread(self.site.store.master.restart)


class RedisFrozen(_OfRedis):
    """SIGSTOP for less than a lease."""

    name = "Redis: SIGSTOP, SIGCONT"
    hold_s = (1.0, 6.0)

    async def strike(self) -> None:
        self.site.store.master.freeze()

    async def heal(self) -> None:
        self.site.store.master.thaw()


class LossyFailover(_OfRedis):
    """A replica that lacks the last second of writes takes the place of its master, which is killed."""

    name = "Redis: failover that loses the last second"
    LOST_S: ClassVar[float] = 1.0

    def claim(self) -> None:
        if self.site.store.pair is None:
            raise NotNowError(self.name)
        super().claim()

    async def strike(self) -> None:
        pair = self.site.store.pair
        assert pair is not None
        pair.lose_from_now()
        await asyncio.sleep(self.LOST_S)
        await pair.fail_over()
        self.site.point_wires(pair.master)

    async def heal(self) -> None:
        assert self.site.store.pair is not None
        await self.site.store.pair.restore()


class RedisClockStepped(_OfRedis):
    """The clock of Redis jumps ahead by more than a lease.

    `TIME` cannot be set, so what it is compared with is moved the other way: the beats of all gateways, which then are
    as old as they would be. The ids of the logs, made of the same clock, go on as after a step back.
    """

    name = "Redis: clock ahead by 20 s"
    hold_s = (4.0, 5.0)  # two beats

    async def strike(self) -> None:
        await asyncio.to_thread(self._step, 2 * LEASE_S)

    def _step(self, ahead_s: float) -> None:
        with self.site.store.master.client() as client:
            for gateway in client.zrange(HEARTBEATS, 0, -1):
                client.zincrby(HEARTBEATS, -ahead_s * 1000, gateway)


class SlowReader(Fault):
    """A client reads nothing for a while."""

    name = "client: reads nothing"
    hold_s = (2.0, 6.0)

    def claim(self) -> None:
        self._resident = self.chance.choice(self.site.residents)
        self._take(self._resident)

    async def strike(self) -> None:
        self._resident.patient = True
        self._witness = self._resident.witness
        self._witness.read_nothing()

    async def heal(self) -> None:
        self._witness.read_on()
        self._resident.patient = False


ALONE: tuple[type[Fault], ...] = (
    GatewayKilled,
    GatewayFrozen,
    GatewayBuried,
    GatewayStopped,
    ClockStepped,
    RollingRestart,
    ScaledUpAndDown,
    WireCut,
    WireRefused,
    WireSlow,
    WireStalled,
    WireDeaf,
    RedisKilled,
    RedisStopped,
    RedisFrozen,
    LossyFailover,
    RedisClockStepped,
    SlowReader,
)
"""Each of them strikes alone in the tests, and any two together in a mix."""
