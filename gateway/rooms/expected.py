"""What Redis acknowledged to us, and did not announce in time, is fetched. Pure."""

from collections.abc import Mapping

from gateway.model import LogKey, Position, order
from gateway.rooms.follower import Follower

__all__ = ["Expected"]


class Expected:
    """Positions that logs have reached and followers have not, as of now and as of the last look."""

    __slots__ = ("_now", "_since_last")

    def __init__(self) -> None:
        self._now: dict[LogKey, Position] = {}
        self._since_last: frozenset[LogKey] = frozenset()

    def note(self, log: LogKey, position: Position) -> None:
        """The log has come as far as this."""
        self._now[log] = position

    def drop(self, log: LogKey) -> None:
        """Nothing is expected of it any more."""
        self._now.pop(log, None)

    def overdue(self, followers: Mapping[LogKey, Follower]) -> list[Follower]:
        """Those behind that were behind at the last look already; what was reached is forgotten."""
        self._now = {
            log: position
            for log, position in self._now.items()
            if (follower := followers.get(log)) and follower.last and order(follower.last) < order(position)
        }
        late = [followers[log] for log in self._now if log in self._since_last]
        self._since_last = frozenset(self._now)
        return late
