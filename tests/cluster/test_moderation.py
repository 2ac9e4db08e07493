"""Rights are checked where the order is made: nothing forbidden stands in the log after what forbade it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest

from gateway.events import Entry, Joined, Kicked, ModesSet
from gateway.model import ORIGIN, Uid
from gateway.spoken import Said
from gateway.store.keys import room_log
from gateway.store.urls import Durability
from gateway.wire.message import Message
from gateway.wire.names import RoomKey
from tests.harness.deadlines import DEADLINE_FACTOR, DEADLINE_S, eventually
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.log_site import redis_site
from tests.harness.private_server import PrivateServer
from tests.harness.steps import ALL, join

pytestmark = pytest.mark.slow

Pair = Callable[[str, str], Coroutine[Any, Any, tuple[IrcPeer, IrcPeer]]]
BURST = 40  # lines in one write; the next follows when they were answered
ROUNDS = 6


class Network(NamedTuple):
    """Two gateways and where their logs are."""

    one: GatewayProcess
    two: GatewayProcess
    store_url: str


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Without limits: a flooder shall flood."""
    place: Path = tmp_path_factory.mktemp("network")
    with (
        PrivateServer.running(place / "store") as store,
        gateways(place, store.url, limits="off") as (one, two),
    ):
        yield Network(one, two, store.url)


@pytest.fixture
async def pair(network: Network) -> AsyncIterator[Pair]:
    """Connects two registered peers, the first to the one gateway, the second to the other; closed after the test."""
    async with AsyncExitStack() as stack:

        async def pair(first: str, second: str) -> tuple[IrcPeer, IrcPeer]:
            one, two = [
                await stack.enter_async_context(await IrcPeer.connect(gateway.host, gateway.port, nick, caps=ALL))
                for gateway, nick in ((network.one, first), (network.two, second))
            ]
            return one, two

        yield pair


async def read_log(network: Network, room: str) -> list[Entry]:
    """The log of a room, as Redis has it."""
    async with redis_site(network.store_url, Durability.REDIS, "reader") as site:
        entries = await site.store.read_after(room_log(RoomKey(room)), ORIGIN, 100_000)
        assert entries is not None
        return entries


async def flood_until(peer: IrcPeer, room: str, act: str) -> list[Message]:
    """Say line after line until the act was seen; returns all that came meanwhile."""
    seen: list[Message] = []
    while act not in [message.command for message in seen[-2 * BURST :]]:
        await peer.send(*(f"PRIVMSG {room} :{i}" for i in range(BURST)))
        seen += await peer.barrier()
    return seen


async def act_into_flood(op: IrcPeer, flooder: IrcPeer, room: str, line: str) -> list[Message]:
    """The operator acts while the flooder's lines are on their way; what the flooder got until it saw the act."""
    flooding = asyncio.create_task(flood_until(flooder, room, line.split(" ", maxsplit=1)[0]))
    await op.collect("PRIVMSG", BURST)
    await op.send(line)
    return await flooding


@pytest.mark.parametrize(
    ("room", "act", "undo"),
    [
        ("#flood-m", "MODE #flood-m +m", "MODE #flood-m -m"),
        ("#flood-b", "MODE #flood-b +b flooder-b!*@*", "MODE #flood-b -b flooder-b!*@*"),
        ("#flood-mute", "MODE #flood-mute +b m:flooder-mute", "MODE #flood-mute -b m:flooder-mute"),
        ("#flood-k", "KICK #flood-k flooder-k :enough", ""),
        ("#flood-kb", "MODE #flood-kb +b flooder-kb", "KICK #flood-kb flooder-kb"),
    ],
    ids=["moderated", "banned", "muted", "kicked", "banned and kicked"],
)
async def test_nothing_is_said_after_what_forbids_it(
    network: Network, pair: Pair, room: str, act: str, undo: str
) -> None:
    """The flooder is on another gateway than the operator; between act and undoing the log has nothing of it."""
    op, flooder = await pair(f"op{room[6:]}", f"flooder{room[6:]}")
    await join(room, op, flooder)
    refused = 0
    for _ in range(ROUNDS):
        seen = await act_into_flood(op, flooder, room, act)
        refused += [message.command for message in seen].count("404")
        # Long after as well.
        await flooder.send(f"PRIVMSG {room} :still here")
        refused += [message.command for message in await flooder.barrier()].count("404")
        if undo:
            await op.send(undo)
            await flooder.expect(undo.split(" ", maxsplit=1)[0])
        if undo.startswith("KICK"):
            await op.send(f"MODE {room} -b flooder-kb")
            await op.expect("MODE")
            await op.barrier()
        if "KICK" in act + undo:
            await flooder.send(f"JOIN {room}")
            await flooder.expect("366")
        await op.barrier()
    assert refused >= ROUNDS
    entries = await read_log(network, room)
    flooder_uid = entries[1].event.uid  # the second to join
    silent, forbidden, said = False, 0, 0
    for entry in entries:
        silent, acted = _after(entry, flooder_uid, silent)
        forbidden += acted
        if isinstance(entry.event, Said):
            assert not silent, "said after it was forbidden"
            said += 1
    assert forbidden >= ROUNDS
    assert said >= ROUNDS * BURST


