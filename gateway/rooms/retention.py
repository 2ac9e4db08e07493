"""How much of a room's log is history: so many entries, up to an age. The network has limits, a room may have narrower
ones (mode `H`). Pure.
"""

import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["ALL", "MAX_ENTRIES", "MIN_AGE_S", "Kept", "read_kept"]

MAX_ENTRIES = 10_000  # a log has no more, about
MIN_AGE_S = 60  # entries that young are what gateways heal their gaps with

_KEPT = re.compile(r"([0-9]{1,5})(?::([0-9]{1,4})([mhdw]))?", re.ASCII)
_UNIT_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Kept(NamedTuple):
    """What is kept."""

    entries: int  # messages, joins and whatever else has a place in the log; 0: there is no history
    age_s: int = 0  # 0: no age is too old

    def narrowed(self, other: "Kept | None") -> "Kept":
        """The less of both, in either respect."""
        if other is None:
            return self
        ages = [age_s for age_s in (self.age_s, other.age_s) if age_s]
        return Kept(min(self.entries, other.entries), min(ages, default=0))

    def oldest_ms(self, now_ms: int) -> int:
        """When the oldest was written that is not too old, in ms since 1970."""
        return now_ms - 1000 * self.age_s if self.age_s else 0


ALL = Kept(MAX_ENTRIES)
"""Whatever a log has."""


@lru_cache(maxsize=1024)
def read_kept(text: str) -> Kept | None:
    """The value of mode `H`: entries, or entries and an age in minutes, hours, days or weeks, as in `500:7d`; None for
    anything else."""
    match = _KEPT.fullmatch(text)
    if match is None:
        return None
    entries, number, unit = match.groups()
    age_s = int(number) * _UNIT_S[unit] if unit else 0
    if int(entries) > MAX_ENTRIES or (unit and age_s < MIN_AGE_S):
        return None
    return Kept(int(entries), age_s)
