"""Who is there, as seen from another gateway: lost and back, watched, remembered.

Source: docs/protocol.md, "Presence"; IRCv3 away-notify, chghost, monitor.
"""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.harness.deadlines import eventually
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer
from tests.harness.resuming import TAGGED, come_back, connect

pytestmark = pytest.mark.slow

Pair = tuple[GatewayProcess, GatewayProcess]
WATCHING = (*TAGGED, "away-notify", "chghost", "extended-monitor")


async def peer_on(stack: AsyncExitStack, gateway: GatewayProcess, nick: str, *lines: str) -> IrcPeer:
    """A peer that has sent some lines."""
    peer = await stack.enter_async_context(await IrcPeer.connect(gateway.host, gateway.port, nick, caps=WATCHING))
    await peer.send(*lines)
    await peer.barrier()
    return peer


@pytest.mark.slow
async def test_a_lost_connection_is_shown_as_away_and_its_return_as_back(pair: Pair, stack: AsyncExitStack) -> None:
    """To the rooms and to who watches the nick, once each; not before two seconds have passed."""
    one, two = pair
    bob = await peer_on(stack, two, "aw-bob", "JOIN #aw,#aw2")
    cat = await peer_on(stack, two, "aw-cat", "MONITOR + aw-ann")
    ann, token = await connect(one, "aw-ann")
    await ann.send("JOIN #aw,#aw2", "AWAY :lunch")
    await ann.expect("306")
    for peer in (bob, cat):
        assert (await peer.expect("AWAY")).params == ("lunch",)
    await ann.close()
    for peer in (bob, cat):
        told = await peer.expect("AWAY", deadline_s=20.0)
        assert (told.source.partition("!")[0], told.params) == ("aw-ann", ("Link lost",))
    await bob.send("WHO #aw")
    assert {m.params[5]: m.params[6][0] for m in await bob.barrier() if m.command == "352"} == {
        "aw-bob": "H",
        "aw-ann": "G",
    }
    back = await come_back(two, token)
    stack.push_async_callback(back.peer.close)
    for peer in (bob, cat):
        assert (await peer.expect("AWAY")).params == ("lunch",)
        assert [m.command for m in await peer.barrier()] == []


async def test_who_is_back_at_once_was_never_away(pair: Pair, stack: AsyncExitStack) -> None:
    """A resumption within two seconds is seen by nobody."""
    one, two = pair
    bob = await peer_on(stack, two, "fl-bob", "JOIN #fl", "MONITOR + fl-ann")
    ann, token = await connect(one, "fl-ann")
    await ann.send("JOIN #fl")
    await ann.expect("366")
    await bob.expect("JOIN")
    await bob.barrier()
    await ann.close()
    back = await come_back(two, token)
    stack.push_async_callback(back.peer.close)
    await back.peer.send("PRIVMSG #fl :here")
    assert [m.command for m in [await bob.read()]] == ["PRIVMSG"]


async def test_another_address_is_shown_as_another_host(pair: Pair, stack: AsyncExitStack) -> None:
    """CHGHOST to rooms, to who watches, and to the client; what it says has the new source."""
    one, two = pair
    bob = await peer_on(stack, two, "ho-bob", "JOIN #ho")
    cat = await peer_on(stack, one, "ho-cat", "MONITOR + ho-ann")
    ann, token = await connect(one, "ho-ann")
    await ann.send("JOIN #ho")
    await ann.expect("366")
    await ann.close()
    back = await come_back(two, token, caps=WATCHING, source="127.0.0.2")
    stack.push_async_callback(back.peer.close)
    for peer in (bob, cat, back.peer):
        told = await peer.expect("CHGHOST")
        assert (told.source, told.params) == ("ho-ann!~ho-ann@127.0.0.1", ("~ho-ann", "127.0.0.2"))
    await back.peer.send("PRIVMSG #ho :here")
    assert (await bob.expect("PRIVMSG")).source == "ho-ann!~ho-ann@127.0.0.2"
    await cat.send("WHOIS ho-ann")
    assert (await cat.expect("311")).params[3] == "127.0.0.2"


