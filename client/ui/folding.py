"""Who came and went, in one line. Pure: rows in, text out.

Joins, parts and quits that follow one another say one thing together: who is here now that was not, and who is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from client.line import Kind, RoomLine
from client.render import printable
from client.timeline import Row
from gateway.wire.names import casefold

__all__ = ["Fold", "fold", "folds", "together"]

SHOWN_NICKS = 5  # of each kind; the others are counted
PAUSE_MS = 600_000  # after a longer pause it is another story
HOUR_MS = 3_600_000  # and each hour has its own, so that no story is longer than an hour's coming and going


@dataclass(frozen=True, slots=True)
class Fold:
    """`flag`: `-->` when people only came, `<--` when they only went, else `<->`."""

    flag: str
    text: str


def folds(row: Row) -> bool:
    """Whether `row` may be told together with its neighbours; what we did ourselves always stands alone."""
    return isinstance(row, RoomLine) and row.kind in (Kind.JOIN, Kind.PART, Kind.QUIT) and not row.own


def together(earlier: Row, later: Row) -> bool:
    """Whether two rows, one right behind the other, are told in one line."""
    return (
        folds(earlier)
        and folds(later)
        and later.time_ms - earlier.time_ms <= PAUSE_MS
        and later.time_ms // HOUR_MS == earlier.time_ms // HOUR_MS
    )


def fold(rows: Sequence[RoomLine]) -> Fold:
    """Tell what `rows`, each of which `folds`, come to."""
    nicks: dict[str, str] = {}
    came_first: dict[str, bool] = {}
    here: dict[str, bool] = {}
    for row in rows:
        key = casefold(row.nick)
        nicks.setdefault(key, row.nick)
        came_first.setdefault(key, row.kind is Kind.JOIN)
        here[key] = row.kind is Kind.JOIN
    parts = []
    for first, last, words in (
        (True, True, "joined"),
        (False, False, "left"),
        (True, False, "came and went"),
        (False, True, "left and came back"),
    ):
        if named := [nick for key, nick in nicks.items() if came_first[key] is first and here[key] is last]:
            parts.append(f"{_enumerate(named)} {words}")
    text = "; ".join(parts)
    if len(rows) == 1 and rows[0].text and rows[0].kind is not Kind.JOIN:
        text += f" ({printable(rows[0].text)})"
    only = {row.kind is Kind.JOIN for row in rows}
    return Fold("<->" if len(only) == 2 else "-->" if only == {True} else "<--", text)


def _enumerate(nicks: Sequence[str]) -> str:
    shown = [printable(nick) for nick in nicks[:SHOWN_NICKS]]
    if len(nicks) > SHOWN_NICKS:
        shown.append(f"{len(nicks) - SHOWN_NICKS} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
