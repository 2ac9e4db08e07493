"""What was written and applied is remembered for a while: as long as a failover may ask for it."""

import asyncio
from collections.abc import Callable, Mapping

from gateway.model import LogKey
from gateway.rooms.follower import Follower
from gateway.rooms.outbox import Outbox
from gateway.rooms.ports import LogStore
from gateway.rooms.pump import Pump
from gateway.rooms.room import Room
from gateway.rooms.seen import TURN_S

__all__ = ["Forgetting"]

STEADY_S = 5.0  # after a connection came back: until then nothing is forgotten that it may need


class Forgetting:
    """Of all logs here."""

    def __init__(
        self,
        store: LogStore,
        outbox: Outbox,
        pump: Pump,
        *,
        followers: Mapping[LogKey, Follower],
        room_of_log: Mapping[LogKey, Room],
        close_if_empty: Callable[[Room], None],
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._pump = pump
        self._followers = followers
        self._room_of_log = room_of_log
        self._close_if_empty = close_if_empty
        self._loop = asyncio.get_running_loop()
        self._turned_at_s = self._loop.time()

    def look(self) -> None:
        """Drop what is old enough; not while Redis is away, since what it has lost is asked for when it is back."""
        now_s = self._loop.time()
        if not self._store.up or now_s < self._pump.up_since_s + STEADY_S:
            return
        for log in self._outbox.prune():
            if (room := self._room_of_log.get(log)) is not None:
                self._close_if_empty(room)
        if now_s >= self._turned_at_s + TURN_S:
            self._turned_at_s = now_s
            for follower in self._followers.values():
                follower.seen.turn()
            for room in list(self._room_of_log.values()):
                room.left.turn()
                self._close_if_empty(room)
