"""Servers on loopback ports, from the embedded program: what Sentinel and cluster tests are made of."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from gateway.store.embedded import spawn_server
from tests.harness.deadlines import DEADLINE_S
from tests.harness.facts import wait_for

__all__ = ["ValkeyNode", "text"]

HOST = "127.0.0.1"


def text(value: object) -> str:
    """A part of a reply as text; redis-py decodes some and not others."""
    return value.decode() if isinstance(value, bytes) else str(value)


class ValkeyNode:
    """One server process; it answers when the constructor returns."""

    def __init__(self, directory: Path, port: int, arguments: Sequence[str]) -> None:
        """`arguments` as the program takes them, with the port among them or in a file."""
        self.address = (HOST, port)
        self.frozen = False
        self._directory = directory
        self._arguments = [*arguments, "--dir", str(directory)]
        directory.mkdir()
        self.start()

    def start(self) -> None:
        """Run it, with what its directory holds."""
        with (self._directory / "log").open("ab") as log:
            self._process = spawn_server(self._arguments, stdout=log, stderr=log)
        wait_for(self._answers)

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process.poll() is None

    def client(self) -> redis.Redis:
        """A plain client, to look and to interfere."""
        return redis.Redis(host=self.address[0], port=self.address[1], socket_timeout=DEADLINE_S)

    def command(self, *words: str | int) -> Any:
        """One command and its reply, whatever redis-py makes of it."""
        with self.client() as client:
            return client.execute_command(*words)

    def role(self) -> str:
        """`master` or `slave`; empty for one that is not running or loading."""
        if not self.running or self.frozen:
            return ""
        try:
            reply = self.command("ROLE")
        except redis.RedisError:
            return ""
        return text(reply[0])

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, and nothing answers."""
        os.kill(self._process.pid, signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self._process.pid, signal.SIGCONT)
        self.frozen = False

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.running:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE_S)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _answers(self) -> bool:
        assert self.running, f"the server ended: see {self._directory / 'log'}"
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
