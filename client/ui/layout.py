"""Which part of the screen is where, and all parts put together, row by row. Pure.

Breakpoints: from 120 columns rooms and people stand beside the transcript, from 90 the rooms; F2 and F3 show or hide
them at any width. Below 50 columns there are no columns at all; below 20x5 only the state line and the input are left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from client.ui.cells import cell_width, fit
from client.ui.rows import NARROW, Cells

__all__ = ["Areas", "arrange", "assemble"]

BOTH_PANELS = 120
ROOMS_PANEL = 90
PANEL_CELLS = 16
LEAST_WIDTH, LEAST_HEIGHT = 20, 4  # of everything above the input, whose one row makes it 20x5
LEAST_TRANSCRIPT = 12


@dataclass(frozen=True, slots=True)
class Areas:
    """Cells and rows of the parts above the input; 0: the part is not there."""

    width: int
    height: int
    rooms: int
    people: int
    transcript: int
    middle: int
    topic: int
    banner: int
    below: int
    state: int

    @property
    def narrow(self) -> bool:
        """Whether rows have no columns."""
        return self.transcript < NARROW


def arrange(
    width: int, height: int, *, rooms: bool | None = None, people: bool | None = None, banner: int = 0, below: int = 0
) -> Areas:
    """Divide `width` by `height` cells.

    Args:
        rooms: show the panel, or do not; None: as the width allows.
        people: likewise.
        banner: rows that it wants.
        below: likewise, for the line below a scrolled transcript.
    """
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        state = min(1, height)
        return Areas(width, height, 0, 0, width, height - state, 0, 0, 0, state)
    rooms_cells = PANEL_CELLS if (width >= ROOMS_PANEL if rooms is None else rooms) else 0
    people_cells = PANEL_CELLS if (width >= BOTH_PANELS if people is None else people) else 0
    while rooms_cells + people_cells and width - rooms_cells - people_cells - 2 < LEAST_TRANSCRIPT:
        rooms_cells, people_cells = (0, people_cells) if rooms_cells else (0, 0)
    transcript = width - (rooms_cells + 1 if rooms_cells else 0) - (people_cells + 1 if people_cells else 0)
    banner = min(banner, max(0, height - 4))
    below = min(below, max(0, height - 3 - banner))
    middle = height - 2 - banner - below
    return Areas(width, height, rooms_cells, people_cells, transcript, middle, 1, banner, below, 1)


def assemble(
    areas: Areas,
    *,
    topic: Cells,
    rooms: Sequence[Cells],
    transcript: Sequence[Cells],
    people: Sequence[Cells],
    below: Cells,
    banner: Sequence[str],
    state: Cells,
) -> list[Cells]:
    """All rows from top to bottom; the transcript stands on the bottom of its place."""
    rows: list[Cells] = [topic] if areas.topic else []
    blank = areas.middle - len(transcript)
    bar = ("class:bar.panel", "|")
    for number in range(areas.middle):
        cells: Cells = []
        if areas.rooms:
            cells += [*rooms[number], bar]
        middle = transcript[number - blank] if number >= blank else []
        cells += middle
        if areas.people:
            used = sum(cell_width(text) for _, text in middle)
            cells += [("", " " * (areas.transcript - used)), bar, *people[number]]
        rows.append(cells)
    if areas.below:
        rows.append(below)
    rows += [[("class:banner", fit(f"! {text}", areas.width))] for text in banner[: areas.banner]]
    if areas.state:
        rows.append(state)
    return rows
