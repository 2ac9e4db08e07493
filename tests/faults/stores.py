"""The Redis behind a site, one class per deployment. A new one needs a `Store`, and faults that know it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import redis

from tests.harness.private_server import PrivateServer
from tests.harness.replicated_pair import ReplicatedPair
from tests.harness.shifted_clock import ClockShift, preloaded
from tests.harness.tcp_proxy import Target

__all__ = ["Replicated", "Single", "Start", "Store", "replicated", "single"]


class Store(ABC):
    """What every deployment can be asked."""

    url: str | None = None
    """What all gateways are given, and find the servers by; None: each is given its wire to the only one."""

    @abstractmethod
    def client(self, key: str) -> redis.Redis:
        """A plain client of the master that has this key. Raises LookupError, or a RedisError, while there is none."""

    @property
    @abstractmethod
    def servers(self) -> Sequence[Target]:
        """Where gateways' wires lead, whichever server is master now."""

    def version(self) -> str:
        """Name and version of the server, as it tells them."""
        with self.client("") as client:
            told = client.info("server")
        name = told.get("server_name", "redis")
        return f"{name} {told.get(f'{name}_version', told['redis_version'])}"


class Single(Store):
    """One embedded server of ours."""

    def __init__(self, server: PrivateServer, clock: ClockShift | None = None) -> None:
        self._server = server
        self.clock = clock
        """That of its server, to be stepped; None: this machine cannot."""

    @property
    def master(self) -> PrivateServer:
        """The server that counts now."""
        return self._server

    @property
    def servers(self) -> Sequence[Target]:
        return [self.master.socket_path]

    async def restart_master(self) -> None:
        """Start it again, with its data; one that still runs is stopped first."""
        await asyncio.to_thread(self.master.restart)

    def client(self, key: str) -> redis.Redis:
        return self.master.client()


class Replicated(Single):
    """Two that change places."""

    def __init__(self, pair: ReplicatedPair, clock: ClockShift | None = None) -> None:
        super().__init__(pair.master, clock)
        self.pair = pair

    @property
    def master(self) -> PrivateServer:
        return self.pair.master

    @property
    def servers(self) -> Sequence[Target]:
        return [self.pair.address]

    async def restart_master(self) -> None:
        await super().restart_master()
        await self.pair.follow()  # it listens on another port now


Start = Callable[[Path], AbstractAsyncContextManager[Store]]
"""Starts a deployment in a directory."""


@asynccontextmanager
async def single(directory: Path) -> AsyncIterator[Store]:
    """One Valkey that writes each change to disk before it answers."""
    with preloaded(directory) as clock, PrivateServer.running(directory / "redis") as server:
        yield Single(server, clock)


@asynccontextmanager
async def replicated(directory: Path) -> AsyncIterator[Store]:
    """The same with a replica; gateways find a promoted one where the former was, as behind a moved address."""
    with preloaded(directory) as clock:
        async with ReplicatedPair.running(directory) as pair:
            yield Replicated(pair, clock)
