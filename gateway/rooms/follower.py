"""Follow one log: pub/sub is the doorbell, the log is the truth. Pure.

Every announcement carries the position before its first event. If that is the one applied last, the events are
applied; anything else means something was missed, and the log is read from there.
"""

import asyncio
from abc import ABC, abstractmethod

from gateway.events import Entry
from gateway.model import LogKey, Position, order
from gateway.rooms.seen import Seen

__all__ = ["Follower"]

MAX_HELD = 1000  # announcements held during a catch-up; past it all are dropped, since the log has them anyway


class Follower(ABC):
    """Where a gateway stands in one log.

    Not `live` until a catch-up has brought it to the head; announcements are held meanwhile.
    """

    __slots__ = ("_held", "begins", "catching_up", "last", "live", "log", "opened", "seen", "subscribed")

    def __init__(
        self,
        log: LogKey,
        opened: asyncio.Future[None] | None,
        last: Position | None = None,
        seen: Seen | None = None,
    ) -> None:
        self.log = log
        self.last = last  # None: nothing is known yet, a snapshot is due
        self.seen = seen or Seen()  # what `_apply` has had lately; it keeps the record
        self.live = False
        self.subscribed = False
        self.catching_up = False
        self.begins = False  # its log begins with it: there is nothing to read
        self.opened = opened  # done when live for the first time, and then forgotten: inboxes are many
        self._held: list[tuple[Position, list[Entry]]] | None = None

    @abstractmethod
    def _apply(self, entries: list[Entry]) -> None:
        """Make entries, in the order of the log, part of what is shown."""

    def announced(self, prev: Position, entries: list[Entry]) -> bool:
        """Take an announcement; False means a catch-up is needed."""
        if self.live and prev == self.last:
            self.advance(entries)
            return True
        self.live = False
        if self._held is None or len(self._held) >= MAX_HELD:
            self._held = []
        self._held.append((prev, entries))
        return False

    def advance(self, entries: list[Entry]) -> None:
        """Apply entries that follow `last` without a gap."""
        if entries:
            self.last = entries[-1].position
            self._apply(entries)

    def has_opened(self) -> None:
        """It is live for the first time: tell who waits."""
        self.begins = False
        if self.opened is not None:
            if not self.opened.done():
                self.opened.set_result(None)
            self.opened = None

    def start_at(self, position: Position) -> None:
        """Continue from a snapshot taken at `position`."""
        self.last = position

    def drop_held(self) -> None:
        """What is held is not of this log: a failover put it in the place of the one that was announced."""
        self._held = None

    def lost(self) -> None:
        """Nothing is announced any more until Redis has confirmed again. What is held goes: the log, which may be that
        of another server by then, tells what is in it."""
        self.subscribed = self.live = False
        self.drop_held()

    def settle(self) -> bool:
        """Apply what was held during a catch-up that read to the head; True: live now, False: read again."""
        held, self._held = self._held or [], None
        for index, (prev, entries) in enumerate(held):
            if prev == self.last:
                self.advance(entries)
            elif self.last is None or order(entries[-1].position) > order(self.last):
                self._held = held[index:]
                return False
            # Otherwise the catch-up has read it already. Only here may an old position be taken for that: on a live
            # log it would mean that a failover put another line of history in place of ours.
        self.live = self.subscribed
        return self.live
