"""A connection that comes back: connect, read, notice silence, reconnect. It moves bytes and knows no protocol.

After a loss each server of the list is tried without delay, once; then waits grow with full jitter. One short wait
comes before the first try, so that the clients of a dead gateway do not all arrive elsewhere at once.
"""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from client.backoff import Backoff

__all__ = ["Link", "LinkUser", "Server"]

CONNECT_LIMIT_S = 5.0
IDLE_S = 8.0  # nothing came for so long: ask for a sign of life
ANSWER_LIMIT_S = 5.0  # and then wait so long for it: silence is noticed within 13 s
CLOSE_LIMIT_S = 1.0
READ_BYTES = 65_536
MAX_UNSENT_BYTES = 1_048_576  # a server that does not read is as good as gone


class Server(NamedTuple):
    """Where a gateway listens, and whether it speaks TLS there."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class LinkUser(Protocol):
    """What a link tells of itself. All calls come from the loop that runs the link, one at a time."""

    def link_trying(self, server: Server, attempt: int) -> None:
        """Try number `attempt` since the last connection that `settled` begins."""

    def link_opened(self, server: Server) -> None:
        """Bytes can be sent."""

    def link_received(self, chunk: bytes) -> None:
        """Bytes came."""

    def link_idle(self) -> None:
        """Nothing came for a while: send something that must be answered."""

    def link_lost(self, server: Server, reason: str) -> None:
        """The connection is gone; the next try follows within half a second."""

    def link_failed(self, server: Server, attempt: int, reason: str, wait_s: float) -> None:
        """Try number `attempt` since the last connection that `settled` got none; the next is in `wait_s`."""


class Link:
    """One connection at a time, to one of `servers`."""

    def __init__(
        self,
        servers: Sequence[Server],
        user: LinkUser,
        *,
        rng: Callable[[], float],
        tls: ssl.SSLContext | None = None,
        idle_s: float = IDLE_S,
        answer_limit_s: float = ANSWER_LIMIT_S,
    ) -> None:
        """Args: tls: for servers that speak it; None: the system's authorities, and the server's name is checked."""
        self._servers = servers
        self._user = user
        self._tls = tls
        self._backoff = Backoff(rng)
        self._idle_s = idle_s
        self._answer_limit_s = answer_limit_s
        self._writer: asyncio.StreamWriter | None = None
        self._dropped = ""
        self._attempt = 0
        self._hurry = asyncio.Event()
        self._patience: asyncio.Timeout | None = None  # with a server that is silent and has not been asked

    async def run(self) -> None:
        """Stay connected until cancelled; cancelling closes the connection."""
        turn = 0
        while True:
            server = self._servers[turn % len(self._servers)]
            turn += 1
            self._attempt += 1
            self._user.link_trying(server, self._attempt)
            try:
                async with asyncio.timeout(CONNECT_LIMIT_S):
                    reader, writer = await asyncio.open_connection(
                        server.host, server.port, ssl=self._context() if server.tls else None
                    )
            except OSError as exc:
                wait_s = self._next_wait_s()
                self._user.link_failed(server, self._attempt, _reason(exc), wait_s)
            else:
                reason = await self._serve(server, reader, writer)
                self._user.link_lost(server, reason)
                wait_s = self._next_wait_s()
            await self._pause(wait_s)

    def send(self, data: bytes) -> None:
        """Send bytes; without a connection they are dropped, for what must arrive is kept by those who say it."""
        if self._writer is None or not data:
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.drop("it does not read")

    def drop(self, reason: str) -> None:
        """Give the connection up and try the next server."""
        if self._writer is not None:
            self._dropped = reason
            self._writer.transport.abort()

    def settled(self) -> None:
        """The connection proved good: the next loss begins with short waits again."""
        self._attempt = 0
        self._backoff.reset()

    def hurry(self) -> None:
        """Try now instead of waiting for the next try's moment."""
        self._hurry.set()

    def check(self) -> None:
        """Ask for a sign of life, or try, at once: after a sleep of the machine what seems to stand may be gone."""
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time())
        self._hurry.set()

    async def _pause(self, wait_s: float) -> None:
        self._hurry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._hurry.wait()

    def _context(self) -> ssl.SSLContext:
        # Not before it is needed: reading the system's authorities takes 20 ms.
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _next_wait_s(self) -> float:
        """0 while there are servers not tried since the last good connection."""
        return self._backoff.next_wait_s() if self._attempt % len(self._servers) == 0 else 0.0

    async def _serve(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Read until the end; why it ended."""
        self._writer = writer
        self._dropped = ""
        try:
            self._user.link_opened(server)
            return await self._read(reader)
        except OSError as exc:
            return self._dropped or _reason(exc)
        finally:
            self._writer = None
            writer.close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(CLOSE_LIMIT_S):
                    await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> str:
        asked = False
        while True:
            try:
                async with asyncio.timeout(self._answer_limit_s if asked else self._idle_s) as patience:
                    self._patience = None if asked else patience
                    try:
                        chunk = await reader.read(READ_BYTES)
                    finally:
                        self._patience = None
            except TimeoutError:
                if asked:
                    return "it stopped answering"
                asked = True
                self._user.link_idle()
                continue
            if not chunk:
                return self._dropped or "it closed the connection"
            asked = False
            self._user.link_received(chunk)


def _reason(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return "no answer"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {exc.verify_message}"
    if isinstance(exc, ssl.SSLError):
        return "it does not speak TLS as it should"
    if exc.errno is not None and exc.errno > 0:
        return os.strerror(exc.errno).lower()  # asyncio's own text repeats the address
    return (exc.strerror or "no address answers").lower()  # negative: the resolver's; none: several addresses failed
