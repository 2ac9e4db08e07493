"""/search: through what is here, what is on disk, and on the server.

Source: IRCv3 draft/chathistory; https://codeberg.org/emersion/soju/src/branch/master/doc/ext/search.md
"""

from pathlib import Path

import pytest

from client.cache import Cache
from client.line import Kind, RoomLine
from client.search import MAX_FOUND, MAX_PAGES
from tests.client.play import Play

FIRST_MS = 1_000_000


def said(number: int, text: str, nick: str = "bob") -> str:
    """Line `number` of #tea, as a server writes it."""
    minutes, seconds = divmod(number, 60)
    return f"@msgid=m{number};time=1970-01-01T01:{minutes:02}:{seconds:02}.000Z :{nick}!u@h PRIVMSG #tea :{text}"


def in_tea(*history: str, cache: Cache | None = None, caps: tuple[str, ...] = ()) -> Play:
    """Ann in #tea, with what was said there."""
    play = Play(cache=cache)
    play.connect(*caps)
    play.enter("#tea", *history)
    play.said()
    play.seen()
    return play


def asked(play: Play, command: str) -> tuple[str, str]:
    """What the client asks the server, and the token of its barrier."""
    sent = play.said()
    (request,) = [line for line in sent if command in line]
    (token,) = [line.removeprefix("PING ") for line in sent if line.startswith("PING search")]
    assert request.startswith(f"@label={token} ")
    return request.partition(" ")[2], token


def answer(play: Play, token: str, kind: str, *lines: str) -> None:
    """The server's answer and the PONG behind it."""
    play.hear(f"@label={token} :irc BATCH +s {kind}", *(f"@batch=s;{line.removeprefix('@')}" for line in lines))
    play.hear(":irc BATCH -s", f":irc PONG irc {token}")


def page(play: Play, token: str, *lines: str) -> None:
    """A page of history."""
    answer(play, token, "chathistory #tea", *lines)


def test_enough_that_is_here_is_shown_at_once() -> None:
    """In any case, the newest at the end, no more than a screenful; the server is not asked."""
    play = in_tea(*(said(number, f"Build {number} is GREEN") for number in range(30)), said(31, "lunch?", "eve"))
    for _ in range(2):
        play.console.typed("/search is green")
        *found, count = play.seen()
        assert len(found) == MAX_FOUND
        assert found[-1].endswith(" bob: Build 29 is GREEN")
        assert count == f"-- 30 lines have 'is green'; the newest {MAX_FOUND} are above"
    assert play.said() == []


def test_what_is_on_disk_is_looked_through_and_not_loaded(tmp_path: Path) -> None:
    """Any case of any letters; wildcards of SQL are only characters; what is ignored is not shown."""
    cache = Cache(tmp_path / "c.sqlite")
    texts = ("100% sure", "100 times", "GR\u00dcN", "stra\u00dfe", "nothing", "gr\u00fcn again")
    for number in range(7_000):
        line = RoomLine(
            room="#tea",
            kind=Kind.MESSAGE,
            nick="eve" if number == 5 else "bob",
            text=texts[number] if number < len(texts) else "filler",
            time_ms=FIRST_MS + number,
            ident=f"c{number}",
            msgid=f"c{number}",
        )
        cache.add(line)
    cache.save()
    play = Play(cache=cache)
    play.console.typed("/ignore eve")
    loaded = len(play.chat.transcripts["#tea"])
    assert loaded < 7_000
    for words, expected in (("100%", ["100% sure"]), ("gr\u00fcn", ["GR\u00dcN"]), ("STRA\u00dfE", ["stra\u00dfe"])):
        play.seen()
        play.console.typed(f"/search {words}")
        *found, count = play.seen()
        assert [row.partition("bob: ")[2] for row in found] == expected
        assert count == f"-- 1 line has {words!r}; the server cannot be asked now"
    assert len([row for row in play.chat.transcripts["#tea"].rows if isinstance(row, RoomLine)]) <= loaded
    cache.close()


