"""What was deleted is not to be read any more, and that it was deleted is. Source: IRCv3 draft/message-redaction."""

from pathlib import Path

from client.cache import Cache
from client.line import Kind, RoomLine
from client.registration import PLAYBACK
from client.render import happened
from tests.client.play import CAPS, Play

CAP = "draft/message-redaction"


def in_tea(cache: Cache | None = None) -> Play:
    """Ann in #tea, where bob has said a secret."""
    play = Play(cache=cache)
    play.connect(CAP)
    play.enter()
    play.hear("@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea :the secret")
    play.said()
    play.seen()
    return play


def last(play: Play) -> RoomLine:
    """The last line of #tea."""
    return next(row for row in reversed(play.chat.transcripts["#tea"].rows) if isinstance(row, RoomLine))


def test_a_deleted_line_is_gone_and_its_place_is_not(tmp_path: Path) -> None:
    """On the screen, on disk, for a search; who did it and why stands there; another room's line is not touched."""
    cache = Cache(tmp_path / "c.sqlite")
    play = in_tea(cache)
    play.hear(":eve!e@h REDACT #ops m1", ":eve!e@h REDACT #tea unknown", ":eve!e@h REDACT #tea")
    assert last(play).text == "the secret"
    play.hear(":eve!e@h REDACT #tea m1 :spam")
    assert happened(last(play)) == "eve deleted a line of bob (spam)"
    assert play.seen() == ["-- eve deleted a line of #tea"]
    play.chat.lost()
    play.console.typed("/search secret")
    assert play.seen()[-1].startswith("-- no line here has 'secret'")
    cache.close()
    again = Cache(tmp_path / "c.sqlite")
    (kept,) = [line for line in again.lines("#tea", 10) if line.msgid == "m1"]
    assert (kept.kind, kept.text, kept.subject) == (Kind.REDACTED, "spam", "eve")
    again.close()
    assert b"the secret" not in (tmp_path / "c.sqlite").read_bytes()


def test_history_may_tell_of_it_too() -> None:
    """The line and what deleted it come in one answer; whoever deletes their own line is told once."""
    play = Play()
    play.connect(CAP)
    history = (
        "@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea :the secret",
        "@msgid=m2;time=2026-01-01T00:00:01.000Z :bob!b@h REDACT #tea m1",
    )
    play.enter("#tea", *history)
    assert happened(last(play)) == "bob deleted this line"
    play.hear("@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea :the secret")
    assert last(play).kind is Kind.REDACTED, "the same line once more does not bring it back"


def test_what_is_deleted_before_history_is_complete_stays_deleted() -> None:
    """The line may be in the answer, or have come meanwhile and be held: neither is shown when all is there."""
    play = Play()
    play.connect(CAP)
    first = "time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea :the secret"
    play.hear(":ann!a@h JOIN #tea", "@label=history-1-1 :irc BATCH +h chathistory #tea", f"@batch=h;msgid=m1;{first}")
    play.hear(":irc BATCH -h", "@msgid=m2;time=2026-01-01T00:00:01.000Z :bob!b@h PRIVMSG #tea :another secret")
    play.hear(":bob!b@h REDACT #tea m1", ":bob!b@h REDACT #tea m2", ":irc PONG irc history-1-1")
    rows = [row for row in play.chat.transcripts["#tea"].rows if isinstance(row, RoomLine) and row.nick == "bob"]
    assert [(row.kind, row.text) for row in rows] == [(Kind.REDACTED, "")] * 2


def test_what_was_deleted_while_nobody_was_connected(tmp_path: Path) -> None:
    """Of what an earlier run has kept: history is read with its events from the last line on, of which nothing else is
    shown; when all is caught up with it is read without them."""
    cache = Cache(tmp_path / "c.sqlite")
    before = in_tea(cache)
    before.hear("@msgid=m2;time=2026-01-01T00:00:01.000Z :bob!b@h PRIVMSG #tea :the last line")
    cache.close()
    play = Play(cache=Cache(tmp_path / "c.sqlite"))
    play.chat.opened("irc:6667")
    assert play.said()[0] == "CAP LS 302"
    play.hear(f":irc CAP * LS :{CAPS} {CAP} {PLAYBACK}")
    (asked,) = [line for line in play.said() if line.startswith("CAP REQ")]
    assert PLAYBACK in asked.split()
    play.hear(f":irc CAP ann ACK :{CAPS} {CAP} {PLAYBACK}", ":irc 001 ann :Welcome", ":ann!a@h JOIN #tea")
    assert "@label=history-1-1 CHATHISTORY AFTER #tea msgid=m2 100" in play.said()
    play.seen()
    page = [f"@batch=h;msgid=j{number};time=2026-01-01T00:01:00.000Z :eve!e@h JOIN #tea" for number in range(100)]
    play.hear("@label=history-1-1 :irc BATCH +h chathistory #tea", *page, ":irc BATCH -h", ":irc PONG irc history-1-1")
    assert "@label=history-1-2 CHATHISTORY AFTER #tea msgid=j99 100" in play.said()
    deleted = "@batch=h;msgid=r1;time=2026-01-01T00:02:00.000Z :eve!e@h REDACT #tea m1 :spam"
    play.hear(
        "@label=history-1-2 :irc BATCH +h chathistory #tea", deleted, ":irc BATCH -h", ":irc PONG irc history-1-2"
    )
    rows = [row for row in play.chat.transcripts["#tea"].rows if isinstance(row, RoomLine) and row.nick != "ann"]
    assert [(row.msgid, row.kind) for row in rows] == [("m1", Kind.REDACTED), ("m2", Kind.MESSAGE)]
    assert play.said() == [f"CAP REQ -{PLAYBACK}"]
    play.hear(f":irc CAP ann ACK :-{PLAYBACK}")
    assert play.chat.session is not None
    assert PLAYBACK not in play.chat.session.capabilities


def test_a_newcomer_reads_history_without_events() -> None:
    """Nothing that it knows can have been deleted, and a room where many come and go would hide what was said."""
    play = Play()
    play.chat.opened("irc:6667")
    play.hear(f":irc CAP * LS :{CAPS} {PLAYBACK}")
    assert not [line for line in play.said() if PLAYBACK in line]


def test_ones_own_last_line_can_be_deleted() -> None:
    """Where the server can; in a private talk too; a refusal is told in the server's words."""
    play = in_tea()
    play.console.typed("/delete")
    assert play.seen() == ["-- you have said nothing here"]
    play.hear("@msgid=m7;time=2026-01-01T00:00:02.000Z :ann!a@h PRIVMSG #tea :typo")
    play.console.typed("/delete wrong room")
    assert play.said() == ["REDACT #tea m7 :wrong room"]
    play.seen()
    play.hear("FAIL REDACT REDACT_WINDOW_EXPIRED #tea m7 60 :You can no longer delete this message")
    assert play.seen() == ["-- You can no longer delete this message"]
    play.hear("@msgid=p1;time=2026-01-01T00:00:03.000Z :bob!b@h PRIVMSG ann :psst", ":bob!b@h REDACT ann p1")
    (row,) = play.chat.transcripts["bob"].rows
    assert isinstance(row, RoomLine)
    assert row.kind is Kind.REDACTED
    without = Play()
    without.connect()
    without.enter()
    without.hear("@msgid=m7;time=2026-01-01T00:00:02.000Z :ann!a@h PRIVMSG #tea :typo")
    without.seen()
    without.console.typed("/delete")
    assert without.seen() == ["-- this server cannot delete what was said"]
