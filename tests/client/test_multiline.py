"""Messages of several lines, said and heard as one. Source: IRCv3 draft/multiline, client-batch."""

from hypothesis import given
from hypothesis import strategies as st

from client.multiline import Limits, limits, parts
from client.outbox import Outbox
from client.registration import WANTED_CAPABILITIES
from client.ui.rows import Look, message_rows
from tests.client.play import CAPS, Play

CAP = "draft/multiline=max-bytes=4000,max-lines=10"


def connect(play: Play, *caps: str) -> None:
    """A server that grants these too welcomes us, and lets us into #tea."""
    play.chat.opened("irc:6667")
    granted = " ".join([CAPS, *(cap.partition("=")[0] for cap in caps)])
    play.hear(f":irc CAP * LS :{CAPS} {' '.join(caps)}", f":irc CAP ann ACK :{granted}", ":irc 001 ann :Welcome")
    play.said()
    play.enter()
    play.said()
    play.seen()


def talk(*caps: str) -> Play:
    """Ann in #tea, at a server that grants these too."""
    play = Play()
    connect(play, *(caps or (CAP,)))
    return play


def test_a_paste_is_one_message() -> None:
    """Blank lines in it stay; label and key stand on the batch; its echo confirms it, in one row."""
    play = talk()
    play.console.typed("def f():\n\n    return 1\n")
    opening, *lines, closing = play.said()
    tags, _, rest = opening.partition(" ")
    assert "label=k1" in tags
    assert rest == "BATCH +2 draft/multiline #tea"
    assert lines == [
        "@batch=2 PRIVMSG #tea :def f():",
        "@batch=2 PRIVMSG #tea :",
        "@batch=2 PRIVMSG #tea :    return 1",
    ]
    assert closing == "BATCH -2"
    assert len(play.chat.own_lines) == 1
    play.hear(
        "@label=k1;msgid=m1;time=2026-01-01T00:00:00.000Z :ann!a@h BATCH +x draft/multiline #tea",
        "@batch=x :ann!a@h PRIVMSG #tea :def f():",
        "@batch=x :ann!a@h PRIVMSG #tea :",
        "@batch=x :ann!a@h PRIVMSG #tea :    return 1",
        ":irc BATCH -x",
    )
    assert len(play.chat.own_lines) == 0
    assert play.seen() == ["ann: def f():\n    \n        return 1"]


def test_a_long_line_is_one_message_too() -> None:
    """Cut on word borders, the space at the end of the part before; the parts are the text."""
    play = talk()
    text = "word " * 150 + "end"
    play.console.typed(text)
    said = [line for line in play.said() if "PRIVMSG" in line]
    assert len(said) > 1
    assert ["draft/multiline-concat" in line for line in said] == [False] + [True] * (len(said) - 1)
    assert "".join(line.partition(" PRIVMSG #tea ")[2].removeprefix(":") for line in said) == text
    assert all(len(line.partition(" ")[2].encode()) < 510 for line in said)


def test_what_is_heard_is_put_together() -> None:
    """Live and inside history, with the msgid of the batch; concatenated parts without a line feed; a batch of nothing
    is nothing."""
    play = talk()
    message = (
        "@msgid=m5;time=2026-01-01T00:00:00.000Z{} :bob!b@h BATCH +i draft/multiline #tea",
        "@batch=i :bob!b@h PRIVMSG #tea :one",
        "@batch=i :bob!b@h PRIVMSG #tea :two ",
        "@batch=i;draft/multiline-concat :bob!b@h PRIVMSG #tea :three",
        ":irc BATCH -i",
    )
    play.hear(*(line.format("") for line in message), ":bob!b@h BATCH +e draft/multiline #tea", ":irc BATCH -e")
    assert play.seen() == ["bob: one\n    two three"]
    assert play.chat.transcripts["#tea"].position == "msgid=m5"
    again = Play()
    again.connect("draft/multiline")
    again.hear(":ann!a@h JOIN #tea", "@label=history-1-1 :irc BATCH +h chathistory #tea")
    again.hear(*(line.format(";batch=h") for line in message), ":irc BATCH -h", ":irc PONG irc history-1-1")
    assert "bob: one\n    two three" in again.seen()


