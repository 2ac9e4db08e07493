"""SEARCH. Source: https://github.com/ircv3/ircv3-specifications/pull/496, under the name `soju.im/search`."""

import pytest

from tests.harness.history import batch
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import ALL, answers, join

CAPS = (*ALL, "soju.im/search", "draft/message-redaction")


async def search(peer: IrcPeer, attributes: str) -> list[str]:
    """The texts of one answer, which has a type of its own."""
    start, inside = await batch(peer, f"SEARCH {attributes}")
    assert start.params[1:] == ("soju.im/search",)
    assert all(m.command in {"PRIVMSG", "NOTICE"} for m in inside)
    times = [m.tags["time"] for m in inside]
    assert times == sorted(times)
    return [m.params[-1] for m in inside]


async def test_attributes(dial: Connect, nick: str, room: str) -> None:
    """`in`, `from`, `text`, `after`, `before` and `limit`, alone and together; ascending; text in any case; times
    include themselves; with `after` the first ones, else the last ("Standard search attributes")."""
    ann, bob = await dial(nick, caps=CAPS), await dial(f"{nick}b", caps=CAPS)
    await join(room, ann, bob)
    said = []
    for author, text in (
        (ann, "That was fast!"),
        (bob, "FASTING is hard"),
        (ann, "slow"),
        (bob, "breakfast; then\\all"),
    ):
        await author.send(f"PRIVMSG {room} :{text}")
        said.append(await ann.expect("PRIVMSG"))
    await answers(ann, f"TAGMSG {room}", f"TOPIC {room} :fast", f"NOTICE {room} :fast too")
    fast = ["That was fast!", "FASTING is hard", "breakfast; then\\all", "fast too"]
    assert await search(ann, f"in={room};text=fast") == fast
    assert await search(ann, f"in={room.upper()};text=Fast;limit=2") == fast[2:]
    assert await search(ann, f"in={room};from={nick.upper()}b") == [fast[1], fast[2]]
    assert await search(ann, f"in={room};text=was\\sFAST!") == fast[:1]
    assert await search(ann, f"in={room};text=fast\\:\\sthen\\\\all") == [fast[2]]
    assert await search(ann, f"in={room};text=nowhere") == []
    first, second = said[1].tags["time"], said[2].tags["time"]
    assert await search(ann, f"in={room};after={first};before={second}") == ["FASTING is hard", "slow"]
    assert await search(ann, f"in={room};after={first};limit=1") == ["FASTING is hard"]
    assert await search(ann, f"in={room};before={second};limit=1") == ["slow"]
    assert (await batch(ann, f"SEARCH in={room};text=slow"))[1][0].tags["msgid"] == said[2].tags["msgid"]


async def test_only_ones_own(dial: Connect, nick: str, room: str) -> None:
    """Everywhere means the rooms the peer is in and its direct messages; another room cannot be named."""
    ann, bob, cat = [await dial(f"{nick}{letter}", caps=CAPS) for letter in "abc"]
    await join(room, ann, bob)
    await join(f"{room}2", cat)
    word = f"word{nick}"
    for author, target, text in ((ann, room, "a"), (cat, f"{room}2", "b"), (ann, cat.nick, "c"), (bob, ann.nick, "d")):
        await author.send(f"PRIVMSG {target} :{word} {text}")
        while (await author.expect("PRIVMSG")).params[-1] != f"{word} {text}":
            pass
    assert await search(ann, f"text={word}") == [f"{word} a", f"{word} c", f"{word} d"]
    assert await search(bob, f"text={word}") == [f"{word} a", f"{word} d"]
    assert await search(cat, f"text={word}") == [f"{word} b", f"{word} c"]
    assert await search(ann, f"in={cat.nick};text={word}") == [f"{word} c"]
    assert await search(bob, f"in={cat.nick};text={word}") == []
    assert await search(ann, f"text={word};limit=1") == [f"{word} d"]
    (answer,) = await answers(ann, f"SEARCH in={room}2;text={word}")
    assert answer.params[:3] == ("SEARCH", "INVALID_PARAMS", "in")


async def test_what_was_taken_back_is_not_found(dial: Connect, nick: str, room: str) -> None:
    """Redacted lines are gone from it."""
    ann = await dial(nick, caps=CAPS)
    await join(room, ann)
    await ann.send(f"PRIVMSG {room} :needle")
    msgid = (await ann.expect("PRIVMSG")).tags["msgid"]
    assert await search(ann, "text=needle") == ["needle"]
    await answers(ann, f"REDACT {room} {msgid}")
    assert await search(ann, "text=needle") == []


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ("", "*"),
        ("text=x;limit=0", "limit"),
        ("text=x;limit=many", "limit"),
        ("text=x;after=yesterday", "after"),
        ("text=x;before=1960-01-01T00:00:00.000Z", "before"),
        ("in=#elsewhere", "in"),
        ("in=nobody-at-all", "in"),
        ("text=x;mood=good", "mood"),
    ],
)
async def test_refusals(dial: Connect, nick: str, attributes: str, named: str) -> None:
    """FAIL SEARCH INVALID_PARAMS with the parameter ("Errors and Warnings")."""
    (answer,) = await answers(await dial(nick, caps=CAPS), f"SEARCH {attributes}")
    assert (answer.command, answer.params[:-1]) == ("FAIL", ("SEARCH", "INVALID_PARAMS", named))
