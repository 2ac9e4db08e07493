"""A Redis and its replica, with a wire between them that can swallow the last writes before the replica is promoted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.private_server import PrivateServer
from tests.harness.tcp_proxy import Direction, TcpProxy

__all__ = ["ReplicatedPair"]


class ReplicatedPair:
    """Two embedded Valkeys that change places; made by `running`."""

    def __init__(self, address: Path, master: PrivateServer, replica: PrivateServer, link: TcpProxy) -> None:
        self.address = address
        """A UNIX socket that leads to the master, whichever that is."""
        self.url = f"unix://{address}"
        self.master = master
        self.replica = replica
        self._link = link
        self._point_to_master()

    @classmethod
    @asynccontextmanager
    async def running(cls, directory: Path) -> AsyncIterator["ReplicatedPair"]:
        """Start both; the replica has followed its master when this yields."""
        with ExitStack() as stack:
            servers = [
                stack.enter_context(PrivateServer.running(directory / name)) for name in ("redis-one", "redis-two")
            ]
            async with TcpProxy.running(servers[0].socket_path) as link:
                pair = cls(directory / "redis-master", servers[0], servers[1], link)
                await pair.follow()
                yield pair

    def lose_from_now(self) -> None:
        """Whatever the master writes from now on does not reach the replica."""
        self._link.deafen(Direction.DOWN)

    async def fail_over(self) -> None:
        """SIGKILL of the master; the replica takes its place with what it has."""
        await asyncio.to_thread(self.master.kill)
        with self.replica.client() as client:
            await asyncio.to_thread(client.replicaof, "NO", "ONE")
        self.master, self.replica = self.replica, self.master
        self._point_to_master()
        await self._link.restore()

    async def restore(self) -> None:
        """The one that was killed comes back as the replica of the other."""
        await asyncio.to_thread(self.replica.restart)
        await self.follow()

    async def follow(self) -> None:
        """Have the replica follow its master, and wait until it has everything the master has now."""
        url = await asyncio.to_thread(self.master.tcp_url)
        host, _, port = url.removeprefix("redis://").rpartition(":")
        self._link.target = (host, int(port))
        await asyncio.to_thread(self._begin_to_follow)

        async def has_followed() -> bool | None:
            return await asyncio.to_thread(self._in_step) or None

        await eventually(has_followed, what="the replica has what its master has", deadline_s=6 * DEADLINE_S)

    def _point_to_master(self) -> None:
        fresh = self.address.with_suffix(".new")
        fresh.symlink_to(self.master.socket_path)
        fresh.replace(self.address)

    def _begin_to_follow(self) -> None:
        with self.master.client() as client:
            client.config_set("repl-diskless-sync-delay", 0)  # else it waits 5 s for more replicas
        with self.replica.client() as client:
            client.replicaof(self._link.host, str(self._link.port))

    def _in_step(self) -> bool:
        with self.master.client() as master, self.replica.client() as replica:
            has = master.info("replication")["master_repl_offset"]
            follows = replica.info("replication")
            return bool(follows["master_link_status"] == "up" and follows["slave_repl_offset"] >= has)
