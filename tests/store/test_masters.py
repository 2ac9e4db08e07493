"""Which server Sentinels call master, also while they do not agree; and connections that are lost as they begin.

Source: Sentinel documentation, "Sentinel commands" and "Configuration epochs".
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import hiredis
import pytest
import uvloop

from gateway.store.masters import CONNECT_ERRORS, SentinelMaster, ask, end, open_connection
from gateway.store.urls import Address, RedisUrl
from tests.harness.deadlines import DEADLINE_S

OLD, NEW = ("10.0.0.2", 7000), ("10.0.0.1", 6000)


@asynccontextmanager
async def sentinel(answers: Mapping[str, list[str]]) -> AsyncIterator[Address]:
    """A server that knows the two questions, and greets."""

    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader(encoding="utf-8")
        while data := await reader.read(4096):
            parser.feed(data)
            while (command := parser.gets()) is not False:
                if command[0] == "HELLO":
                    writer.write(b"%1\r\n+server\r\n+redis\r\n")
                elif command[0] == "SENTINEL":
                    words: tuple[str | int, ...] = (*answers[command[1]],)
                    writer.write(hiredis.pack_command(words))  # type: ignore[arg-type] # its stub wants one element
                else:
                    writer.write(b"+OK\r\n")
        writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accepted, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(*serving)  # whoever asked has hung up


def says(epoch: int, address: Address, current: Address) -> dict[str, list[str]]:
    """What a Sentinel answers: of the master it watches, and which one to go to."""
    host, port = address
    return {
        "MASTER": ["name", "hub", "ip", host, "port", f"{port}", "config-epoch", f"{epoch}"],
        "GET-MASTER-ADDR-BY-NAME": [current[0], f"{current[1]}"],
    }


@asynccontextmanager
async def watching(*answers: Mapping[str, list[str]]) -> AsyncIterator[SentinelMaster]:
    """Who asks Sentinels that say so."""
    async with AsyncExitStack() as stack:
        hosts = [await stack.enter_async_context(sentinel(each)) for each in answers]
        named = ",".join(f"{host}:{port}" for host, port in hosts)
        master = SentinelMaster(RedisUrl.parse(f"redis+sentinel://{named}/hub"))
        stack.push_async_callback(master.close)
        yield master


@pytest.mark.parametrize(
    "answers",
    [
        [says(5, OLD, OLD), says(6, NEW, NEW)],
        [says(6, OLD, NEW), says(6, NEW, NEW)],
        [says(5, OLD, OLD), says(6, OLD, NEW)],
    ],
    ids=["one has not heard", "the leader has not finished", "only the leader knows"],
)
async def test_the_newest_configuration_counts(answers: list[dict[str, list[str]]]) -> None:
    """From the moment in which the leader of a failover tells it."""
    async with watching(*answers) as master:
        assert await master.find() == NEW


async def test_who_has_not_heard_sends_nobody_back() -> None:
    """The only Sentinel that answers names a master from before: those who know another stay there."""
    async with watching(says(5, OLD, OLD)) as master:
        assert await master.find() == OLD
        master._epoch = 6  # as after a connection to the master of that configuration
        assert await master.find() is None


def test_a_connection_lost_a_moment_ago_is_a_connection_error(store_url: str) -> None:
    """Under uvloop as under asyncio: whoever tries again must see an error that it tries again for."""

    async def lose() -> None:
        connection = await open_connection(store_url, 2.0)
        connection._writer.transport.abort()
        await connection._writer.wait_closed()
        with pytest.raises(CONNECT_ERRORS):
            await ask(connection, "PING")
        await end(connection)

    uvloop.run(lose())
