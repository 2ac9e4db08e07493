"""The project's own docker-compose.yml as a test runs it: under its own name, port and subnet, with three gateways."""

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.container_engine import docker, docker_bytes
from tests.harness.deadlines import DEADLINE_FACTOR
from tests.harness.ports import free_ports

__all__ = ["ComposeStack"]

ROOT = Path(__file__).parents[2]
_BUILD_S = 600.0 * DEADLINE_FACTOR
_UP_S = 120.0 * DEADLINE_FACTOR

_PRINT_METRICS = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/metrics', timeout=2).read().decode())"
)


@dataclass(frozen=True)
class ComposeStack:
    """One project of that name; nothing runs before `up`."""

    number: int = field(default_factory=lambda: secrets.randbelow(254) + 1)
    port: int = field(default_factory=lambda: free_ports(1)[0])
    password: str = "a-password-of-the-tests"
    old_password: str = ""

    @property
    def project(self) -> str:
        return f"hubbub-test-{self.number}"

    def compose(self, *args: str, stdin: str = "", deadline_s: float = _UP_S) -> str:
        """Run `docker compose ARGS` for this project and return its standard output. Raises as `docker` does."""
        return self.compose_bytes(*args, stdin=stdin.encode(), deadline_s=deadline_s).decode()

    def compose_bytes(self, *args: str, stdin: bytes = b"", deadline_s: float = _UP_S) -> bytes:
        """As `compose`, for output that is no text."""
        own = {
            "COMPOSE_PROJECT_NAME": self.project,
            "HUBBUB_LISTEN": f"127.0.0.1:{self.port}",
            "HUBBUB_REDIS_PASSWORD": self.password,
            "HUBBUB_REDIS_PASSWORD_OLD": self.old_password,
            "HUBBUB_RELAY_SUBNET": f"10.213.{self.number}.0/24",
            "HUBBUB_TAG": "test",
        }
        file = str(ROOT / "docker-compose.yml")
        return docker_bytes("compose", "--file", file, *args, env=os.environ | own, stdin=stdin, deadline_s=deadline_s)

    def build(self) -> None:
        """Build the images of both services, the client's too."""
        self.compose("--profile", "client", "build", "--quiet", deadline_s=_BUILD_S)

    def up(self, *, gateways: int) -> None:
        """Bring the number of gateways to `gateways`, and everything to healthy."""
        self.compose("up", "--detach", "--wait", "--no-recreate", "--scale", f"gateway={gateways}")

    def down(self) -> None:
        """Remove the project as the documentation says."""
        self.compose("down", "--volumes", "--remove-orphans")

    def end_clients(self) -> None:
        """Remove clients that a failed test left running; `down` spares those, and they would keep its network."""
        if clients := self._ps("label=com.docker.compose.oneoff=True"):
            docker("rm", "--force", *clients)

    def left(self) -> list[str]:
        """Names of every container, network and volume of the project, stopped ones too."""
        return [
            *self._ps(),
            *docker("network", "ls", "--filter", self._mine, "--format", "{{.Name}}").split(),
            *docker("volume", "ls", "--filter", self._mine, "--format", "{{.Name}}").split(),
        ]

    def _ps(self, *filters: str) -> list[str]:
        narrowed = [word for each in (self._mine, *filters) for word in ("--filter", each)]
        return docker("ps", "--all", *narrowed, "--format", "{{.Names}}").split()

    @property
    def _mine(self) -> str:
        return f"label=com.docker.compose.project={self.project}"

    def containers(self, service: str) -> list[str]:
        """Ids of the running containers of a service."""
        return self.compose("ps", "--quiet", service).split()

    def connections(self) -> dict[str, int]:
        """How many clients each gateway has: container id to number, as its own metrics say."""
        return {
            container: _gauge(
                "hubbub_connections", docker("exec", container, "python", "-c", _PRINT_METRICS).splitlines()
            )
            for container in self.containers("gateway")
        }


def _gauge(name: str, exposition: Iterable[str]) -> int:
    """The value of a gauge in Prometheus' text format, summed over its labels."""
    rows = [line for line in exposition if line.startswith((f"{name}{{", f"{name} "))]
    assert rows, f"the metrics have no {name}"
    return sum(int(float(row.rpartition(" ")[2])) for row in rows)
