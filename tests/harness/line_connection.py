"""A connection to a server that is read all the time, whoever waits or not. Real sockets, asyncio streams."""

import asyncio
from collections.abc import Callable

from gateway.wire.framing import LineDecoder, Overlong
from gateway.wire.limits import MAX_LINE_BYTES, MAX_TAGS_BYTES
from gateway.wire.message import Message
from tests.harness.deadlines import DEADLINE_S

__all__ = ["LineConnection"]

WAIT_S = 4 * DEADLINE_S  # for any fact: what is waited for may stand behind thousands of others


class LineConnection:
    """Made by `open`; `abort` ends it."""

    def __init__(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, take: Callable[[Message], None]
    ) -> None:
        self._name = name
        self.up = True  # the server has not closed it
        self.heard_s = asyncio.get_running_loop().time()  # when anything was last read
        self._writer = writer
        self._changed = asyncio.Condition()
        # Owned by this connection: `abort` ends it and waits for it.
        self._reading = asyncio.create_task(self._read(reader, take), name=f"reads for {name}")

    @classmethod
    async def open(cls, name: str, host: str, port: int, take: Callable[[Message], None]) -> "LineConnection":
        """Connect; from then on `take` is given what comes, in its order. Errors say `name`.

        Raises:
            OSError, TimeoutError: no connection.
        """
        async with asyncio.timeout(WAIT_S):
            reader, writer = await asyncio.open_connection(host, port)
        return cls(name, reader, writer, take)

    def send(self, *lines: str) -> None:
        """Send lines as they are."""
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until something that was read has made `fact` true.

        Raises:
            ConnectionError: the server closed the connection before.
            TimeoutError: it is not true in time.
        """
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: fact() or not self.up)
        if not fact():
            raise ConnectionError(f"{self._name}: the server closed the connection")

    def read_nothing(self) -> None:
        """Let it fill up."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket's transport reads, too

    def read_on(self) -> None:
        """Read again."""
        if not self._writer.transport.is_closing():
            self._writer.transport.resume_reading()  # type: ignore[attr-defined] # as above

    async def abort(self) -> None:
        """Cut it without a word. Raises what `take` raised, if it did."""
        self._writer.transport.abort()
        self._reading.cancel()
        await asyncio.wait([self._reading], timeout=WAIT_S)
        self.up = False
        if not self._reading.cancelled():
            self._reading.result()  # a line that could not be taken is the test's business

    async def _read(self, reader: asyncio.StreamReader, take: Callable[[Message], None]) -> None:
        decoder = LineDecoder(MAX_TAGS_BYTES + MAX_LINE_BYTES)
        while self.up:
            try:
                chunk = await reader.read(1 << 16)
            except ConnectionError:
                chunk = b""
            for line in decoder.feed(chunk):
                assert not isinstance(line, Overlong), "the server sent a line longer than the wire allows"
                take(Message.parse(line))
            self.up = bool(chunk)
            self.heard_s = asyncio.get_running_loop().time()
            async with self._changed:
                self._changed.notify_all()
