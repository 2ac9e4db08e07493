"""Commands that ask, hide and tell: /whois, /ignore, /search, /status, /clear, and keys of rooms."""

from pathlib import Path

from client.cache import Cache
from client.ignores import MAX_IGNORED, Ignores
from client.line import Kind, RoomLine
from client.stall import STALLED_MS
from client.transcripts import RECALLED_LINES
from tests.client.play import Play


def said(number: int, nick: str, text: str, room: str = "#tea") -> str:
    """A line of `room` at that second of the epoch."""
    return f"@msgid=m{number};time=1970-01-01T00:00:{number:02}.000Z :{nick}!u@h PRIVMSG {room} :{text}"


def in_tea() -> Play:
    """Ann in #tea, with nothing said."""
    play = Play()
    play.connect()
    play.enter()
    play.said()
    play.seen()
    return play


def test_who_is_ignored_is_not_seen_until_heard_again() -> None:
    """Their words in rooms, in private and in history; what they do is still told. Others are heard."""
    play = in_tea()
    play.console.typed("/ignore Eve")
    play.hear(said(1, "eve", "buy this"), said(2, "bob", "hi"), said(3, "eve", "psst", "ann"), ":eve!u@h PART #tea")
    seen = play.seen()
    assert "bob: hi" in seen
    assert "-- eve left" in seen
    assert not any("buy" in row or "psst" in row for row in seen)
    assert "eve" not in play.chat.transcripts
    play.console.typed("/ignore")
    assert play.seen() == ["-- ignored: eve"]
    play.console.typed("/unignore EVE")
    play.hear(said(4, "eve", "sorry"))
    assert "eve: sorry" in play.seen()
    play.console.typed("/unignore eve")
    assert play.seen() == ["-- eve is not ignored"]


def test_what_was_passed_over_is_not_asked_for_again() -> None:
    """Catching up goes on behind it, and scrolling back before it."""
    play = in_tea()
    play.console.typed("/ignore eve")
    play.hear(said(2, "bob", "hi"), said(3, "eve", "newest"))
    assert play.chat.transcripts["#tea"].position == "msgid=m3"
    assert play.chat.older("#tea")
    token = next(line for line in play.said() if line.startswith("PING ")).removeprefix("PING ")
    batch = said(1, "eve", "oldest").removeprefix("@")
    play.hear(
        f"@label={token} :irc BATCH +o chathistory #tea", f"@batch=o;{batch}", ":irc BATCH -o", f":irc PONG irc {token}"
    )
    assert play.chat.transcripts["#tea"].oldest_position == "msgid=m1"


def test_the_list_of_the_ignored_outlives_the_client(tmp_path: Path) -> None:
    """Private, bounded; two clients at once add to one list; a file that is none ignores nobody."""
    path = tmp_path / "ignored"
    one, two = Ignores(path), Ignores(path)
    one.add("Eve")
    two.add("mallory")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Ignores(path).nicks == ["eve", "mallory"]
    assert one.discard("mallory")
    assert Ignores(path).nicks == ["eve"]
    for number in range(MAX_IGNORED):
        one.add(f"n{number}")
    assert len(Ignores(path).nicks) == MAX_IGNORED
    assert "eve" not in Ignores(path)
    path.write_bytes(b"\xff\xfe no nick\n")
    assert Ignores(path).nicks == []


def test_status_tells_all_there_is_to_know() -> None:
    """Server, lag, rooms, what waits; and without a server why, and what comes next."""
    play = in_tea()
    play.status.opened("irc:6667")
    play.status.welcomed(0)
    play.chat.heard.lag_ms = 12
    play.chat.join("#ops")
    play.chat.say("hello")
    play.console.typed("/ignore eve")
    play.seen()
    play.console.typed("/status")
    first, servers, rooms, waiting, ignored = play.seen()
    assert first.startswith("-- connected to irc:6667 as ann since ")
    assert first.endswith(", lag 12 ms")
    assert servers == "-- servers: irc:6667, other:6667"
    assert rooms == "-- rooms: #tea (1 person), #ops (waits)"
    assert waiting == "-- 1 of yours waits for an acknowledgement"
    assert ignored == "-- ignored: eve"
    play.status.lost("irc:6667", "it stopped answering", 0)
    play.chat.lost()
    play.status.failed("irc:6667", 2, "refused", 3_000)
    play.console.typed("/status")
    offline = play.seen()[0]
    assert offline.startswith("-- no connection since ")
    assert offline.endswith(": refused; other:6667 is tried in 3 s")


