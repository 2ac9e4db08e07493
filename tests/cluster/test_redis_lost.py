"""Redis loses what it had acknowledged, or all of it: members notice nothing but the time without service.

Real gateways, real servers; members are witnesses, and the checker judges what they saw.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import redis

from gateway.spoken import Said
from gateway.store.entries import decode_event
from gateway.store.keys import log_keys, room_log
from gateway.wire.names import RoomKey
from tests.harness.court import Court
from tests.harness.deadlines import DEADLINE_S, eventually, life_after
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer
from tests.harness.replicated_pair import ReplicatedPair
from tests.harness.sights import Kind
from tests.harness.witness import Witness

ROOM = "#lost"
PACE_S = 0.01
SETTLING_S = 30.0  # that gateways give each other; see `gateway.rooms.repair`


two_gateways = partial(gateways, limits="off", drain_s=2)


class Talk:
    """Witnesses on both gateways, who talk all the time."""

    def __init__(self, witnesses: list[Witness]) -> None:
        self.witnesses = witnesses
        self._texts = count()
        self._stop = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def running(cls, court: Court, pair: Sequence[GatewayProcess]) -> AsyncIterator["Talk"]:
        """While the block runs; before and after it everybody is acknowledged something."""
        witnesses = []
        for number in range(4):
            gateway = pair[number % 2]
            witnesses.append(await court.witness(f"w{number}", gateway.host, gateway.port))
            await witnesses[-1].join(ROOM)
        talk = cls(witnesses)
        async with asyncio.TaskGroup() as tasks:
            for witness in witnesses:
                tasks.create_task(talk._talk(witness))
            await talk.goes_on()
            yield talk
            await talk.goes_on()
            talk._stop.set()
        for witness in witnesses:
            await talk._answered(witness, f"last of {witness.nick}")

    async def _talk(self, witness: Witness) -> None:
        while not self._stop.is_set():
            witness.say(ROOM, f"text {next(self._texts)}")
            await asyncio.sleep(PACE_S)

    async def goes_on(self) -> None:
        """Wait until each of them was acknowledged something said after this call."""
        async with asyncio.timeout(6 * DEADLINE_S):
            await asyncio.gather(*(self._answered(witness, f"mark {next(self._texts)}") for witness in self.witnesses))

    async def _answered(self, witness: Witness, text: str) -> None:
        tries = count()

        async def said() -> bool | None:
            # What was refused is said again, in other words: a text is one message.
            latest = f"{text}, try {next(tries)}"
            witness.say(ROOM, latest)
            await witness.barrier()
            return (ROOM, latest) not in witness.unacknowledged or None

        await eventually(said, what=f"{witness.nick} is acknowledged", deadline_s=6 * DEADLINE_S)


def kept(url: str) -> list[str]:
    """The texts in the room's log."""
    names = log_keys(room_log(RoomKey(ROOM)))
    with redis.Redis.from_url(url) as client:
        events = [decode_event(fields[b"e"]) for _, fields in client.xrange(names.log)]
    lines = [event.line for event in events if isinstance(event, Said)]
    return [line.partition(b" :")[2].decode() for line in lines]


def acknowledged(talk: Talk) -> list[list[str]]:
    """The texts each witness had acknowledged, in their order."""
    return [[sight.text for sight in one.sights if sight.kind is Kind.ACKED] for one in talk.witnesses]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    """A server of the test's own."""
    with PrivateServer.running(tmp_path / "server") as server:
        yield server


@pytest.mark.slow
async def test_a_promoted_replica_lacks_the_last_second(tmp_path: Path) -> None:
    """Three times: what was acknowledged and not replicated is written again by who wrote it, once, in order."""
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(ReplicatedPair.running(tmp_path))
        pair = stack.enter_context(two_gateways(tmp_path, servers.url))
        court = await stack.enter_async_context(Court())
        async with Talk.running(court, pair) as talk:
            for _ in range(3):
                servers.lose_from_now()
                await talk.goes_on()
                await servers.fail_over()
                await talk.goes_on()
                await servers.restore()
        report = await court.report()
        assert report.clean, report.details
        log = kept(servers.url)
        assert len(log) == len(set(log)), "something is in the log twice"
        for own in acknowledged(talk):
            assert len(own) > 30
            assert [text for text in log if text in set(own)] == own, "something acknowledged is not in the log"


