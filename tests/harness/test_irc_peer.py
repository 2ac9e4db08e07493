"""The peer the other tests rely on, against a real socket whose other end says exact lines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.harness.deadlines import DEADLINE_S
from tests.harness.irc_peer import IrcPeer, PeerClosedError

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Conversation) -> AsyncIterator[int]:
    """The port of a server that holds this conversation once and hangs up; what fails in it fails the test."""
    ended = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
            ended.set_result(None)
        except (AssertionError, ConnectionError) as error:
            ended.set_exception(error)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(DEADLINE_S):
            await ended


@asynccontextmanager
async def peer_of(talk: Conversation) -> AsyncIterator[IrcPeer]:
    """A peer, not registered, of a server that holds this conversation."""
    async with (
        serving(talk) as port,
        await IrcPeer.connect("127.0.0.1", port, "ann", register=False) as peer,
    ):
        yield peer


async def test_expect_drops_what_does_not_fit() -> None:
    """`expect` returns the first message that fits and drops those before it."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b":hub NOTICE ann :one\r\n:bob!b@h PRIVMSG #tea :two\r\n:bob!b@h PRIVMSG #tea :three\r\n")

    async with peer_of(talk) as peer:
        assert (await peer.expect("PRIVMSG")).params == ("#tea", "two")
        assert (await peer.expect(lambda m: m.params[-1].startswith("th"))).params == ("#tea", "three")


async def test_barrier_returns_what_came_before() -> None:
    """`barrier` ends with the PONG of its own token, not another's, and gives what came before it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        token = (await reader.readline()).split()[-1]
        writer.write(b":hub NOTICE ann :one\r\n:hub PONG hub other\r\n:hub PONG hub " + token + b"\r\n")

    async with peer_of(talk) as peer:
        assert [message.params for message in await peer.barrier()] == [("ann", "one"), ("hub", "other")]


async def test_server_ping_is_answered_and_left_out() -> None:
    """A server's PING gets its PONG while the test waits for something else."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"PING :are you there\r\n")
        assert await reader.readline() == b"PONG :are you there\r\n"
        writer.write(b":hub NOTICE ann :good\r\n")

    async with peer_of(talk) as peer:
        assert (await peer.read()).command == "NOTICE"


async def test_end_of_connection_is_told_with_the_last_lines() -> None:
    """A server that hangs up is an error that shows what it said last."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"ERROR :go away\r\n")

    async with peer_of(talk) as peer:
        with pytest.raises(PeerClosedError, match="go away"):
            await peer.expect("001")


async def test_silence_is_an_assertion() -> None:
    """What does not come within the deadline fails the test by name."""

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer_of(talk) as peer:
        with pytest.raises(AssertionError, match=r"'001' did not come within 0\.05 s"):
            await peer.expect("001", deadline_s=0.05)


async def test_registration_waits_for_the_welcome() -> None:
    """`connect` requests its capabilities, ends negotiation, and returns after the MOTD or its absence."""
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not heard or heard[-1] != b"CAP END\r\n":
            heard.append(await reader.readline())
            if heard[-1].startswith(b"CAP REQ"):
                writer.write(b":hub CAP * ACK :echo-message batch\r\n")
        writer.write(b":hub 001 ann :Welcome\r\n:hub 422 ann :No MOTD\r\n:hub NOTICE ann :after\r\n")

    async with (
        serving(talk) as port,
        await IrcPeer.connect("127.0.0.1", port, "ann", caps=["echo-message", "batch"]) as peer,
    ):
        assert (await peer.read()).command == "NOTICE"
    assert heard == [
        b"CAP LS 302\r\n",
        b"NICK ann\r\n",
        b"USER ann 0 * :ann\r\n",
        b"CAP REQ :echo-message batch\r\n",
        b"CAP END\r\n",
    ]
