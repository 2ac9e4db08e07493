"""What coming back after a lost connection brings, gathered until it can be told in one line. Pure."""

from dataclasses import dataclass

__all__ = ["Return"]


@dataclass(slots=True)
class Return:
    """Waits for the history of `rooms` (casefolded) and for the acknowledgement of the lines `keys`."""

    server: str
    away_ms: int
    rooms: set[str]
    keys: set[str]
    caught_up: int = 0
    sent: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing more is to come."""
        return not self.rooms and not self.keys

    def settled(self, key: str, *, sent: bool) -> None:
        """One of the lines needs no waiting for any more."""
        if key in self.keys:
            self.keys.remove(key)
            self.sent += sent

    def summary(self) -> str:
        """`back on HOST:PORT after 16 s: 3 lines caught up, 2 of yours sent`."""
        caught_up = "1 line" if self.caught_up == 1 else f"{self.caught_up} lines"
        return (
            f"back on {self.server} after {round(self.away_ms / 1000)} s: "
            f"{caught_up} caught up, {self.sent} of yours sent"
        )
