"""How much a session may say: two token buckets in one small object. Pure; time is passed in."""

from enum import Enum

__all__ = ["Budget", "Verdict"]

BURST = 60.0  # commands at once; a paste or a client's start-up fits
RATE_PER_S = 8.0
JOIN_BURST = 40.0
JOIN_RATE_PER_S = 2.0
MAX_DEBT = 600.0  # refused commands in a row, rate deducted, before the connection is closed


class Verdict(Enum):
    """What becomes of a command."""

    GO = 1
    REFUSE = 2
    CLOSE = 3


class Budget:
    """A bucket for everything, a second for joins. Refused commands cost as well, so a flooder gets nowhere."""

    __slots__ = ("_at_s", "_joins", "_tokens")

    def __init__(self) -> None:
        self._at_s = 0.0
        self._tokens = BURST
        self._joins = JOIN_BURST

    def spend(self, now_s: float, *, cost: float = 1.0, joins: int = 0) -> Verdict:
        """Take a command of that cost, and `joins` rooms, from the buckets. `now_s` never goes back."""
        elapsed = now_s - self._at_s
        self._at_s = now_s
        self._tokens = min(BURST, self._tokens + elapsed * RATE_PER_S) - cost
        self._joins = min(JOIN_BURST, self._joins + elapsed * JOIN_RATE_PER_S)
        if self._tokens < -MAX_DEBT:
            return Verdict.CLOSE
        if self._tokens < 0 or (joins and self._joins < joins):
            return Verdict.REFUSE
        self._joins -= joins
        return Verdict.GO

    def has_room(self, now_s: float) -> bool:
        """Whether `spend` would let one command go."""
        return self._tokens + (now_s - self._at_s) * RATE_PER_S >= 1

    def retry_s(self, *, joins: int = 0) -> float:
        """After how long a command that was just refused, with so many rooms, would go: 1 s at least."""
        missing_joins = min(joins, JOIN_BURST) - self._joins
        return max(1.0, (1 - self._tokens) / RATE_PER_S, missing_joins / JOIN_RATE_PER_S)