async def test_another_address_is_a_reconnection_for_who_does_not_know_of_hosts(
    pair: Pair, stack: AsyncExitStack
) -> None:
    """One QUIT, and in each shared room a JOIN and the modes; nothing to who shares none, and to the client itself.

    Source: IRCv3 chghost, "Fallback when the chghost capability has not been negotiated".
    """
    one, two = pair
    ann, token = await connect(one, "re-ann")
    await ann.send("JOIN #re1,#re2")
    await ann.collect("366", 2)
    bob, cat = [
        await stack.enter_async_context(
            await IrcPeer.connect(two.host, two.port, nick, caps=("extended-monitor", *TAGGED))
        )
        for nick in ("re-bob", "re-cat")
    ]
    await bob.send("JOIN #re1,#re2")
    await bob.collect("366", 2)
    await cat.send("MONITOR + re-ann")
    await cat.expect("730")
    await ann.close()
    back = await come_back(two, token, source="127.0.0.2")
    stack.push_async_callback(back.peer.close)
    told = [await bob.read() for _ in range(5)]
    assert [m.command for m in told].count("QUIT") == 1
    assert (told[0].source, told[0].params) == ("re-ann!~re-ann@127.0.0.1", ("Changing host",))
    for room in ("#re1", "#re2"):
        joined, given = [m for m in told if m.params[0] == room]
        assert (joined.command, joined.source) == ("JOIN", "re-ann!~re-ann@127.0.0.2")
        assert (given.command, given.params[1:], "!" in given.source) == ("MODE", ("+o", "re-ann"), False)
    await back.peer.send("PRIVMSG #re1 :here")
    assert [m.command for m in (await bob.barrier()) or [await bob.read()]] == ["PRIVMSG"]
    assert [m.command for m in await back.peer.barrier()] == ["PRIVMSG"]
    assert await cat.barrier() == []


async def test_a_list_of_watched_nicks_comes_along(pair: Pair, stack: AsyncExitStack) -> None:
    """Resumed on another gateway: the list is there, and how things stand now is told."""
    one, two = pair
    ann, token = await connect(one, "li-ann")
    await ann.send("MONITOR + li-bob,li-cat,li-dan", "MONITOR - li-dan")
    await ann.barrier()
    await ann.close()
    await peer_on(stack, one, "li-bob")
    back = await come_back(two, token)
    stack.push_async_callback(back.peer.close)
    told = [
        (m.command, m.params[1].partition("!")[0]) for m in await back.peer.collect(lambda m: m.command[:2] == "73", 2)
    ]
    assert told == [("730", "li-bob"), ("731", "li-cat")]
    await peer_on(stack, one, "li-cat")
    assert (await back.peer.expect("730")).params[1].startswith("li-cat!")


@pytest.mark.slow
async def test_a_killed_gateway_ends_who_was_watched_there(tmp_path: Path, stack: AsyncExitStack) -> None:
    """SIGKILL: 731 when the session ends, and WHOWAS knows who it was; who watched there goes on elsewhere."""
    with PrivateServer.running(tmp_path / "store") as store, gateways(tmp_path, store.url) as (one, two):
        bob = await peer_on(stack, two, "ki-bob", "MONITOR + ki-ann")
        ann = await IrcPeer.connect(one.host, one.port, "ki-ann")
        watcher, token = await connect(one, "ki-cat")
        await watcher.send("MONITOR + ki-bob")
        await watcher.barrier()
        assert (await bob.expect("730")).params[1].startswith("ki-ann!")
        one.kill()
        back = await come_back(two, token)
        stack.push_async_callback(back.peer.close)
        assert (await back.peer.expect("730")).params[1].startswith("ki-bob!")
        assert (await bob.expect("731", deadline_s=30.0)).params == ("ki-bob", "ki-ann")
        await bob.send("WHOWAS ki-ann")
        assert [m.command for m in await bob.barrier() if m.command != "PING"] == ["314", "312", "369"]
        await ann.close()
        await watcher.close()


@pytest.mark.slow
async def test_what_happened_while_redis_was_away_is_told(tmp_path: Path, stack: AsyncExitStack) -> None:
    """The watched nick is looked at again after each reconnection."""
    with PrivateServer.running(tmp_path / "store") as store, gateways(tmp_path, store.url) as (one, two):
        bob = await peer_on(stack, two, "re-bob", "MONITOR + re-ann,re-cat")
        ann = await IrcPeer.connect(one.host, one.port, "re-ann")
        assert (await bob.expect("730")).params[1].startswith("re-ann!")
        store.kill_clients("pubsub", 2)

        async def renamed() -> bool | None:
            await ann.send("NICK re-cat")
            return any(m.command == "NICK" for m in await ann.barrier()) or None

        await eventually(renamed, what="Redis is back")
        told = await bob.collect(lambda m: m.command[:2] == "73", 2, deadline_s=20.0)
        assert sorted((m.command, m.params[1].partition("!")[0]) for m in told) == [
            ("730", "re-cat"),
            ("731", "re-ann"),
        ]
        await ann.close()
