"""A raw IRC client for tests: sends exact lines, waits for facts. Source: RFC 1459; IRCv3 capability negotiation.

It reads only while somebody waits, so a peer nobody asks is a peer that does not read; a server's PING is answered at
the next wait.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from types import TracebackType
from typing import Self

from gateway.wire.framing import LineDecoder, Overlong
from gateway.wire.limits import MAX_LINE_BYTES, MAX_TAGS_BYTES
from gateway.wire.message import Message
from tests.harness.deadlines import DEADLINE_S

__all__ = ["IrcPeer", "PeerClosedError", "Wanted"]

Wanted = str | Callable[[Message], bool]
"""A command or numeric ("PRIVMSG", "001"), or a predicate."""

MAX_UNREAD = 100_000  # messages; more is a test that should read what it asks for
_CHUNK_BYTES = 65_536
_SHOWN_IN_ERRORS = 20  # messages


class PeerClosedError(ConnectionError):
    """The server ended the connection before what was waited for; the text has the last lines."""


class IrcPeer:
    """One connection. Made by `connect`; `async with` closes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, nick: str) -> None:
        self.nick = nick
        self._reader = reader
        self._writer = writer
        self._decoder = LineDecoder(MAX_TAGS_BYTES + MAX_LINE_BYTES)
        self._unread: deque[Message] = deque()
        self._seen: deque[Message] = deque(maxlen=_SHOWN_IN_ERRORS)
        self._tokens = count(1)

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        nick: str,
        *,
        caps: Iterable[str] = (),
        register: bool = True,
        deadline_s: float = DEADLINE_S,
        tls: ssl.SSLContext | None = None,
        source: str | None = None,
    ) -> Self:
        """Connect and, unless told otherwise, register: on return the server has welcomed `nick`.

        Args:
            caps: capabilities to request; the server must grant all of them.
            deadline_s: for each step: the connection, each answer.
            source: the address to connect from.
        Raises:
            AssertionError: no welcome in time, or the capabilities were refused.
            OSError: no connection; `PeerClosedError` if the server ended it.
        """
        try:
            async with asyncio.timeout(deadline_s):
                reader, writer = await asyncio.open_connection(
                    host, port, ssl=tls, local_addr=(source, 0) if source else None
                )
        except TimeoutError:
            raise AssertionError(f"{nick}: no connection to {host}:{port} within {deadline_s:g} s") from None
        peer = cls(reader, writer, nick)
        try:
            if register:
                await peer._register(" ".join(caps), deadline_s)
        except BaseException:
            writer.close()
            raise
        return peer

    async def _register(self, caps: str, deadline_s: float) -> None:
        await self.send("CAP LS 302", f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}")
        if caps:
            await self.send(f"CAP REQ :{caps}")
            answer = await self.expect(
                lambda m: m.command == "CAP" and m.params[1] in {"ACK", "NAK"}, deadline_s=deadline_s
            )
            assert answer.params[1] == "ACK", f"the server does not grant {caps!r}"
        await self.send("CAP END")
        await self.expect("001", deadline_s=deadline_s)
        await self.expect(lambda m: m.command in {"376", "422"}, deadline_s=deadline_s)

    async def send(self, *lines: str | bytes | Message) -> None:
        """Send lines in one write, each given without its CR LF."""
        self._writer.write(b"".join(_encode(line) for line in lines))
        async with asyncio.timeout(DEADLINE_S):
            await self._writer.drain()

    async def expect(self, wanted: Wanted, *, deadline_s: float = DEADLINE_S) -> Message:
        """The next message that fits; those before it are dropped.

        Raises:
            AssertionError: none within `deadline_s`.
            PeerClosedError: the server closed first.
        """
        fits = _predicate(wanted)
        while not fits(message := await self.read(wanted, deadline_s=deadline_s)):
            pass
        return message

    async def collect(self, wanted: Wanted, number: int, *, deadline_s: float = DEADLINE_S) -> list[Message]:
        """The next `number` messages that fit, as `expect` finds them."""
        return [await self.expect(wanted, deadline_s=deadline_s) for _ in range(number)]

    async def read(self, wanted: Wanted = "any message", *, deadline_s: float = DEADLINE_S) -> Message:
        """The next message, whatever it is; a server's PING is answered and left out. Raises as `expect` does."""
        try:
            async with asyncio.timeout(deadline_s):
                while not self._unread:
                    await self._receive()
        except TimeoutError:
            raise AssertionError(self._account(f"{wanted!r} did not come within {deadline_s:g} s")) from None
        message = self._unread.popleft()
        self._seen.append(message)
        return message

    async def capabilities(self, version: str = "302") -> list[str]:
        """What `CAP LS` offers, with values, in one line or several."""
        await self.send(f"CAP LS {version}".rstrip())
        words: list[str] = []
        more = True
        while more:
            message = await self.expect("CAP")
            words += message.params[-1].split()
            more = message.params[2] == "*" and len(message.params) > 3
        return words

    async def read_until(self, end: bytes, *, deadline_s: float = DEADLINE_S) -> bytes:
        """The bytes that come, up to a line with `end` in it; for answers so long that reading them as messages costs
        more than the answer. Nothing else may be on its way."""
        assert not self._unread
        found = bytearray()
        async with asyncio.timeout(deadline_s):
            while not found.endswith(b"\r\n") or end not in found[found.rfind(b"\n", 0, -2) + 1 :]:
                chunk = await self._reader.read(_CHUNK_BYTES)
                if not chunk:
                    raise PeerClosedError(self._account("the server closed the connection"))
                found += chunk
        return bytes(found)

    async def barrier(self, *, deadline_s: float = DEADLINE_S) -> list[Message]:
        """Wait until the server has handled everything sent so far, and return all messages it sent meanwhile.

        What other clients or other gateways must do first may still be on its way: expect that itself.
        """
        token = f"barrier-{next(self._tokens)}"
        await self.send(f"PING {token}")
        before: list[Message] = []
        while not _is_pong(message := await self.read(f"PONG {token}", deadline_s=deadline_s), token):
            before.append(message)
        return before

    async def wait_closed(self, *, deadline_s: float = DEADLINE_S) -> list[Message]:
        """Wait until the server has ended the connection, and return the messages it sent before."""
        before: list[Message] = []
        try:
            while True:
                before.append(await self.read("the end of the connection", deadline_s=deadline_s))
        except PeerClosedError:
            return before

    async def close(self) -> None:
        """Close the socket without a QUIT, as a lost client would."""
        self._writer.close()
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._writer.wait_closed()
        except ConnectionError:
            pass  # the server was first

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _receive(self) -> None:
        try:
            chunk = await self._reader.read(_CHUNK_BYTES)
        except ConnectionError:
            chunk = b""
        if not chunk:
            raise PeerClosedError(self._account("the server closed the connection"))
        for line in self._decoder.feed(chunk):
            assert not isinstance(line, Overlong), "the server sent a line longer than the wire allows"
            message = Message.parse(line)
            if message.command == "PING":
                await self.send(Message("PONG", message.params))
            else:
                self._unread.append(message)
        assert len(self._unread) <= MAX_UNREAD, "nobody read what came"

    def _account(self, what: str) -> str:
        return "\n    ".join([f"{self.nick}: {what}; the last messages were", *map(str, self._seen)])


def _encode(line: str | bytes | Message) -> bytes:
    if isinstance(line, Message):
        return line.encode()
    return (line.encode() if isinstance(line, str) else line) + b"\r\n"


def _predicate(wanted: Wanted) -> Callable[[Message], bool]:
    return (lambda message: message.command == wanted) if isinstance(wanted, str) else wanted


def _is_pong(message: Message, token: str) -> bool:
    return message.command == "PONG" and message.params[-1] == token
