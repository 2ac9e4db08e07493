"""The conversation over connections: what is sent when, what is told, and that each line arrives once."""

from client.outbox import Outbox, OutboxLine
from tests.client.play import CAPS, Play


def test_lines_typed_offline_are_sent_in_order_after_catching_up() -> None:
    """Nothing goes out before the room's history is here; then one after the other."""
    play = Play()
    play.console.typed("one")
    play.console.typed("two")
    play.connect()
    assert not any("PRIVMSG" in line for line in play.said())
    play.enter()
    (one,) = (line for line in play.said() if "PRIVMSG" in line)
    assert one.endswith("PRIVMSG #tea one")
    assert play.said() == []
    play.echo(one)
    (two,) = play.said()
    assert two.endswith("PRIVMSG #tea two")
    play.echo(two)
    assert [row for row in play.seen() if row.startswith("ann:")] == ["ann: one", "ann: two"]
    assert len(play.chat.own_lines) == 0


def lose_unacknowledged_line(play: Play) -> None:
    """Send `hi` on a first connection that is lost before the echo, and connect again."""
    play.connect()
    play.enter("#tea", "@msgid=m0 :bob!b@h PRIVMSG #tea hello")
    play.console.typed("hi")
    assert any(line.endswith("PRIVMSG #tea hi") for line in play.said())
    play.now_ms = 1_000
    play.chat.lost()
    play.seen()
    play.now_ms = 17_000
    play.chat.opened("irc:6668")
    play.hear(f":irc CAP * LS :{CAPS}", f":irc CAP ann ACK :{CAPS}", ":irc 001 ann :Welcome")


def test_an_unacknowledged_line_that_history_has_is_not_sent_again() -> None:
    """The key in the history is the acknowledgement; the return is told in one line."""
    play = Play()
    lose_unacknowledged_line(play)
    play.hear(":ann!a@h JOIN #tea")
    assert any("CHATHISTORY AFTER #tea msgid=m0 100" in line for line in play.said())
    play.enter(
        "#tea",
        "@msgid=m1;+hubbub.chat/key=k1 :ann!a@h PRIVMSG #tea hi",
        "@msgid=m2 :bob!b@h PRIVMSG #tea hi@ann",
        token="history-2-1",
    )
    assert not any("PRIVMSG" in line for line in play.said())
    assert play.seen()[-1] == "-- back on irc:6668 after 16 s: 1 line caught up, 1 of yours sent"


def test_an_unacknowledged_line_that_history_lacks_is_sent_again_with_its_key() -> None:
    """It never arrived: the same line under the same key, and then it counts as sent."""
    play = Play()
    lose_unacknowledged_line(play)
    play.enter()
    (again,) = (line for line in play.said() if "PRIVMSG" in line)
    assert again == "@label=k1;+hubbub.chat/key=k1 PRIVMSG #tea hi"
    play.echo(again)
    assert play.seen()[-1] == "-- back on irc:6668 after 16 s: 0 lines caught up, 1 of yours sent"


def test_lines_of_an_earlier_run_are_looked_for_where_they_were_typed() -> None:
    """After a crash: history is asked for from the position in the outbox, and a line found there is not sent."""
    outbox = Outbox()
    outbox.append(OutboxLine(key="old", target="#tea", text="hi", time_ms=0, position="msgid=m7"))
    play = Play(outbox=outbox)
    play.connect()
    play.hear(":ann!a@h JOIN #tea")
    assert any("CHATHISTORY AFTER #tea msgid=m7 100" in line for line in play.said())
    play.enter("#tea", "@msgid=m8;+hubbub.chat/key=old :ann!a@h PRIVMSG #tea hi", token="history-1-1")
    assert len(outbox) == 0


def test_unsent_lines_of_rooms_not_entered_are_told_and_wait() -> None:
    """They are neither sent to another room nor lost."""
    outbox = Outbox()
    outbox.append(OutboxLine(key="old", target="#ops", text="hi", time_ms=0))
    play = Play(outbox=outbox)
    assert play.seen() == ["-- 1 line for #ops wait from last time; /join #ops sends them"]
    play.connect()
    play.enter()
    assert len(outbox) == 1


