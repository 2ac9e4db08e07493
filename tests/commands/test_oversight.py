"""KLINE, UNKLINE, STATS k, KILL, WALLOPS: what an operator does acts on every gateway within a second."""

import time
from itertools import count

import pytest

from tests.harness.deadlines import eventually
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import OPERATOR_PASSWORD, Connect, Network
from tests.harness.steps import join

pytestmark = pytest.mark.slow

WITHIN_S = 1.0
_attempts = count(1)


async def operator(dial: Connect, nick: str) -> IrcPeer:
    """A peer with the rights."""
    peer = await dial(nick)
    await peer.send(f"OPER root :{OPERATOR_PASSWORD}")
    await peer.expect("381")
    await peer.barrier()
    return peer


async def register(gateway: GatewayProcess, user: str) -> IrcPeer:
    """A connection that says who it is, and is not waited for."""
    peer = await IrcPeer.connect(gateway.host, gateway.port, f"n{next(_attempts)}", register=False)
    await peer.send(f"NICK {peer.nick}", f"USER {user} 0 * :x")
    return peer


async def refused(gateway: GatewayProcess, user: str) -> bool | None:
    """True when the gateway turned the user away with 465, None when it let it in."""
    async with await register(gateway, user) as peer:
        answer = await peer.expect(lambda m: m.command in {"001", "465"})
        if answer.command == "465":
            assert (await peer.wait_closed())[-1].command == "ERROR"
            return True
        return None


async def let_in(gateway: GatewayProcess, user: str) -> bool | None:
    """The other way round."""
    return None if await refused(gateway, user) else True


async def test_a_ban_acts_everywhere_within_a_second(dial: Connect, network: Network, room: str) -> None:
    """Who is there is closed with ERROR, others see one QUIT, who comes is refused with 465; UNKLINE ends it."""
    root, ann = await operator(dial, "klroot"), await dial("klann")
    victims = [await register(gateway, "evil") for gateway in network.gateways]
    for victim in victims:
        await victim.expect("001")
    await join(room, ann, *victims)
    await root.send("KLINE 60 ~EVIL@127.0.0.* :no spam here", "MODE klroot +s")
    assert "for 60 minutes" in (await root.expect("NOTICE")).params[-1]
    began_s = time.monotonic()
    for victim in victims:
        messages = await victim.wait_closed()
        assert [m.command for m in messages][-2:] == ["465", "ERROR"]
        assert "no spam here" in messages[-2].params[-1]
    assert time.monotonic() - began_s < WITHIN_S
    assert {m.source.partition("!")[0] for m in await ann.collect("QUIT", len(victims))} == {v.nick for v in victims}
    for gateway in network.gateways:
        assert await refused(gateway, "evil")
        assert await let_in(gateway, "good")
    await root.send("STATS k")
    line = await root.expect("216")
    assert line.params[1:3] == ("K", "~EVIL@127.0.0.*")
    assert int(line.params[4]) - int(line.params[3]) == 3600
    assert "klroot!" in line.params[-1]
    assert (await root.expect("219")).params[1] == "k"
    await root.send("UNKLINE ~EVIL@127.0.0.*")
    await root.expect("NOTICE")
    for gateway in network.gateways:

        async def welcome(gateway: GatewayProcess = gateway) -> bool | None:
            return await let_in(gateway, "evil")

        await eventually(welcome, what="the lifted ban is forgotten", deadline_s=WITHIN_S)
    for victim in victims:
        await victim.close()


async def test_an_address_block(dial: Connect, network: Network) -> None:
    """CIDR, with a user so that the test's own connections stay."""
    root = await operator(dial, "blroot")
    await root.send("KLINE ~block@127.0.0.0/8 :everybody from there")
    assert "until it is lifted" in (await root.expect("NOTICE")).params[-1]
    for gateway in network.gateways:

        async def turned_away(gateway: GatewayProcess = gateway) -> bool | None:
            return await refused(gateway, "block")

        await eventually(turned_away, what="the ban is known", deadline_s=WITHIN_S)
    await root.send("UNKLINE ~block@127.0.0.0/8", "UNKLINE ~block@127.0.0.0/8")
    assert [m.params[-1] for m in await root.collect("NOTICE", 2)][1] == "UNKLINE: There is no such ban"


async def test_bad_bans(dial: Connect) -> None:
    """What would fit everybody, or is no mask."""
    root = await operator(dial, "badroot")
    for line in ("KLINE *@* :x", "KLINE 0.0.0.0/0 :x", "KLINE n!u@h :x", "KLINE 10 :a b"):
        await root.send(line)
        assert "That is no mask" in (await root.expect("NOTICE")).params[-1]


async def test_a_kill_ends_a_session_anywhere(dial: Connect, room: str) -> None:
    """The victim sees KILL and ERROR, its rooms one QUIT; 401 for nobody."""
    root, bob, ann = await operator(dial, "kiroot"), await dial("kibob"), await dial("kiann")
    await join(room, ann, bob)
    await root.send("KILL KIBOB :enough", "KILL nobody0 :x")
    await root.expect("401")
    messages = await bob.wait_closed()
    assert [m.command for m in messages][-2:] == ["KILL", "ERROR"]
    assert messages[-2].params == ("kibob", "enough")
    assert (await ann.expect("QUIT")).params == ("Killed (kiroot (enough))",)
    assert "QUIT" not in [m.command for m in await ann.barrier()]


async def test_wallops_reach_who_wants_them(dial: Connect) -> None:
    """All with +w, on every gateway, once; nobody else."""
    root, ann, bob, cat = (
        await operator(dial, "waroot"),
        await dial("waann"),
        await dial("wabob"),
        await dial("wacat"),
    )
    for peer in (ann, bob):
        await peer.send(f"MODE {peer.nick} +w")
        await peer.expect("MODE")
    await root.send("WALLOPS :maintenance at four")
    for peer in (ann, bob):
        message = await peer.expect("WALLOPS")
        assert (message.params, message.source.partition("!")[0]) == (("maintenance at four",), "waroot")
    await root.send("WALLOPS :second")
    for peer in (ann, bob):
        assert (await peer.expect("WALLOPS")).params == ("second",)
    assert await cat.barrier() == []


async def test_operators_hear_of_each_other(dial: Connect) -> None:
    """+s: a notice per act; who is no operator gets none of it."""
    root, other, ann = await operator(dial, "seroot"), await operator(dial, "seother"), await dial("seann")
    for peer in (other, ann):
        await peer.send(f"MODE {peer.nick} +s")
        await peer.expect("MODE")
    await root.send("KLINE ~nobody@192.0.2.0/24 :x")
    notice = await other.expect("NOTICE")
    assert "seroot banned ~nobody@192.0.2.0/24" in notice.params[-1]
    assert await ann.barrier() == []


async def test_only_operators(dial: Connect) -> None:
    """481, and nothing happens."""
    ann = await dial("plainann")
    await ann.send("KLINE x@y :z", "UNKLINE x@y", "STATS k", "KILL plainann :x", "WALLOPS :x")
    assert [m.command for m in await ann.barrier()] == ["481"] * 5
