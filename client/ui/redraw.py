"""When the screen is drawn, and whether what was drawn last will do. On the terminal's own loop.

A key is answered at once. Traffic waits for its turn, and takes but a share of a core.
"""

import asyncio
import gc
import time
from collections.abc import Callable

from prompt_toolkit.application import Application

from client.ui.rows import Cells

__all__ = ["Redraw", "tidy"]

MIN_REDRAW_S = 0.1  # traffic redraws the screen ten times a second at most
REDRAW_SHARE = 0.06  # and so seldom that it takes no more than this part of a core
LONG_COLLECTION_S = 0.01


class Redraw:
    """The pace of one screen."""

    def __init__(self, refresh: Callable[[], None]) -> None:
        """Args: refresh: takes what came and draws it; it calls `begin`."""
        self._refresh = refresh
        self._timer: asyncio.TimerHandle | None = None
        self._begun_s = 0.0
        self._cpu_s = 0.0  # what the last redraw for traffic took
        self._render_cpu_s = 0.0
        self._frame: tuple[int, int, list[Cells]] | None = None

    def watch(self, app: "Application[None]") -> None:
        """Measure what its redraws take."""
        app.before_render += lambda _: self._begin_render()
        app.after_render += lambda _: self._end_render()

    def soon(self) -> None:
        """Something has changed."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            pause_s = max(MIN_REDRAW_S, self._cpu_s / REDRAW_SHARE)
            self._timer = loop.call_later(max(0.0, self._begun_s + pause_s - loop.time()), self._refresh)

    def begin(self) -> float:
        """All that came is drawn now; the loop's time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._frame = None
        self._begun_s = asyncio.get_running_loop().time()
        return self._begun_s

    def forget(self) -> None:
        """What was drawn last will not do any more."""
        self._frame = None

    def rows(self, width: int, height: int, draw: Callable[[int, int], list[Cells]]) -> list[Cells]:
        """What `draw` gives, or gave.

        While a redraw for traffic is due anyway, a key changes the input line only: its echo does not wait for all
        the cells that the traffic has changed meanwhile.
        """
        if self._timer is not None and self._frame is not None and self._frame[:2] == (width, height):
            return self._frame[2]
        self._frame = (width, height, draw(width, height))
        return self._frame[2]

    def _begin_render(self) -> None:
        self._render_cpu_s = time.thread_time()

    def _end_render(self) -> None:
        if self._timer is None:
            self._cpu_s = time.thread_time() - self._render_cpu_s


def tidy() -> None:
    """Free the screens of the last second, a megabyte each, which prompt_toolkit leaves in cycles.

    The collector would look for them rarely, and long, for it looks at all lines of all rooms as well. When looking
    takes long, what is left is set apart for good: it is nearly all lines, and those are in no cycle.
    """
    begun_s = time.thread_time()
    gc.collect()
    if time.thread_time() - begun_s > LONG_COLLECTION_S:
        gc.freeze()
