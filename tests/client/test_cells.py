"""Text measured in cells: nothing is lost, and no row is wider than it may be."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from client.ui.cells import cell_width, clip, fit, wrap

WORDS = st.text(alphabet="ab 日é🙂e\u0301", max_size=60)


@given(WORDS, st.integers(2, 20))
def test_wrapping_loses_nothing_but_one_space_a_cut(text: str, width: int) -> None:
    """Rows in order, none too wide; between two of them nothing, or the one space the cut stands on."""
    rows = wrap(text, width)
    assert rows[0][0] == 0
    assert all(cell_width(text[start:end]) <= width for start, end in rows)
    for (_, end), (start, _) in pairwise(rows):
        assert text[end:start] in ("", " ")
    assert text[rows[-1][1] :] in ("", " ")


@example(" aa", 2)
@given(WORDS, st.integers(2, 20))
def test_a_word_that_fits_is_not_cut(text: str, width: int) -> None:
    """Unless it is wider than a row it stands on one row."""
    inside = {place for start, _ in wrap(text, width)[1:] for place in [start] if start and text[start - 1] != " "}
    for cut in inside:
        word = text[:cut].rpartition(" ")[2] + text[cut:].partition(" ")[0]
        assert cell_width(word) > width


@given(WORDS, st.integers(0, 20))
def test_fit_is_exact(text: str, width: int) -> None:
    """As many cells as asked for; a wide character that would stick out leaves a blank."""
    assert cell_width(fit(text, width)) == width


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("abc", 0, "")],
)
def test_clip(text: str, width: int, expected: str) -> None:
    """An ellipsis stands for what is left out."""
    assert clip(text, width) == expected


def test_a_cell_too_narrow_for_a_character_has_it_all_the_same() -> None:
    """One column, and a character of two: it is not lost, and wrapping ends."""
    assert wrap("日本", 1) == [(0, 1), (1, 2)]
