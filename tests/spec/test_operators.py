"""OPER, KILL, WALLOPS. Source: https://modern.ircdocs.horse/#operator-messages"""

import pytest

from tests.harness.network import OPERATOR_PASSWORD, Connect
from tests.harness.steps import answers, commands

OPER = f"OPER root :{OPERATOR_PASSWORD}"


async def test_becoming_one(dial: Connect, nick: str) -> None:
    """381, and MODE with +o ("OPER message")."""
    done, mode = await answers(await dial(nick), OPER)
    assert (done.command, len(done.params)) == ("381", 2)
    assert (mode.command, mode.params) == ("MODE", (nick, "+o"))


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("OPER root wrong", "464"),
        ("OPER nobody wrong", "464"),
        ("OPER root :", "464"),
        ("OPER root", "461"),
        ("OPER", "461"),
    ],
)
async def test_a_wrong_password(dial: Connect, nick: str, line: str, number: str) -> None:
    """464, the same whether there is such an operator or not; 461 without a password ("OPER message")."""
    peer = await dial(nick)
    (refused,) = await answers(peer, line)
    assert (refused.command, refused.params[0]) == (number, nick)
    assert await commands(peer, "STATS k") == ["481"]


@pytest.mark.parametrize("reason", [" :some arbitrary reason", ""])
async def test_kill(dial: Connect, nick: str, reason: str) -> None:
    """The victim, on whichever gateway, gets KILL and ERROR and is gone; a reason may be left out ("KILL message")."""
    root, victim = await dial(nick), await dial(f"{nick}v")
    await answers(root, OPER)
    assert await commands(root, f"KILL {nick}v{reason}") == []
    kill, error = (await victim.wait_closed())[-2:]
    assert (kill.command, kill.params[0], error.command) == ("KILL", f"{nick}v", "ERROR")
    assert kill.source.startswith(f"{nick}!")


async def test_kill_is_for_operators(dial: Connect, nick: str) -> None:
    """481, for oneself as well, and nobody is killed; 401 for nobody, 461 for nothing ("KILL message")."""
    ann, bob, root = await dial(nick), await dial(f"{nick}b"), await dial(f"{nick}r")
    assert await commands(ann, f"KILL {nick}b :x", f"KILL {nick} :x", "KILL") == ["481", "481", "461"]
    await answers(root, OPER)
    assert await commands(root, "KILL nobody-here :x", "KILL", "WALLOPS") == ["401", "461", "461"]
    assert await commands(bob, "PING x") == ["PONG"]


async def test_wallops(dial: Connect, nick: str) -> None:
    """To all with +w, from an operator alone ("WALLOPS message")."""
    root, ann, bob = await dial(nick), await dial(f"{nick}a"), await dial(f"{nick}b")
    await answers(ann, f"MODE {nick}a +w")
    assert await commands(bob, "WALLOPS :x") == ["481"]
    await answers(root, OPER)
    await root.send("WALLOPS :to whom it may concern")
    heard = await ann.expect("WALLOPS")
    assert (heard.params, heard.source.partition("!")[0]) == (("to whom it may concern",), nick)
    assert "WALLOPS" not in await commands(bob)


async def test_stats_ends(dial: Connect, nick: str) -> None:
    """219 repeats the letter, or has a star for none; what is asked for is for operators alone ("STATS message")."""
    peer = await dial(nick)
    assert [(m.command, m.params[1]) for m in await answers(peer, "STATS x", "STATS")] == [("219", "x"), ("219", "*")]
    assert await commands(peer, "STATS k") == ["481"]
    await answers(peer, OPER)
    assert (await answers(peer, "STATS k"))[-1].params[1] == "k"
