"""Redis goes away while people talk on two gateways: nothing acknowledged is lost, nothing doubled, one order.

An acknowledgement is the echo. Real gateways, a real Valkey that is killed, frozen or closes its connections.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer
from tests.harness.talkers import CAPS, ROOM, Talkers

FREEZE_S = 5.0  # longer than the silence after which a lane is dropped, shorter than a lease


class Stage(Talkers):
    """Two gateways over one server, and talkers on both."""

    def __init__(self, server: PrivateServer, pair: list[GatewayProcess]) -> None:
        super().__init__(pair)
        self.server = server


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Everything, running."""
    with (
        PrivateServer.running(tmp_path / "server") as server,
        gateways(tmp_path, server.url, limits="off", drain_s=2) as pair,
    ):
        yield Stage(server, pair)


async def every_talker_is_refused(stage: Stage) -> None:
    """Both gateways have noticed that Redis is away, and tell who speaks."""
    for talker in stage.talkers:
        talker.refusal.clear()
    async with asyncio.timeout(4 * DEADLINE_S):
        for talker in stage.talkers:
            await talker.refusal.wait()


async def life_goes_on(stage: Stage) -> None:
    """A gateway without Redis answers PING, takes a connection, and refuses what it cannot do."""
    gateway = stage.gateways[0]
    async with await IrcPeer.connect(gateway.host, gateway.port, "new", register=False) as peer:
        await peer.send("PING still-there")
        assert (await peer.expect("PONG")).params[-1] == "still-there"


@pytest.mark.slow
async def test_redis_is_killed_and_started_again(stage: Stage) -> None:
    """SIGKILL, AOF on: refusals meanwhile, PING answered, all connections stay, nothing acknowledged is lost."""
    async with stage.talking():
        for _ in range(3):
            stage.server.kill()
            await every_talker_is_refused(stage)
            await life_goes_on(stage)
            await asyncio.to_thread(stage.server.restart)
            await stage.everybody_goes_on()


@pytest.mark.slow
async def test_redis_is_frozen_and_goes_on(stage: Stage) -> None:
    """SIGSTOP: its silence is noticed, and what was on its way then is said once after SIGCONT."""
    loop = asyncio.get_running_loop()
    async with stage.talking():
        begin = loop.time()
        stage.server.freeze()
        await every_talker_is_refused(stage)
        await life_goes_on(stage)

        async def frozen_long_enough() -> bool | None:
            return loop.time() - begin > FREEZE_S or None

        await eventually(frozen_long_enough, what="the time is over", deadline_s=FREEZE_S + DEADLINE_S)
        stage.server.thaw()


@pytest.mark.slow
async def test_subscriptions_are_cut_under_traffic(stage: Stage) -> None:
    """CLIENT KILL TYPE pubsub, again and again: no line is missing, none comes twice."""
    async with stage.talking():
        for _ in range(10):
            await asyncio.to_thread(stage.server.kill_clients, "pubsub", 2)
            await stage.everybody_goes_on()


@pytest.mark.slow
async def test_command_lanes_are_cut_under_traffic(stage: Stage) -> None:
    """CLIENT KILL TYPE normal: what was in flight is sent again, and is in the log once."""
    async with stage.talking():
        for _ in range(10):
            await asyncio.to_thread(stage.server.kill_clients, "normal", 2)
            await stage.everybody_goes_on()


@pytest.mark.slow
async def test_without_redis_nothing_is_sent_and_it_is_said(stage: Stage) -> None:
    """Each command that needs Redis says so at once: 263, or FAIL where it was negotiated; reading a room works."""
    one = stage.gateways[0]
    async with (
        await IrcPeer.connect(one.host, one.port, "plain") as plain,
        await IrcPeer.connect(one.host, one.port, "modern", caps=CAPS) as modern,
    ):
        for peer in (plain, modern):
            await peer.send(f"JOIN {ROOM}")
            await peer.expect("366")
        stage.server.kill()
        needs = [f"PRIVMSG {ROOM} :x", "JOIN #more", f"PART {ROOM}", "NICK other", f"TOPIC {ROOM} :t", "LIST"]

        async def refused() -> bool | None:
            await plain.send(f"PRIVMSG {ROOM} :are you there")
            return any(message.command == "263" for message in await plain.barrier()) or None

        await eventually(refused, what="the gateway knows that Redis is away")
        for line in needs:
            word = line.partition(" ")[0]
            await plain.send(line)
            assert (await plain.expect("263")).params[1] == word
            await modern.send(line)
            assert (await modern.expect("FAIL")).params[:2] == (word, "TEMPORARILY_UNAVAILABLE")
        await plain.send(f"NOTICE {ROOM} :never answered", f"NAMES {ROOM}", f"WHO {ROOM}", f"TOPIC {ROOM}")
        for number in ("353", "366", "352", "352", "315", "331"):  # a PONG would not wait for them
            await plain.expect(number)
        await plain.send("QUIT :enough")
        assert [message.command for message in await plain.wait_closed()] == ["ERROR"]
        await asyncio.to_thread(stage.server.restart)
        assert (await modern.expect("QUIT", deadline_s=4 * DEADLINE_S)).source.startswith("plain!")


@pytest.mark.slow
async def test_a_server_without_memory_refuses_and_recovers(stage: Stage) -> None:
    """Redis says OOM: nobody hangs, and what was said is delivered, once, when there is memory again."""
    one, two = stage.gateways
    async with (
        await IrcPeer.connect(one.host, one.port, "ann", caps=CAPS) as ann,
        await IrcPeer.connect(two.host, two.port, "bob", caps=CAPS) as bob,
    ):
        for peer in (ann, bob):
            await peer.send(f"JOIN {ROOM}")
            await peer.expect("366")
        with stage.server.client() as client:
            client.config_set("maxmemory", 1)
            await ann.send(f"PRIVMSG {ROOM} :later")
            await bob.send(f"PRIVMSG {ROOM} :later too")
            await ann.send("PING after")
            client.config_set("maxmemory", 0)
        said = [(await bob.expect("PRIVMSG")).params[1] for _ in range(2)]
        assert sorted(said) == ["later", "later too"]
        assert (await ann.expect("PONG")).params[-1] == "after"
        assert "PRIVMSG" not in [message.command for message in await bob.barrier()]