def test_no_line_is_shown_twice() -> None:
    """What is in the history and came live as well is one row."""
    play = Play()
    play.connect()
    play.hear(":ann!a@h JOIN #tea", "@msgid=m1 :bob!b@h PRIVMSG #tea hello")
    play.hear("@label=history-1-1 :irc BATCH +h chathistory #tea", "@batch=h;msgid=m1 :bob!b@h PRIVMSG #tea hello")
    play.hear(":irc BATCH -h", ":irc PONG irc history-1-1")
    assert play.seen().count("bob: hello") == 1


def test_a_refused_line_shows_why_and_the_next_one_goes_out() -> None:
    """A refusal for good ends the waiting for that line only."""
    play = Play()
    play.connect()
    play.enter()
    play.said()
    play.console.typed("one")
    play.console.typed("two")
    play.said()
    play.seen()
    play.hear("@label=k1 :irc 404 ann #tea :Cannot send to channel")
    assert play.seen() == ["!ann: one  (not sent: Cannot send to channel)"]
    assert play.said()[0].endswith("PRIVMSG #tea two")


def test_try_again_keeps_the_line_and_says_why() -> None:
    """The line stays pending with the reason and goes out again when its time has come."""
    play = Play()
    play.connect()
    play.enter()
    play.said()
    play.console.typed("one")
    play.said()
    play.hear("@label=k1 :irc FAIL PRIVMSG TEMPORARILY_UNAVAILABLE #tea :Redis is away")
    assert [line.reason for _, line in play.chat.transcripts.pending] == ["Redis is away"]
    assert play.said() == []
    play.now_ms += 2_000
    assert play.said()[0].endswith("PRIVMSG #tea one")


def test_a_room_the_server_cannot_serve_now_is_asked_for_again() -> None:
    """FAIL JOIN TEMPORARILY_UNAVAILABLE: the room is wanted all the same, and its lines wait."""
    play = Play()
    play.console.typed("hi")
    play.connect()
    play.hear(":irc FAIL JOIN TEMPORARILY_UNAVAILABLE :Redis is away")
    assert "-- #tea has to wait: Redis is away" in play.seen()
    assert play.said() == []
    play.now_ms += 2_000
    assert play.said() == ["JOIN #tea"]
    play.enter()
    assert play.said()[-1].endswith("PRIVMSG #tea hi")


def test_rooms_are_entered_left_and_switched() -> None:
    """/join makes the new room the current one, /room goes back, /part leaves, a throw-out is told."""
    play = Play()
    play.connect()
    play.enter()
    play.console.typed("/join ops")
    assert "JOIN #ops" in play.said()
    play.enter("#ops", token="history-2-1")
    assert play.chat.transcripts.current == "#ops"
    play.console.typed("/room tea")
    assert play.chat.transcripts.current == "#tea"
    play.console.typed("/part ops")
    assert play.said()[-1] == "PART #ops"
    play.hear(":ann!a@h PART #ops", ":bob!b@h KICK #tea ann :spam")
    assert play.chat.rooms == []
    assert "-- bob threw ann out (spam)" in play.seen()
    play.console.typed("anyone?")
    assert play.seen() == ["-- you are in no room; /join one first"]


def test_a_full_outbox_refuses_and_says_the_line() -> None:
    """Nothing is dropped silently: the text is there to be copied."""
    play = Play(outbox=Outbox(limit_lines=1))
    play.console.typed("one")
    play.console.typed("two")
    assert play.seen() == ["-- not taken, the outbox is full (limit 1): two"]


def test_the_nick_that_was_asked_for_is_kept_for_the_next_connection() -> None:
    """/nick changes it here and after coming back."""
    play = Play()
    play.connect()
    play.console.typed("/nick annie")
    assert play.said()[-1] == "NICK annie"
    play.hear(":ann!a@h NICK annie")
    play.chat.lost()
    play.chat.opened("irc:6667")
    assert "NICK annie" in play.said()
