"""What was applied of a log lately, so that what comes back at another place in it is known. Pure."""

from gateway.model import Position, order

__all__ = ["MAX_SEEN", "TURN_S", "Seen"]

TURN_S = 30.0  # what was applied is remembered for one to two of these: as long as its gateway could send it again
MAX_SEEN = 10_000  # events in a generation; a log holds no more


class Seen:
    """Names (msgids of events, uids of who left) and the places where they were applied, in two generations; `now` is
    filled by who applies."""

    __slots__ = ("before", "now")

    def __init__(self) -> None:
        self.now: dict[bytes, Position] = {}
        self.before: dict[bytes, Position] = {}

    def get(self, name: bytes) -> Position | None:
        """The place; None: not lately."""
        return self.now.get(name) or self.before.get(name)

    def oldest(self) -> Position | None:
        """The first place that is remembered: whatever was applied after it is, too."""
        return min((*self.before.values(), *self.now.values()), key=order, default=None)

    def turn(self) -> None:
        """A generation ends."""
        if self.now or self.before:
            self.before, self.now = self.now, {}
