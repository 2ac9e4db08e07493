"""What coming back after a lost connection brings, gathered until it can be told in one line. Pure."""

from dataclasses import dataclass

from client.renames import move_in
from client.wording import lines

__all__ = ["Return", "Returning"]


@dataclass(slots=True)
class Return:
    """Waits for the history of `rooms` (casefolded) and for the acknowledgement of the lines `keys`."""

    server: str
    away_ms: int
    rooms: set[str]
    keys: set[str]
    caught_up: int = 0
    sent: int = 0

    def summary(self) -> str:
        """`back on HOST:PORT after 16 s: 3 lines caught up, 2 of yours sent`."""
        return (
            f"back on {self.server} after {round(self.away_ms / 1000)} s: "
            f"{lines(self.caught_up)} caught up, {self.sent} of yours sent"
        )


class Returning:
    """Counts from a loss to the end of the return from it; between them nothing is counted."""

    def __init__(self) -> None:
        self._lost_ms: int | None = None
        self._return: Return | None = None

    def lost(self, now_ms: int, *, was_online: bool) -> None:
        """A connection is gone; one that was lost before we were back belongs to the same absence."""
        if was_online or self._return is not None:
            self._lost_ms = self._lost_ms or now_ms
        self._return = None

    def back(self, server: str, now_ms: int, *, rooms: set[str], keys: set[str]) -> None:
        """A server has welcomed us, and will tell of `rooms` and lines."""
        if self._lost_ms is not None:
            self._return = Return(server, now_ms - self._lost_ms, rooms, keys)

    def line_caught_up(self) -> None:
        """Somebody said something while we were away."""
        if self._return is not None:
            self._return.caught_up += 1

    def room_settled(self, room_key: str) -> None:
        """Nothing more is to come from that casefolded room."""
        if self._return is not None:
            self._return.rooms.discard(room_key)

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise."""
        if self._return is not None:
            move_in(self._return.rooms, old, new)

    def line_settled(self, key: str, *, sent: bool) -> None:
        """One of our lines needs no waiting for any more."""
        if self._return is not None and key in self._return.keys:
            self._return.keys.remove(key)
            self._return.sent += sent

    def only_lines(self, keys: set[str]) -> None:
        """No other line than these has to be waited for."""
        if self._return is not None:
            self._return.keys &= keys

    def story(self) -> str:
        """How it went, once, when nothing more is to come; else empty."""
        if self._return is None or self._return.rooms or self._return.keys:
            return ""
        summary = self._return.summary()
        self._return = self._lost_ms = None
        return summary
