"""The wire that the fault lab tears at, between a real client and a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.harness.deadlines import DEADLINE_S
from tests.harness.tcp_proxy import Direction, TcpProxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LARGE_BYTES = 20_000_000  # more than the sockets and the proxy hold together


@asynccontextmanager
async def echoing() -> AsyncIterator[tuple[str, int]]:
    """The address of a server that sends back what comes."""
    talking: set[asyncio.Task[None]] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(task := asyncio.create_task(echo(reader, writer)))
        task.add_done_callback(talking.discard)

    async with await asyncio.start_server(accepted, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()
        server.close()
        for task in list(talking):
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    """A proxy before an echo."""
    async with echoing() as address, TcpProxy.running(address) as proxy:
        yield proxy


async def connected(proxy: TcpProxy) -> Streams:
    """A connection through it that was heard at the other end."""
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    await said((reader, writer), b"hello")
    return reader, writer


async def said(streams: Streams, text: bytes) -> None:
    """Say something, and wait until it has come back."""
    streams[1].write(text)
    async with asyncio.timeout(DEADLINE_S):
        assert await streams[0].readexactly(len(text)) == text


def hang_up(streams: Streams) -> None:
    """Close without a word."""
    streams[1].transport.abort()


async def silent(streams: Streams) -> bool:
    """Whether nothing comes for a while; a fact that no event can tell."""
    try:
        async with asyncio.timeout(0.1):
            return not await streams[0].read(1)
    except TimeoutError:
        return True


async def ended(streams: Streams) -> None:
    """Wait until the other end has closed."""
    async with asyncio.timeout(DEADLINE_S):
        with suppress(ConnectionError):
            assert await streams[0].read() == b""
    hang_up(streams)


async def test_everything_passes(proxy: TcpProxy) -> None:
    """More than all buffers hold, both ways, unchanged."""
    streams = await connected(proxy)
    text = bytes(range(250)) * (LARGE_BYTES // 250)
    streams[1].write(text)
    async with asyncio.timeout(4 * DEADLINE_S):
        assert await streams[0].readexactly(len(text)) == text
    hang_up(streams)


async def test_cut_ends_what_is_open_and_takes_what_comes(proxy: TcpProxy) -> None:
    """The connection is gone, the next one is taken."""
    streams = await connected(proxy)
    await proxy.cut()
    await ended(streams)
    assert proxy.connections == 0
    hang_up(await connected(proxy))


async def test_refused_until_restored(proxy: TcpProxy) -> None:
    """The system refuses connections, and takes them again on the same port."""
    await ended_by_refusal(proxy)
    port = proxy.port
    await proxy.restore()
    assert proxy.port == port
    hang_up(await connected(proxy))


async def ended_by_refusal(proxy: TcpProxy) -> None:
    """What is open is cut, and no other can be opened."""
    streams = await connected(proxy)
    await proxy.refuse()
    await ended(streams)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(proxy.host, proxy.port)


async def test_stalled_nothing_is_lost(proxy: TcpProxy) -> None:
    """Silence, and then everything that was said meanwhile."""
    streams = await connected(proxy)
    proxy.stall()
    streams[1].write(b"kept")
    assert await silent(streams)
    await proxy.restore()
    async with asyncio.timeout(DEADLINE_S):
        assert await streams[0].readexactly(4) == b"kept"
    hang_up(streams)


async def test_delay_is_that_of_both_ways(proxy: TcpProxy) -> None:
    """An answer takes twice the delay, and does not overtake."""
    streams = await connected(proxy)
    loop = asyncio.get_running_loop()
    proxy.delay_s = 0.05
    start_s = loop.time()
    await said(streams, b"slow")
    assert loop.time() - start_s >= 0.1
    streams[1].write(b"first ")
    await proxy.restore()
    streams[1].write(b"second")
    async with asyncio.timeout(DEADLINE_S):
        assert await streams[0].readexactly(12) == b"first second"
    hang_up(streams)


@pytest.mark.parametrize("direction", list(Direction))
async def test_a_deaf_direction_swallows_until_the_connection_is_cut(proxy: TcpProxy, direction: Direction) -> None:
    """What went that way never arrives; restoring ends the connection, which could only go on with a hole."""
    streams = await connected(proxy)
    proxy.deafen(direction)
    streams[1].write(b"lost")
    assert await silent(streams)
    assert proxy.swallowed_bytes == 4
    await proxy.restore()
    await ended(streams)
    hang_up(await connected(proxy))
