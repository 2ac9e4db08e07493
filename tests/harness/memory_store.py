"""A second implementation of `rooms.ports.LogStore`, in memory, by the rules of the Lua scripts.

A `MemoryRedis` is what all gateways share; each gateway sees it through its own `MemoryStore`, which can be away, lose
a command or its answer, and lose announcements, as a real connection does. `tests/store/test_log_contract.py` proves
it equal to Redis.
"""

import asyncio
import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from gateway.errors import StoreError
from gateway.events import Entry, Event, Left, LinkChanged, Reaped, Restored
from gateway.model import (
    ORIGIN,
    Answer,
    GatewayId,
    Head,
    Known,
    Listed,
    LogKey,
    Member,
    MsgId,
    Outcome,
    Position,
    SendKey,
    Snapshot,
    Topic,
    Uid,
    order,
    time_ms,
)
from gateway.rooms.ports import Change, OnAnswer
from gateway.rooms.redaction import is_redacted
from gateway.rooms.replica import changes_permissions
from gateway.spoken import Utterance
from gateway.wire.names import RoomKey

__all__ = ["Loss", "MemoryRedis", "MemoryStore"]

DAY_MS = 86_400_000
MAX_KEYS = 10_000  # in a generation
FENCED = -1  # in place of a batch number: the gateway was reaped in this log


class Loss(Enum):
    """Where a connection breaks; the gateway cannot tell the two apart."""

    OF_THE_COMMAND = "before Redis ran it"
    OF_THE_ANSWER = "after Redis ran it"


@dataclass(slots=True)
class _Log:
    entries: list[Entry] = field(default_factory=list)
    last: Position = ORIGIN
    permissions: Position = ORIGIN
    produced: dict[GatewayId, int] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    members: dict[Uid, Member] = field(default_factory=dict)
    lists: dict[str, Listed] = field(default_factory=dict)
    keys: dict[bytes, tuple[bytes, Position, MsgId]] = field(default_factory=dict)
    keys_before: dict[bytes, tuple[bytes, Position, MsgId]] = field(default_factory=dict)
    keys_since_ms: int = 0
    restored: tuple[Position, Position] | None = None
    ended: Position = ORIGIN
    born: Position = ORIGIN

    def known(self, key: SendKey | None) -> Known | None:
        """What a key was used for before."""
        first = (self.keys.get(key.key) or self.keys_before.get(key.key)) if key is not None else None
        return Known(first[1], first[2], first[0] == key.owner) if first and key else None

    def remember(self, key: SendKey, entry: Entry, now_ms: int) -> None:
        """Note what a key was used for."""
        if self.keys and (now_ms - self.keys_since_ms >= DAY_MS or len(self.keys) >= MAX_KEYS):
            self.keys, self.keys_before = {}, self.keys
        if not self.keys:
            self.keys_since_ms = now_ms
        self.keys[key.key] = key.owner, entry.position, entry.event.msgid

    def refusal(self, gateway: GatewayId, number: int, permissions: Position | None) -> Answer | None:
        """What both scripts check first, in their order."""
        seen = self.produced.get(gateway, 0)
        if seen == FENCED:
            return Answer(Outcome.FENCED)
        if number <= seen:
            return Answer(Outcome.DUPLICATE, (self.last,))
        if number > seen + 1:
            return Answer(Outcome.HOLE, seen=seen)
        if permissions is not None and permissions != self.permissions:
            return Answer(Outcome.STALE, (self.permissions,))
        return None

    def rewrite(self, change: Change) -> None:
        """The member as the change leaves it."""
        if change.leaves:
            self.members.pop(change.uid, None)
        elif change.member is not None:
            self.members[change.uid] = change.member
        elif change.moves_to is not None:
            self.members[change.uid] = self.members[change.uid]._replace(gateway=change.moves_to)


