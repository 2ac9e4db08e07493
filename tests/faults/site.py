"""What the lab breaks: gateways as processes over one Redis, each with wires of its own to it, and who lives there."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from tests.faults.stores import Start, Store
from tests.harness.court import Court
from tests.harness.gateway_process import GatewayProcess
from tests.harness.resident import Address, Resident
from tests.harness.shifted_clock import ClockShift
from tests.harness.tcp_proxy import TcpProxy

__all__ = ["Site", "Station"]

DRAIN_S = 2


class Station:
    """A gateway and its wires to Redis, one for each server of the deployment."""

    def __init__(self, name: str, process: GatewayProcess, wires: Sequence[TcpProxy]) -> None:
        self.name = name
        self.process = process
        self.wires = wires

    @property
    def address(self) -> Address:
        """Where clients reach it."""
        return self.process.host, self.process.port


class Site:
    """Made by `running`. A station or the store that a fault works on is `taken` meanwhile."""

    def __init__(self, directory: Path, store: Store, court: Court, stack: AsyncExitStack) -> None:
        self.store = store
        self.court = court
        self.stations: list[Station] = []
        self.residents: list[Resident] = []
        self.taken: set[object] = set()
        self._directory = directory
        self._stack = stack
        self._started = 0

    @classmethod
    @asynccontextmanager
    async def running(cls, directory: Path, *, gateways: int, start_store: Start) -> AsyncIterator["Site"]:
        """Start the store and the gateways; nobody lives there yet."""
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(start_store(directory))
            site = cls(directory, store, await stack.enter_async_context(Court()), stack)
            for _ in range(gateways):
                await site.add_gateway()
            yield site

    async def add_gateway(self) -> Station:
        """One more; clients may come to it when this returns."""
        self._started += 1
        name = f"gateway-{self._started}"
        wires = [await self._stack.enter_async_context(TcpProxy.running(each)) for each in self.store.servers]
        process = GatewayProcess(
            state_dir=self._directory / name,
            redis_url=self.store.url or f"redis://{wires[0].host}:{wires[0].port}",
            limits="off",
            drain_s=DRAIN_S,
            log_level="warning",
        )
        process.clock = ClockShift(self._directory / f"{name}.clock")
        if self.store.url is not None:
            process.routes = {wire.target[1]: wire.port for wire in wires if isinstance(wire.target, tuple)}
        self._stack.push_async_callback(asyncio.to_thread, process.stop)
        await asyncio.to_thread(process.start)
        assert any(wire.connections for wire in wires), "a gateway that goes round its wires"
        station = Station(name, process, wires)
        self.stations.append(station)
        return station

    def addresses(self) -> Sequence[Address]:
        """What clients know: every gateway that belongs to the site, whether it runs or not."""
        return [station.address for station in self.stations]

    def settle_in(self, *, residents: int, rooms: Sequence[str], pace_s: float, seed: int) -> None:
        """People who live there, each in half of the rooms or more; `pace_s` between one's messages, on average."""
        chance = random.Random(seed)
        for number in range(residents):
            theirs = chance.sample(rooms, max(1, len(rooms) // 2))
            name = f"r{number}"
            others = partial(self._nicks_beside, name)
            resident = Resident(self.court, name, theirs, self.addresses, others, pace_s=pace_s, seed=seed + number)
            self.residents.append(resident)

    def _nicks_beside(self, name: str) -> list[str]:
        return [each.witness.nick for each in self.residents if each.name != name]

    def free(self) -> list[Station]:
        """Stations no fault works on."""
        return [station for station in self.stations if station not in self.taken]

    async def fallen(self) -> list[str]:
        """Start again every gateway that ended by itself, and name them."""
        names = []
        for station in self.free():
            if station.process.exit_code is not None:
                names.append(f"{station.name} ended with {station.process.exit_code}")
                await asyncio.to_thread(station.process.restart)
        return names
