"""Who is writing just now, as others' clients tell. Pure: time is passed in.

Source: https://ircv3.net/specs/client-tags/typing: somebody who is active is writing for 6 seconds from then on, unless
their message comes, or word that they have stopped.
"""

from collections.abc import Sequence

from client.renames import move
from gateway.wire.names import casefold

__all__ = ["Composing", "words"]

ACTIVE_MS = 6_000
MAX_WRITING = 100  # in one room; more are not told of
MAX_ROOMS = 200  # and private talks, which strangers can begin; then the one where it began first is forgotten
SHOWN_NICKS = 2


class Composing:
    """Who is writing where."""

    def __init__(self) -> None:
        self._until_ms: dict[str, dict[str, tuple[str, int]]] = {}  # room -> nick, casefolded -> as spelled, until

    def told(self, room: str, nick: str, state: str, now_ms: int) -> None:
        """Their client says `active`, or anything else: they are not writing on."""
        if state != "active":
            self.stopped(room, nick)
            return
        if len(self._until_ms) >= MAX_ROOMS and casefold(room) not in self._until_ms:
            del self._until_ms[next(iter(self._until_ms))]
        writing = self._until_ms.setdefault(casefold(room), {})
        for key in [key for key, (_, until_ms) in writing.items() if until_ms <= now_ms]:
            del writing[key]
        if len(writing) < MAX_WRITING:
            writing[casefold(nick)] = (nick, now_ms + ACTIVE_MS)

    def stopped(self, room: str, nick: str) -> None:
        """What they were writing is here, or never will be."""
        if (writing := self._until_ms.get(casefold(room))) is not None:
            writing.pop(casefold(nick), None)
            if not writing:
                del self._until_ms[casefold(room)]

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise."""
        move(self._until_ms, old, new)

    def forget(self) -> None:
        """There is no connection: nobody tells that they have stopped."""
        self._until_ms.clear()

    def nicks(self, room: str, now_ms: int) -> list[str]:
        """Who is writing in `room`, in the order they began."""
        writing = self._until_ms.get(casefold(room), {})
        return [nick for nick, until_ms in writing.values() if until_ms > now_ms]


def words(nicks: Sequence[str]) -> str:
    """`carol is typing`; empty for nobody."""
    if not nicks:
        return ""
    if len(nicks) > SHOWN_NICKS:
        return f"{len(nicks)} people are typing"
    return f"{' and '.join(nicks)} {'is' if len(nicks) == 1 else 'are'} typing"