def test_the_server_is_asked_page_by_page_until_its_beginning() -> None:
    """What it gives is looked through and not put into the transcript; each line counts once."""
    play = in_tea(*(said(number, f"line {number}") for number in range(300, 310)))
    rows = len(play.chat.transcripts["#tea"])
    play.console.typed("/search line 25")
    assert play.seen() == ["-- looking for 'line 25' on the server too; /search alone stops"]
    request, token = asked(play, "CHATHISTORY")
    assert request == "CHATHISTORY BEFORE #tea msgid=m300 100"
    page(play, token, *(said(number, f"line {number}") for number in range(200, 300)))
    request, token = asked(play, "CHATHISTORY")
    assert request == "CHATHISTORY BEFORE #tea msgid=m200 100"
    page(play, token, *(said(number, f"line {number}") for number in range(190, 200)))
    *found, count = play.seen()
    assert [row.partition("bob: ")[2] for row in found] == [f"line {number}" for number in range(250, 260)]
    assert count == "-- 10 lines have 'line 25'; nothing older is kept"
    assert sum(isinstance(row, RoomLine) for row in play.chat.transcripts["#tea"].rows) <= rows
    assert play.said() == []


def test_it_ends_when_enough_is_found_or_enough_is_looked_through() -> None:
    """No search asks a server for ever."""
    play = in_tea(said(3000, "newest"))
    play.console.typed("/search x")
    for number in range(MAX_PAGES):
        _, token = asked(play, "CHATHISTORY")
        first = 2900 - number * 10
        page(play, token, *(said(first + line // 10, f"y {line}") for line in range(100)))
    assert play.said() == []
    assert play.seen()[-1].startswith("-- no line here has 'x'; looked back to 01 Jan 1970 ")
    play.console.typed("/search y")
    _, token = asked(play, "CHATHISTORY")
    page(play, token, *(said(2000 + line, f"y {line}") for line in range(100)))
    assert play.said() == []
    assert f"100 lines have 'y'; the newest {MAX_FOUND} are above; looked back to" in play.seen()[-1]


@pytest.mark.parametrize("how", ["command", "loss", "other"])
def test_it_can_be_stopped(how: str) -> None:
    """By /search alone, by the loss of the connection, by another search; what was found so far is told."""
    play = in_tea(said(300, "tea?"))
    play.console.typed("/search tea")
    _, token = asked(play, "CHATHISTORY")
    play.seen()
    match how:
        case "command":
            play.console.typed("/search")
            assert play.seen()[-1].startswith("-- 1 line has 'tea'; stopped; looked back to")
        case "loss":
            play.chat.lost()
            assert any("1 line has 'tea'; the connection is gone" in row for row in play.seen())
        case "other":
            play.console.typed("/search coffee")
            assert play.seen() == ["-- no line here has 'coffee'"], "one request at a time"
    page(play, token, said(1, "tea"))
    assert play.seen() == [], "an answer that nobody waits for is nothing"
    assert play.said() == []


def test_a_server_that_searches_is_asked_to() -> None:
    """Words with spaces and semicolons are escaped as in tags; its order and its choice hold; duplicates count once."""
    play = in_tea(said(300, "a; b here"), caps=("soju.im/search",))
    play.console.typed("/search a; b")
    request, token = asked(play, "SEARCH")
    assert request == f"SEARCH in=#tea;text=a\\:\\sb;before=1970-01-01T01:05:00.000Z;limit={MAX_FOUND}"
    play.seen()
    answer(play, token, "soju.im/search", said(7, "a; b"), said(9, "A; B too"), said(300, "a; b here"))
    *found, count = play.seen()
    assert [row.partition("bob: ")[2] for row in found] == ["a; b", "A; B too", "a; b here"]
    assert count == "-- 3 lines have 'a; b'"


@pytest.mark.parametrize(
    ("caps", "failure"),
    [
        (("soju.im/search",), "FAIL SEARCH INTERNAL_ERROR :Not now"),
        ((), "FAIL CHATHISTORY MESSAGE_ERROR BEFORE #tea :Not now"),
    ],
)
def test_a_server_that_refuses_is_quoted(caps: tuple[str, ...], failure: str) -> None:
    """And what is here is shown all the same; a server that says nothing at all has not answered."""
    play = in_tea(said(300, "tea?"), caps=caps)
    for line, reason in ((f"@label={{}} {failure}", "Not now"), ("", "it did not answer")):
        play.console.typed("/search tea")
        token = next(text for text in play.said() if text.startswith("PING search")).removeprefix("PING ")
        play.seen()
        play.hear(*([line.format(token)] if line else []), f":irc PONG irc {token}")
        assert play.seen()[-1] == f"-- 1 line has 'tea'; the server did not look further: {reason}"


def test_no_words_and_no_search_is_a_mistake() -> None:
    """It says how to use it."""
    play = in_tea()
    play.console.typed("/search")
    assert play.console.refused
    assert play.seen() == ["-- usage: /search WORDS"]
