"""Rows of cells as prompt_toolkit draws them, and the rows of the list one chooses from."""

from collections.abc import Callable, Sequence

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import UIContent, UIControl

from client.render import Fragment
from client.ui.rows import Cells

__all__ = ["RowsControl"]


class RowsControl(UIControl):
    """Draws what a function gives for a width and a height; nothing is kept, nothing is wrapped."""

    def __init__(self, draw: Callable[[int, int], Sequence[Cells]], finish: Callable[[Fragment], Fragment]) -> None:
        """Args: finish: makes of each fragment what prompt_toolkit, and this terminal, can show."""
        self._draw = draw
        self._finish = finish

    def create_content(self, width: int, height: int) -> UIContent:
        """All rows, of which there are at most `height`."""
        rows = self._draw(width, height)

        def line(number: int) -> StyleAndTextTuples:
            return [self._finish(fragment) for fragment in rows[number]]

        return UIContent(line, len(rows), show_cursor=False)

    def is_focusable(self) -> bool:
        """Text is typed elsewhere."""
        return False
