"""What was applied of a log lately, so that what comes back at another place in it is known. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.events import Entry
from gateway.model import ORIGIN, MsgId, Position, order

__all__ = ["MAX_SEEN", "TURN_S", "Seen"]

TURN_S = 30.0  # what was applied is remembered for one to two of these: as long as its gateway could send it again
MAX_SEEN = 10_000  # events in a generation; a log holds no more
_NOTHING: Mapping[bytes, Position] = MappingProxyType({})


class Seen:
    """Names (msgids of events, uids of who left) and the places where they were applied, in two generations; `now` is
    filled by who applies.

    Attributes:
        upto: what the log has up to here was applied or is not wanted, remembered or not; what was applied after it is
            remembered.
    """

    __slots__ = ("_before", "_now", "upto")

    def __init__(self, upto: Position = ORIGIN) -> None:
        self.upto = upto
        # Of most logs nothing was applied lately, and an inbox is one for each session.
        self._now: dict[bytes, Position] | None = None
        self._before: Mapping[bytes, Position] = _NOTHING

    @property
    def now(self) -> dict[bytes, Position]:
        """The generation that is being filled."""
        if self._now is None:
            self._now = {}
        return self._now

    def get(self, name: bytes) -> Position | None:
        """The place; None: not lately."""
        return (self._now and self._now.get(name)) or self._before.get(name)

    def is_other(self, entry: Entry) -> bool:
        """Whether it was another event that was applied at the place of this one, as far as that is remembered."""
        msgid, position = entry.event.msgid, entry.position
        return bool(msgid) and order(position) > order(self.upto) and self.get(msgid) != position

    def after(self, position: Position) -> list[MsgId]:
        """What was applied behind it, as far as that is remembered, in its order."""
        known = {**self._before, **(self._now or _NOTHING)}
        found = [(order(at), MsgId(name)) for name, at in known.items() if order(at) > order(position)]
        return [name for _, name in sorted(found)]

    def turn(self) -> None:
        """A generation ends."""
        if self._now or self._before:
            self.upto = max((self.upto, *self._before.values()), key=order)
            self._before, self._now = self._now or _NOTHING, None
