"""A list one chooses from while typing a part of a name: the room switcher and the join dialog. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from client.render import printable
from client.ui.cells import fit
from client.ui.rows import Cells

__all__ = ["Choice", "Picker"]

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry; `value` is what choosing it means."""

    value: str
    label: str
    about: str = ""


class Picker:
    """A title, what is typed, and the choices that fit it."""

    def __init__(
        self, title: str, choices: Callable[[str], Sequence[Choice]], choose: Callable[[str], None], verb: str
    ) -> None:
        """Args: verb: what Enter does, in a word."""
        self.title = title
        self.choose = choose
        self._choices = choices
        self._verb = verb
        self._index = 0
        self._query = ""

    def chosen(self, query: str) -> str:
        """The value that Enter means; empty when nothing fits."""
        found = self._found(query)
        return found[self._index].value if found else ""

    def move(self, step: int, query: str) -> None:
        """Down, or up when negative, round and round."""
        self._index = (self._index + step) % max(1, len(self._found(query)))

    def rows(self, query: str, width: int) -> list[Cells]:
        """The choices around the one that Enter means, and what keys do."""
        found = self._found(query)
        top = max(0, min(self._index - SHOWN // 2, len(found) - SHOWN))
        rows: list[Cells] = []
        for number, choice in enumerate(found[top : top + SHOWN], top):
            mark = ">" if number == self._index else " "
            style = "class:picker.current" if number == self._index else "class:picker"
            words = f"{mark} {fit(printable(choice.label), 18)} {printable(choice.about)}"
            rows.append([(style, fit(words, width))])
        if not found:
            rows.append([("class:picker", fit("  nothing fits", width))])
        rows.append([("class:picker.keys", fit(f"  Enter {self._verb}   Up/Down choose   Esc cancel", width))])
        return rows

    def _found(self, query: str) -> Sequence[Choice]:
        if query != self._query:
            self._query, self._index = query, 0
        found = self._choices(query)
        self._index = min(self._index, max(0, len(found) - 1))
        return found
