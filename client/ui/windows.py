"""The windows of the full screen: what is drawn, what is typed, and the list that opens above them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from prompt_toolkit.application.current import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    HSplit,
    Window,
)
from prompt_toolkit.widgets import SearchToolbar

from client.render import Fragment
from client.ui.controls import RowsControl
from client.ui.picker import Picker
from client.ui.rows import Cells, rule

__all__ = ["Windows"]

MAX_INPUT_ROWS = 6
PICKER_CELLS = 60


class Windows:
    """As few as can be: each costs on every redraw.

    Attributes:
        root: all of them.
        input: where one types.
        query: where one types while a list is open.
        picker: that list; None: there is none.
    """

    def __init__(
        self,
        *,
        draw: Callable[[int, int], Sequence[Cells]],
        prefix: Callable[[int, int], StyleAndTextTuples],
        typed: Buffer,
        query: Buffer,
        finish: Callable[[Fragment], Fragment],
        lock: AbstractContextManager[object],
    ) -> None:
        """Args: draw: all rows above the input; prefix: stands before each row of it; finish: as for `RowsControl`."""
        self.picker: Picker | None = None
        self._query = query
        self._lock = lock
        search = SearchToolbar(forward_search_prompt="find: ", backward_search_prompt="find typed before: ")
        self.input = Window(
            BufferControl(typed, search_buffer_control=search.control, preview_search=True),
            height=Dimension(min=1, max=MAX_INPUT_ROWS),
            wrap_lines=True,
            dont_extend_height=True,
            get_line_prefix=prefix,
        )
        self.query = Window(BufferControl(query), height=1, get_line_prefix=lambda *_: [("class:prompt", " Name: ")])
        frame = "class:picker.frame"
        picker = HSplit(
            [
                Window(RowsControl(lambda width, _: [rule(frame, self._title(), width)], finish), height=1),
                self.query,
                Window(RowsControl(self._choices, finish), height=self._height),
                Window(RowsControl(lambda width, _: [[(frame, "-" * width)]], finish), height=1),
            ],
            style="class:picker",
        )
        self.root = FloatContainer(
            HSplit([Window(RowsControl(draw, finish)), self.input, search]),
            floats=[
                Float(CompletionsMenu(max_height=8, scroll_offset=1), xcursor=True, ycursor=True),
                Float(
                    ConditionalContainer(picker, Condition(lambda: self.picker is not None)), top=1, width=self._width
                ),
            ],
        )

    def _title(self) -> str:
        return self.picker.title if self.picker is not None else ""

    def _choices(self, width: int, _height: int) -> list[Cells]:
        with self._lock:
            return self.picker.rows(self._query.text, width) if self.picker is not None else []

    def _height(self) -> Dimension:
        return Dimension.exact(len(self._choices(PICKER_CELLS, 0)))

    @staticmethod
    def _width() -> int:
        return min(PICKER_CELLS, get_app().output.get_size().columns - 2)
