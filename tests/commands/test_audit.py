"""Each act of an operator, and the end of an account, leaves one line in the log of its gateway: who, what, whom, and
nothing that somebody wrote. Source: docs/protocol.md, "Acts of operators"."""

from pathlib import Path

import pytest

from gateway.passwords import hash_password
from tests.harness.deadlines import eventually
from tests.harness.gateway_process import GatewayProcess
from tests.harness.history import HISTORY
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import CHEAP, OPERATOR_PASSWORD, Connect, Network
from tests.harness.steps import answers, join

pytestmark = pytest.mark.slow

SECRET = "sesame"


async def operator(dial: Connect, nick: str) -> IrcPeer:
    """A peer with the rights."""
    peer = await dial(nick, caps=HISTORY)
    await peer.send(f"OPER root :{OPERATOR_PASSWORD}")
    await peer.expect("381")
    await peer.barrier()
    return peer


def lines_of(gateways: list[GatewayProcess], nick: str) -> list[str]:
    """What the logs have of somebody's acts: from the name of the act on, who did it left out."""
    lines = [line for gateway in gateways for line in gateway.log if f"by={nick}!" in line]
    assert all(line.split()[1:3] == ["INFO", "gateway.audit"] for line in lines)
    return [" ".join(w for w in line.split()[3:] if not w.startswith(("by=", "uid="))) for line in lines]


async def written(gateways: list[GatewayProcess], nick: str, *expected: str) -> None:
    """Wait until the logs have these acts, and see that they have no others, and no text."""

    async def all_there() -> bool | None:
        return len(lines_of(gateways, nick)) >= len(expected) or None

    await eventually(all_there, what=f"{len(expected)} lines of the audit")
    assert lines_of(gateways, nick) == list(expected)
    assert not any(SECRET in line for gateway in gateways for line in gateway.log)


async def test_acts_on_the_network(dial: Connect, network: Network, nick: str) -> None:
    """OPER, KLINE, UNKLINE, KILL, WALLOPS, and that the rights were given away."""
    root, bob = await operator(dial, nick), await dial(f"{nick}b")
    mask = f"~{nick}@192.0.2.1"
    await root.send(f"KLINE 5 {mask} :{SECRET}", f"UNKLINE {mask}", f"KILL {bob.nick} :{SECRET}")
    await root.send(f"WALLOPS :{SECRET}", f"MODE {nick} -o")
    await root.barrier()
    await bob.wait_closed()
    (killed,) = [line for line in lines_of(network.gateways, nick) if line.startswith("killed")]
    await written(
        network.gateways,
        nick,
        "operator name_given=root",
        f"network_ban_set mask={mask} minutes=5",
        f"network_ban_lifted mask={mask}",
        killed,
        "wallops",
        "operator_no_more",
    )
    assert killed.endswith(f" nick={bob.nick}")


async def test_what_was_not_done_is_not_written(dial: Connect, network: Network, nick: str) -> None:
    """By who may not, or what could not be done."""
    plain, root = await dial(f"{nick}p"), await operator(dial, nick)
    acts = (f"KLINE x@y :{SECRET}", "UNKLINE x@y", f"KILL nobody0 :{SECRET}", "DIE", "DRAIN", f"OPER root {SECRET}")
    await answers(plain, *acts, f"WALLOPS :{SECRET}", f"MODE {plain.nick} -o")
    await answers(root, f"KLINE *@* :{SECRET}", "UNKLINE x@y", f"KILL nobody0 :{SECRET}", "DRAIN nobody")
    await written(network.gateways, nick, "operator name_given=root")
    await written(network.gateways, plain.nick)


async def test_acts_in_rooms(dial: Connect, network: Network, nick: str, room: str) -> None:
    """REDACT by office, and modes, whose keys and masks are nobody's business; what a room's own operator does is an
    event of the room and no line here, and so is taking back one's own."""
    ann, root = await dial(f"{nick}a", caps=HISTORY), await operator(dial, nick)
    await join(room, ann, root)
    for target in (ann, root):
        await target.send(f"PRIVMSG {room} :{SECRET} of {target.nick}")
    said = await root.collect("PRIVMSG", 2)
    msgids = {message.source.partition("!")[0]: message.tags["msgid"] for message in said}
    await answers(ann, f"MODE {room} +o {nick}", f"MODE {room} -o {nick}")
    await answers(root, f"REDACT {room} {msgids[ann.nick]} :{SECRET}", f"REDACT {room} {msgids[nick]}")
    await answers(ann, f"MODE {room} +o {nick}")
    await answers(root, f"MODE {room} +k-t+b {SECRET} {SECRET}!*@*", f"MODE {room} b", f"TOPIC {room} :{SECRET}")
    await written(
        network.gateways,
        nick,
        "operator name_given=root",
        f"redacted room={room} msgid={msgids[ann.nick]}",
        f'room_modes_set room={room} modes="+k -t +b"',
    )
    await written(network.gateways, ann.nick)


async def test_names_of_rooms(dial: Connect, network: Network, nick: str, room: str) -> None:
    """RENAME by office, and as the room's own operator; not the reason."""
    ann, root = await dial(f"{nick}a"), await operator(dial, nick)
    await join(room, ann)
    await answers(root, f"RENAME {room} {room}b :{SECRET}", f"RENAME {room} &no :{SECRET}", f"JOIN {room}own")
    await answers(root, f"RENAME {room}own {room}mine :{SECRET}")
    await answers(ann, f"RENAME {room}b {room}c")
    await written(
        network.gateways,
        nick,
        "operator name_given=root",
        f"room_renamed room={room} was={room} now={room}b",
        f"room_renamed room={room}own was={room}own now={room}mine",
    )
    await written(network.gateways, ann.nick)


async def test_the_end_of_an_account(dial: Connect, network: Network, nick: str) -> None:
    """ACCOUNT DELETE, with the right password."""
    peer = await dial(nick, caps=["standard-replies"])
    await peer.send(f"REGISTER * * {SECRET}")
    await peer.expect("900")
    await answers(peer, f"ACCOUNT DELETE {SECRET}wrong", f"ACCOUNT DELETE {SECRET}")
    await written(network.gateways, nick, f"account_deleted account={nick}")


@pytest.mark.slow
async def test_gateways_that_are_shut_down(tmp_path: Path) -> None:
    """DRAIN of another one and of this one, and DIE."""
    opers = tmp_path / "opers.toml"
    opers.write_text(f'root = "{hash_password(OPERATOR_PASSWORD)}"\n')
    with Network.running(tmp_path, 3, opers=str(opers), drain_s=1, **CHEAP) as network:
        one, two, three = [await network.connect(f"root{number}") for number in range(3)]
        for peer in (one, two, three):
            await peer.send(f"OPER root :{OPERATOR_PASSWORD}", "VERSION")
            await peer.expect("381")
        other = (await two.expect("351")).params[-1].split()[-1]
        await one.send(f"DRAIN {other}")
        await one.expect("NOTICE")
        await two.wait_closed()
        await one.send("DRAIN")
        await one.wait_closed()
        await three.send("DIE")
        await three.wait_closed()
        opened = "operator name_given=root"
        await written(
            network.gateways, "root0", opened, f"gateway_asked_to_drain asked={other}", "gateway_stopped command=DRAIN"
        )
        await written(network.gateways, "root1", opened)
        await written(network.gateways, "root2", opened, "gateway_stopped command=DIE")
        for peer in (one, two, three):
            await peer.close()
