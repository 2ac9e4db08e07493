"""What a returning member missed: asked for page by page, while lines that come meanwhile wait behind. Pure.

Source: IRCv3 draft/chathistory; a line may be both in the last page and among those that waited, once in each.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from gateway.wire.message import Message
from gateway.wire.names import casefold

__all__ = ["CatchingUp"]

PAGE = 100  # the server's own limit
MAX_HELD = 200_000  # lines; more is a catch-up that never ends
HELD = frozenset(("PRIVMSG", "NOTICE", "JOIN", "PART", "KICK", "QUIT", "TOPIC", "MODE", "PONG", "353", "366"))
"""What has a place in the order of a room, and the barriers behind it. A QUIT belongs to all rooms, so all wait."""


class CatchingUp:
    """All rooms of one connection. A reference is `msgid=...` or `timestamp=...`, the last thing seen in a room."""

    def __init__(self) -> None:
        self._after: dict[str, str] = {}  # room -> reference, of rooms that are behind
        self._asked = deque[str]()  # rooms, oldest question first: a connection is answered in its order
        self._pages: dict[str, tuple[str, list[Message]]] = {}  # batch -> its room and lines so far
        self._had: set[str] = set()  # msgids that history has given, and that have not come by themselves yet
        self._held = deque[Message]()

    def begin(self, room: str, after: str) -> str:
        """A room is behind; returns the line to send."""
        self._after[room] = after
        return self._question(room)

    def takes(self, message: Message) -> bool:
        """Keep a line that must wait; False: it is not ours, or nothing is behind."""
        if not self._after or message.command not in HELD:
            return False
        assert len(self._held) < MAX_HELD, "a catch-up that never ends"
        self._held.append(message)
        return True

    def in_page(self, message: Message) -> bool:
        """Collect the lines of history batches; False: it is none."""
        if message.command == "BATCH" and message.params[0][0] == "+" and message.params[1:2] == ("chathistory",):
            self._pages[message.params[0][1:]] = (casefold(message.params[2]), [])
            return True
        if (page := self._pages.get(message.tags.get("batch", ""))) is None:
            return False
        page[1].append(message)
        return True

    def page_ended(self, message: Message) -> tuple[str, list[Message]] | None:
        """The room and the lines of a batch that `message` ends."""
        if message.command != "BATCH" or message.params[0][0] != "-":
            return None
        return self._pages.pop(message.params[0][1:], None)

    def go_on(self, room: str, lines: Iterable[Message]) -> str | None:
        """A page came: the next question, or None when the room has everything."""
        if room not in self._after:
            return None
        had = [line.tags.get("msgid", "") for line in lines]
        self._had.update(had)
        self._asked.remove(room)
        if len(had) < PAGE:
            del self._after[room]
            return None
        self._after[room] = f"msgid={had[-1]}"
        return self._question(room)

    def refused(self, message: Message) -> str | None:
        """A FAIL CHATHISTORY, which answers the oldest question: the one to ask again, or None: the room is given up.

        A message that the log does not have any more is no reason to ask again.
        """
        if not self._asked:
            return None
        room = self._asked.popleft()
        if message.params[1] == "TEMPORARILY_UNAVAILABLE" or room in map(casefold, message.params[3:-1]):
            return self._question(room)
        del self._after[room]
        return None

    def released(self) -> Iterator[Message]:
        """What waited, once no room is behind any more."""
        while self._held and not self._after:
            if not self.repeats(message := self._held.popleft()):
                yield message

    def repeats(self, message: Message) -> bool:
        """Whether history has given this line already; true once, for a line that comes again is doubled.

        The server reads history from the log itself, and so may be ahead of what it announces.
        """
        msgid = message.tags.get("msgid", "")
        if msgid not in self._had:
            return False
        self._had.remove(msgid)
        return True

    def _question(self, room: str) -> str:
        self._asked.append(room)
        return f"CHATHISTORY AFTER {room} {self._after[room]} {PAGE}"
