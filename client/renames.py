"""A room gets another name: what is kept under names follows. Pure; keys are casefolded names."""

from collections import deque
from typing import TypeVar

from gateway.wire.names import casefold

__all__ = ["Renames", "move", "move_in"]

MAX_REMEMBERED = 200  # for readers that have not taken them; what one of them keeps under an older name stays there
_Value = TypeVar("_Value")


def move(table: dict[str, _Value], old: str, new: str) -> None:
    """What stood under `old` stands under `new`, at its place; what stood there goes."""
    before, after = casefold(old), casefold(new)
    if before == after or before not in table:
        return
    table.pop(after, None)
    entries = [(after if key == before else key, value) for key, value in table.items()]
    table.clear()
    table.update(entries)


def move_in(names: set[str], old: str, new: str) -> None:
    """The same for a set."""
    if casefold(old) in names:
        names.discard(casefold(old))
        names.add(casefold(new))


class Renames:
    """The last ones, for readers that look now and then: each remembers how many it has taken."""

    def __init__(self) -> None:
        self._last: deque[tuple[str, str]] = deque(maxlen=MAX_REMEMBERED)
        self.count = 0

    def note(self, old: str, new: str) -> None:
        """One more."""
        self._last.append((old, new))
        self.count += 1

    def since(self, count: int) -> list[tuple[str, str]]:
        """Those that came after the first `count`, old and new name of each."""
        return list(self._last)[max(0, len(self._last) - (self.count - count)) :]
