"""HELP, INFO, LINKS, ADMIN, TIME, VERSION, LUSERS, USERHOST and ISON.

Source: https://modern.ircdocs.horse/#server-queries-and-commands; RFC 2812 sections 3.4, 4.8 and 4.9.
"""

import re

import pytest

from gateway.commands.help import HELP
from gateway.commands.table import COMMANDS
from tests.harness.deadlines import eventually
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect, Network


def test_every_command_is_explained() -> None:
    """HELP has exactly the commands of the table, in its order."""
    assert list(HELP) == list(COMMANDS)


@pytest.mark.parametrize("command", ["HELP", "HELPOP"])
async def test_help(dial: Connect, nick: str, command: str) -> None:
    """704, 705 and 706 with the subject in each; `*` for the list of all; 524 for what there is not."""
    ann = await dial(nick)
    await ann.send(f"{command} privmsg", command, f"{command} nonsense")
    told = await ann.barrier()
    assert [m.command for m in told if m.params[1] == "PRIVMSG"] == ["704", "705", "706"]
    listed = [m for m in told if m.params[1] == "*"]
    assert (listed[0].command, listed[-1].command, {m.command for m in listed[1:-1]}) == ("704", "706", {"705"})
    assert {word for m in listed[1:-1] for word in m.params[2].split()} == set(COMMANDS)
    assert (told[-1].command, told[-1].params[1]) == ("524", "NONSENSE")


async def test_one_server_without_links(dial: Connect, nick: str) -> None:
    """365 alone; INFO ends with 374; 423 where nobody is named to look after it."""
    ann = await dial(nick)
    await ann.send("LINKS", "LINKS *.x", "INFO", "ADMIN")
    told = await ann.barrier()
    assert [(m.command, m.params[1]) for m in told[:2]] == [("365", "*"), ("365", "*.x")]
    assert [m.command for m in told[2:]] == ["371"] * 4 + ["374", "423"]


@pytest.mark.parametrize("command", ["TIME", "VERSION", "INFO", "ADMIN"])
async def test_a_question_to_another_server(dial: Connect, nick: str, command: str) -> None:
    """402 for a server that is not there; the server's name, a mask of it or anybody's nick mean this one."""
    ann, _ = await dial(nick), await dial(f"{nick}b")
    await ann.send(f"{command} no.such.server", f"{command} hubbub.local", f"{command} *.local", f"{command} {nick}b")
    told = [m.command for m in await ann.barrier()]
    assert told[0] == "402"
    assert "402" not in told[1:]
    assert len(told) >= 4


async def figures(peer: IrcPeer) -> dict[str, list[int]]:
    """The numbers in each line of LUSERS."""
    await peer.send("LUSERS")
    told = [m for m in await peer.barrier() if m.command[:2] in {"25", "26"}]
    return {m.command: [int(word) for word in re.findall(r"\d+", " ".join(m.params[1:]))] for m in told}


async def test_users_are_counted_at_once(network: Network, dial: Connect, nick: str) -> None:
    """Whoever was welcomed is counted, on whichever gateway; connections that are none yet are in 253; +i is counted
    apart; the maximum never falls."""
    ann = await dial(nick)
    before = await figures(ann)
    assert list(before) == ["251", "252", "253", "254", "255", "265", "266"]
    bob = await dial(f"{nick}b")
    after = await figures(ann)
    assert after["255"][0] == before["255"][0] + 1 == sum(after["251"][:2])
    await bob.send(f"MODE {nick}b +i")
    await bob.expect("MODE")
    await bob.barrier()
    assert (await figures(ann))["251"][1] == after["251"][1] + 1
    gateway = network.gateways[-1]
    async with await IrcPeer.connect(gateway.host, gateway.port, "x", register=False) as nobody:
        await nobody.send("PING x")
        await nobody.expect("PONG")
        assert (await figures(ann))["253"][0] == after["253"][0] + 1
    most = after["266"][1]
    await bob.send("QUIT")
    await bob.wait_closed()

    async def fewer() -> bool | None:
        now = await figures(ann)
        assert now["266"][1] == now["265"][1] >= most
        return now["266"][0] == before["266"][0] or None

    await eventually(fewer, what="who has quit is not counted")


async def test_userhost_and_ison(dial: Connect, nick: str) -> None:
    """302 `nick=+user@host` for up to five, 303 the nicks as they are spelt; who is not there is left out."""
    ann, _ = await dial(nick), await dial(f"{nick}B")
    await ann.send(
        f"USERHOST {nick}b {nick}x {nick}", f"ISON {nick}x {nick}b :{nick} {nick}y", "ISON", f"USERHOST {nick}x"
    )
    told = await ann.barrier()
    assert [m.command for m in told[:2]] == ["302", "303"]
    assert told[0].params[1] == f"{nick}B=+~{nick}B@127.0.0.1 {nick}=+~{nick}@127.0.0.1"
    assert told[1].params[1] == f"{nick}B {nick}"
    assert [(m.command, m.params[-1]) for m in told[2:]] == [("461", "Not enough parameters"), ("302", "")]


async def test_whois_tells_how_long_somebody_was_silent(dial: Connect, nick: str) -> None:
    """317 has two numbers: seconds, and when the session began ("RPL_WHOISIDLE")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await bob.send(f"PRIVMSG {nick} :hi")
    await ann.expect("PRIVMSG")
    await ann.send(f"WHOIS {nick}b")
    idle_s, since_s = (int(word) for word in (await ann.expect("317")).params[2:4])
    assert 0 <= idle_s < 60
    assert since_s > 1_700_000_000
