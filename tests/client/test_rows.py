"""Rows of a transcript: columns, marks, links, and that no text leaves its place."""

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.line import Kind, RoomLine
from client.render import plain
from client.timeline import Failed, Note, Pending, Row
from client.ui.cells import cell_width
from client.ui.rows import Look, message_rows

NOON_MS = 12 * 3_600_000


def said(text: str, nick: str = "bob", kind: Kind = Kind.MESSAGE) -> RoomLine:
    """What bob said at noon."""
    return RoomLine(room="#tea", kind=kind, nick=nick, text=text, time_ms=NOON_MS)


def shown(row: Row | Pending, width: int = 60, *, waits: str = "sending") -> list[str]:
    """Its rows as text."""
    return [plain(cells) for cells in message_rows(row, Look("ann", width, UTC, waits))]


@pytest.mark.parametrize(
    ("row", "wide", "narrow"),
    [
        (said("hi"), "12:00           bob | hi", "bob: hi"),
        (said("ann: hi"), "12:00 *         bob | ann: hi", "*bob: ann: hi"),
        (said("waves", kind=Kind.ACTION), "12:00             * | bob waves", "* bob waves"),
        (said("psst", kind=Kind.NOTICE), "12:00         -bob- | psst", "-bob-: psst"),
        (said("", kind=Kind.TOPIC), "12:00 --            | bob cleared the topic", "-- bob cleared the topic"),
        (said("hi", nick="dave_the_long_one"), "12:00  dave_the_lo… | hi", "dave_the_lo…: hi"),
        (Note("lost", NOON_MS), "12:00 --            | lost", "-- lost"),
        (
            Pending(key="k", nick="ann", text="hi", time_ms=NOON_MS),
            "12:00 ~         ann | hi  (sending)",
            "~ann: hi  (sending)",
        ),
        (
            Failed(Pending(key="k", nick="ann", text="hi", time_ms=0), "no voice", NOON_MS),
            "12:00 !         ann | hi  (not sent: no voice)",
            "!ann: hi  (not sent: no voice)",
        ),
    ],
)
def test_columns(row: Row | Pending, wide: str, narrow: str) -> None:
    """Time, mark, nick, bar, text; below 50 columns the nick stands in the text."""
    assert shown(row, 80) == [wide]
    assert shown(row, 40) == [narrow]


def test_what_waits_says_what_for() -> None:
    """Without a connection it will be sent; with one it is being sent, or the server gave a reason."""
    waiting = Pending(key="k", nick="ann", text="hi", time_ms=NOON_MS)
    assert shown(waiting, waits="will be sent")[0].endswith("hi  (will be sent)")
    assert shown(waiting)[0].endswith("hi  (sending)")
    refused = Pending(key="k", nick="ann", text="hi", time_ms=NOON_MS, reason="the store is away")
    assert shown(refused)[0].endswith("hi  (the store is away)")


TEXTS = st.text(max_size=120) | st.text(alphabet="a 日\u202e\x1b\u200d🙂", max_size=120)


@given(TEXTS, st.text(min_size=1, max_size=20), st.integers(30, 120), st.sampled_from([Kind.MESSAGE, Kind.ACTION]))
def test_no_row_is_wider_than_the_screen_and_none_can_control_it(text: str, nick: str, width: int, kind: Kind) -> None:
    """Whatever is said, by whomever: it stays in its cells, and no control character is among them."""
    for row in shown(said(text, nick, kind), width):
        assert cell_width(row) <= width
        assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in row)


@given(
    st.lists(st.sampled_from(["see", "https://a.test/x", "http://b.test/(y)", "ok."]), max_size=12), st.integers(50, 80)
)
def test_each_piece_of_an_address_leads_to_all_of_it(words: list[str], width: int) -> None:
    """Also where the address is cut; what is no address leads nowhere."""
    cells = [cell for row in message_rows(said(" ".join(words)), Look("ann", width, UTC)) for cell in row]
    linked = [(style.partition(" url=")[2], text) for style, text in cells if " url=" in style]
    assert "".join(text for _, text in linked) == "".join(word for word in words if "://" in word)
    assert all(text in url for url, text in linked)
    assert {url for url, _ in linked} == {word for word in words if "://" in word}


def test_an_address_ends_before_the_punctuation_behind_it() -> None:
    """A full stop, a comma or a bracket of the sentence is not of the address."""
    cells = message_rows(said("(see https://a.test/x), or https://b.test."), Look("ann", 80, UTC))[0]
    assert [style.partition(" url=")[2] for style, _ in cells if " url=" in style] == [
        "https://a.test/x",
        "https://b.test",
    ]


def test_a_space_that_ends_a_full_row_is_dropped_on_narrow_screens() -> None:
    """It would stand in a cell that is not there."""
    assert all(cell_width(row) <= 30 for row in shown(said("x" * 25 + " ", "bob"), 30))
