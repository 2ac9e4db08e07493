"""The transport of plain TCP connections: real sockets, of which the test holds the other end."""

import asyncio
import contextlib
import gc
import resource
import select
import socket
import struct
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.net.listening import listen
from gateway.net.tcp import READ_BYTES, READS_AT_ONCE, Poller, TcpTransport
from tests.harness.deadlines import DEADLINE_S, eventually

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the event loop's own transports serve here")
HIGH_BYTES = 65_536
LEAST_BUFFER = 4096


class Recorder(asyncio.Protocol):
    """Notes what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[str | bytes | Exception | None] = []
        self.peer: Any = None
        self.stays_open = False  # when the peer has ended its side
        self.fails = False
        self.transport: TcpTransport

    @property
    def received(self) -> bytes:
        """All that came."""
        return b"".join(each for each in self.told if isinstance(each, bytes))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, TcpTransport)
        self.transport = transport
        self.peer = transport.get_extra_info("peername")
        transport.set_write_buffer_limits(high=HIGH_BYTES)

    def data_received(self, data: bytes) -> None:
        if self.fails:
            raise RuntimeError("planted")
        self.told.append(data)

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self.stays_open

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told += ["lost", exc]

    async def until(self, fact: Callable[["Recorder"], bool], what: str) -> None:
        """Wait until something can be seen here."""

        async def ask() -> bool | None:
            return fact(self) or None

        await eventually(ask, what=what)

    async def until_lost(self) -> Exception | None:
        """Wait for the end, and return why."""
        await self.until(lambda self: "lost" in self.told, "the connection is lost")
        why = self.told[-1]
        assert why is None or isinstance(why, Exception)
        return why


class Site:
    """A poller, and a listening socket from which it gets its connections."""

    def __init__(self) -> None:
        self.poller = Poller(asyncio.get_running_loop())
        self.listening = socket.create_server(("127.0.0.1", 0))
        self._peers: list[socket.socket] = []

    def pair(self, *, buffer_bytes: int | None = None) -> tuple[Recorder, socket.socket]:
        """A protocol that has a connection, and its peer's end; the buffers of the system as small as may be."""
        peer = socket.socket()
        self._peers.append(peer)
        if buffer_bytes is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        peer.connect(self.listening.getsockname())
        peer.setblocking(False)
        accepted, address = self.listening.accept()
        if buffer_bytes is not None:
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        recorder = Recorder()
        self.poller.add(accepted, address, recorder)
        return recorder, peer

    @property
    def quiet(self) -> bool:
        """Whether the loop would sleep: nothing is told until something happens."""
        return not select.select([self.poller._epoll.fileno()], [], [], 0)[0]

    def close(self) -> None:
        self.poller.close()
        for each in (self.listening, *self._peers):
            each.close()


@contextlib.contextmanager
def _site() -> Iterator[Site]:
    site = Site()
    try:
        yield site
    finally:
        site.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A poller with nobody yet."""
    with _site() as site:
        yield site


async def receive(peer: socket.socket, size: int) -> bytes:
    """What comes to the peer: so many bytes, or fewer if it ends."""
    loop, received = asyncio.get_running_loop(), b""
    async with asyncio.timeout(DEADLINE_S):
        while len(received) < size and (data := await loop.sock_recv(peer, min(READ_BYTES, size - len(received)))):
            received += data
    return received


def reset(peer: socket.socket) -> None:
    """End a connection by RST."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 60_000), max_size=30),
    st.integers(LEAST_BUFFER, 4 * LEAST_BUFFER),
    st.lists(st.integers(1, 20_000), min_size=1, max_size=10),
)
def test_what_is_written_arrives_in_order(written: list[int], buffer_bytes: int, reads: list[int]) -> None:
    """Whatever is written at once, what the system's buffers hold, and how the peer reads; then the end."""

    async def run() -> None:
        with _site() as site:
            recorder, peer = site.pair(buffer_bytes=buffer_bytes)
            everything, received = b"", b""
            for size, most in zip(written, cycle(reads), strict=False):
                part = bytes((len(everything) + index) * 31 % 251 for index in range(size))
                everything += part
                recorder.transport.write(part)
                received += await receive(peer, min(most, len(everything) - len(received)))
            assert recorder.transport.get_write_buffer_size() <= len(everything) - len(received)
            recorder.transport.close()
            received += await receive(peer, len(everything) + 1)
            assert received == everything
            assert await recorder.until_lost() is None

    asyncio.run(run())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=3 * READ_BYTES), max_size=8))
def test_what_the_peer_writes_is_received_in_order(parts: list[bytes]) -> None:
    """In pieces that are never longer than one connection may take of a turn; its end comes last."""

    async def run() -> None:
        with _site() as site:
            recorder, peer = site.pair()
            for part in parts:
                await asyncio.get_running_loop().sock_sendall(peer, part)
            peer.shutdown(socket.SHUT_WR)
            assert await recorder.until_lost() is None
            assert recorder.received == b"".join(parts)
            assert recorder.told[-3:] == ["eof", "lost", None]
            assert all(len(data) <= READ_BYTES for data in recorder.told if isinstance(data, bytes))

    asyncio.run(run())


