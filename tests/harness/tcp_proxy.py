"""A wire that can be cut, refused, stalled, made slow or deaf: from a gateway to Redis, from a replica to its master.

It runs in the loop of the test. TCP loses nothing that a connection goes on without, so *loss* here is a direction
that swallows everything until the connection ends: to restore it aborts the connections.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path

from tests.harness.ports import free_ports

__all__ = ["Direction", "Target", "TcpProxy"]

Target = Path | tuple[str, int]
"""A UNIX socket, or host and port."""

CHUNK_BYTES = 65_536
MAX_CHUNKS = 64  # on their way in one direction; then nothing more is read, as from a full pipe
CLOSE_S = 5.0


class Direction(Enum):
    """Seen from who connects."""

    UP = "up"
    DOWN = "down"


class TcpProxy:
    """Listens on a loopback port and passes on to `target`; made by `running`."""

    host = "127.0.0.1"

    def __init__(self, target: Target) -> None:
        self.target = target
        """Where new connections go; those that are open stay where they are."""
        self.port = free_ports(1)[0]
        self.delay_s = 0.0
        """How long each chunk is under way, in each direction."""
        self.swallowed_bytes = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._deaf: set[Direction] = set()
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls, target: Target) -> AsyncIterator["TcpProxy"]:
        """Listen; at the end nothing is left of it."""
        proxy = cls(target)
        await proxy.accept()
        try:
            yield proxy
        finally:
            await proxy.refuse()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def accept(self) -> None:
        """Take connections, on the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accepted, self.host, self.port)

    async def refuse(self) -> None:
        """Cut what is open, and have the system refuse what comes."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Abort every connection: what was under way is gone."""
        for task in (cut := list(self._connections)):
            task.cancel()
        if cut:
            await asyncio.wait(cut, timeout=CLOSE_S)

    def stall(self) -> None:
        """Pass nothing on and keep it all: the connections look well and are silent."""
        self._flowing.clear()

    def deafen(self, direction: Direction) -> None:
        """Swallow what goes that way."""
        self._deaf.add(direction)

    async def restore(self) -> None:
        """No delay, no stall, no loss, open again. Connections that were deaf are cut: nobody could go on with them."""
        self.delay_s = 0.0
        if self._deaf:
            await self.cut()
            self._deaf.clear()
        self._flowing.set()
        await self.accept()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        # Ours until it is cut, or either end has closed.
        task = asyncio.create_task(self._serve(reader, writer, ends), name="proxied connection")
        self._connections[task] = ends
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        for writer in self._connections.pop(task):
            writer.transport.abort()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: list[asyncio.StreamWriter]
    ) -> None:
        try:
            far_reader, far_writer = await self._connect()
            ends.append(far_writer)
            async with asyncio.TaskGroup() as tasks:
                for direction, source, sink in (
                    (Direction.UP, reader, far_writer),
                    (Direction.DOWN, far_reader, writer),
                ):
                    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MAX_CHUNKS)
                    tasks.create_task(self._take(source, under_way))
                    tasks.create_task(self._pass_on(direction, under_way, sink))
        except* OSError:
            pass  # either end has closed, or the target does not answer: the other end will see

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)

    async def _take(self, source: asyncio.StreamReader, under_way: "asyncio.Queue[tuple[float, bytes]]") -> None:
        while chunk := await source.read(CHUNK_BYTES):
            await under_way.put((asyncio.get_running_loop().time() + self.delay_s, chunk))
        raise ConnectionResetError  # the end of one direction is the end of both

    async def _pass_on(
        self, direction: Direction, under_way: "asyncio.Queue[tuple[float, bytes]]", sink: asyncio.StreamWriter
    ) -> None:
        while True:
            due_s, chunk = await under_way.get()
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            await self._flowing.wait()
            if direction in self._deaf:
                self.swallowed_bytes += len(chunk)
                continue
            sink.write(chunk)
            await sink.drain()
