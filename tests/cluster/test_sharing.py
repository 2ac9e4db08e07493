"""A session with attachments on two gateways: it survives either of them, and nobody else notices.

Source: docs/protocol.md, "Several connections, one nick"; ADR 23.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.harness.deadlines import eventually
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import CHEAP
from tests.harness.private_server import PrivateServer
from tests.harness.sasl_client import authenticate_plain

PASSWORD = "sesame-street"
CAPS = ("sasl", "standard-replies", "message-tags", "echo-message")
BURIAL_S = 40.0  # a lease, and what a busy machine takes
pytestmark = pytest.mark.slow

Three = tuple[GatewayProcess, GatewayProcess, GatewayProcess]


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Three]:
    """Gateways whose accounts share nicks; a lost connection is kept for two seconds."""
    with (
        PrivateServer.running(tmp_path / "store") as store,
        gateways(tmp_path, store.url, ["one", "two", "three"], multiclient="on", limits="off", grace_s=2, **CHEAP) as (
            one,
            two,
            third,
        ),
    ):
        yield one, two, third


async def attached(stack: AsyncExitStack, gateway: GatewayProcess, nick: str, *, new: bool = False) -> IrcPeer:
    """A connection of the account; the first one registers it."""
    peer = await stack.enter_async_context(
        await IrcPeer.connect(gateway.host, gateway.port, nick, caps=CAPS, register=new)
    )
    if new:
        await peer.send(f"REGISTER * * {PASSWORD}")
        await peer.expect("900")
        return peer
    await peer.send("CAP LS 302", f"CAP REQ :{' '.join(CAPS)}", f"NICK {nick}", "USER u 0 * :U")
    assert (await authenticate_plain(peer, nick, PASSWORD)).command == "903"
    await peer.send("CAP END")
    assert (await peer.expect("001")).params[0] == nick
    return peer


async def witness(stack: AsyncExitStack, gateway: GatewayProcess, room: str) -> IrcPeer:
    """Somebody in the room, who must see nothing."""
    peer = await stack.enter_async_context(await IrcPeer.connect(gateway.host, gateway.port, "witness"))
    await peer.send(f"JOIN {room}")
    await peer.expect("366")
    return peer


async def sessions(peer: IrcPeer) -> int:
    """How many ACCOUNT SESSIONS lists."""
    await peer.send("ACCOUNT SESSIONS")
    return len([m for m in await peer.barrier() if m.command == "NOTE" and m.params[1] == "SESSION"])


async def until_alone(peer: IrcPeer) -> None:
    """Wait until the other attachment is over."""

    async def alone() -> bool | None:
        return await sessions(peer) == 1 or None

    await eventually(alone, what="the dead gateway's attachment has ended", deadline_s=BURIAL_S)


@pytest.mark.parametrize("first_dies", [True, False], ids=["the first attachment's", "the further one's"])
async def test_a_gateway_dies_and_the_session_goes_on(three: Three, stack: AsyncExitStack, first_dies: bool) -> None:
    """SIGKILL for one of the two: through its burial and the end of the grace the other stays in, says and hears all
    in one order; no QUIT, no JOIN, no NICK is seen. With its QUIT the session ends, once."""
    one, two, third = three
    phone = await attached(stack, one, "shared", new=True)
    laptop = await attached(stack, two, "shared")
    other = await witness(stack, third, "#deaths")
    await laptop.send("JOIN #deaths")
    for peer in (phone, laptop):
        await peer.expect("366")
    await other.expect("JOIN")
    victim, stays = (one, laptop) if first_dies else (two, phone)
    victim.kill()
    heard: list[str] = []

    async def talk_until_buried() -> None:
        ended = asyncio.create_task(until_alone_quietly())
        number = 0
        while not ended.done():
            number += 1
            await other.send(f"PRIVMSG #deaths :{number}")
            await stays.send(f"PRIVMSG #deaths :answer {number}")
            heard.extend([(await stays.expect("PRIVMSG")).params[1], (await stays.expect("PRIVMSG")).params[1]])
            assert (await other.expect(lambda m: m.command != "PONG")).params == ("#deaths", f"answer {number}")
        await ended
        assert sorted(heard) == sorted(text for i in range(1, number + 1) for text in (str(i), f"answer {i}"))

    async def until_alone_quietly() -> None:
        # By somebody else's connection to the same session, which would disturb the reading of this one.
        third_device = await attached(stack, third, "shared")

        async def two_left() -> bool | None:
            return await sessions(third_device) == 2 or None

        await eventually(two_left, what="the dead gateway's attachment has ended", deadline_s=BURIAL_S)
        await third_device.send("QUIT")
        await third_device.wait_closed()

    await talk_until_buried()
    await until_alone(stays)
    await other.send("PRIVMSG shared :still one")
    assert (await stays.expect(lambda m: m.params[-1] == "still one")).params[0] == "shared"
    await stays.send("QUIT :the last")
    assert (await other.expect(lambda m: m.command in {"QUIT", "PART", "NICK", "JOIN"})).params == ("Quit: the last",)
    await stays.wait_closed()
    await other.send("NAMES #deaths", "WHOIS shared")
    assert (await other.expect("353")).params[3] == "@witness"
    await other.expect("401")


async def test_both_gateways_die(three: Three, stack: AsyncExitStack) -> None:
    """The session is kept for its grace, and ends once."""
    one, two, third = three
    phone = await attached(stack, one, "twice", new=True)
    laptop = await attached(stack, two, "twice")
    other = await witness(stack, third, "#both")
    await phone.send("JOIN #both")
    for peer in (phone, laptop):
        await peer.expect("366")
    await other.expect("JOIN")
    one.kill()
    two.kill()
    assert (await other.expect("QUIT", deadline_s=BURIAL_S)).params == ("Gateway lost",)

    async def gone() -> bool | None:
        await other.send("WHOIS twice")
        told = [m.command for m in await other.barrier()]
        assert "QUIT" not in told
        return "401" in told or None

    await eventually(gone, what="the nick is free")


async def test_each_gateway_shows_what_the_other_changes(three: Three, stack: AsyncExitStack) -> None:
    """Both devices at once, on two gateways, change nick and rooms again and again: at the end all agree."""
    one, two, third = three
    phone = await attached(stack, one, "busy", new=True)
    laptop = await attached(stack, two, "busy")
    other = await witness(stack, third, "#room0")
    await phone.send("JOIN #room0")
    for peer in (phone, laptop):
        await peer.expect("366")

    async def change(peer: IrcPeer, which: int) -> None:
        for number in range(8):
            await peer.send(f"JOIN #room{number % 3}", f"NICK busy{which}{number}", f"PART #room{(number + which) % 3}")
            await peer.barrier()

    await asyncio.gather(change(phone, 1), change(laptop, 2))
    await phone.send("JOIN #room0,#room1,#room2")
    await phone.barrier()
    await laptop.send("JOIN #room0,#room1,#room2")

    async def agree() -> bool | None:
        views = []
        for peer in (phone, laptop, other):
            await peer.send("NAMES #room0", "NAMES #room1", "NAMES #room2")
            told = [m for m in await peer.barrier() if m.command == "353"]
            views.append({(m.params[2], name.lstrip("@+")) for m in told for name in m.params[3].split()})
        nicks = {name for view in views for _, name in view} - {"witness"}
        own = set()
        for peer in (phone, laptop):
            await peer.send("MODE #nowhere")  # the numeric names its receiver as the gateway has it
            own |= {m.params[0] for m in await peer.barrier() if m.command == "403"}
        rooms = {room for room, name in views[0] if name != "witness"}
        same = views[0] == views[1] == views[2] and nicks == own and len(nicks) == 1 and len(rooms) == 3
        return same or None

    await eventually(agree, what="both devices and the witness agree on nick and rooms", deadline_s=15.0)
    await phone.send("QUIT")
    await laptop.send("QUIT")
    await phone.wait_closed()
    await laptop.wait_closed()
    await other.send("NAMES #room0", "NAMES #room1", "NAMES #room2")
    assert [m.params[3] for m in await other.barrier() if m.command == "353"] == ["@witness"]


async def test_a_session_is_one_user(three: Three, stack: AsyncExitStack) -> None:
    """LUSERS counts it once, whichever gateways its connections are on, and also when the first of them has gone."""
    one, two, third = three
    other = await witness(stack, third, "#room")

    async def reaches(number: int) -> None:
        async def reached() -> bool | None:
            await other.send("LUSERS")
            counts = [m.params[1] for m in await other.barrier() if m.command in {"265", "266"}]
            return counts == [str(number)] * 2 or None

        await eventually(reached, what=f"{number} users are counted")

    phone = await attached(stack, one, "single", new=True)
    laptop = await attached(stack, two, "single")
    tablet = await attached(stack, two, "single")
    assert await sessions(laptop) == 3
    await reaches(2)
    for peer in (phone, tablet):
        await peer.send("QUIT")
        await peer.wait_closed()
        await reaches(2)
    await laptop.send("QUIT")
    await laptop.wait_closed()
    await reaches(1)