async def test_a_slow_reader_is_waited_for(site: Site) -> None:
    """The protocol is told once that more than the limit waits, and once that most of it has gone."""
    recorder, peer = site.pair(buffer_bytes=LEAST_BUFFER)
    sent = 0
    while "pause" not in recorder.told:
        recorder.transport.write(bytes(1000))
        sent += 1000
    assert recorder.transport.get_write_buffer_size() > HIGH_BYTES
    recorder.transport.write(bytes(1000))
    assert recorder.told == ["pause"]
    assert len(await receive(peer, sent + 1000)) == sent + 1000
    await recorder.until(lambda self: "resume" in self.told, "it may write again")
    assert recorder.told == ["pause", "resume"]
    assert recorder.transport.get_write_buffer_size() == 0
    assert site.quiet


async def test_closing_flushes(site: Site) -> None:
    """What waits is sent first; what is written later is not."""
    recorder, peer = site.pair(buffer_bytes=LEAST_BUFFER)
    recorder.transport.write(bytes(1_000_000))
    recorder.transport.close()
    assert recorder.transport.is_closing()
    assert not recorder.transport.is_reading()
    recorder.transport.write(b"too late")
    assert len(await receive(peer, 1_000_001)) == 1_000_000
    assert await recorder.until_lost() is None


async def test_the_protocol_knows_of_the_end_before_the_peer(site: Site) -> None:
    """A peer that sees it may come back at once, and must find what it left free."""
    recorder, peer = site.pair()
    recorder.transport.close()
    with pytest.raises(BlockingIOError):
        peer.recv(1)
    assert await recorder.until_lost() is None
    assert await receive(peer, 1) == b""


async def test_who_is_still_sending_gets_what_was_said_last(site: Site) -> None:
    """And then the end, not a reset, for which what it has not yet read might be thrown away: "it SHOULD send a RST to
    show that data was lost" is about who closes with something unread. Source: RFC 1122, section 4.2.2.13."""
    recorder, peer = site.pair()
    loop = asyncio.get_running_loop()
    recorder.transport.pause_reading()
    await loop.sock_sendall(peer, bytes(READ_BYTES * 3))
    recorder.transport.write(b"ERROR")
    recorder.transport.close()
    assert await recorder.until_lost() is None
    async with asyncio.timeout(DEADLINE_S):
        await loop.sock_sendall(peer, bytes(1_000_000))
    assert await receive(peer, 6) == b"ERROR"
    assert recorder.received == b""


async def test_who_never_stops_sending_is_reset(site: Site) -> None:
    """A second after our end, and the loop sleeps."""
    recorder, peer = site.pair()
    recorder.transport.close()
    assert await recorder.until_lost() is None

    async def refused() -> bool | None:
        try:
            await asyncio.get_running_loop().sock_sendall(peer, b"and another thing")
        except ConnectionError:
            return True
        return None

    await eventually(refused, what="the peer is reset")
    assert site.quiet


async def test_who_has_said_everything_gets_the_rest(site: Site) -> None:
    """A peer that ends its side only is still sent what waits for it, and then closed."""
    recorder, peer = site.pair(buffer_bytes=LEAST_BUFFER)
    recorder.transport.write(bytes(1_000_000))
    peer.sendall(b"last words")
    peer.shutdown(socket.SHUT_WR)
    await recorder.until(lambda self: "eof" in self.told, "the end is known")
    assert len(await receive(peer, 1_000_001)) == 1_000_000
    assert await recorder.until_lost() is None
    assert recorder.received == b"last words"


async def test_a_half_closed_connection_can_stay(site: Site) -> None:
    """Where the protocol wants it so; the end is told once, and the loop sleeps."""
    recorder, peer = site.pair()
    recorder.stays_open = True
    peer.shutdown(socket.SHUT_WR)
    await recorder.until(lambda self: "eof" in self.told, "the end is known")
    assert site.quiet
    recorder.transport.write(b"still here")
    assert await receive(peer, 10) == b"still here"
    assert recorder.told == ["eof"]


async def test_a_reset_ends_the_connection(site: Site) -> None:
    """The protocol hears why; what is written afterwards goes nowhere."""
    recorder, peer = site.pair()
    reset(peer)
    assert isinstance(await recorder.until_lost(), ConnectionResetError)
    recorder.transport.write(b"to nobody")
    assert recorder.told[:-1] == ["lost"]


async def test_a_connection_is_not_lost_within_a_write(site: Site) -> None:
    """Whoever writes to many at once goes through them, and must not lose one on the way."""
    recorder, peer = site.pair()
    recorder.transport.pause_reading()
    reset(peer)

    async def refused() -> bool | None:
        recorder.transport.write(b"x")
        assert "lost" not in recorder.told
        return recorder.transport.is_closing() or None

    await eventually(refused, what="the reset is noticed")
    assert isinstance(await recorder.until_lost(), OSError)


