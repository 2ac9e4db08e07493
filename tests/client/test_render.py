"""Rows as text: formats, marks, and that no message can control a terminal."""

import unicodedata
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.line import Kind, RoomLine
from client.render import day_rule, mentions, plain, printable, render
from client.timeline import Failed, Note, Pending, Row

NINE_THIRTY_MS = (9 * 60 + 30) * 60_000


def shown(
    kind: Kind, text: str = "hi", *, nick: str = "bob", subject: str = "", own: bool = False, tag: str = ""
) -> str:
    """The plain text of one line."""
    row = RoomLine(room="#tea", kind=kind, nick=nick, text=text, time_ms=NINE_THIRTY_MS, subject=subject, own=own)
    return plain(render(row, own_nick="ann", tag=tag, tz=UTC))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Kind.MESSAGE, "hi", "09:30 bob: hi"),
        (Kind.ACTION, "waves", "09:30 * bob waves"),
        (Kind.NOTICE, "psst", "09:30 -bob- psst"),
        (Kind.JOIN, "", "09:30 -- bob joined"),
        (Kind.PART, "", "09:30 -- bob left"),
        (Kind.PART, "lunch", "09:30 -- bob left (lunch)"),
        (Kind.QUIT, "bye", "09:30 -- bob quit (bye)"),
        (Kind.NICK, "robert", "09:30 -- bob is now robert"),
        (Kind.TOPIC, "tea", "09:30 -- bob set the topic: tea"),
        (Kind.TOPIC, "", "09:30 -- bob cleared the topic"),
        (Kind.MODE, "+o ann", "09:30 -- bob set mode +o ann"),
        (Kind.MESSAGE, "ann: look", "09:30 *bob: ann: look"),
        (Kind.ACTION, "pokes Ann", "09:30 ** bob pokes Ann"),
    ],
)
def test_line_formats(kind: Kind, text: str, expected: str) -> None:
    """HH:MM, `nick: text`, and `-- ` for what is about the room; a line that names us bears a star."""
    assert shown(kind, text) == expected


def test_kick_names_both() -> None:
    """Who threw whom out, and why."""
    assert shown(Kind.KICK, "spam", subject="eve") == "09:30 -- bob threw eve out (spam)"


def test_rows_of_other_rooms_say_so() -> None:
    """A row that does not stand in its own room bears the room's name."""
    assert shown(Kind.MESSAGE, tag="#ops") == "09:30 (#ops) bob: hi"


def test_own_lines_do_not_mention() -> None:
    """Saying one's own nick marks nothing."""
    assert shown(Kind.MESSAGE, "ann here", nick="ann", own=True) == "09:30 ann: ann here"


def test_states_of_own_lines_do_not_need_colour() -> None:
    """`~` is not confirmed yet, `!` failed, with the reason."""
    pending = Pending(key="k", nick="ann", text="hi", time_ms=NINE_THIRTY_MS)
    waiting = Pending(key="k", nick="ann", text="hi", time_ms=NINE_THIRTY_MS, reason="Redis is away")
    failed = Failed(pending, "Cannot send to channel", NINE_THIRTY_MS)
    rows: list[Row | Pending] = [pending, waiting, failed, Note("lost", NINE_THIRTY_MS)]
    assert [plain(render(row, own_nick="ann", tz=UTC)) for row in rows] == [
        "09:30 ~ann: hi",
        "09:30 ~ann: hi  (Redis is away)",
        "09:30 !ann: hi  (not sent: Cannot send to channel)",
        "09:30 -- lost",
    ]


def test_a_day_has_a_rule() -> None:
    """The line between days is readable without knowing the date format of the reader."""
    assert plain(day_rule(0, UTC)) == "-- Thursday 01 January 1970"


@given(st.text())
def test_nothing_that_a_terminal_obeys_gets_through(text: str) -> None:
    """No control, no bidirectional or invisible control, no line separator, no lone surrogate."""
    for char in printable(text):
        assert unicodedata.category(char) not in {"Cc", "Cf", "Zl", "Zp", "Cs"}


@given(st.text(alphabet="abc <>&日é"))
def test_ordinary_text_is_untouched(text: str) -> None:
    """Text is never markup."""
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]0;title\x07", "^[]0;title^G"),
        ("\x9b31mred", "<U+009B>31mred"),
        ("evil\u202egnp.exe", "evil<U+202E>gnp.exe"),
        ("a\tb", "a b"),
        ("\x0304,01red\x03 \x02bold\x0f", "red bold"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\U0001f680"),
    ],
)
def test_controls_are_spelled_out(text: str, expected: str) -> None:
    """Escapes are shown, mIRC's dress is taken off, joiners of emoji are left out."""
    assert printable(text) == expected


def test_a_nick_is_text_too() -> None:
    """A server may relay anything as a nick."""
    assert "\x1b" not in shown(Kind.MESSAGE, nick="b\x1b[31mob")


@pytest.mark.parametrize(
    ("text", "named"),
    [("ann: hi", True), ("hi ANN!", True), ("@ann", True), ("anna", False), ("joann", False), ("ann-b", False)],
)
def test_mentions_are_whole_words(text: str, named: bool) -> None:
    """A nick inside another word is no mention."""
    assert mentions(text, "ann") is named
