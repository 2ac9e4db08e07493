"""What was taken back must stay gone: a failover may have its author's gateway write it once more. Pure."""

from collections.abc import Iterable

from gateway.events import Entry
from gateway.model import ORIGIN, MsgId, Position, order
from gateway.spoken import Redacted

__all__ = ["Redactions", "is_redacted"]

MAX_REMEMBERED = 1000  # of one log; what is older than half a minute is not written again anyway


def is_redacted(position: Position, entries: Iterable[Entry]) -> bool:
    """Whether one of the entries says that what had this place in their log was taken back."""
    return any(isinstance(entry.event, Redacted) and entry.event.position == position for entry in entries)


class Redactions:
    """What was taken back lately in one log, by msgid, and where it had been last. Empty, it is false."""

    __slots__ = ("_msgids",)

    def __init__(self) -> None:
        self._msgids: dict[MsgId, Position] = {}

    def note(self, msgid: MsgId, position: Position) -> None:
        """It was taken back, from that place; the oldest of too many are forgotten."""
        self._msgids[msgid] = max(position, self._msgids.get(msgid, ORIGIN), key=order)
        if len(self._msgids) > MAX_REMEMBERED:
            del self._msgids[next(iter(self._msgids))]

    def is_back(self, msgid: MsgId, position: Position) -> bool:
        """Whether it stands again at a place from which it was not taken yet."""
        gone = self._msgids.get(msgid)
        return gone is not None and order(position) > order(gone)

    def __contains__(self, msgid: MsgId) -> bool:
        return msgid in self._msgids

    def __len__(self) -> int:
        return len(self._msgids)
