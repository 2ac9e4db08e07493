"""How often one gateway writes to one room: a few flights at once, then one an interval. Pure; time is passed in.

A delivery costs one write per member whatever it carries, so lines that come faster than that travel together. What
people type is never held: docs/adr/0015-a-busy-room-is-written-to-in-bursts.md.
"""

__all__ = ["Pace", "interval_s"]

INTERVAL_S = 0.020  # between flights into a busy room; and more for each of its members here:
PER_SEAT_S = 0.000_020  # longer than its write takes: who answers a delivery is in one flight with all who do
MAX_BURST = 8  # flights that go at once after a pause
CLOCK_S = 1e-6  # a shorter wait is none: sums of intervals are not exact
BURST_WRITES = 1000  # to local members, by the flights that go at once; a room of as many has one such flight


def interval_s(seats: int) -> float:
    """Between flights into a busy room with so many local members: the longest a line waits for the next one."""
    return INTERVAL_S + seats * PER_SEAT_S


class Pace:
    """A generic cell rate algorithm (ITU-T I.371) with one flight as its cell."""

    __slots__ = ("_due_s",)

    def __init__(self) -> None:
        self._due_s = 0.0  # when the next flight would leave a room that is written to steadily

    def wait_s(self, now_s: float, seats: int) -> float:
        """How long the next flight into a room with so many local members has to wait; 0: it starts now, and is
        counted. `now_s` never goes back."""
        burst = min(MAX_BURST, max(1, BURST_WRITES // max(1, seats)))
        wait_s = self._due_s - now_s - interval_s(seats) * (burst - 1)
        if wait_s > CLOCK_S:
            return wait_s
        self._due_s = max(self._due_s, now_s) + interval_s(seats)
        return 0.0