def _after(entry: Entry, flooder: Uid, silent: bool) -> tuple[bool, int]:
    """Whether the flooder must be silent after the entry, and whether the entry is what forbade it."""
    match entry.event:
        case Kicked():
            return True, 1
        case Joined(uid) if uid == flooder:
            return False, 0
        case ModesSet(changes=((sign, _, _, _),)):
            return sign == "+", int(sign == "+")
    return silent, 0


async def test_two_founders_are_one_operator_with_the_modes_of_a_new_room(pair: Pair) -> None:
    """Whoever of two gateways comes second into a room that ended finds what the first one founded."""
    ann, bob = await pair("founda", "foundb")
    for number in range(15):
        room = f"#again{number}"
        await join(room, ann)
        await ann.send(f"MODE {room} +ik key", f"PART {room}")
        await ann.expect("PART")
        await asyncio.gather(ann.send(f"JOIN {room}"), bob.send(f"JOIN {room}"))
        await asyncio.gather(ann.expect("366"), bob.expect("366"))
        await asyncio.gather(ann.barrier(), bob.barrier())
        for peer in (ann, bob):
            await peer.send(f"MODE {room}", f"NAMES {room}")
            assert (await peer.expect("324")).params[2:] == ("+nt",)
            names = (await peer.expect("353")).params[-1].split()
            assert sorted(name.lstrip("@") for name in names) == ["founda", "foundb"]
            assert sum(name.startswith("@") for name in names) == 1
            await peer.barrier()


async def open_rooms(gateway: GatewayProcess) -> int:
    """How many rooms a gateway follows, by its own figures."""
    url = f"http://{gateway.host}:{gateway.http_port}/metrics"
    with await asyncio.to_thread(urlopen, url, timeout=DEADLINE_S) as response:
        lines: list[str] = response.read().decode().splitlines()
    return int(float(next(line for line in lines if line.startswith("hubbub_rooms{")).rpartition(" ")[2]))


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_gateway_forgets_a_room_whose_last_member_there_was_kicked(network: Network, pair: Pair) -> None:
    """It follows the room no longer; the next join there finds it as it is."""

    async def follows(rooms: int) -> None:
        async def said() -> bool | None:
            return await open_rooms(network.two) == rooms or None

        # It is kept for half a minute, should a failover lose what was written there.
        await eventually(said, what=f"{rooms} open rooms", deadline_s=60 * DEADLINE_FACTOR)

    op, guest = await pair("closeop", "closeguest")
    await follows(0)
    await join("#close", op, guest)
    await follows(1)
    await op.send("KICK #close closeguest")
    await guest.expect("KICK")
    await follows(0)
    await op.send("PRIVMSG #close :alone", "TOPIC #close :quiet")
    await op.expect("TOPIC")
    assert await guest.barrier() == []
    await guest.send("JOIN #close")
    assert (await guest.expect("332")).params[2] == "quiet"


async def test_operators_who_depose_each_other(pair: Pair) -> None:
    """Both at once, from two gateways: one is first, the other is refused; one operator is left, the same on both."""
    ann, bob = await pair("depann", "depbob")
    for number in range(15):
        room = f"#depose{number}"
        await join(room, ann, bob)
        await ann.send(f"MODE {room} +o depbob")
        await bob.expect("MODE")
        await ann.barrier()
        await asyncio.gather(ann.send(f"MODE {room} -o depbob"), bob.send(f"MODE {room} -o depann"))
        # First this: a gateway's own answer is where the order was made.
        await asyncio.gather(ann.barrier(), bob.barrier())
        seen = []
        for peer in (ann, bob):
            await peer.send(f"NAMES {room}")
            seen.append(set((await peer.expect("353")).params[-1].split()))
            await peer.barrier()
        assert seen[0] == seen[1]
        assert seen[0] in ({"@depann", "depbob"}, {"depann", "@depbob"})
