"""Text measured in terminal cells. Pure; widths are those of wcwidth, summed per code point as prompt_toolkit does.

Source: Unicode Standard Annex #11, through the package wcwidth.
"""

from functools import lru_cache

from wcwidth import wcwidth

__all__ = ["cell_width", "clip", "fit", "wrap"]

ELLIPSIS = "…"


@lru_cache(8192)
def _char_width(char: str) -> int:
    return max(0, wcwidth(char))


def cell_width(text: str) -> int:
    """Cells that `text` takes on one row."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def clip(text: str, width: int) -> str:
    """`text` in at most `width` cells; an ellipsis stands for what is left out."""
    if cell_width(text) <= width:
        return text
    return text[: _reach(text, 0, width - 1)] + ELLIPSIS if width > 0 else ""


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells, clipped or filled up on the right."""
    text = clip(text, width)
    return text + " " * (width - cell_width(text))


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Cut `text` into rows of at most `width` cells, as (start, end) of each.

    Cuts stand on spaces, and the one space at a cut is dropped; a word longer than a row is cut between characters.
    A character wider than a row has a row of its own. At least one row, and together they are all of `text`.
    """
    rows: list[tuple[int, int]] = []
    start = 0
    while True:
        end = max(_reach(text, start, width), start + 1)
        if end >= len(text):
            rows.append((start, len(text)))
            return rows
        space = text.rfind(" ", start, end + 1)
        if space > start or (space == start and _word_fits(text, start + 1, width)):
            rows.append((start, space))
            start = space + 1
        else:
            rows.append((start, end))
            start = end
        if start >= len(text):
            return rows


def _word_fits(text: str, start: int, width: int) -> bool:
    end = text.find(" ", start)
    return _reach(text, start, width) >= (end if end >= 0 else len(text))


def _reach(text: str, start: int, width: int) -> int:
    """The furthest end of a row from `start`; marks without a width stay with the character before them."""
    if text.isascii():
        return min(len(text), start + max(width, 0))
    left = width
    for index in range(start, len(text)):
        left -= _char_width(text[index])
        if left < 0:
            return index
    return len(text)
