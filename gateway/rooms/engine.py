"""The room engine: opens and closes rooms, lets them follow their logs, and delivers what they apply.

A gateway is a projection of the logs. The engine is told by the store when an announcement came, when a subscription
was confirmed and when a connection to Redis is back; everything else follows from that.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from gateway.errors import StoreError
from gateway.events import Entry
from gateway.model import (
    ORIGIN,
    Answer,
    AttachmentId,
    GatewayId,
    Known,
    LogKey,
    MsgId,
    Outcome,
    Position,
    Uid,
    order,
    session_of,
)
from gateway.rooms.expected import Expected
from gateway.rooms.follower import Follower
from gateway.rooms.inboxes import Deliver, Inbox, InboxWriters
from gateway.rooms.loading import load
from gateway.rooms.outbox import KEPT_S, Outbox
from gateway.rooms.ports import LogStore, Proposal, Render, Saying
from gateway.rooms.pump import RETRY_S, Pump
from gateway.rooms.redaction import is_redacted
from gateway.rooms.repair import SETTLE_S, Repair
from gateway.rooms.room import Room
from gateway.rooms.seen import TURN_S, Seen
from gateway.rooms.turns import TURN_WAIT_S
from gateway.rooms.writer import Writer
from gateway.wire.names import RoomKey

__all__ = ["Engine"]

CATCH_UP_ENTRIES = 1000  # per read
CONFIRM_EVERY_S = 0.2  # what Redis acknowledged and did not announce by the next look is fetched
OPEN_TIMEOUT_S = 5.0
STEADY_S = 5.0  # after a connection came back: until then nothing is forgotten that it may need


class Counts:
    """What the engine has done, for the metrics."""

    __slots__ = ("applied", "catch_ups", "deliveries", "snapshots", "stale", "written")

    def __init__(self) -> None:
        self.applied = self.catch_ups = self.deliveries = self.snapshots = self.stale = self.written = 0


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
    ) -> None:
        self.rooms: dict[RoomKey, Room] = {}
        self.rooms_by_name: dict[bytes, Room] = {}  # the open ones, by their names as displayed
        self.counts = Counts()
        self._store = store
        self._render = render
        self._log_of_room = log_of_room
        self._log_of_inbox = log_of_inbox
        self._recent_lines = recent_lines
        self._on_fenced = on_fenced
        self._followers: dict[LogKey, Follower] = {}
        self._room_of_log: dict[LogKey, Room] = {}
        self._new_inboxes: set[LogKey] = set()
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._loop.time, kept_s)
        self._pump = Pump()
        self._inboxes = InboxWriters(store, lambda log: self._make_writer(log, None), self._pump.wake, self._outbox)
        self._changed: dict[Room, None] = {}  # rooms with lines to deliver at the end of this read from Redis
        self._expected = Expected()
        self._up_since_s, self._turned_at_s = 0.0, self._loop.time()
        self._repair = Repair(
            store,
            render,
            self._outbox,
            gateway=gateway,
            server_name=server_name,
            followers=self._followers,
            writer_of=self._writer_of,
            catch_up=self._catch_up,
            expect=self._expected.note,
            settle_s=settle_s,
        )
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
                    self._changed[room] = None
                self.read_ended()

    @property
    def settled(self) -> bool:
        """Nobody sits in a room here, and nothing of ours is still to be written."""
        return not any(room.seats or room.users or not room.writer.idle for room in self.rooms.values())

    @property
    def wrote_lately(self) -> bool:
        """Whether a Redis that lost its last seconds would have lost something of ours."""
        return bool(self._outbox.logs)

    @property
    def written(self) -> bool:
        """Nothing waits to be written, and nothing written has no answer yet."""
        return all(writer.idle for writer in self._writers())

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
        if room.users or room.seats or room.origins or not room.writer.idle or self._outbox.holds(log):
            return
        if self.rooms.get(room.key) is not room:
            return
        del self.rooms[room.key], self._followers[log], self._room_of_log[log]
        self.rooms_by_name.pop(room.listed_as, None)
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
        room = Room(key, name, self._recent_lines)
        room.follower = Follower(
            log, lambda entries: self._apply(room, entries), self._loop.create_future(), None, room.seen
        )
        room.writer = self._make_writer(log, room)
        self.rooms[key] = self._room_of_log[log] = room
        self._followers[log] = room.follower
        self._store.subscribe(log)
        return room

    def _apply(self, room: Room, entries: list[Entry]) -> None:
        self.counts.applied += len(entries)
        waited = room.turns.pending
        room.apply(entries, self._render)
        if room.withdrawn:
            self._withdraw(room)
        room.writer.applied()
        if waited:
            self._pump.wake(room.writer)
        if room.lines or not room.seats:
            self._changed[room] = None

    def _withdraw(self, room: Room) -> None:
        """What was taken back is not written again, and taken back again where this gateway already has."""
        withdrawn, room.withdrawn = room.withdrawn, []
        for msgid, position in withdrawn:
            ours = self._outbox.withdraw(room.follower.log, msgid) or room.writer.carries(msgid)
            if ours and position is not None:
                self._repair.take_back(room, msgid, position)

    # -- direct messages ---------------------------------------------------------------------------------------------

    def open_inbox(
        self, reader: AttachmentId, deliver: Deliver, after: Position | None = None, had: Iterable[MsgId] = ()
    ) -> asyncio.Future[None]:
        """Follow an inbox for an attachment of its session; the future is done when nothing can be missed any more.

        Args:
            after: the entry before the first to be delivered, not before `read_up_to`; None for a session that is new,
                and its inbox with it.
            had: what its client was given lately, up to there.
        """
        log = self._log_of_inbox(session_of(reader))
        opened: asyncio.Future[None] = self._loop.create_future()
        if isinstance(inbox := self._followers.get(log), Inbox):
            inbox.add(reader, deliver, after or ORIGIN)
            opened.set_result(None)
            return opened
        self._followers[log] = Inbox(log, reader, deliver, opened, after or ORIGIN, had)
        if after is None:
            self._new_inboxes.add(log)
        self._store.subscribe(log)
        return opened

    def close_inbox(self, reader: AttachmentId) -> None:
        """The attachment is gone."""
        log = self._log_of_inbox(session_of(reader))
        if isinstance(inbox := self._followers.get(log), Inbox) and inbox.remove(reader):
            self._new_inboxes.discard(log)
            del self._followers[log]
            self._store.unsubscribe(log)

    def read_up_to(self, uid: Uid) -> Position:
        """Up to where a session's inbox was delivered here; the beginning where it is not followed."""
        follower = self._followers.get(self._log_of_inbox(uid))
        return (follower.last if follower is not None else None) or ORIGIN

    def followers(self) -> Iterable[Follower]:
        """Of all logs that are followed here."""
        return self._followers.values()

    def send(self, to: Uid, saying: Saying) -> None:
        """Append a direct message to a user's inbox; its origin hears when Redis has it. Raises `FullError`."""
        self.keep(self._log_of_inbox(to), saying)

    def keep(self, log: LogKey, saying: Saying) -> None:
        """Append to a log that nobody follows; its origin hears when Redis has it. Raises `FullError`."""
        writer = self._inboxes.writer(log, self._tasks)
        writer.put(saying)
        self._pump.wake(writer)

    def withdraw(self, log: LogKey, msgid: MsgId) -> None:
        """Something was taken back in a log that is no room's: it is not written again."""
        self._outbox.withdraw(log, msgid)

    # -- what the store tells ----------------------------------------------------------------------------------------

    def announced(self, log: LogKey, prev: Position, entries: list[Entry]) -> None:
        """Events were announced; `read_ended` follows after the last announcement of this read."""
        follower = self._followers.get(log)
        if follower is not None and not follower.announced(prev, entries):
            self._catch_up(follower)

    def read_ended(self) -> None:
        """Deliver all that one read from Redis brought."""
        changed, self._changed = self._changed, {}
        for room in changed:
            self.counts.deliveries += room.flush(self._render)
            if not room.seats:
                self.close_if_empty(room)  # the last one here was thrown out

    def subscribed(self, log: LogKey) -> None:
        """Redis has confirmed: from now on nothing appended goes unannounced."""
        if (follower := self._followers.get(log)) is not None:
            follower.subscribed = True
            if log in self._new_inboxes and follower.settle():
                # There is nothing to read in it.
                self._opened(follower)
            else:
                self._catch_up(follower)

    def subscriptions_lost(self) -> None:
        """No announcement can be trusted until each log was subscribed again and caught up."""
        for follower in self._followers.values():
            follower.subscribed = follower.live = False

    def subscriptions_up(self) -> None:
        """A new subscription lane: every log is asked for again; catching up follows each confirmation."""
        self._up_since_s = self._loop.time()
        self.subscriptions_lost()
        for log in self._followers:
            self._store.subscribe(log)
        # Nothing was sent while this lane was away; followers wake the writers of rooms, nobody those of inboxes.
        for writer in self._inboxes:
            self._pump.wake(writer)

    def commands_up(self) -> None:
        """A new command lane: whatever was in flight goes out again, and what Redis may have lost is looked for."""
        self._up_since_s = self._loop.time()
        self._repair.ask_recent()
        for writer in self._writers():
            self._pump.wake(writer)
            self._loop.call_later(TURN_WAIT_S, self._pump.wake, writer)

    def compare_all(self) -> None:
        """Redis may be another: look at every log now."""
        self._repair.look()

    def room_logs(self) -> list[LogKey]:
        """The logs of the open rooms."""
        return list(self._room_of_log)

    def _writer_of(self, log: LogKey) -> Writer | None:
        room = self._room_of_log.get(log)
        return room.writer if room is not None else self._inboxes.find(log)

    def _forget(self) -> None:
        """Drop what is old enough; not while Redis is away, since what it has lost is asked for when it is back."""
        now_s = self._loop.time()
        if not self._store.up or now_s < self._up_since_s + STEADY_S:
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

    def _writers(self) -> list[Writer]:
        return [*(room.writer for room in self.rooms.values()), *self._inboxes]

    # -- catching up -------------------------------------------------------------------------------------------------

    def _catch_up(self, follower: Follower) -> None:
        follower.live = False
        if not follower.catching_up and follower.subscribed:
            follower.catching_up = True
            self._tasks.create_task(self._bring_up(follower), name=f"catch-up {follower.log}")

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
                self.read_ended()
                if not at_head:
                    continue
                if follower.settle():
                    self.read_ended()
                    self._opened(follower)
                    return
                # What was announced is in the log by then: read to its head once more, it would be there.
                if unsettled_at == follower.last:
                    follower.drop_held()
                unsettled_at = follower.last
        finally:
            follower.catching_up = False

    async def _read_on(self, follower: Follower) -> bool:
        """One step of a catch-up; True when the head was reached."""
        self.counts.catch_ups += 1
        room = self._room_of_log.get(follower.log)
        if follower.last is None:
            assert room is not None
            self.counts.snapshots += 1
            await load(self._store, room)
            room.listed_as = room.replica.name.encode()
            self.rooms_by_name[room.listed_as] = room
            return False  # what came meanwhile is in the log
        entries = await self._store.read_after(follower.log, follower.last, CATCH_UP_ENTRIES)
        if entries is None or _is_forked(follower.last, entries, follower.seen):
            self.counts.snapshots += 1
            await self._repair.reload(follower, room)
            # What was expected of a log that is gone may lie beyond the new one's end for long.
            self._expected.drop(follower.log)
            if room is not None:
                self._withdraw(room)
                self._changed[room] = None
            return False
        follower.advance(entries)
        return len(entries) < CATCH_UP_ENTRIES

    def _opened(self, follower: Follower) -> None:
        follower.has_opened()
        self._new_inboxes.discard(follower.log)
        if (room := self._room_of_log.get(follower.log)) is not None:
            room.writer.applied()
            self._pump.wake(room.writer)

    def _is_to_come(self, room: Room, saying: Saying, first: Known) -> bool:
        """Whether what the key was used for first may be `saying` itself, and answer it when it is applied."""
        if not first.own or first.msgid != saying.event.msgid:
            return False
        if room.origins.get(first.msgid) is not saying:
            return True  # it has been applied
        last = room.follower.last
        return last is None or order(first.position) > order(last)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _make_writer(self, log: LogKey, room: Room | None) -> Writer:
        def written(batch: Sequence[Saying], answer: Answer) -> None:
            self._written(log, room, batch, answer)

        writer = Writer(
            self._store,
            log,
            replica=room.replica if room is not None else None,
            on_written=written,
            on_fenced=self._on_fenced,
            on_unanswered=lambda: self._pump.wake_later(writer),
            may_start=(lambda: self._pump.may_start(room)) if room is not None else (lambda: True),
            may_send=(lambda: self._may_send(room)) if room is not None else (lambda: True),
            turns=room.turns if room is not None else None,
            outbox=self._outbox,
        )
        return writer

    def _may_send(self, room: Room) -> bool:
        """After a reconnection what Redis has comes first: some of ours may have a place between others'."""
        return room.follower.live or self._loop.time() >= self._up_since_s + TURN_WAIT_S

    def _written(self, log: LogKey, room: Room | None, batch: Sequence[Saying], answer: Answer) -> None:
        self.counts.written += len(batch) or answer.outcome is not Outcome.STALE
        self.counts.stale += answer.outcome is Outcome.STALE
        repeated = dict(answer.known) if answer.known and batch else {}
        if room is None:
            _delivered(batch, answer, repeated)
        else:
            follower = room.follower
            for index, first in repeated.items():
                saying = batch[index]
                if answer.outcome is Outcome.DUPLICATE and self._is_to_come(room, saying, first):
                    continue
                room.origins.pop(saying.event.msgid, None)
                saying.repeated(first)
            if not repeated and answer.positions:
                position = answer.positions[-1]
            else:  # a batch of which all was taken back meanwhile has no place
                position = max(answer.positions, key=order, default=ORIGIN)
            if follower.last is not None and order(follower.last) < order(position):
                self._expected.note(log, position)
            elif answer.outcome is Outcome.STALE and room.replica.permissions != position:
                self._catch_up(follower)  # ours are of a log that a failover has replaced
            if answer.outcome is Outcome.STALE:
                # Most often the permissions that Redis has come before that, and wake it.
                self._loop.call_later(RETRY_S, room.writer.decide_again)
            # The announcement may have overtaken this answer, and everybody may have gone since.
            self.close_if_empty(room)


def _delivered(batch: Sequence[Saying], answer: Answer, repeated: Mapping[int, Known]) -> None:
    """Tell what became of a batch in a log that nobody follows here for its authors."""
    # A duplicate names the log's last position, which is of the same moment; where there is a key, its own.
    for index, saying in enumerate(batch):
        first = repeated.get(index)
        if first is None:
            saying.arrived(b"", answer.positions[min(index, len(answer.positions) - 1)])
        elif answer.outcome is Outcome.DUPLICATE and first.own and first.msgid == saying.event.msgid:
            saying.arrived(b"", first.position)
        else:
            saying.repeated(first)


def _is_forked(last: Position, entries: list[Entry], seen: Seen) -> bool:
    """Whether entries that follow one that was redacted are of another line of history: it has again what was seen at
    another place. An entry that is there says so by itself."""
    return is_redacted(last, entries) and any(
        (place := seen.get(entry.event.msgid)) is not None and place != entry.position
        for entry in entries
        if entry.event.msgid
    )
