"""Who is typing. Source: https://ircv3.net/specs/client-tags/typing (the sentences are from its text)."""

import pytest

from client.composing import ACTIVE_MS, MAX_ROOMS, MAX_WRITING, Composing, words
from tests.client.play import Play
from tests.harness.screen_inside import Desk, screen_inside


def in_tea() -> Play:
    """Ann, in a room."""
    play = Play()
    play.connect()
    play.enter()
    return play


def writing(play: Play, room: str = "#tea") -> list[str]:
    """Who is seen to be writing there."""
    return play.chat.heard.composing.nicks(room, play.now_ms)


@pytest.mark.parametrize("tag", ["+typing", "+draft/typing"])
def test_for_six_seconds(tag: str) -> None:
    """ "active ... assume that the sender is still typing until either ... 6 seconds have passed"; each word of it
    counts anew."""
    play = in_tea()
    play.hear(f"@{tag}=active :bob!b@h TAGMSG #tea")
    play.now_ms = ACTIVE_MS - 1
    assert writing(play) == ["bob"]
    play.hear(f"@{tag}=active :Bob!b@h TAGMSG #TEA")
    play.now_ms = 2 * ACTIVE_MS - 2
    assert writing(play) == ["Bob"]
    play.now_ms += 1
    assert writing(play) == []


@pytest.mark.parametrize(
    "line",
    [
        "@+typing=paused :bob!b@h TAGMSG #tea",
        "@+typing=done :bob!b@h TAGMSG #tea",
        ":bob!b@h PRIVMSG #tea :here it is",
        ":bob!b@h PART #tea",
    ],
)
def test_until_it_ends(line: str) -> None:
    """ "a message is received from the sender", or word that they have stopped."""
    play = in_tea()
    play.hear("@+typing=active :bob!b@h TAGMSG #tea", "@+typing=active :eve!e@h TAGMSG #tea", line)
    assert writing(play) == ["eve"]


def test_where_it_is_told() -> None:
    """In its own room; in a private talk under the other's nick; never of ourselves, of who is ignored, of history, nor
    after the connection is gone."""
    play = in_tea()
    play.console.typed("/ignore mallory")
    play.hear(
        "@+typing=active :bob!b@h TAGMSG ann",
        "@+typing=active :ann!a@h TAGMSG #tea",
        "@+typing=active :mallory!m@h TAGMSG #tea",
        "@+typing=active :carol!c@h TAGMSG @#tea",
        "@+other=x :dave!d@h TAGMSG #tea",
        ":irc BATCH +x chathistory #tea",
        "@batch=x;+typing=active :eve!e@h TAGMSG #tea",
        ":irc BATCH -x",
    )
    assert (writing(play), writing(play, "bob")) == (["carol"], ["bob"])
    assert "bob" not in play.chat.places, "no talk begins by it"
    play.chat.lost()
    assert writing(play) == []


def test_many_take_no_more_memory() -> None:
    """Whoever is one too many is not told of; those whose time is over make room."""
    composing = Composing()
    for number in range(MAX_WRITING + 5):
        composing.told("#tea", f"n{number}", "active", 0)
    assert len(composing.nicks("#tea", 1)) == MAX_WRITING
    for number in range(MAX_ROOMS):
        composing.told(f"stranger{number}", f"stranger{number}", "active", 0)
    assert composing.nicks("#tea", 1) == []
    assert len([number for number in range(MAX_ROOMS) if composing.nicks(f"stranger{number}", 1)]) == MAX_ROOMS
    composing.told("#tea", "early", "active", 0)
    composing.told("#tea", "late", "active", ACTIVE_MS)
    assert composing.nicks("#tea", ACTIVE_MS) == ["late"]


def test_in_words() -> None:
    """Two by name, more as a number."""
    assert [words(["a", "b", "c"][:count]) for count in range(4)] == [
        "",
        "a is typing",
        "a and b are typing",
        "3 people are typing",
    ]


@pytest.mark.slow
async def test_on_the_screen() -> None:
    """At the right end of the state line, only of the room that is looked at; nothing moves, and it goes by itself."""
    desk = Desk("#tea", "#ops")
    desk.connect()
    for room in ("#tea", "#ops"):
        desk.enter(room, "@ann carol")
    async with screen_inside(desk) as screen:
        await screen.sees("ann joined")
        before = [row for row in screen.rows if "| " in row]
        desk.hear("@+typing=active :bob!b@h TAGMSG #ops", "@+typing=active :carol!c@h TAGMSG #tea")
        await screen.until(lambda rows: rows[-2].startswith("09:32") and rows[-2].endswith(" carol is typing"), "carol")
        assert [row for row in screen.rows if "| " in row] == before
        desk.now_ms += ACTIVE_MS
        await screen.until(lambda rows: not any("typing" in row for row in rows), "nobody")
