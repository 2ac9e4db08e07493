"""How far we have read, agreed on with our other devices through the server. Pure: the time is passed in.

Source: IRCv3 draft/read-marker.
"""

from client.renames import move
from client.session import Session
from gateway.wire.names import casefold

__all__ = ["ReadMarks"]

TELL_EVERY_MS = 5_000  # of one room, however fast one reads
MAX_MARKS = 1_000  # rooms and private talks; then the one marked first is forgotten
MAX_TALKS_ASKED = 10


class ReadMarks:
    """The time of the last line read, by casefolded room."""

    def __init__(self) -> None:
        self._agreed: dict[str, int] = {}  # by the server
        self._seen: dict[str, tuple[str, int]] = {}  # here, and not told yet: room as spelled, time
        self._told_ms: dict[str, int] = {}

    def __getitem__(self, room: str) -> int | None:
        """How far the server says that we have read; None: it has said nothing."""
        return self._agreed.get(casefold(room))

    def agreed(self, room: str, time_ms: int) -> None:
        """The server says how far we have read."""
        key = casefold(room)
        self._agreed[key] = max(time_ms, self._agreed.get(key, 0))
        for marks in (self._agreed, self._told_ms):
            if len(marks) > MAX_MARKS:
                del marks[next(iter(marks))]

    def seen(self, room: str, time_ms: int) -> None:
        """A person has seen the line of that time here."""
        key = casefold(room)
        if time_ms > self._agreed.get(key, 0):
            self._seen[key] = (room, time_ms)

    def online(self, session: Session, talks: list[str]) -> None:
        """A server has welcomed us: ask about private talks, the last ones of `talks`."""
        for nick in talks[-MAX_TALKS_ASKED:]:
            session.ask_what_was_read(nick)

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise."""
        for marks in (self._agreed, self._told_ms):
            move(marks, old, new)
        move(self._seen, old, new)
        if (seen := self._seen.get(casefold(new))) is not None:
            self._seen[casefold(new)] = (new, seen[1])

    def tell(self, session: Session, now_ms: int) -> None:
        """Tell the server what was seen; to be called now and then."""
        for key, (room, time_ms) in list(self._seen.items()):
            if now_ms - self._told_ms.get(key, -TELL_EVERY_MS) >= TELL_EVERY_MS:
                session.mark_read(room, time_ms)
                self._told_ms[key] = now_ms
                del self._seen[key]
