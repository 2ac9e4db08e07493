"""The link over real sockets: servers that close, refuse, go silent, stop reading."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from client.link import ANSWER_LIMIT_S, IDLE_S, Link, Server
from tests.harness.deadlines import DEADLINE_S
from tests.harness.scripted_server import ScriptedServer, scripted_server


class Log:
    """Keeps what a link tells, and lets a test wait for it."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[str] = asyncio.Queue(1000)

    def link_trying(self, server: Server, attempt: int) -> None:
        pass

    def link_opened(self, server: Server) -> None:
        self._told.put_nowait(f"opened {server.port}")

    def link_received(self, chunk: bytes) -> None:
        self._told.put_nowait(f"received {chunk!r}")

    def link_idle(self) -> None:
        self._told.put_nowait("idle")

    def link_lost(self, server: Server, reason: str) -> None:
        self._told.put_nowait(f"lost {server.port}: {reason}")

    def link_failed(self, server: Server, attempt: int, reason: str, wait_s: float) -> None:
        self._told.put_nowait(f"failed {server.port}, try {attempt}: {reason}")

    async def next(self) -> str:
        """The next thing told."""
        async with asyncio.timeout(DEADLINE_S):
            return await self._told.get()


@asynccontextmanager
async def link_to(*servers: ScriptedServer, idle_s: float = 60.0) -> AsyncIterator[tuple[Link, Log]]:
    """A running link that waits nearly nothing between tries."""
    log = Log()
    places = [Server(server.host, server.port) for server in servers]
    link = Link(places, log, rng=lambda: 0.01, idle_s=idle_s, answer_limit_s=idle_s)
    task = asyncio.create_task(link.run())
    try:
        yield link, log
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_bytes_go_both_ways() -> None:
    """What is sent arrives, what arrives is told."""
    async with scripted_server() as server, link_to(server) as (link, log):
        assert await log.next() == f"opened {server.port}"
        caller = await server.caller()
        link.send(b"hello\r\n")
        assert await caller.hear("hello") == "hello"
        caller.say("welcome")
        assert await log.next() == r"received b'welcome\r\n'"


async def test_a_server_that_closes_is_told_and_the_next_one_tried() -> None:
    """Servers are taken in turn."""
    async with scripted_server() as one, scripted_server() as two, link_to(one, two) as (_, log):
        assert await log.next() == f"opened {one.port}"
        (await one.caller()).close()
        assert await log.next() == f"lost {one.port}: it closed the connection"
        assert await log.next() == f"opened {two.port}"


async def test_a_server_that_refuses_is_told_with_the_number_of_the_try() -> None:
    """Every try is counted, until a connection proves good."""
    async with scripted_server() as server:
        server.refuse()
        async with link_to(server) as (link, log):
            assert await log.next() == f"failed {server.port}, try 1: connection refused"
            assert await log.next() == f"failed {server.port}, try 2: connection refused"
            await server.listen()
            while (told := await log.next()) != f"opened {server.port}":
                assert told.startswith("failed")
            link.settled()
            server.close()
            assert (await log.next()).startswith("lost")
            assert await log.next() == f"failed {server.port}, try 1: connection refused"


async def test_a_silent_server_is_asked_and_then_left() -> None:
    """Nothing comes: one question; no answer: the connection is given up."""
    async with scripted_server() as server, link_to(server, idle_s=0.05) as (_, log):
        assert await log.next() == f"opened {server.port}"
        assert await log.next() == "idle"
        assert await log.next() == f"lost {server.port}: it stopped answering"


async def test_any_byte_is_a_sign_of_life() -> None:
    """An answer to the question keeps the connection."""
    async with scripted_server() as server, link_to(server, idle_s=0.2) as (_, log):
        caller = await server.caller()
        assert await log.next() == f"opened {server.port}"
        for _ in range(3):
            assert await log.next() == "idle"
            caller.say("here")
            assert (await log.next()).startswith("received")


async def test_a_server_that_does_not_read_is_dropped() -> None:
    """What is unsent is bounded; the limit ends the connection, not our memory."""
    async with scripted_server() as server, link_to(server) as (link, log):
        await server.caller()
        assert await log.next() == f"opened {server.port}"
        for _ in range(200):
            link.send(b"x" * 65_536)
        assert await log.next() == f"lost {server.port}: it does not read"


async def test_what_is_sent_without_a_connection_is_dropped() -> None:
    """Whoever says what must arrive keeps it until it is acknowledged."""
    async with scripted_server() as server:
        server.refuse()
        async with link_to(server) as (link, log):
            assert (await log.next()).startswith("failed")
            link.send(b"early\r\n")
            await server.listen()
            caller = await server.caller()
            while not (await log.next()).startswith("opened"):
                pass
            link.send(b"late\r\n")
            assert await caller.hear("") == "late"


async def test_cancelling_closes_the_connection() -> None:
    """The end of the link is the end of its socket."""
    async with scripted_server() as server:
        async with link_to(server):
            caller = await server.caller()
        await caller.hear_end()


async def test_all_other_servers_are_tried_without_waiting() -> None:
    """A wait comes after each round of the list only."""
    waits: list[float] = []

    class Waits(Log):
        def link_failed(self, server: Server, attempt: int, reason: str, wait_s: float) -> None:
            waits.append(wait_s)
            super().link_failed(server, attempt, reason, wait_s)

    log = Waits()
    async with scripted_server() as one, scripted_server() as two:
        one.refuse()
        two.refuse()
        places = [Server(server.host, server.port) for server in (one, two)]
        task = asyncio.create_task(Link(places, log, rng=lambda: 0.01).run())
        for _ in range(4):
            assert (await log.next()).startswith("failed")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert [wait_s > 0 for wait_s in waits] == [False, True, False, True]


def test_silence_is_noticed_within_fifteen_seconds() -> None:
    """The bound that docs/client.md promises."""
    assert IDLE_S + ANSWER_LIMIT_S < 15


async def test_after_a_sleep_the_server_is_asked_at_once() -> None:
    """Not after the usual silence; an answer that is awaited already is not cut short, and a wait for a try is."""
    async with scripted_server() as server, link_to(server) as (link, log):
        assert await log.next() == f"opened {server.port}"
        caller = await server.caller()
        link.check()
        assert await log.next() == "idle"
        link.check()
        caller.say("PONG")
        assert await log.next() == "received b'PONG\\r\\n'"
        caller.close()
        assert (await log.next()).startswith(f"lost {server.port}")
        assert await log.next() == f"opened {server.port}"
