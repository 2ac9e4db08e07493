"""How far the logs here have been delivered, told in differences. Pure."""

from collections.abc import Callable, Iterable

from gateway.model import ORIGIN, LogKey, Position
from gateway.rooms.follower import Follower

__all__ = ["Progress"]


class Progress:
    """Compares where followers are with what was told of them before."""

    def __init__(self, followers: Callable[[], Iterable[Follower]]) -> None:
        self._followers = followers
        self._now: dict[LogKey, Position] = {}
        self._told: dict[LogKey, Position] = {}

    def since_last(self) -> tuple[dict[LogKey, Position], list[LogKey]]:
        """The logs that have moved on since what was told, and those that are not followed any more."""
        now = self._now = {f.log: f.last for f in self._followers() if f.last is not None and f.last != ORIGIN}
        moved = {log: position for log, position in now.items() if self._told.get(log) != position}
        closed = [log for log in self._told if log not in now]
        return moved, closed

    def told(self) -> None:
        """What the last call gave has been written down."""
        self._told = self._now
