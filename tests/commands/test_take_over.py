"""Who is logged in to an account takes over the session of that account that holds the nick asked for.

Source: docs/protocol.md, "hubbub.chat/resume", last paragraph.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from gateway.wire.message import Message
from tests.harness.deadlines import eventually
from tests.harness.gateway_inside import GatewayInside
from tests.harness.irc_peer import IrcPeer
from tests.harness.resuming import RESUME
from tests.harness.sasl_client import authenticate_plain, authenticate_scram


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Closes gateways and peers."""
    async with AsyncExitStack() as stack:
        yield stack


async def registering(stack: AsyncExitStack, inside: GatewayInside, nick: str, account: str, *caps: str) -> IrcPeer:
    """A peer that was logged in to the account (none: to none) and registers; the answer is still to be read."""
    peer = await stack.enter_async_context(await IrcPeer.connect(inside.host, inside.port, nick, register=False))
    await peer.send("CAP LS 302", f"CAP REQ :{' '.join(('server-time', *caps))}", f"NICK {nick}")
    await peer.expect(lambda m: m.command == "CAP" and m.params[1] == "ACK")
    await peer.barrier()
    (session,) = [c.session for c in inside.server.connections if c.session.nick == nick and not c.session.user]
    session.account = account
    await peer.send(f"USER {nick} 0 * :{nick}", "CAP END")
    return peer


async def connected(stack: AsyncExitStack, inside: GatewayInside, nick: str, account: str, *caps: str) -> IrcPeer:
    """The same, welcomed."""
    peer = await registering(stack, inside, nick, account, *caps)
    await peer.expect("422")
    return peer


async def test_a_stock_client_comes_back_by_its_account(store_url: str, stack: AsyncExitStack) -> None:
    """Its connection is lost: no QUIT. Back with nick and account, here or on another gateway, it gets welcome, JOIN,
    topic, names and what it missed; no line of RESUME. Others see nothing."""
    gateways = [await stack.enter_async_context(GatewayInside.running(store_url)) for _ in range(2)]
    one, two = gateways
    bob = await connected(stack, two, "take-bob", "")
    ann = await connected(stack, one, "take-ann", "ann")
    for peer in (bob, ann):
        await peer.send("JOIN #take")
        await peer.expect("366")
    await bob.barrier()
    for place in (two, one):
        await ann.close()

        async def lost() -> bool | None:
            await bob.send("WHOIS take-ann")
            return any(m.command == "301" for m in await bob.barrier()) or None

        await eventually(lost, what="the link is lost")
        await bob.send("PRIVMSG #take :meanwhile")
        ann = await connected(stack, place, "take-ann", "ann", "batch")
        heard = [await ann.read()]
        while heard[-1].command != "PRIVMSG":
            heard.append(await ann.read())
        assert heard[-1].params == ("#take", "meanwhile")
        assert "366" in [m.command for m in heard]
        assert "RESUME" not in [m.command for m in heard]
        await ann.send("PRIVMSG #take :back")
        assert (await bob.expect("PRIVMSG")).source.startswith("take-ann!")
        assert [m.command for m in await bob.barrier()] == []
    for gateway in gateways:
        assert len(gateway.services.sessions) == 1


@pytest.mark.parametrize("authenticate", [authenticate_plain, authenticate_scram])
async def test_a_login_by_sasl_is_enough(
    store_url: str, stack: AsyncExitStack, authenticate: Callable[[IrcPeer, str, str], Awaitable[Message]]
) -> None:
    """As a stock client logs in: before CAP END, pipelined with nothing."""
    name = f"sasl-{authenticate.__name__[13:]}"
    inside = await stack.enter_async_context(GatewayInside.running(store_url))
    first = await stack.enter_async_context(await IrcPeer.connect(inside.host, inside.port, name))
    await first.send(f"REGISTER {name} * secret-word", "JOIN #sasl")
    await first.expect("366")
    await first.close()
    again = await stack.enter_async_context(await IrcPeer.connect(inside.host, inside.port, name, register=False))
    await again.send("CAP LS 302", "CAP REQ sasl", f"NICK {name}", f"USER {name} 0 * :x")
    assert (await authenticate(again, name, "secret-word")).command == "903"
    await again.send("CAP END")
    assert (await again.expect("001")).params[0] == name
    assert (await again.expect("JOIN")).params[0] == "#sasl"


async def test_another_account_does_not(store_url: str, stack: AsyncExitStack) -> None:
    """Nor one that is logged in to none: 433, and the session is untouched. A live one of the same account moves."""
    inside = await stack.enter_async_context(GatewayInside.running(store_url))
    ann = await connected(stack, inside, "own-ann", "ann")
    for account in ("", "bob"):
        peer = await registering(stack, inside, "own-ann", account)
        await peer.expect("433")
        await peer.close()
    assert [m.command for m in await ann.barrier()] == []
    again = await connected(stack, inside, "own-ann", "ann", RESUME)
    assert (await ann.wait_closed())[-1].params == ("Closing link: Resumed elsewhere",)
    assert (await again.expect("RESUME")).params[0] == "TOKEN"
    await again.send("PRIVMSG own-ann :hello me")
    assert (await again.expect("PRIVMSG")).params[1] == "hello me"


async def test_a_nick_change_that_was_cut_off_is_finished(store_url: str, stack: AsyncExitStack) -> None:
    """Its gateway died half-way: the record has one nick, a room another. Coming back, the record's counts."""
    inside = await stack.enter_async_context(GatewayInside.running(store_url))
    bob = await connected(stack, inside, "half-bob", "")
    ann = await connected(stack, inside, "half-ann", "", RESUME)
    token = (await ann.expect("RESUME")).params[1]
    for peer in (bob, ann):
        await peer.send("JOIN #halfway")
        await peer.expect("366")
    await bob.barrier()
    (session,) = [one for one in inside.services.sessions.values() if one.nick == "half-ann"]
    await inside.services.directory.put(session.as_user(inside.services.gateway)._replace(nick="half-anna"))
    again = await stack.enter_async_context(await IrcPeer.connect(inside.host, inside.port, "x", register=False))
    await again.send(f"RESUME {token}", "NICK y", "USER x 0 * :x")
    assert (await again.expect("RESUME")).params == ("SUCCESS", "half-anna")
    assert (await bob.expect("NICK")).params == ("half-anna",)
    assert (await again.expect("JOIN")).source.startswith("half-anna!")
    assert (await again.expect("353")).params[-1].split()[-1] == "half-anna"
