"""What was said while one looked elsewhere."""

from client.line import Kind, RoomLine
from client.transcripts import Shown
from client.ui.unread import Unread


def row(time_ms: int, text: str = "hi", *, room: str = "#tea", own: bool = False, replayed: bool = False) -> Shown:
    """A line of bob's, or of ours."""
    nick = "ann" if own else "bob"
    line = RoomLine(room=room, kind=Kind.MESSAGE, nick=nick, text=text, time_ms=time_ms, own=own, replayed=replayed)
    return Shown(room, line)


def counts(unread: Unread, room: str = "#tea") -> tuple[int, int]:
    """Lines, and those that name us."""
    return unread[room].lines, unread[room].mentions


def test_lines_of_others_count_until_they_are_read() -> None:
    """Mentions as well; the first is remembered; our own never count."""
    unread = Unread()
    first = row(1)
    called = unread.add([first, row(2, own=True), row(3, "ann: look")], nick="ann")
    assert counts(unread) == (2, 1)
    assert unread["#TEA"].first is first.row
    assert [line.text for _, line in called] == ["ann: look"]
    unread.read("#tea")
    assert counts(unread) == (0, 0)
    assert unread.total.lines == 0


def test_a_private_talk_is_all_for_us() -> None:
    """Each line of it calls."""
    unread = Unread()
    unread.add([row(1, room="bob")], nick="ann")
    assert counts(unread, "bob") == (1, 1)


def test_the_first_history_is_not_news_but_what_was_missed_is() -> None:
    """Replayed lines count once the room has been seen as it is."""
    unread = Unread()
    unread.add([row(1, replayed=True)], nick="ann")
    assert counts(unread) == (0, 0)
    unread.begun("#tea")
    unread.add([row(2, replayed=True)], nick="ann")
    assert counts(unread) == (1, 0)


def test_older_lines_that_were_asked_for_are_not_news() -> None:
    """Scrolling back fills in front, and nothing is unread for that."""
    unread = Unread()
    unread.begun("#tea")
    unread.add([row(100)], nick="ann")
    unread.read("#tea")
    unread.add([row(5, replayed=True)], nick="ann")
    assert counts(unread) == (0, 0)


def test_what_an_earlier_run_has_shown_is_not_news() -> None:
    """A private talk from the cache calls nobody."""
    unread = Unread()
    shown = row(1, room="bob", replayed=True)
    assert unread.add([Shown(shown.room, shown.row, recalled=True)], nick="ann") == []
    assert counts(unread, "bob") == (0, 0)


def test_what_has_no_transcript_any_more_is_forgotten() -> None:
    """As many rooms as there are transcripts, however many strangers write; the others stay as they were."""
    unread = Unread()
    unread.add([row(1, room=nick) for nick in ("Bob", "eve", "mallory")], nick="ann")
    unread.keep(["bob", "#tea"])
    assert (counts(unread, "bob"), counts(unread, "eve")) == ((1, 1), (0, 0))
    assert unread.total.lines == 1
