"""What was taken back must stay gone: a failover may have its author's gateway write it once more. Pure."""

from collections.abc import Iterable

from gateway.events import Entry, Redacted
from gateway.model import MsgId, Position

__all__ = ["Redactions", "is_redacted"]

MAX_REMEMBERED = 1000  # of one log; what is older than half a minute is not written again anyway


def is_redacted(position: Position, entries: Iterable[Entry]) -> bool:
    """Whether one of the entries says that what had this place in their log was taken back."""
    return any(isinstance(entry.event, Redacted) and entry.event.position == position for entry in entries)


class Redactions:
    """What was taken back lately in one log, by msgid. Empty, it is false."""

    __slots__ = ("_msgids",)

    def __init__(self) -> None:
        self._msgids: dict[MsgId, None] = {}

    def note(self, msgid: MsgId) -> None:
        """It was taken back; the oldest of too many are forgotten."""
        self._msgids[msgid] = None
        if len(self._msgids) > MAX_REMEMBERED:
            del self._msgids[next(iter(self._msgids))]

    def __contains__(self, msgid: MsgId) -> bool:
        return msgid in self._msgids

    def __len__(self) -> int:
        return len(self._msgids)
