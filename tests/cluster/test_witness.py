"""Witnesses on real sockets before a real gateway: what a wire that lies does to one of them is in the report."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from benchmarks.servers import Address, hubbub
from tests.harness.checker import Report
from tests.harness.court import Court

pytestmark = pytest.mark.slow

ROOM = "#tea"
TEXTS = 20
CLOSE_S = 5.0

Mangle = Callable[[bytes], Iterable[bytes]]


def told(text: str, instead: Callable[[bytes], Iterable[bytes]]) -> Mangle:
    """Replace the line with this text by others; let all else pass."""
    return lambda line: instead(line) if line.endswith(f":{text}\r\n".encode()) else (line,)


def swapped(first: str, second: str) -> Mangle:
    """Hold the line with the first text back until the second has passed."""
    held: list[bytes] = []

    def mangle(line: bytes) -> Iterable[bytes]:
        if line.endswith(f":{first}\r\n".encode()):
            held.append(line)
            return ()
        return (line, *held) if line.endswith(f":{second}\r\n".encode()) else (line,)

    return mangle


def ghostly(line: bytes) -> Iterable[bytes]:
    """One member more in each NAMES reply."""
    return (line.replace(b"\r\n", b" ghost\r\n") if b" 353 " in line else line,)


@asynccontextmanager
async def lying_wire(server: Address, mangle: Mangle) -> AsyncIterator[Address]:
    """A TCP proxy that changes what the server says, line by line."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*server)

        async def forth() -> None:
            while chunk := await reader.read(1 << 16):
                server_writer.write(chunk)
            server_writer.close()

        async def back() -> None:
            while line := await server_reader.readline():
                writer.writelines(mangle(line))
            writer.close()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(forth())
            tasks.create_task(back())

    proxy = await asyncio.start_server(relay, "127.0.0.1", 0)
    async with proxy:
        address: Address = proxy.sockets[0].getsockname()
        yield address
        proxy.close()
        async with asyncio.timeout(CLOSE_S):
            await proxy.wait_closed()


async def heard_over(mangle: Mangle) -> Report:
    """Ann and bob talk in a room; cy hears them over a wire that lies."""
    async with hubbub() as server, lying_wire(server.addresses[0], mangle) as lying, Court() as court:
        ann = await court.witness("ann", *server.addresses[0])
        bob = await court.witness("bob", *server.addresses[0])
        cy = await court.witness("cy", *lying)
        for witness in (ann, bob, cy):
            await witness.join(ROOM)
        for number in range(TEXTS):
            ann.say(ROOM, f"ann {number}")
            bob.say(ROOM, f"bob {number}")
            await ann.acknowledged()
            await bob.acknowledged()
        return replace(await court.report(), details=())


@pytest.mark.parametrize(
    ("mangle", "found"),
    [
        pytest.param(lambda line: (line,), {}, id="nothing"),
        pytest.param(told("ann 7", lambda _: ()), {"deliveries": -1, "lost": 1}, id="a line dropped"),
        pytest.param(told("ann 7", lambda line: (line, line)), {"deliveries": 1, "doubled": 1}, id="a line doubled"),
        pytest.param(swapped("ann 7", "ann 8"), {"out_of_order": 1}, id="two lines swapped"),
        pytest.param(told("bob 3", lambda line: (line, b":ann!ann@host QUIT\r\n")), {"flaps": 1}, id="a quit"),
        pytest.param(ghostly, {"ghosts": 1}, id="a ghost"),
    ],
)
async def test_what_a_lying_wire_does_is_found_as_what_it_is(mangle: Mangle, found: dict[str, int]) -> None:
    """Each lie is one count in the report; the truth is a clean one."""
    clean = {"sent": 2 * TEXTS, "acknowledged": 2 * TEXTS, "deliveries": 4 * TEXTS}
    report = await heard_over(mangle)
    expected = {name: clean.get(name, 0) + found.get(name, 0) for name in clean | found}
    assert report == Report(**expected, details=())
