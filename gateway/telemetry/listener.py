"""The HTTP listener: `/healthz`, `/readyz`, `/metrics`. Source: RFC 9112, as much as a probe and a scraper need.

It runs in a thread with a loop of its own, so that it can still say that the gateway's loop is stuck. One request per
connection, GET and HEAD alone.
"""

import asyncio
import logging
import socket
import threading
from http import HTTPStatus
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from gateway.telemetry.health import Health

__all__ = ["MAX_CLIENTS", "MAX_REQUEST_BYTES", "HttpListener"]

MAX_CLIENTS = 32  # at once; one more is closed without an answer
MAX_REQUEST_BYTES = 8192  # request line and headers; who sends more is closed
REQUEST_TIMEOUT_S = 5.0  # from connect to the last byte of the answer

_log = logging.getLogger(__name__)


class _Answer(NamedTuple):
    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"

    def encode(self, *, with_body: bool) -> bytes:
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\n"
            "Cache-Control: no-store\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + (self.body if with_body else b"")


class HttpListener:
    """A running listener; `start` makes it."""

    def __init__(
        self, listening: socket.socket, health: Health, registry: CollectorRegistry, request_timeout_s: float
    ) -> None:
        self.port: int = listening.getsockname()[1]
        """Where it listens, also where a free port was asked for."""
        self._listening = listening
        self._health = health
        self._registry = registry
        self._request_timeout_s = request_timeout_s
        self._clients: set[asyncio.Task[None]] = set()
        self._loop = asyncio.SelectorEventLoop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="http-listener", daemon=True)

    @classmethod
    def start(
        cls,
        host: str,
        port: int,
        health: Health,
        registry: CollectorRegistry,
        *,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> "HttpListener":
        """Bind and answer from now on.

        Args:
            host: an address, or a name that has an IPv4 one.
            port: 0 takes a free one.
        Raises:
            OSError: the address cannot be bound.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
        listener = cls(listening, health, registry, request_timeout_s)
        listener._thread.start()
        return listener

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop; requests under way are dropped. Harmless when repeated."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout_s)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, sock=self._listening, limit=MAX_REQUEST_BYTES)
        await self._stop.wait()
        server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MAX_CLIENTS:
            writer.transport.abort()
            return
        client = self._loop.create_task(self._converse(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._request_timeout_s):
                writer.write(await self._answer_request(reader))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one that is silent, slow, gone or says too much is closed, and nobody else's affair
        finally:
            writer.transport.abort()

    async def _answer_request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        match head.partition(b"\r\n")[0].split(b" "):
            case [b"GET" | b"HEAD" as method, target, b"HTTP/1.0" | b"HTTP/1.1"]:
                return self._answer(target.partition(b"?")[0]).encode(with_body=method == b"GET")
            case [_, _, b"HTTP/1.0" | b"HTTP/1.1"]:
                return _Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"GET or HEAD\n").encode(with_body=True)
        return _Answer(HTTPStatus.BAD_REQUEST, b"").encode(with_body=True)

    def _answer(self, path: bytes) -> _Answer:
        match path:
            case b"/healthz":
                return _verdict("" if self._health.is_live() else "the event loop is stuck")
            case b"/readyz":
                return _verdict(self._health.why_not_ready())
            case b"/metrics":
                return self._metrics()
        return _Answer(HTTPStatus.NOT_FOUND, b"/healthz, /readyz or /metrics\n")

    def _metrics(self) -> _Answer:
        try:
            return _Answer(HTTPStatus.OK, generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)
        except Exception:  # noqa: BLE001 - a metric that cannot be read must not take /healthz with it
            _log.exception("metrics_failed")
            return _Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"")


def _verdict(objection: str) -> _Answer:
    if objection:
        return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, objection.encode() + b"\n")
    return _Answer(HTTPStatus.OK, b"ok\n")
