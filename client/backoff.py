"""How long to wait before the next try. Standard library only, pure: chance is passed in.

Source: "Exponential Backoff and Jitter" (full jitter), so that the clients of a dead gateway do not all return at once.
"""

from collections.abc import Callable

__all__ = ["Backoff"]

FIRST_LIMIT_S = 0.5  # the first retry comes at once but for a little jitter: another gateway is likely there
SECOND_LIMIT_S = 1.0
LAST_LIMIT_S = 30.0


class Backoff:
    """Waits in seconds: below 0.5, then below 1, 2, 4 ... 30, until `reset`."""

    def __init__(self, rng: Callable[[], float]) -> None:
        """Args: rng: gives numbers in [0, 1)."""
        self._rng = rng
        self._limit_s = FIRST_LIMIT_S

    def next_wait_s(self) -> float:
        """The wait before the next try."""
        wait_s = self._rng() * self._limit_s
        self._limit_s = min(LAST_LIMIT_S, max(SECOND_LIMIT_S, self._limit_s * 2))
        return wait_s

    def reset(self) -> None:
        """A try went well: begin anew."""
        self._limit_s = FIRST_LIMIT_S
