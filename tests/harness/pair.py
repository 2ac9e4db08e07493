"""Two real servers at one address, master and replica: the replica takes over without the master's last writes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.harness.deadlines import DEADLINE_S
from tests.harness.facts import wait_for
from tests.harness.private_server import PrivateServer

__all__ = ["ServerPair"]


class ServerPair:
    """A Unix socket path that leads to the master, whichever that is."""

    def __init__(self, address: Path, servers: tuple[PrivateServer, PrivateServer]) -> None:
        self.url = f"unix://{address}"
        self._address = address
        self._master, self._replica = servers
        self._point_to(self._master)
        self._attach()

    @classmethod
    @contextmanager
    def running(cls, state_dir: Path) -> Iterator["ServerPair"]:
        """Start both, equal."""
        with ExitStack() as stack:
            one, two = (
                stack.enter_context(PrivateServer.running(state_dir / name)) for name in ("server-one", "server-two")
            )
            yield cls(state_dir / "master", (one, two))

    def cut_off(self) -> None:
        """The replica hears nothing any more; the master goes on alone."""
        with self._replica.client() as client:
            client.replicaof("NO", "ONE")

    def fail_over(self) -> None:
        """SIGKILL the master; the one that was cut off takes its place, and the old master becomes its replica."""
        self._master.kill()
        self._master, self._replica = self._replica, self._master
        self._point_to(self._master)

    def restore(self) -> None:
        """Start the killed one as a replica, and wait until it is equal."""
        self._replica.restart()
        self._attach()

    def _point_to(self, server: PrivateServer) -> None:
        fresh = self._address.with_suffix(".new")
        fresh.symlink_to(urlsplit(server.url).path)
        fresh.replace(self._address)

    def _attach(self) -> None:
        with self._master.client() as master, self._replica.client() as replica:
            master.config_set("repl-diskless-sync-delay", 0)
            host, port = urlsplit(self._master.tcp_url()).netloc.split(":")
            replica.replicaof(host, port)
            wait_for(lambda: replica.info("replication")["master_link_status"] == "up", within_s=4 * DEADLINE_S)
            master.wait(1, int(1000 * DEADLINE_S))
