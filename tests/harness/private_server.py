"""A real Redis server of one test's own, to be frozen, killed and started again."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import redis

from gateway.store.embedded import EmbeddedStore
from tests.harness.deadlines import DEADLINE_S
from tests.harness.facts import wait_for
from tests.harness.ports import free_ports

__all__ = ["PrivateServer"]


class PrivateServer:
    """An embedded Valkey with AOF on, whose process the test has."""

    def __init__(self, store: EmbeddedStore, data_dir: Path) -> None:
        self._store = store
        self._data_dir = data_dir
        self.url = store.url
        self._pid = int(self.client().info("server")["process_id"])

    @classmethod
    @contextmanager
    def running(cls, state_dir: Path) -> Iterator["PrivateServer"]:
        """Start one; at the end it is gone, frozen or not."""
        store = EmbeddedStore.start(state_dir, 2 * DEADLINE_S)
        server = cls(store, state_dir)
        try:
            yield server
        finally:
            if store.alive():
                server.thaw()
            store.stop()

    @property
    def socket_path(self) -> Path:
        """Where it listens, for who speaks to sockets."""
        return Path(unquote(self.url.removeprefix("unix://")))

    def client(self) -> redis.Redis:
        """A plain client, to look and to interfere."""
        return redis.Redis.from_url(self.url, socket_timeout=DEADLINE_S)

    def tcp_url(self) -> str:
        """Have it listen on a loopback port too, and return that URL."""
        (port,) = free_ports(1)
        with self.client() as client:
            client.config_set("bind", "127.0.0.1")
            client.config_set("port", port)
        return f"redis://127.0.0.1:{port}"

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._pid

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, and nothing answers."""
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(self._pid, signal.SIGKILL)
        wait_for(lambda: not self._store.alive())

    def lose_data(self) -> None:
        """Delete what it kept on disk; it must not be running."""
        for entry in self._data_dir.rglob("appendonlydir"):
            shutil.rmtree(entry)
        for entry in self._data_dir.rglob("*.rdb"):
            entry.unlink()

    def flush(self) -> None:
        """FLUSHALL."""
        with self.client() as client:
            client.flushall()

    def begin_anew(self) -> None:
        """Kill it and start it without its data."""
        self.kill()
        self.lose_data()
        self.restart()

    def restart(self) -> None:
        """Start it again with its data, under the same URL."""
        self._store.restart()
        with self.client() as client:
            self._pid = int(client.info("server")["process_id"])

    def kill_clients(self, kind: str, number: int) -> None:
        """Close the connections of a kind, `normal` or `pubsub`, as soon as there are so many."""
        with self.client() as client:
            mine = client.client_id()
            wait_for(lambda: len([one for one in client.client_list(kind) if int(one["id"]) != mine]) == number)
            assert client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes") == number
