"""A TCP server that a test plays line by line: it accepts, and says and hears exactly what the test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.harness.deadlines import DEADLINE_S
from tests.harness.ports import free_ports

__all__ = ["Caller", "ScriptedServer", "scripted_server"]


class Caller:
    """One client that connected."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def say(self, *lines: str) -> None:
        """Send lines, given without CR LF."""
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def hear(self, part: str) -> str:
        """The next line that contains `part`, without CR LF; those before it are dropped.

        Raises:
            AssertionError: none came in time, or the client closed.
        """
        try:
            async with asyncio.timeout(DEADLINE_S):
                while line := await self._reader.readline():
                    if part in (text := line.decode().rstrip("\r\n")):
                        return text
        except TimeoutError:
            raise AssertionError(f"the client did not say {part!r} within {DEADLINE_S:g} s") from None
        raise AssertionError(f"the client closed before it said {part!r}")

    async def hear_end(self) -> None:
        """Wait until the client has closed."""
        async with asyncio.timeout(DEADLINE_S):
            while await self._reader.read(65_536):
                pass

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class ScriptedServer:
    """Listens on a free port of the loopback interface."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = free_ports(1)[0]
        self._callers: asyncio.Queue[Caller] = asyncio.Queue(100)
        self._all: list[Caller] = []
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept clients, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._called, self.host, self.port)

    async def caller(self) -> Caller:
        """The next client that connects, or has connected."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._callers.get()
        except TimeoutError:
            raise AssertionError(f"nobody connected within {DEADLINE_S:g} s") from None

    def refuse(self) -> None:
        """Listen no more; those who are connected stay so."""
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        """Refuse, and hang up on everybody."""
        self.refuse()
        for caller in self._all:
            caller.close()

    def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = Caller(reader, writer)
        self._all.append(caller)
        self._callers.put_nowait(caller)


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    """A server that listens, closed afterwards."""
    server = ScriptedServer()
    await server.listen()
    try:
        yield server
    finally:
        server.close()
