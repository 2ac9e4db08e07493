"""Several gateways over one Redis are one server: one order, one set of names, and a killed one is nobody's loss."""

import asyncio

import pytest

from tests.harness.deadlines import eventually
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.steps import ALL, join

pytestmark = pytest.mark.slow

Pair = tuple[GatewayProcess, GatewayProcess]


async def connect(gateway: GatewayProcess, nick: str, caps: tuple[str, ...] = ALL) -> IrcPeer:
    """A registered peer on one gateway."""
    return await IrcPeer.connect(gateway.host, gateway.port, nick, caps=caps)


async def names(peer: IrcPeer, room: str) -> set[str]:
    """Who is in the room, as the peer's gateway has it."""
    await peer.send(f"NAMES {room}")
    found: set[str] = set()
    while (message := await peer.read()).command != "366":
        if message.command == "353":
            found |= set(message.params[-1].split())
    return found


async def test_one_order_and_one_set_of_names(two_gateways: Pair) -> None:
    """Members on both gateways see all lines in the same order, and both gateways name the same members."""
    one, two = two_gateways
    peers = [await connect(gateway, f"{name}{i}") for i in range(3) for name, gateway in (("a", one), ("b", two))]
    await join("#all", *peers)

    async def say(peer: IrcPeer) -> None:
        for number in range(8):
            await peer.send(*(f"PRIVMSG #all :{peer.nick} {number}.{i}" for i in range(5)))
            await peer.collect("PRIVMSG", 5)

    # Everybody speaks at once; what each saw while speaking is asked for again below, from the history.
    await asyncio.gather(*(say(peer) for peer in peers))
    for peer in peers:
        await peer.barrier()
    watchers = [
        await connect(one, "wa", (*ALL, "draft/chathistory")),
        await connect(two, "wb", (*ALL, "draft/chathistory")),
    ]
    histories = []
    for watcher in watchers:
        await watcher.send("JOIN #all", "CHATHISTORY LATEST #all * 100")
        histories.append([m.tags["msgid"] for m in await watcher.collect("PRIVMSG", 100)])
    assert histories[0] == histories[1]
    assert len(set(histories[0])) == 100
    assert (
        await names(peers[0], "#all")
        == await names(peers[1], "#all")
        == {"@a0", "b0", "a1", "b1", "a2", "b2", "wa", "wb"}
    )
    for peer in (*peers, *watchers):
        await peer.close()


async def test_live_order_is_the_same_on_both(two_gateways: Pair) -> None:
    """Each member's own stream of the room is the one order, echo included."""
    one, two = two_gateways
    peers = [await connect(one, "ann"), await connect(two, "bob"), await connect(two, "carol")]
    await join("#live", *peers)
    for peer in peers:
        await peer.send(*(f"PRIVMSG #live :{peer.nick} {i}" for i in range(15)))
    streams = [[m.tags["msgid"] for m in await peer.collect("PRIVMSG", 45)] for peer in peers]
    assert streams[0] == streams[1] == streams[2]
    for peer in peers:
        await peer.close()


async def test_nicks_and_direct_messages_span_gateways(two_gateways: Pair) -> None:
    """A nick is held once over all gateways, messages to it find it anywhere, WHOIS knows it anywhere."""
    one, two = two_gateways
    ann, bob = await connect(one, "ann"), await connect(two, "bob")
    await bob.send("NICK Ann")
    await bob.expect("433")
    await ann.send("PRIVMSG bob :over there", "WHOIS bob")
    assert (await bob.expect("PRIVMSG")).params == ("bob", "over there")
    await ann.expect("311")
    await ann.close()
    await bob.close()


async def test_two_founders_one_operator(two_gateways: Pair) -> None:
    """Who joins an empty room at the same time from two gateways: exactly one becomes operator."""
    one, two = two_gateways
    ann, bob = await connect(one, "ann"), await connect(two, "bob")
    for number in range(20):
        room = f"#race{number}"
        await asyncio.gather(ann.send(f"JOIN {room}"), bob.send(f"JOIN {room}"))
        await asyncio.gather(ann.expect("366"), bob.expect("366"))
        await asyncio.gather(ann.barrier(), bob.barrier())
        seen = await names(ann, room)
        assert seen in ({"@ann", "bob"}, {"ann", "@bob"})
        assert await names(bob, room) == seen
    await ann.close()
    await bob.close()


async def test_members_of_a_killed_gateway_leave_once(two_gateways: Pair) -> None:
    """SIGKILL: each lost member leaves every room exactly once, its nick is free, and the rooms go on."""
    one, two = two_gateways
    ann, bob = await connect(one, "ann"), await connect(two, "bob")
    lost = [await connect(one, f"lost{i}") for i in range(3)]
    await join("#left", ann, bob, *lost)
    await join("#other", ann, bob)
    one.kill()
    await bob.send("PRIVMSG #left :still here")
    assert (await bob.expect("PRIVMSG")).params[1] == "still here"
    quits = await bob.collect("QUIT", 4, deadline_s=30.0)
    assert sorted(m.source.partition("!")[0] for m in quits) == ["ann", "lost0", "lost1", "lost2"]
    assert [m.command for m in await bob.barrier()] == []
    assert await names(bob, "#left") == {"bob"}

    async def ann_again() -> IrcPeer | None:
        try:
            return await IrcPeer.connect(two.host, two.port, "ann", deadline_s=1.0)
        except AssertionError:
            return None

    again = await eventually(ann_again, what="the nick is free")
    await again.send("JOIN #left")
    assert (await bob.expect("JOIN")).source.startswith("ann!")
    for peer in (ann, bob, again, *lost):
        await peer.close()


async def test_drain_tells_everybody_and_exits_0(two_gateways: Pair) -> None:
    """SIGTERM: members are told, leave their rooms as the others see at once, and the process ends with 0."""
    one, two = two_gateways
    ann, bob = await connect(one, "ann"), await connect(two, "bob")
    await join("#drain", ann, bob)
    assert await asyncio.to_thread(one.stop) == 0
    last = await ann.wait_closed()
    assert [m.command for m in last][-2:] == ["NOTICE", "ERROR"]
    assert (await bob.expect("QUIT")).source.startswith("ann!")
    await ann.close()
    await bob.close()