def test_who_somebody_is_needs_a_server() -> None:
    """The line is given back where nobody can be asked."""
    play = Play()
    play.console.typed("/whois bob")
    assert play.console.refused
    play.connect()
    play.console.typed("/whois bob")
    assert play.said() == ["WHOIS bob"]


def test_a_key_is_said_again_after_a_loss() -> None:
    """The room is entered with it on each connection, and forgotten with the room."""
    play = in_tea()
    play.console.typed("/join ops sesame")
    assert "JOIN #ops sesame" in play.said()
    play.chat.lost()
    play.chat.opened("irc:6667")
    play.hear(":irc CAP * LS :batch", ":irc CAP ann ACK :batch", ":irc 001 ann :Welcome")
    assert {"JOIN #tea", "JOIN #ops sesame"} <= set(play.said())
    play.hear(":irc 475 ann #ops :Cannot join channel (+k)")
    assert "-- cannot enter #ops: it takes a key: /join #ops KEY" in play.seen()
    play.console.typed("/join ops")
    assert "JOIN #ops" in play.said()


def test_a_server_that_can_write_again_is_known_by_what_is_said() -> None:
    """READ-ONLY ends with a line of ours that is taken, with any line that comes live, and with the connection."""
    for proof in ("ours", "theirs", "lost"):
        play = in_tea()
        play.chat.say("hello")
        line = next(text for text in play.said() if "PRIVMSG" in text)
        label = line.partition("label=")[2].partition(";")[0].partition(" ")[0]
        play.hear(f"@label={label} FAIL PRIVMSG TEMPORARILY_UNAVAILABLE #tea :Away")
        assert play.chat.heard.read_only
        play.now_ms += 2_000
        match proof:
            case "ours":
                play.echo(next(text for text in play.said() if "PRIVMSG" in text))
            case "theirs":
                play.hear(said(9, "bob", "it works"))
            case "lost":
                play.chat.lost()
        assert not play.chat.heard.read_only, proof


def test_lines_on_disk_come_page_by_page_before_the_server_is_asked(tmp_path: Path) -> None:
    """A start reads the newest; scrolling back reads on, without gap or double, and without a server; then it ends."""
    count = RECALLED_LINES + 1_200
    cache = Cache(tmp_path / "c.sqlite")
    for number in range(count):
        cache.add(
            RoomLine(
                room="#tea",
                kind=Kind.MESSAGE,
                nick="bob",
                text=str(number),
                time_ms=number // 3,
                ident=f"m{number}",
                msgid=f"m{number}",
            )
        )
    cache.save()
    play = Play(cache=cache)
    timeline = play.chat.transcripts["#tea"]
    assert len(timeline) == RECALLED_LINES
    play.seen()
    pages = 0
    while play.chat.older("#tea"):
        pages += 1
    assert pages == 3
    texts = {row.text for row in timeline.rows if isinstance(row, RoomLine)}
    assert len(timeline) == count
    assert texts == {str(number) for number in range(count)}
    assert [row.time_ms for row in timeline.rows] == sorted(row.time_ms for row in timeline.rows)
    assert play.seen() == [], "what is older is only there to be scrolled to"
    cache.close()


def test_a_line_without_an_answer_is_told_as_soon_as_it_is_late() -> None:
    """Not before the lag is over, once in lines, and not any more when the answer is here."""
    play = in_tea()
    play.chat.heard.lag_ms = 400
    play.console.typed("hello")
    (sent,) = [text for text in play.said() if "PRIVMSG" in text]
    play.now_ms += STALLED_MS + 400
    play.chat.tell_of_stall()
    assert play.chat.stall.ms == 0
    assert play.seen() == []
    play.now_ms += 1
    for _ in range(2):
        play.chat.tell_of_stall()
    assert play.chat.stall.ms == STALLED_MS + 401
    assert play.seen() == ["-- irc:6667 has not confirmed your line yet; it waits"]
    play.echo(sent)
    assert play.chat.stall.ms == 0
