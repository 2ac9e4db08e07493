"""What a person asked for and the server refused, to be said at the input and put right there. Pure."""

from dataclasses import dataclass

__all__ = ["Refusal", "Refusals"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why, and what was typed, or as much of it as is still right; empty where it is on the screen already."""

    reason: str
    typed: str = ""


class Refusals:
    """The newest one: an older one is a line of the transcript, and the input has room for one."""

    def __init__(self) -> None:
        self._newest: Refusal | None = None

    def add(self, reason: str, typed: str = "") -> None:
        """The server refused."""
        self._newest = Refusal(reason, typed)

    def take(self) -> Refusal | None:
        """The newest one, once."""
        newest, self._newest = self._newest, None
        return newest
