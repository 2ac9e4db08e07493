"""The room engine: opens and closes rooms, lets them follow their logs, and delivers what they apply.

A gateway is a projection of the logs. The engine is told by the store when an announcement came, when a subscription
was confirmed and when a connection to Redis is back; everything else follows from that.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager

from gateway.errors import StoreError
from gateway.events import Entry
from gateway.model import GatewayId, LogKey, MsgId, Position, Uid
from gateway.rooms.catching_up import CatchUps
from gateway.rooms.counts import Counts
from gateway.rooms.deliveries import Deliveries
from gateway.rooms.expected import Expected
from gateway.rooms.follower import Follower
from gateway.rooms.inbox_writers import InboxWriters
from gateway.rooms.inboxes import Inboxes
from gateway.rooms.names import Names
from gateway.rooms.outbox import KEPT_S, Outbox
from gateway.rooms.ports import LogStore, Proposal, Reintroduce, Render, Saying, Seat
from gateway.rooms.pump import Pump
from gateway.rooms.repair import SETTLE_S, Repair
from gateway.rooms.room import Room
from gateway.rooms.seen import TURN_S
from gateway.rooms.turns import TURN_WAIT_S
from gateway.rooms.writer import Writer
from gateway.rooms.writers import Writers
from gateway.wire.names import RoomKey

__all__ = ["Engine"]

CONFIRM_EVERY_S = 0.2  # what Redis acknowledged and did not announce by the next look is fetched
OPEN_TIMEOUT_S = 5.0
STEADY_S = 5.0  # after a connection came back: until then nothing is forgotten that it may need


class _RoomFollower(Follower):
    __slots__ = ("_engine", "_room")

    def __init__(self, log: LogKey, room: Room, engine: "Engine", opened: asyncio.Future[None]) -> None:
        super().__init__(log, opened, None, room.seen)
        self._room = room
        self._engine = engine

    def _apply(self, entries: list[Entry]) -> None:
        self._engine.apply(self._room, entries)


class Engine:
    """All rooms and inboxes with somebody on this gateway."""

    def __init__(
        self,
        store: LogStore,
        render: Render,
        *,
        log_of_room: Callable[[RoomKey], LogKey],
        log_of_inbox: Callable[[Uid], LogKey],
        recent_lines: int,
        on_fenced: Callable[[], None],
        gateway: GatewayId,
        server_name: str,
        kept_s: float = KEPT_S,
        settle_s: float = SETTLE_S,
        turn_wait_s: float = TURN_WAIT_S,
    ) -> None:
        self.rooms: dict[RoomKey, Room] = {}  # the open ones, by their first names
        self.names = Names(self.rooms)
        self.reintroduce: Reintroduce = lambda room, seats, before, reason: None
        self.kept: set[Uid] = set()  # sessions that were here, and whose clients may come back: nobody else's to assert
        self.counts = Counts()
        self._store = store
        self._render = render
        self._log_of_room = log_of_room
        self._server_name = server_name
        self._recent_lines = recent_lines
        self._followers: dict[LogKey, Follower] = {}
        self._room_of_log: dict[LogKey, Room] = {}
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._loop.time, kept_s)
        self._pump = Pump()
        self._expected = Expected()
        self._turned_at_s = self._loop.time()
        self._deliveries = Deliveries(render, self.counts, self.close_if_empty)
        self._writers = Writers(
            store, self._outbox, self._pump, self._expected, self.counts,
            room_of_log=self._room_of_log, on_fenced=on_fenced, catch_up=self._catch_up, on_written=self.close_if_empty,
        )  # fmt: skip
        self._inbox_writers = InboxWriters(
            store, self._outbox, make=self._writers.make, wake=self._pump.wake, start=self._start
        )
        self.inboxes = Inboxes(
            store, self._followers, self._inbox_writers, self._outbox, self._pump, log_of=log_of_inbox
        )
        self._repair = Repair(
            store, render, self._outbox, self._expected, gateway=gateway, server_name=server_name,
            kept=self.kept, followers=self._followers, writer_of=self._writer_of, catch_up=self._catch_up,
            settle_s=settle_s, turn_wait_s=turn_wait_s,
        )  # fmt: skip
        self._catch_ups = CatchUps(
            store, self._repair, self._deliveries, self.counts, followers=self._followers,
            room_of_log=self._room_of_log, on_loaded=self.names.note, on_live=self._live, start=self._start,
        )  # fmt: skip
        self._tasks: asyncio.TaskGroup

    async def run(self, started: asyncio.Event) -> None:
        """Own the catch-ups and look after acknowledged events that were not announced, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._repair.run(), name="repair")
            started.set()
            while True:
                await asyncio.sleep(CONFIRM_EVERY_S)
                for follower in self._expected.overdue(self._followers):
                    self._catch_up(follower)
                self._forget()
                for room in self._repair.settled():
                    self._deliveries.add(room)
                self.read_ended()

    def _start(self, work: Coroutine[object, object, None], name: str) -> None:
        self._tasks.create_task(work, name=name)

    @property
    def settled(self) -> bool:
        """Nobody sits in a room here, and nothing of ours is still to be written."""
        return not any(room.seats or room.users or not room.writer.idle for room in self.rooms.values())

    @property
    def wrote_lately(self) -> bool:
        """Whether a Redis that lost its last seconds would have lost something of ours, or has and gets it once more:
        what is on its way is in the outbox no longer."""
        return bool(self._outbox.logs) or not self.written

    @property
    def written(self) -> bool:
        """Nothing waits to be written, and nothing written has no answer yet."""
        return all(writer.idle for writer in self._all_writers())

    def followers(self) -> Iterable[Follower]:
        """Of all logs that are followed here."""
        return self._followers.values()

    def room_logs(self) -> list[LogKey]:
        """The logs of the open rooms."""
        return list(self._room_of_log)

    # -- rooms -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def open_room(self, key: RoomKey, name: str) -> AsyncIterator[Room]:
        """The room, live; it stays open while the block runs or somebody sits in it.

        Raises:
            StoreError: it could not be brought up in time.
        """
        room = self.rooms.get(key) or self._start_room(key, name)
        room.users += 1
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                if room.follower.opened is not None:
                    await asyncio.shield(room.follower.opened)
            yield room
        except TimeoutError as exc:
            raise StoreError("the room could not be read in time") from exc
        finally:
            room.users -= 1
            self.close_if_empty(room)

    def close_if_empty(self, room: Room) -> None:
        """Forget a room that nobody here needs, and that nothing may have to be written to again."""
        log = room.follower.log
        if room.users or room.kept or room.seats or room.origins or not room.writer.idle or self._outbox.holds(log):
            return
        if self.rooms.get(room.key) is not room:
            return
        del self.rooms[room.key], self._followers[log], self._room_of_log[log]
        self.names.drop(room)
        self._expected.drop(log)
        self._store.unsubscribe(log)
        self._store.forget_log(log)
        if room.follower.opened is not None:
            room.follower.opened.cancel()

    def say(self, room: Room, saying: Saying) -> None:
        """Append what a member says; its origin hears when it has come back. Raises `FullError`."""
        room.writer.put(saying)
        room.origins[saying.event.msgid] = saying
        self._pump.wake(room.writer)

    def change(self, room: Room, msgid: MsgId, proposal: Proposal) -> None:
        """Append a state change; the proposal hears when it was applied."""
        room.writer.put(proposal)
        room.origins[msgid] = proposal
        self._pump.wake(room.writer)

    def _start_room(self, key: RoomKey, name: str) -> Room:
        log = self._log_of_room(key)
        room = Room(
            key, name, self._recent_lines, server=self._server_name,
            on_renamed=lambda seats, before, reason: self._renamed(room, seats, before, reason),
        )  # fmt: skip
        room.follower = _RoomFollower(log, room, self, self._loop.create_future())
        room.writer = self._writers.make(log, room)
        self.rooms[key] = self._room_of_log[log] = room
        self._followers[log] = room.follower
        self._store.subscribe(log)
        return room

    def _renamed(self, room: Room, seats: Sequence[Seat], before: str, reason: str) -> None:
        self.names.note(room)
        if seats:
            self.reintroduce(room, seats, before, reason)

    def _live(self, follower: Follower) -> None:
        follower.has_opened()
        if (room := self._room_of_log.get(follower.log)) is not None:
            room.writer.applied()
            self._pump.wake(room.writer)

    def apply(self, room: Room, entries: list[Entry]) -> None:
        """Entries follow in the log of a room; `read_ended` delivers them."""
        self.counts.applied += len(entries)
        waited = room.turns.pending
        room.apply(entries, self._render)
        self.names.note(room)
        if room.withdrawn:
            self._repair.withdraw(room)
        room.writer.applied()
        if waited:
            self._pump.wake(room.writer)
        if room.lines or not room.seats:
            self._deliveries.add(room)

    # -- what the store tells ----------------------------------------------------------------------------------------

    def announced(self, log: LogKey, prev: Position, entries: list[Entry]) -> None:
        """Events were announced; `read_ended` follows after the last announcement of this read."""
        follower = self._followers.get(log)
        if follower is not None and not follower.announced(prev, entries):
            self._catch_up(follower)

    def read_ended(self) -> None:
        """Deliver all that one read from Redis brought."""
        self._deliveries.flush()

    def subscribed(self, log: LogKey) -> None:
        """Redis has confirmed: from now on nothing appended goes unannounced."""
        if (follower := self._followers.get(log)) is not None:
            follower.subscribed = True
            if follower.begins and follower.settle():
                self._live(follower)
            else:
                self._catch_up(follower)

    def unsubscribed(self, log: LogKey) -> None:
        """Nothing of it is heard until Redis has confirmed again."""
        if (follower := self._followers.get(log)) is not None:
            follower.lost()

    def subscriptions_lost(self) -> None:
        """No announcement can be trusted until each log was subscribed again and caught up."""
        for follower in self._followers.values():
            follower.lost()

    def subscriptions_up(self) -> None:
        """A new subscription lane, after one was lost: every log is asked for again; catching up follows each
        confirmation."""
        self._pump.connected()
        for log in self._followers:
            self._store.subscribe(log)
        # Nothing was sent while this lane was away; followers wake the writers of rooms, nobody those of inboxes.
        for writer in self._inbox_writers:
            self._pump.wake(writer)

    def commands_up(self) -> None:
        """A new command lane: whatever was in flight goes out again, and what Redis may have lost is looked for."""
        self._pump.connected()
        self._repair.ask_recent()
        for writer in self._all_writers():
            self._pump.wake(writer)

    def compare_all(self) -> None:
        """Redis may be another: look at every log now."""
        self._repair.look()

    def _catch_up(self, follower: Follower) -> None:
        self._catch_ups.begin(follower)

    def _writer_of(self, log: LogKey) -> Writer | None:
        room = self._room_of_log.get(log)
        return room.writer if room is not None else self._inbox_writers.find(log)

    def _all_writers(self) -> list[Writer]:
        return [*(room.writer for room in self.rooms.values()), *self._inbox_writers]

    def _forget(self) -> None:
        """Drop what is old enough; not while Redis is away, since what it has lost is asked for when it is back."""
        now_s = self._loop.time()
        if not self._store.up or now_s < self._pump.up_since_s + STEADY_S:
            return
        for log in self._outbox.prune():
            if (room := self._room_of_log.get(log)) is not None:
                self.close_if_empty(room)
        if now_s >= self._turned_at_s + TURN_S:
            self._turned_at_s = now_s
            for follower in self._followers.values():
                follower.seen.turn()
            for room in list(self.rooms.values()):
                room.left.turn()
                self.close_if_empty(room)
