"""Whether a gateway lives and whether it may be given clients.

Source: Kubernetes, "Liveness, Readiness, and Startup Probes".
"""

import time
from collections.abc import Callable

__all__ = ["MAX_TICK_AGE_S", "Health"]

MAX_TICK_AGE_S = 5.0  # an event loop that was busy for longer is stuck


class Health:
    """Written by the event loop, read by the HTTP listener's thread."""

    __slots__ = ("_clock", "_ticked_s", "draining", "redis_reachable")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ticked_s = clock()
        self.redis_reachable = False
        self.draining = False

    def tick(self) -> None:
        """The event loop turns; it says so at least once in `MAX_TICK_AGE_S`."""
        self._ticked_s = self._clock()

    def is_live(self) -> bool:
        """Whether the event loop has turned lately; a gateway that does not live is best killed."""
        return self._clock() - self._ticked_s <= MAX_TICK_AGE_S

    def why_not_ready(self) -> str:
        """Why new clients should go elsewhere, in one line; empty where they are welcome."""
        reasons = {
            "the event loop is stuck": not self.is_live(),
            "Redis is not reachable": not self.redis_reachable,
            "draining": self.draining,
        }
        return "; ".join(reason for reason, holds in reasons.items() if holds)
