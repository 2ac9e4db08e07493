"""What reaches a person who looks elsewhere: the terminal's bell and its title."""

from prompt_toolkit.output import Output

__all__ = ["Attention"]

MIN_BELL_S = 1.0


class Attention:
    """The bell and the title of one terminal; each is written when it has something new to tell."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._rung_s = -MIN_BELL_S
        self._title = ""

    def call(self, now_s: float) -> None:
        """Ring, unless the bell is still in the ear."""
        if now_s - self._rung_s >= MIN_BELL_S:
            self._rung_s = now_s
            self._output.bell()

    def entitle(self, title: str) -> None:
        """Let `title` stand above the window."""
        if title != self._title:
            self._title = title
            self._output.set_title(title)
