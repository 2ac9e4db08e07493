"""MONITOR and extended-monitor.

Source: https://ircv3.net/specs/extensions/monitor, https://ircv3.net/specs/extensions/extended-monitor.
"""

import pytest

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import join

EXTENDED = ("extended-monitor", "away-notify", "account-notify", "chghost", "setname")


async def lines(peer: IrcPeer) -> list[tuple[str, str]]:
    """Numeric and targets of what came, hostmasks left out."""
    return [(m.command, _nicks(m.params[-1])) for m in await peer.barrier() if m.command.startswith("73")]


def _nicks(targets: str) -> str:
    return ",".join(target.partition("!")[0] for target in targets.split(","))


async def test_who_is_there_is_told_at_once(dial: Connect, nick: str) -> None:
    """730 for those online, 731 for the others, as many to a line as fit ("MONITOR +")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await ann.send(f"MONITOR + {nick}B,{nick}c,{nick}")
    assert await lines(ann) == [("730", f"{nick}b,{nick}"), ("731", f"{nick}c")]
    await bob.send(f"MONITOR + {nick}c")
    assert await lines(bob) == [("731", f"{nick}c")]


async def test_coming_and_going_is_told(dial: Connect, nick: str) -> None:
    """ "a target has just become online" with its mask, "has just left the irc network"; a second time as well."""
    ann = await dial(nick)
    await ann.send(f"MONITOR + {nick}b")
    assert await lines(ann) == [("731", f"{nick}b")]
    for number in range(2):
        bob = await dial(f"{nick}b")
        told = await ann.expect("730")
        assert told.params[0] == nick
        assert told.params[1].startswith(f"{nick}b!~{nick}b@")
        await (bob.send("QUIT") if number else bob.close())
        assert (await ann.expect("731")).params == (nick, f"{nick}b")
    assert await lines(ann) == []


async def test_a_nick_change_is_going_and_coming(dial: Connect, nick: str) -> None:
    """Of the former nick and of the new one; another spelling is neither."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await ann.send(f"MONITOR + {nick}b,{nick}c")
    await lines(ann)
    await bob.send(f"NICK {nick}B")
    await bob.expect("NICK")
    assert await lines(ann) == []
    await bob.send(f"NICK {nick}c")
    await bob.expect("NICK")
    assert sorted(await lines(ann)) == [("730", f"{nick}c"), ("731", f"{nick}B")]
    await bob.send(f"NICK {nick}b")
    await bob.expect("NICK")
    assert sorted(await lines(ann)) == [("730", f"{nick}b"), ("731", f"{nick}c")]


async def test_the_list_can_be_shown_shortened_and_cleared(dial: Connect, nick: str) -> None:
    """732 and 733 ("MONITOR L"), 730 and 731 ("MONITOR S"); "No output will be returned" for - and C; nothing is added
    twice."""
    ann = await dial(nick)
    await ann.send(f"MONITOR + {nick}b,{nick}c", f"MONITOR + {nick}C", "MONITOR L")
    assert (await lines(ann))[2:] == [("732", f"{nick}b,{nick}c"), ("733", "End of MONITOR list")]
    await ann.send(f"MONITOR - {nick}B,{nick}x", "MONITOR s", "MONITOR l")
    assert await lines(ann) == [("731", f"{nick}c"), ("732", f"{nick}c"), ("733", "End of MONITOR list")]
    await ann.send("MONITOR C", "MONITOR S", "MONITOR L")
    assert await lines(ann) == [("733", "End of MONITOR list")]
    await dial(f"{nick}c")
    assert await lines(ann) == []


