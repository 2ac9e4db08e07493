"""UTF8ONLY. Source: https://ircv3.net/specs/extensions/utf8-only"""

import pytest

from tests.harness.network import Connect
from tests.harness.steps import ALL, answers, commands, join


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"PRIVMSG {room} :hi\xaa", "PRIVMSG"),
        (b"PRIVMSG {room} :\xc3", "PRIVMSG"),
        (b"NOTICE {room} :\xed\xa0\x80", "NOTICE"),
        (b"TOPIC {room} :\xff\xfe", "TOPIC"),
        (b"JOIN #\xff", "JOIN"),
        (b"privmsg {room} \xaa", "PRIVMSG"),
        (b"@+a=\xff TAGMSG {room}", "TAGMSG"),
        (b"NOSUCH \xff", "*"),
        (b"\xff", "*"),
    ],
)
async def test_nothing_else_is_relayed(dial: Connect, nick: str, room: str, line: bytes, command: str) -> None:
    """A message that is not UTF-8 is rejected as a whole, by FAIL with the command's name, whatever was negotiated."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann, bob)
    (fail,) = await answers(ann, line.replace(b"{room}", room.encode()))
    assert (fail.command, fail.params[:2]) == ("FAIL", (command, "INVALID_UTF8"))
    assert await commands(bob) == []
    assert await commands(ann, f"PRIVMSG {room} :ünï \U0001f600") == []
    assert (await bob.expect("PRIVMSG")).params[1] == "ünï \U0001f600"


async def test_before_registration(dial: Connect, nick: str) -> None:
    """A real name has to be UTF-8 as well; another USER works."""
    peer = await dial(nick, register=False)
    await peer.send(f"NICK {nick}", b"USER u s e :\xe9", "USER u s e :\xe9")
    assert (await peer.read()).params[:2] == ("USER", "INVALID_UTF8")
    assert (await peer.read()).command == "001"


async def test_the_label_is_on_the_refusal(dial: Connect, nick: str) -> None:
    """As on any other answer; one that is not UTF-8 itself cannot be given back."""
    peer = await dial(nick, caps=ALL)
    for line, label in [
        (b"@label=xyz PRIVMSG x :hi\xaa", "xyz"),
        (b"@label=x\xaa PRIVMSG x :hi", None),
        (b"@label=a;+x=\xff PRIVMSG x :hi", "a"),
    ]:
        (fail,) = await answers(peer, line)
        assert (fail.command, fail.tags.get("label")) == ("FAIL", label)


async def test_it_is_advertised(dial: Connect, nick: str) -> None:
    """The token UTF8ONLY of 005 has no value."""
    peer = await dial(nick)
    assert "UTF8ONLY" in {
        token for m in await answers(peer, "VERSION") if m.command == "005" for token in m.params[1:-1]
    }
