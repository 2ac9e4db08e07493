"""The part of a transcript that is on the screen. Pure: a timeline in, rows of cells out.

Only what is visible is wrapped, so 100 000 lines cost what a screenful does. The place is held by the row of the
transcript that stands at the bottom, not by a number: lines that come, old ones that go and history that is put in
front do not move what is being read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from client.line import RoomLine
from client.timeline import Pending, Row, Timeline
from client.ui.folding import fold, folds, together
from client.ui.rows import Cells, Look, answer_row, day, fold_rows, message_rows, rule

__all__ = ["Page", "Viewport"]

MAX_REMEMBERED = 1024  # wrapped rows, so that a redraw wraps only what is new

Item = Row | Pending


@dataclass(frozen=True, slots=True)
class Page:
    """What is visible.

    Attributes:
        rows: oldest first, at most as many as asked for.
        newer: how many rows of the transcript are below.
        at_start: the oldest row there is, is visible.
    """

    rows: list[Cells]
    newer: int
    at_start: bool


@dataclass(slots=True)
class _Anchor:
    item: Item
    row: int  # of its rows of cells, the one at the bottom of the screen


@dataclass(slots=True)
class _Sequence:
    """A timeline with our own unconfirmed lines behind it, as one sequence."""

    timeline: Timeline
    pending: Sequence[Pending] = field(init=False)

    def __post_init__(self) -> None:
        self.pending = self.timeline.pending

    def __len__(self) -> int:
        return len(self.timeline) + len(self.pending)

    def __getitem__(self, index: int) -> Item:
        rows = len(self.timeline)
        return self.timeline[index] if index < rows else self.pending[index - rows]

    def index_of(self, item: Item) -> int:
        if isinstance(item, Pending):
            for number, line in enumerate(self.pending):
                if line.key == item.key:
                    return len(self.timeline) + number
            return max(0, len(self) - 1)
        return self.timeline.index_of(item)


class Viewport:
    """Where in one transcript a person is; at its end unless they scrolled."""

    def __init__(self, timeline: Timeline) -> None:
        self.unread_from: RoomLine | None = None  # the rule "new messages" stands above it
        self._timeline = timeline
        self._anchor: _Anchor | None = None
        self._wrapped: dict[int, tuple[Item, Item, RoomLine | None, list[Cells]]] = {}
        self._look: Look | None = None
        self._found: RoomLine | None = None  # where the last search ended; the next one goes on from there

    @property
    def at_end(self) -> bool:
        """Whether the newest row is visible, and every new one will be."""
        return self._anchor is None

    def page(self, look: Look, height: int) -> Page:
        """What is visible on `height` rows."""
        items = self._seen_with(look)
        rows: list[Cells] = []
        if not len(items) or height <= 0:
            return Page([], 0, at_start=True)
        index, cut = self._bottom(items)
        newer = len(items) - 1 - index
        cleared = self._timeline.cleared if self.at_end else None
        while index >= 0 and len(rows) < height and (cleared is None or items[index] is not cleared):
            block = self._block(items, index)
            if cut is not None:
                block, cut = block[: cut + 1], None
            rows.extend(reversed(block))
            index -= 1
        at_start = index < 0 and len(rows) <= height
        visible = rows[:height][::-1]
        return Page(_timed(visible), newer, at_start)

    def scroll(self, rows: int, look: Look, height: int) -> None:
        """Go up by `rows` rows of cells, or down when negative; never past either end."""
        items = self._seen_with(look)
        if not len(items):
            return
        if rows > 0:
            self._timeline.cleared = None
        index, cut = self._bottom(items)
        last = len(self._block(items, index)) - 1
        row = last if cut is None else min(cut, last)
        index, row = self._up(items, index, row, rows) if rows > 0 else self._down(items, index, row, -rows)
        self._stand(items, index, row, height)

    def to_end(self) -> None:
        """Show the newest row, and follow; the next search begins there."""
        self._anchor = self._found = None

    def show(self, row: Row, look: Look, height: int) -> None:
        """Bring `row` onto the screen, in its middle where that can be."""
        items = self._seen_with(look)
        if not len(items):
            return
        index = items.index_of(row)
        self._anchor = _Anchor(items[index], len(self._block(items, index)) - 1)
        self.scroll(-(height // 2), look, height)

    def find(self, fits: Callable[[RoomLine], bool], *, up: bool, look: Look, height: int) -> bool:
        """Go to the next line further up, or down, that `fits`; False, and no move, when there is none."""
        items = self._seen_with(look)
        start = items.index_of(self._found) if self._found is not None else len(items)
        for index in range(start - 1, -1, -1) if up else range(start + 1, len(items)):
            item = items[index]
            if isinstance(item, RoomLine) and fits(item):
                self.show(item, look, height)
                self._found = item
                return True
        return False

    def _seen_with(self, look: Look) -> _Sequence:
        if look != self._look:
            self._wrapped.clear()
            self._look = look
        return _Sequence(self._timeline)

    def _bottom(self, items: _Sequence) -> tuple[int, int | None]:
        """Index of the item at the bottom, and the last of its rows that is visible; None: all of them."""
        if self._anchor is None:
            return len(items) - 1, None
        return items.index_of(self._anchor.item), self._anchor.row

    def _up(self, items: _Sequence, index: int, row: int, steps: int) -> tuple[int, int]:
        while row < steps:
            before = index - 1
            while before >= 0 and not self._block(items, before):
                before -= 1
            if before < 0:
                return index, 0
            steps -= row + 1
            index, row = before, len(self._block(items, before)) - 1
        return index, row - steps

    def _down(self, items: _Sequence, index: int, row: int, steps: int) -> tuple[int, int]:
        while (below := len(self._block(items, index)) - 1 - row) < steps:
            if index == len(items) - 1:
                return index, row + below
            steps -= below + 1
            index, row = index + 1, 0
            while not self._block(items, index):
                index += 1
        return index, row + steps

    def _stand(self, items: _Sequence, index: int, row: int, height: int) -> None:
        """Hold this place, unless the end is visible from it; the first screenful is as far up as one can go."""
        if index == len(items) - 1 and row == len(self._block(items, index)) - 1:
            self._anchor = None
            return
        self._anchor = _Anchor(items[index], row)
        above = row + 1
        while above < height and index > 0:
            index -= 1
            above += len(self._block(items, index))
        if above < height:
            self._anchor = self._first_screenful(items, height)

    def _first_screenful(self, items: _Sequence, height: int) -> _Anchor | None:
        shown = 0
        for index in range(len(items)):
            rows = len(self._block(items, index))
            if shown + rows > height or (shown + rows == height and index < len(items) - 1):
                return _Anchor(items[index], height - shown - 1)
            shown += rows
        return None  # all of it fits

    def _block(self, items: _Sequence, index: int) -> list[Cells]:
        """The rows of one item: the rules above it, and itself; none where a later one tells it as well."""
        look = self._look
        assert look is not None
        item = items[index]
        before = items[index - 1] if index > 0 else None
        after = items[index + 1] if index + 1 < len(items) else None
        if isinstance(item, RoomLine) and isinstance(after, RoomLine) and self._joined(item, after, look):
            return []
        first = index
        if isinstance(item, RoomLine) and folds(item):
            while first > 0 and self._joined(items[first - 1], items[first], look):
                first -= 1
            before = items[first - 1] if first > 0 else None
        begin = items[first]
        answered = self._timeline.find(item.reply_to) if isinstance(item, RoomLine) and item.reply_to else None
        known = self._wrapped.get(id(item))
        # What is answered may be another one now: it has come, or was deleted.
        if known is None or known[0] is not item or known[1] is not begin or known[2] is not answered:
            rows = self._wrap(items, first, index, look)
            if isinstance(item, RoomLine) and item.reply_to and item.kind.is_text:
                rows = [answer_row(answered, look), *rows]
            if len(self._wrapped) >= MAX_REMEMBERED:
                self._wrapped.clear()
            self._wrapped[id(item)] = known = (item, begin, answered, rows)
        return [*self._rules(before, begin, look), *known[3]]

    def _joined(self, earlier: Item, later: Item, look: Look) -> bool:
        if isinstance(earlier, Pending) or isinstance(later, Pending) or later is self.unread_from:
            return False
        # What comes does not change what is being read.
        if self._anchor is not None and earlier is self._anchor.item:
            return False
        return together(earlier, later) and day(earlier.time_ms, look.tz) == day(later.time_ms, look.tz)

    def _wrap(self, items: _Sequence, first: int, index: int, look: Look) -> list[Cells]:
        item = items[index]
        if isinstance(item, RoomLine) and folds(item):
            lines = [cast(RoomLine, items[number]) for number in range(first, index + 1)]
            return fold_rows(fold(lines), item.time_ms, look)
        return message_rows(item, look)

    def _rules(self, before: Item | None, item: Item, look: Look) -> list[Cells]:
        rules = []
        if before is not None and not isinstance(item, Pending):
            today = day(item.time_ms, look.tz)
            if today != day(before.time_ms, look.tz):
                rules.append(rule("class:day", today, look.width))
        if item is self.unread_from:
            rules.append(rule("class:unread", "new messages", look.width, "="))
        return rules


def _timed(rows: list[Cells]) -> list[Cells]:
    """The time stands where the minute changes, on the first row that has one, and below a rule."""
    shown = ""
    timed = []
    for cells in rows:
        style, text = cells[0] if cells else ("", "")
        if style == "class:time":
            timed.append([(style, " " * len(text)), *cells[1:]] if text == shown else cells)
            shown = text
        else:
            timed.append(cells)
            shown = "" if style in ("class:day", "class:unread") else shown
    return timed
