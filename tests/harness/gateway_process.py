"""Real gateways as processes: started on free ports, killed with real signals."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.harness.deadlines import DEADLINE_S
from tests.harness.ports import free_ports
from tests.harness.rerouted import Routes, rerouted
from tests.harness.shifted_clock import PRELOADED, ClockShift

__all__ = ["GatewayProcess", "gateways"]

READY = "hubbub gateway listening on "
HTTP = "hubbub gateway answers HTTP on "
TLS = "hubbub gateway listens for TLS on "
WEBSOCKET = "hubbub gateway listens for WebSockets on "
MAX_LOG_LINES = 5_000  # of standard error kept for a failed test


class GatewayProcess:
    """One `chat-gateway`; ready to accept clients when `start` returns."""

    def __init__(self, *, state_dir: Path, redis_url: str | None = None, **settings: str | int) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.http_port = 0
        self.tls_port = 0
        self.websocket_port = 0
        self.log: deque[str] = deque(maxlen=MAX_LOG_LINES)
        self._state_dir = state_dir
        self._settings = {"port": free_ports(1)[0], "http_port": 0, **settings}
        self._redis_url = redis_url
        self.clock: ClockShift | None = None  # set before `start`, lets its wall clock be stepped
        self.routes: Routes = {}  # set before `start`, leads its connections to Redis over other ports
        self._process: subprocess.Popen[str] | None = None

    @property
    def redis_url(self) -> str:
        """The Redis it was given; it must have been given one."""
        assert self._redis_url is not None
        return self._redis_url

    @property
    def pid(self) -> int:
        """The process, which must be running."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it runs; minus the signal for one that was killed."""
        return None if self._process is None else self._process.poll()

    def launch(self) -> "GatewayProcess":
        """Run it, and wait for nothing."""
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings.items()]
        flags += [f"--state-dir={self._state_dir}"]
        flags += [f"--redis-url={self._redis_url}"] if self._redis_url else []
        ours = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_GATEWAY_")}
        environ = {name: value for name, value in ours.items() if name not in PRELOADED}
        clock = ["tests.harness.shifted_clock", str(self.clock.path)] if self.clock else []
        program = rerouted(self.routes, "gateway") if self.routes else ["gateway"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *clock, *program, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        )
        threading.Thread(target=self._keep_log, daemon=True).start()
        return self

    def start(self) -> "GatewayProcess":
        """Run it and wait until it listens. Raises AssertionError with its log if it does not."""
        self.launch()
        self.port = int(self._line_after(READY).rpartition(":")[2])
        self.http_port = int(self._line_after(HTTP).rpartition(":")[2])
        if "tls_port" in self._settings:
            self.tls_port = int(self._line_after(TLS).rpartition(":")[2])
            self._settings["tls_port"] = self.tls_port
        if "websocket_port" in self._settings:
            self.websocket_port = int(self._line_after(WEBSOCKET).rpartition(":")[2])
            self._settings["websocket_port"] = self.websocket_port
        return self

    def _line_after(self, prefix: str) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(prefix), "\n".join([f"no {prefix!r}, but {line!r}", *self.log])
        return line.removeprefix(prefix).strip()

    def _keep_log(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            self.log.extend(line.rstrip() for line in stream)

    def logged(self, event: str) -> list[str]:
        """The lines of its log, so far, with that event."""
        return [line for line in tuple(self.log) if f" {event}" in line]

    def send_signal(self, number: signal.Signals) -> None:
        """A real signal to the real process."""
        os.kill(self.pid, number)

    def wait(self, deadline_s: float = DEADLINE_S) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        code = self._process.wait(deadline_s)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.send_signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit code; does nothing to one that has ended."""
        if self._process is None:
            return 0
        if self.exit_code is not None:
            self.wait()
            return 0
        self.send_signal(signal.SIGCONT)
        self.send_signal(signal.SIGTERM)
        return self.wait(deadline_s=15.0)

    def restart(self) -> None:
        """Run it again, once it has ended, on the same port with the same data."""
        self.wait()
        self.start()


@contextmanager
def gateways(
    directory: Path, redis_url: str, names: Iterable[str] = ("one", "two"), **settings: str | int
) -> Iterator[list[GatewayProcess]]:
    """Gateways over one Redis, running; at the end those that still run are stopped."""
    with ExitStack() as stack:
        started = []
        for name in names:
            gateway = GatewayProcess(state_dir=directory / name, redis_url=redis_url, **settings)
            stack.callback(gateway.stop)
            started.append(gateway.start())
        yield started
