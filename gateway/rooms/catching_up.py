"""Bring followers to the heads of their logs: for the first time, after a gap, and onto a log that is another."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping

from gateway.errors import StoreError
from gateway.events import Entry
from gateway.model import LogKey, Position
from gateway.rooms.counts import Counts
from gateway.rooms.deliveries import Deliveries
from gateway.rooms.follower import Follower
from gateway.rooms.inboxes import Inbox
from gateway.rooms.loading import load
from gateway.rooms.ports import LogStore
from gateway.rooms.pump import RETRY_S
from gateway.rooms.redaction import is_redacted
from gateway.rooms.repair import Repair
from gateway.rooms.room import Room
from gateway.rooms.seen import Seen

__all__ = ["CATCH_UP_ENTRIES", "CatchUps"]

CATCH_UP_ENTRIES = 1000  # per read


class CatchUps:
    """One at a time per follower."""

    def __init__(
        self,
        store: LogStore,
        repair: Repair,
        deliveries: Deliveries,
        counts: Counts,
        *,
        followers: Mapping[LogKey, Follower],
        room_of_log: Mapping[LogKey, Room],
        on_loaded: Callable[[Room], None],
        on_live: Callable[[Follower], None],
        start: Callable[[Coroutine[object, object, None], str], None],
    ) -> None:
        """`on_loaded` is told of a room that has a new snapshot, `on_live` of a follower that misses nothing any
        more; `start` runs a coroutine as a task of that name."""
        self._store = store
        self._repair = repair
        self._deliveries = deliveries
        self._counts = counts
        self._followers = followers
        self._room_of_log = room_of_log
        self._on_loaded = on_loaded
        self._on_live = on_live
        self._start = start

    def begin(self, follower: Follower) -> None:
        """Read the log from where the follower is, once its subscription is confirmed."""
        follower.live = False
        if not follower.catching_up and follower.subscribed:
            follower.catching_up = True
            self._start(self._bring_up(follower), f"catch-up {follower.log}")

    async def _bring_up(self, follower: Follower) -> None:
        """Read the log until the follower is at its head and live, or lost its subscription, or is not needed."""
        unsettled_at: Position | None = None
        try:
            while follower.subscribed and self._followers.get(follower.log) is follower:
                try:
                    at_head = await self._read_on(follower)
                except StoreError:
                    await asyncio.sleep(RETRY_S)
                    continue
                self._deliveries.flush()
                if not at_head:
                    continue
                if follower.settle():
                    self._deliveries.flush()
                    self._on_live(follower)
                    return
                # What was announced is in the log by then: read to its head once more, it would be there.
                if unsettled_at == follower.last:
                    follower.drop_held()
                unsettled_at = follower.last
        finally:
            follower.catching_up = False

    async def _read_on(self, follower: Follower) -> bool:
        """One step of a catch-up; True when the head was reached."""
        self._counts.catch_ups += 1
        room = self._room_of_log.get(follower.log)
        if follower.last is None:
            assert room is not None
            self._counts.snapshots += 1
            await load(self._store, room)
            self._on_loaded(room)
            return False  # what came meanwhile is in the log
        if isinstance(follower, Inbox) and follower.born is None:
            follower.born = await self._store.born(follower.log)
        seen = follower.seen
        entries = await self._store.read_after(follower.log, follower.last, CATCH_UP_ENTRIES, seen.is_other)
        if entries is None or _is_forked(follower.last, entries, seen):
            self._counts.snapshots += 1
            await self._repair.reload(follower, room)
            if room is not None:
                self._on_loaded(room)
                self._deliveries.add(room)
            return False
        follower.advance(entries)
        return len(entries) < CATCH_UP_ENTRIES


def _is_forked(last: Position, entries: list[Entry], seen: Seen) -> bool:
    """Whether entries that follow one that was redacted are of another line of history: it has again what was seen at
    another place. An entry that is there says so by itself."""
    return is_redacted(last, entries) and any(
        (place := seen.get(entry.event.msgid)) is not None and place != entry.position
        for entry in entries
        if entry.event.msgid
    )
