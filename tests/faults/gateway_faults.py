"""Gateways are killed, frozen, drained, added and taken away, and their clocks stepped."""

import asyncio
import contextlib
import signal

import redis

from gateway.store.keys import HEARTBEATS
from tests.faults.fault import LEASE_S, Fault, OfGateway
from tests.faults.site import Station
from tests.harness.deadlines import DEADLINE_S, eventually

__all__ = [
    "ClockStepped", "GatewayBuried", "GatewayFrozen", "GatewayKilled", "GatewayStopped", "RollingRestart",
    "ScaledUpAndDown",
]  # fmt: skip

HOUR_S = 3600.0


class GatewayKilled(OfGateway):
    """SIGKILL, and a new one on the same port."""

    name = "gateway: SIGKILL"

    async def strike(self) -> None:
        await asyncio.to_thread(self.station.process.kill)
        self.site.court.gateway_died(*self.station.address)

    async def heal(self) -> None:
        await asyncio.to_thread(self.station.process.restart)


class GatewayFrozen(OfGateway):
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

    async def strike(self) -> None:
        await super().strike()
        self.site.court.gateway_died(*self.station.address)

    async def heal(self) -> None:
        async def is_buried() -> bool | None:
            return await asyncio.to_thread(self._is_buried) or None

        # A fault of Redis beside this one puts the burial off: nobody is dead for having been silent with it.
        await eventually(is_buried, what="the others bury it", deadline_s=6 * DEADLINE_S)
        await super().heal()

        async def has_ended() -> int | None:
            return self.station.process.exit_code

        await eventually(has_ended, what="a buried gateway ends", deadline_s=6 * DEADLINE_S)
        await asyncio.to_thread(self.station.process.restart)

    def _is_buried(self) -> bool:
        with contextlib.suppress(redis.RedisError, LookupError), self.site.store.client(HEARTBEATS) as client:
            alive = [gateway.decode() for gateway in client.zrange(HEARTBEATS, 0, -1)]
            return not any(f"-{self.station.process.pid}-" in gateway for gateway in alive)
        return False


class GatewayStopped(OfGateway):
    """SIGTERM: it drains, and is started again."""

    name = "gateway: SIGTERM (drain)"

    async def strike(self) -> None:
        await asyncio.to_thread(self.station.process.stop)

    async def heal(self) -> None:
        await asyncio.to_thread(self.station.process.restart)


class ClockStepped(OfGateway):
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
            self.take(station)

    async def strike(self) -> None:
        for station in list(self.site.stations):
            await asyncio.to_thread(station.process.stop)
            await asyncio.to_thread(station.process.restart)


class ScaledUpAndDown(Fault):
    """One gateway more, and later one less: SIGTERM to any that is free."""

    name = "one gateway more, one less"
    hold_s = (1.0, 3.0)

    def claim(self) -> None:
        self.take(ScaledUpAndDown)

    async def strike(self) -> None:
        await self.site.add_gateway()

    async def heal(self) -> None:
        async def any_free() -> Station | None:
            return self.chance.choice(free) if len(free := self.site.free()) > 1 else None

        leaving = await eventually(any_free, what="a gateway that nobody needs", deadline_s=6 * DEADLINE_S)
        self.site.stations.remove(leaving)
        await asyncio.to_thread(leaving.process.stop)
