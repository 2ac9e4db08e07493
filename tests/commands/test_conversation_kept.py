"""A direct message is in its conversation before it is in an inbox: what is answered in between is true."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.facts import wait_for
from tests.harness.gateway_inside import GatewayInside
from tests.harness.history import HISTORY, ask
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    """A server of the test's own."""
    with PrivateServer.running(tmp_path / "server") as server:
        yield server


async def test_a_message_in_history_is_not_called_unsent(server: PrivateServer, nick: str) -> None:
    """Redis takes it, and refuses what has to be asked before it is delivered: it is, and echoed, when that works."""
    async with GatewayInside.running(server.url) as inside:
        caps = (*HISTORY, "standard-replies", "echo-message")
        ann = await IrcPeer.connect(inside.host, inside.port, nick, caps=caps)
        bob = await IrcPeer.connect(inside.host, inside.port, f"{nick}b", caps=caps)
        with server.client() as client:
            await ann.send(f"PRIVMSG {nick}b :one")  # from then on the number of the conversation's log is known
            assert (await bob.expect("PRIVMSG")).params[-1] == "one"
            client.execute_command("ACL", "SETUSER", "default", "-hget")  # how an inbox's number is asked for
            await bob.send(f"PRIVMSG {nick} :hello")
            await asyncio.to_thread(wait_for, lambda: "errorstat_NOPERM" in client.info("errorstats"))
            client.execute_command("ACL", "SETUSER", "default", "+hget")
        answer = await bob.read()
        assert (answer.command, answer.params[-1]) == ("PRIVMSG", "hello")
        assert (await ann.expect(lambda message: message.params[-1] == "hello")).command == "PRIVMSG"
        assert [message.params[-1] for message in await ask(ann, f"LATEST {nick}b * 10")] == ["one", "hello"]
        for peer in (ann, bob):
            await peer.close()