def test_more_than_the_server_takes_at_once_is_said_line_by_line() -> None:
    """As to a server that knows no such thing; blank lines are left out then."""
    for play in (
        talk("draft/multiline=max-bytes=4000,max-lines=2"),
        talk("draft/multiline=max-bytes=9"),
        talk("setname"),
    ):
        play.console.typed("one\n\ntwo\nthree")
        texts = [line.text for _, line in play.chat.transcripts.pending]
        assert texts == ["one", "two", "three"]
        assert not [line for line in play.said() if "BATCH" in line]


def test_what_waits_for_a_server_that_cannot_is_cut_for_the_one_that_is_there() -> None:
    """Never sent before: it becomes lines, in its place among the others. Perhaps delivered: it is shown as such."""
    outbox = Outbox()
    play = Play(outbox=outbox)
    connect(play, CAP)
    play.console.typed("first")
    play.console.typed("one\ntwo")
    play.console.typed("last")
    assert [line.text for line in outbox] == ["first", "one\ntwo", "last"]
    play.chat.lost()
    connect(play)
    assert [line.text for line in outbox] == ["first", "one", "two", "last"]
    assert [line.text for _, line in play.chat.transcripts.pending] == ["first", "one", "two", "last"]
    sent = talk()
    sent.now_ms = 1_000
    sent.console.typed("one\ntwo")
    sent.said()
    sent.chat.lost()
    connect(sent)
    (failed,) = sent.chat.transcripts["#tea"].failed
    assert "may have been delivered" in failed.reason


def test_a_refused_batch_is_a_refused_line() -> None:
    """With the reason of the server."""
    play = talk()
    play.console.typed("one\ntwo")
    play.said()
    play.hear("@label=k1 FAIL BATCH MULTILINE_MAX_LINES 1 :Too many lines")
    (failed,) = play.chat.transcripts["#tea"].failed
    assert (failed.line.text, failed.reason) == ("one\ntwo", "Too many lines")


@given(st.text(alphabet="a \u00e9\u65e5\n", max_size=200), st.integers(4, 30))
def test_parts_are_the_text(text: str, limit: int) -> None:
    """No character is lost or added, and each part fits."""
    found = parts(text, limit, Limits(100_000, 100_000))
    assert found is not None
    assert all(len(part.text.encode()) <= limit for part in found)
    assert "".join(("" if part.joined else "\n") + part.text for part in found)[1:] == text
    assert not found[0].joined


def test_values_that_make_no_sense_mean_no_messages_of_several_lines() -> None:
    """max-bytes is required, max-lines is not; unknown keys are ignored."""
    assert limits("max-bytes=40,max-lines=3,x=y") == Limits(40, 3)
    assert limits("max-bytes=40") == Limits(40, 1_000_000)
    assert [limits(text) for text in ("", "max-lines=3", "max-bytes=x", "max-bytes=0")] == [None] * 4
    assert "draft/multiline" in WANTED_CAPABILITIES


def test_lines_hang_below_each_other() -> None:
    """In columns, and narrow; an address is a link in any of them."""
    play = talk()
    play.hear(
        "@msgid=m5;time=2026-01-01T00:00:00.000Z :bob!b@h BATCH +i draft/multiline #tea",
        *(f"@batch=i :bob!b@h PRIVMSG #tea :{text}" for text in ("one", "  two https://a.test/x", "eve: three")),
        ":irc BATCH -i",
    )
    row = play.chat.transcripts["#tea"].rows[-1]
    wide = ["".join(text for _, text in cells) for cells in message_rows(row, Look("ann", 60))]
    assert [text.partition(" | ")[2] for text in wide] == ["one", "  two https://a.test/x", "eve: three"]
    narrow = ["".join(text for _, text in cells) for cells in message_rows(row, Look("ann", 40))]
    assert narrow == ["bob: one", "    two https://a.test/x", "  eve: three"]
    assert any("url=https://a.test/x" in style for cells in message_rows(row, Look("ann", 60)) for style, _ in cells)
