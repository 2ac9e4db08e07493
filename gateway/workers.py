"""`--workers N`: identical gateways as processes that share the port, for hosts with several cores.

The kernel spreads connections over them (SO_REUSEPORT). Each is a gateway of its own; the HTTP port of worker i is
the configured one plus i.
"""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from gateway.config import Config
from gateway.exits import ExitCode
from gateway.net.listening import taking
from gateway.store.embedded import EmbeddedStore

__all__ = ["run_workers"]

LOOK_EVERY_S = 0.5
RESTART_AFTER_S = 1.0
_log = logging.getLogger(__name__)

Serve = Callable[[Config, str], None]
"""Runs one gateway that shares its port, and exits the process: configuration, URL of Redis."""


def run_workers(config: Config, redis_url: str, serve: Serve, store: EmbeddedStore | None) -> int:
    """Run `config.workers` gateways until they have ended or a signal came; returns the exit code.

    A worker that crashes is started again; one that cannot have what it needs (69, 78) ends all.

    Raises:
        PortError: a port cannot be had.
    """
    with ExitStack() as reserved:
        reserve = partial(_reserve, reserved, config.host)
        config = replace(config, port=reserve("--port", config.port))
        if config.tls_port is not None:
            config = replace(config, tls_port=reserve("--tls-port", config.tls_port))
        if config.websocket_port is not None:
            config = replace(config, websocket_port=reserve("--websocket-port", config.websocket_port))
        return _Workers(config, redis_url, serve, store).run()


def _reserve(reserved: ExitStack, host: str, flag: str, port: int) -> int:
    # Bound and never listening: it keeps a free port ours until the workers have it, and takes no connection.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with taking(flag, host, port):
        holder = reserved.enter_context(closing(socket.socket(family, socket.SOCK_STREAM)))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
    number: int = holder.getsockname()[1]
    return number


class _Workers:
    def __init__(self, config: Config, redis_url: str, serve: Serve, store: EmbeddedStore | None) -> None:
        self._config = config
        self._redis_url = redis_url
        self._serve = serve
        self._store = store
        self._number = config.workers
        self._running: dict[int, SpawnProcess] = {}
        self._due: dict[int, float] = {}  # worker -> when it is started again
        self._stopping = False
        self._code = ExitCode.OK

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if self._config.tls_cert is not None:
            signal.signal(signal.SIGHUP, self._on_hangup)
        for index in range(self._number):
            self._launch(index)
        while self._running or self._due:
            wait([process.sentinel for process in self._running.values()], timeout=LOOK_EVERY_S)
            self._collect()
            self._start_due()
            if self._store is not None and not self._stopping and not self._store.alive():
                self._store.restart()
        return self._code

    def _launch(self, index: int) -> None:
        http_port = self._config.http_port + index if self._config.http_port else 0
        config = replace(self._config, http_port=http_port)
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=self._serve, args=(config, self._redis_url), name=f"worker-{index}")
        process.start()
        self._running[index] = process

    def _collect(self) -> None:
        for index, process in list(self._running.items()):
            if process.exitcode is None:
                continue
            del self._running[index]
            if process.exitcode in (ExitCode.UNAVAILABLE, ExitCode.CONFIG):
                self._code = process.exitcode
                self._stop()
            elif process.exitcode != ExitCode.OK and not self._stopping:
                _log.warning("worker_ended", extra={"worker": index, "code": process.exitcode})
                self._due[index] = time.monotonic() + RESTART_AFTER_S

    def _start_due(self) -> None:
        for index, at in list(self._due.items()):
            if self._stopping or time.monotonic() >= at:
                del self._due[index]
                if not self._stopping:
                    self._launch(index)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop()

    def _on_hangup(self, number: int, frame: object) -> None:
        """Each worker reads the certificate again; one that is just starting does so anyway."""
        for process in self._running.values():
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGHUP)

    def _stop(self) -> None:
        self._stopping = True
        for process in self._running.values():
            process.terminate()