@pytest.mark.slow
@pytest.mark.parametrize("lose", [PrivateServer.flush, PrivateServer.begin_anew])
async def test_all_data_are_lost(tmp_path: Path, server: PrivateServer, lose: Callable[[PrivateServer], None]) -> None:
    """Twice, under traffic: members, nicks, topic and records are there again; nobody sees anybody come or go, also
    after the time that gateways give each other."""
    async with AsyncExitStack() as stack:
        pair = stack.enter_context(two_gateways(tmp_path, server.url))
        court = await stack.enter_async_context(Court())
        founder = await stack.enter_async_context(await IrcPeer.connect(pair[0].host, pair[0].port, "founder"))
        await founder.send("JOIN #quiet", "TOPIC #quiet :tea at four")
        await founder.expect("TOPIC")
        async with Talk.running(court, pair) as talk:
            for _ in range(2):
                await asyncio.to_thread(lose, server)
                await talk.goes_on()
            await life_after(SETTLING_S + 2)
        report = await court.report()
        assert report.clean, report.details
        async with await IrcPeer.connect(pair[1].host, pair[1].port, "late") as late:
            await late.send("NICK founder")
            assert (await late.expect("433")).params[1] == "founder"
            await late.send("WHOIS founder")
            assert (await late.expect("311")).params[1] == "founder"
            await late.send("JOIN #quiet")
            assert (await late.expect("332")).params[2] == "tea at four"
            assert set((await late.expect("353")).params[3].split()) == {"@founder", "late"}


@pytest.mark.slow
async def test_what_was_on_its_way_is_answered_and_shown_later(tmp_path: Path, server: PrivateServer) -> None:
    """Redis freezes: commands under way are answered within a limit, PING at once; what they did is shown later."""
    async with AsyncExitStack() as stack:
        one, _ = stack.enter_context(two_gateways(tmp_path, server.url))
        peers = {
            nick: await stack.enter_async_context(
                await IrcPeer.connect(one.host, one.port, nick, caps=("standard-replies", "echo-message"))
            )
            for nick in ("ann", "bob", "cat", "dan")
        }
        for peer in peers.values():
            await peer.send(f"JOIN {ROOM}")
            await peer.expect("366")
        for peer in peers.values():
            await peer.barrier()
        server.freeze()
        asked = {"ann": f"TOPIC {ROOM} :later", "bob": f"PART {ROOM} :later", "cat": "NICK kate", "dan": "JOIN #more"}
        for nick, line in asked.items():
            await peers[nick].send(line)
        for nick, line in asked.items():
            refusal = await peers[nick].expect("FAIL", deadline_s=15.0)
            assert refusal.params[:2] == (line.partition(" ")[0], "TEMPORARILY_UNAVAILABLE")
            await peers[nick].send(f"PING still-{nick}", f"NAMES {ROOM}", f"TOPIC {ROOM}")
            assert (await peers[nick].expect("PONG")).params[-1] == f"still-{nick}"
            assert len((await peers[nick].expect("353")).params[3].split()) == 4
            await peers[nick].expect("331")
        await peers["dan"].send(f"PRIVMSG {ROOM} :refused")
        assert (await peers["dan"].expect("FAIL")).params[:2] == ("PRIVMSG", "TEMPORARILY_UNAVAILABLE")
        server.thaw()
        for nick in ("ann", "cat", "dan"):
            topic_or_part = [await peers[nick].expect(lambda m: m.command in {"TOPIC", "PART"}) for _ in range(2)]
            assert {message.command for message in topic_or_part} == {"TOPIC", "PART"}
        await peers["bob"].expect("PART")
        await peers["dan"].send(f"PRIVMSG {ROOM} :here again")
        assert (await peers["ann"].expect("PRIVMSG", deadline_s=2 * DEADLINE_S)).params[1] == "here again"
