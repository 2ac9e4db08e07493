"""WHOWAS. Source: https://modern.ircdocs.horse/#whowas-message."""

import pytest

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect


async def ask(peer: IrcPeer, question: str) -> list[tuple[str, str]]:
    """Numeric and what tells the answers apart: the real name, or the nick."""
    await peer.send(f"WHOWAS {question}")
    return [(m.command, m.params[5] if m.command == "314" else m.params[1]) for m in await peer.barrier()]


async def had(dial: Connect, nick: str, realname: str) -> None:
    """Somebody has the nick and leaves."""
    peer = await dial(nick)
    await peer.send(f"SETNAME :{realname}", "QUIT")
    await peer.wait_closed()


async def test_who_had_a_nick_newest_first(dial: Connect, nick: str) -> None:
    """314 and 312 for each, "the most recent entry first", then 369; whichever gateway it was on."""
    ann = await dial(nick)
    for realname in ("one", "two", "three"):
        await had(dial, f"{nick}w", realname)
    expected = [line for realname in ("three", "two", "one") for line in (("314", realname), ("312", f"{nick}w"))]
    assert await ask(ann, f"{nick}W") == [*expected, ("369", f"{nick}W")]


@pytest.mark.parametrize(("count", "entries"), [("1", 1), ("2", 2), ("9", 3), ("0", 3), ("-1", 3), ("x", 3)])
async def test_a_count(dial: Connect, nick: str, count: str, entries: int) -> None:
    """ "If a non-positive number is passed as being <count>, then a full search is done"."""
    ann = await dial(nick)
    for realname in ("one", "two", "three"):
        await had(dial, f"{nick}w", realname)
    assert [number for number, _ in await ask(ann, f"{nick}w {count}")].count("314") == entries


async def test_a_nick_change_leaves_an_entry(dial: Connect, nick: str) -> None:
    """Who has another nick now had the former one; the present one is nobody's former."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await bob.send(f"NICK {nick}c")
    await bob.expect("NICK")
    assert [number for number, _ in await ask(ann, f"{nick}b")] == ["314", "312", "369"]
    assert await ask(ann, f"{nick}c") == [("406", f"{nick}c"), ("369", f"{nick}c")]


async def test_nobody_had_it(dial: Connect, nick: str) -> None:
    """406, and 369 all the same; what cannot be a nick was nobody's; 461 without one."""
    ann = await dial(nick)
    assert await ask(ann, f"{nick}x") == [("406", f"{nick}x"), ("369", f"{nick}x")]
    assert await ask(ann, "1%") == [("406", "1%"), ("369", "1%")]
    assert [number for number, _ in await ask(ann, "")] == ["461"]


async def test_several_nicks(dial: Connect, nick: str) -> None:
    """One end for all of them."""
    ann = await dial(nick)
    for name in ("v", "w"):
        await had(dial, f"{nick}{name}", name)
    expected = [("314", "v"), ("312", f"{nick}v"), ("314", "w"), ("312", f"{nick}w"), ("369", f"{nick}v,{nick}w")]
    assert await ask(ann, f"{nick}v,{nick}w") == expected
