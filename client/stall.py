"""Whether a line of ours waits longer than it should: the server may have lost its store, and not know it yet. Pure."""

from collections.abc import Callable

from client.delivery import Delivery
from client.hearing import Hearing

__all__ = ["STALLED_MS", "Stall"]

STALLED_MS = 2_500  # beyond the lag: a line of ours that has no answer after so long waits for something


class Stall:
    """The wait of our oldest line on its way, against the lag. Who waits shall not have to guess."""

    def __init__(self, delivery: Delivery, heard: Hearing, now_ms: Callable[[], int]) -> None:
        self._delivery = delivery
        self._heard = heard
        self._now_ms = now_ms
        self._told = False

    @property
    def ms(self) -> int:
        """How long a line of ours has been on its way, where that is longer than it should be; else 0."""
        waited_ms = self._delivery.longest_wait_ms(self._now_ms())
        return waited_ms if waited_ms > STALLED_MS + (self._heard.lag_ms or 0) else 0

    def has_begun(self) -> bool:
        """True once for each stall."""
        told, self._told = self._told, self.ms > 0
        return self._told and not told