async def test_who_is_not_watched_any_more_is_not_told_of(dial: Connect, nick: str) -> None:
    """Also where somebody else on the same gateway goes on watching."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}b"), await dial(f"{nick}c")
    for peer in (ann, bob, cat):
        await peer.send(f"MONITOR + {nick}x")
        await lines(peer)
    await cat.send(f"MONITOR - {nick}x")
    await cat.barrier()
    await dial(f"{nick}x")
    assert [await lines(peer) for peer in (ann, bob, cat)] == [[("730", f"{nick}x")], [("730", f"{nick}x")], []]


async def test_a_full_list(dial: Connect, nick: str) -> None:
    """734 with the limit and what "cannot be added"; the limit is the one of ISUPPORT."""
    ann = await dial(nick)
    await ann.send("ISUPPORT")
    tokens = [token for m in await ann.barrier() for token in m.params]
    assert "MONITOR=100" in tokens
    for start in range(0, 100, 20):
        await ann.send("MONITOR + " + ",".join(f"{nick}{number}" for number in range(start, start + 20)))
    await ann.send(f"MONITOR + {nick}7,{nick}more,{nick}again", f"MONITOR - {nick}1", f"MONITOR + {nick}more")
    told = [m for m in await ann.barrier() if m.command in {"731", "734"}][-3:]
    assert [m.command for m in told] == ["731", "734", "731"]
    assert told[1].params[:3] == (nick, "100", f"{nick}more,{nick}again")


@pytest.mark.parametrize("target", ["*@host", "no*", "1abc", "a b"])
async def test_what_is_no_nick_is_offline(dial: Connect, nick: str, target: str) -> None:
    """ "'target' MUST be a valid nick"; masks are not watched."""
    ann = await dial(nick)
    await ann.send(f"MONITOR + :{target}", "MONITOR L")
    assert await lines(ann) == [("731", target), ("733", "End of MONITOR list")]


async def test_what_cannot_be_read(dial: Connect, nick: str) -> None:
    """461 for no subcommand, an unknown one, and no targets."""
    ann = await dial(nick)
    await ann.send("MONITOR", "MONITOR X", "MONITOR +", "MONITOR -", "MONITOR + ,", "MONITOR L")
    assert [m.command for m in await ann.barrier()] == ["461"] * 5 + ["733"]


async def test_changes_are_told_without_a_shared_room(dial: Connect, nick: str) -> None:
    """AWAY and SETNAME, to who has extended-monitor and the capability of each; to nobody else."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}b", caps=EXTENDED), await dial(f"{nick}c", caps=EXTENDED[1:])
    dan = await dial(f"{nick}d", caps=EXTENDED[:2])
    for peer in (bob, cat, dan):
        await peer.send(f"MONITOR + {nick}")
        await peer.barrier()
    await ann.send("AWAY :out", "SETNAME :Other", "AWAY")
    await ann.barrier()
    told = [(m.command, m.source.partition("!")[0], *m.params) for m in await bob.barrier()]
    assert told == [("AWAY", nick, "out"), ("SETNAME", nick, "Other"), ("AWAY", nick)]
    assert await cat.barrier() == []
    assert [m.command for m in await dan.barrier()] == ["AWAY", "AWAY"]


async def test_accounts_are_told_without_a_shared_room(dial: Connect, nick: str) -> None:
    """ACCOUNT, with account-notify."""
    ann, bob = await dial(nick), await dial(f"{nick}b", caps=EXTENDED)
    await bob.send(f"MONITOR + {nick}")
    await bob.barrier()
    await ann.send(f"REGISTER * * {nick}-secret")
    await ann.expect("900")
    await ann.barrier()
    assert [(m.command, m.params) for m in await bob.barrier()] == [("ACCOUNT", (nick,))]


async def test_nobody_is_told_twice(dial: Connect, nick: str, room: str) -> None:
    """Who shares a room with whom it watches hears of each change once."""
    ann, bob = await dial(nick), await dial(f"{nick}b", caps=EXTENDED)
    await join(room, ann, bob)
    await bob.send(f"MONITOR + {nick}")
    await bob.barrier()
    await ann.send("AWAY :out", "SETNAME :Other")
    await ann.barrier()
    assert [m.command for m in await bob.barrier()] == ["AWAY", "SETNAME"]