class MemoryRedis:
    """The logs, and whose connections hear of them. Its clock stands still unless a test moves `now_ms`."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000
        self._logs: dict[LogKey, _Log] = {}
        self._replicated: dict[LogKey, _Log] = {}
        self._stores: list[MemoryStore] = []
        self.aliases: dict[LogKey, str] = {}  # the rooms that answer to the first names of those logs

    def store(self, gateway: GatewayId) -> "MemoryStore":
        """One gateway's connection."""
        self._stores.append(store := MemoryStore(self, gateway))
        return store

    def log(self, key: LogKey) -> _Log:
        """A log, which exists from its first use."""
        return self._logs.setdefault(key, _Log())

    def room_msg(
        self,
        key: LogKey,
        gateway: GatewayId,
        number: int,
        permissions: Position | None,
        events: Sequence[Event],
        send_keys: Sequence[SendKey | None] = (),
    ) -> Answer:
        """`room_msg.lua`."""
        log = self.log(key)
        refusal = log.refusal(gateway, number, permissions)
        if refusal is not None and refusal.outcome is Outcome.DUPLICATE and send_keys:
            known = [(index, known) for index, one in enumerate(send_keys) if (known := log.known(one))]
            return refusal._replace(known=tuple(known))
        if refusal is not None:
            return refusal
        log.produced[gateway] = number
        return self._append_new(key, events, send_keys or [None] * len(events))

    def _append_new(self, key: LogKey, events: Sequence[Event], send_keys: Sequence[SendKey | None]) -> Answer:
        log, prev, added = self.log(key), self.log(key).last, []
        positions: list[Position] = []
        known: list[tuple[int, Known]] = []
        for index, (event, one) in enumerate(zip(events, send_keys, strict=True)):
            if (first := log.known(one)) is not None:
                known.append((index, first))
                positions.append(first.position)
                continue
            added.append(entry := self._add(log, event))
            positions.append(entry.position)
            if one is not None:
                log.remember(one, entry, self.now_ms)
        if added:
            log.born = added[0].position if prev == ORIGIN else log.born
            self._publish(key, prev, added)
        return Answer(Outcome.DONE, tuple(positions), known=tuple(known))

    def room_restore(self, key: LogKey, event: Restored, last: Position) -> bool:
        """`room_restore.lua`; False: nothing was done."""
        log = self.log(key)
        if order(log.ended) > order(last):
            return False
        created = log.fields.get("created")
        if created is not None and (log.restored is not None or int(created) <= time_ms(last)):
            if log.restored is None:
                return False
            source, at = log.restored
            if not order(source) < order(last) < order(at):
                return False
        (position,) = self._append(key, [event])
        log.permissions, log.restored = position, (last, position)
        for name in ("topic", "topic_by", "topic_at", "founder", "key", "limit", "history"):
            log.fields.pop(name, None)
        log.fields |= {"name": event.name, "created": str(event.created_ms), "modes": event.modes}
        optional = {
            "founder": event.founder,
            "key": event.key,
            "limit": str(event.limit or ""),
            "history": event.history,
        }
        log.fields |= {name: value for name, value in optional.items() if value}
        log.lists = {name: Listed(by, at_ms) for name, by, at_ms in event.listed}
        self.aliases.pop(key, None)
        if event.topic.text:
            text, by, at_ms = event.topic
            log.fields |= {"topic": text, "topic_by": by, "topic_at": str(at_ms)}
        return True

    def flush_all(self) -> None:
        """FLUSHALL."""
        self._logs.clear()
        self.aliases.clear()

    def replicate(self) -> None:
        """A replica has all of this now."""
        self._replicated = copy.deepcopy(self._logs)

    def fail_over(self) -> None:
        """The replica is the master now; what it had not got is gone."""
        self._logs = copy.deepcopy(self._replicated)

    def room_tx(self, key: LogKey, gateway: GatewayId, number: int, change: Change) -> Answer:
        """`room_tx.lua`."""
        log = self.log(key)
        if (refusal := log.refusal(gateway, number, change.permissions)) is not None:
            return refusal
        if change.need and (change.uid in log.members) != (change.need == "in"):
            log.produced[gateway] = number
            return Answer(Outcome.UNCHANGED, (log.last,))
        if change.capacity and len(log.members) >= change.capacity:
            return Answer(Outcome.FULL, (log.last,))
        if change.need == "out" and key in self.aliases and not log.members:
            return Answer(Outcome.ALIASED)
        log.produced[gateway] = number
        if change.anew:
            log.lists.clear()
        if change.blank:
            kept = log.ended if log.ended != ORIGIN or log.members else log.last
            log.entries = [entry for entry in log.entries if order(entry.position) >= order(kept)]
        event = change.event
        if isinstance(event, Left) and change.leaves and log.members.keys() == {change.uid}:
            event = event._replace(last=True)
        (position,) = self._append(key, [event])
        if changes_permissions(event):
            log.permissions = position
        log.rewrite(change)
        if change.leaves and not log.members:
            log.ended = position
        log.fields |= dict(change.state) | dict.fromkeys(change.stamps, str(time_ms(position)))
        for uid, modes in change.modes:
            if uid in log.members:
                log.members[uid] = log.members[uid]._replace(modes=modes)
        log.lists |= {name: Listed(by, time_ms(position)) for name, by in change.listed}
        for name in change.unlisted:
            log.lists.pop(name, None)
        log.entries = [entry for entry in log.entries if entry.position not in change.removed]
        return Answer(Outcome.DONE, (position,))

    def room_reap(self, key: LogKey, gateway: GatewayId, reason: str = "", *uids: Uid) -> int:
        """`room_reap.lua`; returns how many members went. No `gateway`: none is fenced."""
        log = self.log(key)
        if not log.produced:  # nothing was ever written: there is no room
            return 0
        if gateway:
            log.produced[gateway] = FENCED
        lost = [member for uid in uids if (member := log.members.pop(uid, None)) is not None]
        if gone := tuple(member.uid for member in lost):
            sources = tuple(member.source for member in lost)
            (log.permissions,) = self._append(key, [Reaped(gateway, gone, reason, sources=sources)])
            if not log.members:
                log.ended = log.permissions
        return len(gone)

    def room_link(self, key: LogKey, gateway: GatewayId, *uids: Uid) -> None:
        """`room_link.lua`. No `gateway`: they are lost."""
        members = self.log(key).members
        changed = tuple(uid for uid in uids if uid in members and bool(members[uid].gateway) != bool(gateway))
        for uid in changed:
            members[uid] = members[uid]._replace(gateway=gateway)
        if changed:
            self._append(key, [LinkChanged(changed, gateway)])

    def _append(self, key: LogKey, events: Sequence[Event]) -> tuple[Position, ...]:
        log = self.log(key)
        prev, added = log.last, [self._add(log, event) for event in events]
        self._publish(key, prev, added)
        return tuple(entry.position for entry in added)

    def _add(self, log: _Log, event: Event) -> Entry:
        ms, seq = order(log.last)
        log.last = Position(b"%d-0" % self.now_ms if self.now_ms > ms else b"%d-%d" % (ms, seq + 1))
        log.entries.append(entry := Entry(log.last, event))
        return entry

    def _publish(self, key: LogKey, prev: Position, added: list[Entry]) -> None:
        for store in self._stores:
            store.hear(key, prev, added)


