"""One room's way from JOIN to "nothing is missing". Pure; imports `events` and `gateway.wire`.

Each request for history is followed by a PING: when its PONG is here, the server has answered the request or never
will. So no clock is needed, and a server that refuses, ignores or does not know CHATHISTORY needs no case of its own.
Live lines that arrive meanwhile are held back, so that the transcript grows at its end only.

What was deleted meanwhile stands behind the last line we know, as what happened then: so history is read with its
events (draft/event-playback), of which only the deletions are of interest, and in whose pages there may be no line.

Source: IRCv3 draft/chathistory.
"""

from collections.abc import Sequence

from client.events import CaughtUp, Event, Hole, Redacted, RoomDelayed
from client.line import RoomLine
from gateway.wire.message import Message

__all__ = ["FIRST_LINES", "PAGE_LINES", "CatchUp"]

FIRST_LINES = 50  # the last ones, where nothing is known
PAGE_LINES = 100
MAX_PAGES = 50  # then the rest is given up and shown as a hole
MAX_DELETED = 5000  # that are told at the end: as many as lines can have come; the oldest are forgotten
MAX_HELD_LINES = 1000  # live lines; then they are let through, and order is the timeline's business


class CatchUp:
    """The history of one room, asked for page by page."""

    def __init__(
        self, room: str, *, position: str, limit: int, token: str, supported: bool, first_lines: int = FIRST_LINES
    ) -> None:
        """Begin.

        Args:
            position: `msgid=...` or `timestamp=...` of the last line known, or empty the first time.
            limit: what the server allows in one answer (ISUPPORT CHATHISTORY), 0 for "no limit".
            token: names this catch-up in PINGs and labels; one word, unique in the connection.
            supported: whether the server has draft/chathistory; without it whatever it replays by itself is taken.
            first_lines: how many of the last lines are wanted where there is no position.
        """
        self.room = room
        self._position = position
        self._limit = limit
        self._token = token
        self._supported = supported
        self._first_lines = first_lines
        self._latest: list[RoomLine] = []  # going backwards, where there is no position
        self._before = ""  # msgid of the first entry of these
        self._pages = 0
        self._answer: list[RoomLine] | None = None
        self._answer_size = 0
        self._answer_msgids: Sequence[str] = ()
        self._held: list[RoomLine] = []
        self._redacted: list[Redacted] = []
        self._delayed = ""

    @property
    def label(self) -> str:
        """Names the page that is asked for now, in the request's label and in the PING behind it."""
        return f"{self._token}-{self._pages}"

    def request(self, *, labelled: bool) -> list[Message]:
        """The next request and its barrier."""
        self._pages += 1
        barrier = Message("PING", (self.label,))
        if not self._supported:
            return [barrier]
        tags = {"label": self.label} if labelled else {}
        if self._position:
            params = ("AFTER", self.room, self._position, str(self._asked()))
        elif self._before:
            params = ("BEFORE", self.room, f"msgid={self._before}", str(self._asked()))
        else:
            params = ("LATEST", self.room, "*", str(self._asked()))
        return [Message("CHATHISTORY", params, tags=tags), barrier]

    def answered(self, lines: list[RoomLine], msgids: Sequence[str], redacted: Sequence[Redacted] = ()) -> None:
        """The batch that answers the request is complete; `msgids` are those of all that was in it, understood or not,
        and empty for what has none.

        What was deleted is told last: the lines it is about may be in any page.
        """
        self._redacted.extend(redacted)
        self._answer = (self._answer or []) + lines
        self._answer_msgids = [msgid for msgid in msgids if msgid]
        self._answer_size = len(msgids)

    def delayed(self, reason: str) -> None:
        """The server cannot answer this request now; that is no hole."""
        self._delayed = reason

    def hold(self, line: RoomLine) -> list[Event]:
        """Keep a live line until history is here. When too many wait, all are handed over, after a `Hole`."""
        self._held.append(line)
        if len(self._held) <= MAX_HELD_LINES:
            return []
        held, self._held = self._held, []
        return [Hole(self.room), *held]

    def deleted(self, event: Redacted) -> None:
        """A line was deleted meanwhile: it may be among those that are held or on their way."""
        self._redacted.append(event)
        del self._redacted[:-MAX_DELETED]

    def barrier_passed(self) -> tuple[list[Event], bool]:
        """The PONG is here: what to hand over now, and whether `request` must be sent once more at once.

        `RoomDelayed` as the last event: `request` must be sent again after a moment; `CaughtUp`: never again.
        """
        answer, self._answer = self._answer, None
        delayed, self._delayed = self._delayed, ""
        if not self._supported:
            return [*(answer or ()), *self._finish()], False
        if answer is None:
            return ([RoomDelayed(self.room, delayed)], False) if delayed else self._unanswered()
        if not self._position:
            return self._backwards(answer)
        if self._answer_size < self._asked():
            return [*answer, *self._finish()], False
        last = next(reversed(self._answer_msgids), "")
        if not last or f"msgid={last}" == self._position or self._pages >= MAX_PAGES:
            return [*answer, self._give_up()], True
        self._position = f"msgid={last}"
        return list(answer), True

    def _backwards(self, answer: list[RoomLine]) -> tuple[list[Event], bool]:
        """Without a position: the last lines, page by page, are handed over together."""
        full = self._answer_size >= self._asked()
        self._latest = [*answer, *self._latest]
        self._before = next(iter(self._answer_msgids), "")
        more = full and len(self._latest) < self._first_lines and self._before and self._pages < MAX_PAGES
        return ([], True) if more else (self._finish(), False)

    def _unanswered(self) -> tuple[list[Event], bool]:
        """No answer: most likely our position has been trimmed from the log; the newest lines are better than none."""
        return ([self._give_up()], True) if self._position else (self._finish(), False)

    def _give_up(self) -> Event:
        """Ask for the newest lines next."""
        self._position = self._before = ""
        return Hole(self.room)

    def _finish(self) -> list[Event]:
        latest, self._latest = self._latest, []
        held, self._held = self._held, []
        redacted, self._redacted = self._redacted, []
        return [*latest, *held, *redacted, CaughtUp(self.room)]

    def _asked(self) -> int:
        wanted = PAGE_LINES if self._position else min(PAGE_LINES, self._first_lines - len(self._latest))
        return min(wanted, self._limit) if self._limit > 0 else wanted