async def test_a_reset_while_something_waits(site: Site) -> None:
    """What waited is lost, the connection ends, also while nothing is read of it."""
    recorder, peer = site.pair(buffer_bytes=LEAST_BUFFER)
    recorder.transport.pause_reading()
    recorder.transport.write(bytes(1_000_000))
    reset(peer)
    assert isinstance(await recorder.until_lost(), OSError)
    assert recorder.transport.get_write_buffer_size() == 0


async def test_reading_can_pause(site: Site) -> None:
    """Nothing is received meanwhile, not even the end, and the loop sleeps; afterwards all of it is."""
    recorder, peer = site.pair()
    recorder.transport.pause_reading()
    assert not recorder.transport.is_reading()
    peer.sendall(b"kept")
    peer.close()
    other, other_peer = site.pair()
    other_peer.sendall(b"x")
    await other.until(lambda self: self.received == b"x", "others are served")
    assert recorder.told == []
    assert site.quiet
    recorder.transport.resume_reading()
    assert await recorder.until_lost() is None
    assert recorder.told == [b"kept", "eof", "lost", None]


async def test_aborting_loses_what_waits(site: Site) -> None:
    """The peer gets what was sent, and the protocol hears of the end once."""
    recorder, peer = site.pair(buffer_bytes=LEAST_BUFFER)
    recorder.transport.write(bytes(1_000_000))
    recorder.transport.close()
    recorder.transport.abort()
    recorder.transport.abort()
    assert await recorder.until_lost() is None
    assert len(await receive(peer, 1_000_000)) < 1_000_000
    assert recorder.told == ["pause", "lost", None]


async def test_a_flood_keeps_nobody_waiting(site: Site) -> None:
    """Of who sends more than a turn takes others have their turn in between."""
    flooder, flooding = site.pair()
    other, quiet = site.pair()
    told = other.told = flooder.told
    flooding.send(bytes(4 * READ_BYTES))
    quiet.send(b"x")
    await flooder.until(lambda self: len(self.received) == 4 * READ_BYTES + 1, "all is received")
    assert told.index(b"x") <= 1
    assert max(len(data) for data in told if isinstance(data, bytes)) == READ_BYTES


async def test_a_wave_is_worked_off_in_turns(site: Site) -> None:
    """Of many who are heard from at once a turn of the loop serves some, so that as many commands are under way."""
    pairs = [site.pair() for _ in range(READS_AT_ONCE + 10)]
    for _, peer in pairs:
        peer.sendall(b"x")
    served = 0
    while served < len(pairs):
        await asyncio.sleep(0)
        before, served = served, sum(recorder.received == b"x" for recorder, _ in pairs)
        assert served - before <= READS_AT_ONCE


async def test_a_protocol_that_fails_ends_alone(site: Site) -> None:
    """Its connection is closed, the loop is told, and the others are served."""
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    broken, peer = site.pair()
    other, other_peer = site.pair()
    broken.fails = True
    peer.sendall(b"x")
    other_peer.sendall(b"y")
    await other.until(lambda self: self.received == b"y", "others are served")
    assert await broken.until_lost() is None
    assert [str(context["exception"]) for context in problems] == ["planted"]
    assert await receive(peer, 1) == b""


async def test_nothing_is_left_of_a_connection(site: Site) -> None:
    """It is freed at once, and not by a collection of cycles."""
    recorder, peer = site.pair()
    gone = weakref.ref(recorder)
    gc.disable()
    try:
        peer.close()
        await recorder.until_lost()
        del recorder
        assert gone() is None
    finally:
        gc.enable()


async def test_where_a_peer_was_is_known_after_its_reset(site: Site) -> None:
    """A peer that is gone before it was accepted has come from somewhere all the same: it must not count as local."""
    peer = socket.create_connection(site.listening.getsockname())
    port = peer.getsockname()[1]
    reset(peer)
    recorder = Recorder()
    site.poller.add(*site.listening.accept(), recorder)
    assert recorder.peer == ("127.0.0.1", port)
    assert isinstance(await recorder.until_lost(), ConnectionResetError)


async def test_without_descriptors_a_listener_waits(caplog: pytest.LogCaptureFixture) -> None:
    """Who comes then is accepted as soon as there are some; meanwhile the loop is not kept busy."""
    made: list[Recorder] = []

    def new() -> Recorder:
        made.append(Recorder())
        return made[-1]

    listener = await listen(new, "127.0.0.1", 0, reuse_port=False, context=None)
    await listener.accept()
    peer = socket.socket()
    peer.setblocking(False)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (peer.fileno() + 1, before[1]))
    try:
        await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", listener.port))

        async def complained() -> bool | None:
            return "accept_failed" in caplog.text or None

        await eventually(complained, what="it cannot be accepted")
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(caplog.records) == 1
        assert not made
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    async def accepted() -> bool | None:
        return bool(made) or None

    await eventually(accepted, what="it is accepted")
    peer.close()
    await made[0].until_lost()
    listener.end()