class MemoryStore:
    """One gateway's view. Answers and announcements come with the next turns of the loop, each kind in order."""

    def __init__(self, redis: MemoryRedis, gateway: GatewayId) -> None:
        self.moved_at_s = -math.inf  # when it came to another server
        self.up = True  # False: nothing is taken, reads are refused
        self.losses: list[Loss] = []  # of the next commands, one each; the connection is `up` again at once
        self.deaf = False  # True: announcements are lost on the way
        self.answers_late_s = 0.0  # answers come so long after the announcements: they are two connections
        self.sent: list[tuple[int, Position | None, tuple[Event, ...]]] = []  # every batch, resent ones too
        self.on_announcement: Callable[[LogKey, Position, list[Entry]], None] = lambda log, prev, entries: None
        self.on_read_end: Callable[[], None] = lambda: None
        self.on_subscribed: Callable[[LogKey], None] = lambda log: None
        self._redis = redis
        self._gateway = gateway
        self._subscribed: set[LogKey] = set()
        self._loop = asyncio.get_running_loop()

    def hear(self, log: LogKey, prev: Position, entries: list[Entry]) -> None:
        """Redis published."""
        if log in self._subscribed and not self.deaf:
            self._loop.call_soon(self._announce, log, prev, entries)

    def _announce(self, log: LogKey, prev: Position, entries: list[Entry]) -> None:
        self.on_announcement(log, prev, entries)
        self.on_read_end()

    def moved_s(self, log: LogKey) -> float:
        """As in `LogStore`."""
        return self.moved_at_s

    def append_said(
        self,
        log: LogKey,
        number: int,
        permissions: Position | None,
        events: Sequence[Utterance],
        on_answer: OnAnswer,
        send_keys: Sequence[SendKey | None] = (),
    ) -> None:
        """As in the port."""
        self.sent.append((number, permissions, tuple(events)))
        self._run(lambda: self._redis.room_msg(log, self._gateway, number, permissions, events, send_keys), on_answer)

    def append_change(self, log: LogKey, number: int, change: Change, on_answer: OnAnswer) -> None:
        """As in the port."""
        self.sent.append((number, change.permissions, (change.event,)))
        self._run(lambda: self._redis.room_tx(log, self._gateway, number, change), on_answer)

    def _run(self, script: Callable[[], Answer], on_answer: OnAnswer) -> None:
        loss = self.losses.pop(0) if self.losses else None
        answer = StoreError("lost") if not self.up or loss is Loss.OF_THE_COMMAND else script()
        self._loop.call_later(self.answers_late_s, on_answer, StoreError("lost") if loss is not None else answer)

    def ask_head(self, log: LogKey, on_head: Callable[[Head | StoreError], None]) -> None:
        """As in the port."""
        if self.up:
            room = self._redis.log(log)
            head: Head | StoreError = Head(room.last, max(0, room.produced.get(self._gateway, 0)))
        else:
            head = StoreError("lost")
        self._loop.call_later(self.answers_late_s, on_head, head)

    async def restore(self, log: LogKey, event: Restored, last: Position) -> None:
        """As in the port."""
        self._check()
        self._redis.room_restore(log, event, last)

    async def produced(self, log: LogKey) -> int:
        """As in the port."""
        self._check()
        return max(0, self._redis.log(log).produced.get(self._gateway, 0))

    async def born(self, log: LogKey) -> Position:
        """As in the port."""
        self._check()
        return self._redis.log(log).born

    async def snapshot(self, log: LogKey, name: str) -> Snapshot:
        """As in the port."""
        self._check()
        room = self._redis.log(log)
        topic = room.fields.get("topic", "")
        return Snapshot(
            name=room.fields.get("name", name),
            last=room.last,
            permissions=room.permissions,
            restored=room.restored[1] if room.restored is not None else ORIGIN,
            produced=max(0, room.produced.get(self._gateway, 0)),
            created_ms=int(room.fields.get("created", "0")),
            founder=room.fields.get("founder", ""),
            topic=Topic(topic, room.fields["topic_by"], int(room.fields["topic_at"])) if topic else Topic(),
            modes=room.fields.get("modes", ""),
            key=room.fields.get("key", ""),
            limit=int(room.fields.get("limit", "") or 0),
            history=room.fields.get("history", ""),
            lists={
                letter: masks
                for letter in "beI"
                if (masks := {name[2:]: listed for name, listed in room.lists.items() if name[0] == letter})
            },
            invited={Uid(name[2:].encode()): listed for name, listed in room.lists.items() if name[0] == "i"},
            former={RoomKey(name[2:]): listed for name, listed in room.lists.items() if name[0] == "n"},
            members=dict(room.members),
            aliased=log in self._redis.aliases,
        )

    async def read_after(
        self, log: LogKey, position: Position, limit: int, is_other: Callable[[Entry], bool] = lambda entry: False
    ) -> list[Entry] | None:
        """As in the port."""
        self._check()
        entries = self._redis.log(log).entries
        if position == ORIGIN:
            return entries[:limit]
        for index, entry in enumerate(entries):
            if entry.position == position:
                return None if is_other(entry) else entries[index + 1 : index + 1 + limit]
        page = [entry for entry in entries if order(entry.position) > order(position)][:limit]
        older = any(order(entry.position) < order(position) for entry in entries)
        return page if older and is_redacted(position, page) else None

    async def read_before(self, log: LogKey, position: Position | None, limit: int) -> list[Entry]:
        """As in the port."""
        self._check()
        entries = self._redis.log(log).entries
        older = [entry for entry in entries if position is None or order(entry.position) < order(position)]
        return older[::-1][:limit]

    def subscribe(self, log: LogKey) -> None:
        """As in the port."""
        self._subscribed.add(log)
        self._loop.call_soon(self.on_subscribed, log)

    def unsubscribe(self, log: LogKey) -> None:
        """As in the port."""
        self._subscribed.discard(log)

    async def remember_log(self, log: LogKey) -> None:
        """As in the port."""
        self._check()

    def forget_log(self, log: LogKey) -> None:
        """As in the port."""

    def _check(self) -> None:
        if not self.up:
            raise StoreError("away")
