"""004 and 005: what is advertised is true. Source: https://modern.ircdocs.horse/#rplisupport-005"""

import re

import pytest

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import answers, commands


async def tokens(peer: IrcPeer) -> dict[str, str]:
    """All of 005; empty for a token without a value."""
    lines = [m for m in await answers(peer, "VERSION") if m.command == "005"]
    return dict(token.partition("=")[::2] for line in lines for token in line.params[1:-1])


async def test_the_form(dial: Connect, nick: str) -> None:
    """At most 13 tokens a line between nick and text, ASCII, upper case; no line over 512 bytes; no `=` inside a
    value, which some parsers cannot take ("Feature Advertisement")."""
    peer = await dial(nick)
    lines = [m for m in await answers(peer, "VERSION") if m.command == "005"]
    assert lines
    for line in lines:
        assert line.params[0] == nick
        assert 3 <= len(line.params) <= 15
        assert len(line.encode()) <= 512
        assert all(re.fullmatch(r"[A-Z0-9]+(=[!-<>-~]*)?", token) for token in line.params[1:-1])
    names = [token.partition("=")[0] for line in lines for token in line.params[1:-1]]
    assert len(names) == len(set(names))


async def test_the_ranks(dial: Connect, nick: str) -> None:
    """PREFIX has a mode per prefix, the highest first; STATUSMSG has some of the prefixes."""
    found = await tokens(await dial(nick))
    match = re.fullmatch(r"\(([a-zA-Z]+)\)(\S+)", found["PREFIX"])
    assert match
    assert dict(zip(*match.groups(), strict=True)) == {"o": "@", "v": "+"}
    assert match[1].index("o") < match[1].index("v")
    assert set(found["STATUSMSG"]) <= set(match[2])


async def test_the_modes(dial: Connect, nick: str) -> None:
    """CHANMODES has four kinds; EXCEPTS and INVEX name lists of it, EXTBAN has no prefix and names the bans,
    ACCOUNTEXTBAN one of them, MAXLIST limits each list; none of it is in PREFIX."""
    found = await tokens(await dial(nick))
    lists, always, setting, flags = found["CHANMODES"].split(",")
    assert {found["EXCEPTS"], found["INVEX"], "b"} == set(lists)
    assert (always, setting) == ("k", "Hl")
    assert set("imnst") <= set(flags)
    assert not set(lists + always + setting + flags) & set("ov")
    prefix, kinds = found["EXTBAN"].split(",")
    assert prefix == ""
    assert found["ACCOUNTEXTBAN"] in kinds
    assert {entry.split(":")[0] for entry in found["MAXLIST"].split(",")} == set(lists)


async def test_the_form_of_targmax(dial: Connect, nick: str) -> None:
    """Commands with a limit or nothing behind a colon."""
    found = await tokens(await dial(nick))
    assert all(re.fullmatch("[A-Z]+:[0-9]*", entry) for entry in found["TARGMAX"].split(","))


async def test_the_limit_of_nicks(dial: Connect, nick: str) -> None:
    """A nick of NICKLEN is one; a longer one is refused with 432 and named."""
    peer = await dial(nick)
    length = int((await tokens(peer))["NICKLEN"])
    assert length >= 20
    longest = f"{nick}".ljust(length, "a")
    assert await commands(peer, f"NICK {longest}") == ["NICK"]
    (refused,) = await answers(peer, f"NICK {longest}aaaaa")
    assert (refused.command, refused.params[:2]) == ("432", (longest, f"{longest}aaaaa"))


async def test_the_limit_of_room_names(dial: Connect, nick: str, room: str) -> None:
    """A name of CHANNELLEN can be joined; a longer one is refused with 403 and named."""
    peer = await dial(nick)
    longest = room.ljust(int((await tokens(peer))["CHANNELLEN"]), "a")
    assert (await commands(peer, f"JOIN {longest}"))[0] == "JOIN"
    (refused,) = await answers(peer, f"JOIN {longest}b")
    assert (refused.command, refused.params[:2]) == ("403", (nick, f"{longest}b"))


async def test_the_limit_of_rooms(dial: Connect, nick: str, room: str) -> None:
    """As many as CHANLIMIT says can be joined; the next one is refused with 405; after a PART there is room again."""
    peer = await dial(nick)
    kinds, limit = (await tokens(peer))["CHANLIMIT"].split(":")
    assert kinds == "#"
    names = [f"{room}-{number}" for number in range(int(limit))]
    for start in range(0, len(names), 20):
        joined = await commands(peer, f"JOIN {','.join(names[start : start + 20])}")
        assert joined.count("JOIN") == 20
    (refused,) = await answers(peer, f"JOIN {room}-more")
    assert (refused.command, refused.params[:2]) == ("405", (nick, f"{room}-more"))
    assert await commands(peer, f"PART {names[0]}", f"JOIN {room}-more") == ["PART", "JOIN", "353", "366"]


@pytest.mark.parametrize(
    ("token", "line"), [("TOPICLEN", "TOPIC {room} :{text}"), ("KICKLEN", "KICK {room} {nick} :{text}")]
)
async def test_the_limits_of_texts(dial: Connect, nick: str, room: str, token: str, line: str) -> None:
    """A text that is longer than what is advertised is cut there."""
    peer = await dial(nick)
    limit = int((await tokens(peer))[token])
    await answers(peer, f"JOIN {room}")
    (changed,) = await answers(peer, line.format(room=room, nick=nick, text="x" * (limit + 9)))
    assert changed.params[-1] == "x" * limit
