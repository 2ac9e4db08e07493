"""Ports that clients come to: who accepts there, and which transport a connection gets."""

import asyncio
import errno
import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from gateway.errors import GatewayError
from gateway.net.tcp import AVAILABLE, Poller

__all__ = ["Listener", "PortError", "listen", "taking"]

BACKLOG = 4096
HANDSHAKE_LIMIT_S = 10.0  # of TLS; until it is done a connection is none of ours yet
ACCEPTS_AT_ONCE = 64  # in one turn of the loop
RETRY_S = 1.0  # after the system had no descriptor, or no memory, for one more connection
_log = logging.getLogger(__name__)


class PortError(GatewayError):
    """A port cannot be had: one line with the flag that asks for it, where it is, and why."""

    def __init__(self, flag: str, host: str, port: int, cause: OSError) -> None:
        why = cause.strerror
        if cause.errno is not None and not isinstance(cause, socket.gaierror):  # whose number is one of its own
            why = os.strerror(cause.errno)  # event loops write the address into the text, each in its own way
        super().__init__(f"{flag}: cannot listen on {host} port {port}: {why or cause}")


@contextmanager
def taking(flag: str, host: str, port: int) -> Iterator[None]:
    """Around what takes a port.

    Raises:
        PortError: in place of its OSError.
    """
    try:
        yield
    except OSError as exc:
        raise PortError(flag, host, port, exc) from exc


class Listener(Protocol):
    """A port that was taken."""

    port: int

    async def accept(self) -> None:
        """Let clients in."""

    def close(self) -> None:
        """Take no more; those who are in stay."""

    def end(self) -> None:
        """Close what is still open, too; nobody is told."""


async def listen(
    new: Callable[[], asyncio.Protocol],
    host: str,
    port: int,
    *,
    reuse_port: bool,
    context: ssl.SSLContext | None,
) -> Listener:
    """Take a port, with a context for TLS; `new` makes the protocol of a connection.

    Raises:
        OSError: it cannot be had.
    """
    if context is None and AVAILABLE:
        return _PlainListener(new, await _bound(host, port, reuse_port=reuse_port))
    server = await asyncio.get_running_loop().create_server(
        new,
        host,
        port,
        backlog=BACKLOG,
        reuse_port=reuse_port or None,
        start_serving=False,
        ssl=context,
        ssl_handshake_timeout=None if context is None else HANDSHAKE_LIMIT_S,
    )
    return _LoopListener(server)


class _LoopListener:
    """The event loop accepts, and its transports serve."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.port: int = server.sockets[0].getsockname()[1]

    async def accept(self) -> None:
        await self._server.start_serving()

    def close(self) -> None:
        self._server.close()

    def end(self) -> None:
        self.close()  # the rest is the loop's


class _PlainListener:
    """Accepts for a poller of its own, on one socket for each address of the host."""

    def __init__(self, new: Callable[[], asyncio.Protocol], bound: list[socket.socket]) -> None:
        self._new = new
        self._bound = bound
        self._loop = asyncio.get_running_loop()
        self._poller = Poller(self._loop)
        self.port: int = bound[0].getsockname()[1]

    async def accept(self) -> None:
        for listening in self._bound:
            listening.listen(BACKLOG)
            self._resume(listening)

    def close(self) -> None:
        for listening in self._bound:
            self._loop.remove_reader(listening.fileno())
            listening.close()
        self._bound.clear()

    def end(self) -> None:
        self.close()
        self._poller.close()

    def _resume(self, listening: socket.socket) -> None:
        if listening in self._bound:
            self._loop.add_reader(listening.fileno(), self._take, listening)

    def _take(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                accepted, peer = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return  # whoever else waits, the next turn tells
            except OSError as exc:
                # It would be told again and again that somebody waits.
                _log.error("accept_failed", extra={"why": errno.errorcode.get(exc.errno or 0, "unknown")})
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(RETRY_S, self._resume, listening)
                return
            self._poller.add(accepted, peer, self._new())


async def _bound(host: str, port: int, *, reuse_port: bool) -> list[socket.socket]:
    """A socket for each address of the host, as the event loops do it; an empty host is all of this machine's."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound = []
    with ExitStack() as opened:
        for family, kind, proto, _, address in dict.fromkeys(found):
            try:
                each = opened.enter_context(socket.socket(family, kind, proto))
            except OSError:
                continue  # a family that this machine does not have
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.bind(address)
            bound.append(each)
        if not bound:
            raise OSError(errno.EAFNOSUPPORT, "no address of the host is of a family that this machine has")
        opened.pop_all()
    return bound
