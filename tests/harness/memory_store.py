"""A second implementation of `rooms.ports.LogStore`, in memory, by the rules of the Lua scripts.

A `MemoryRedis` is what all gateways share; each gateway sees it through its own `MemoryStore`, which can be away, lose
a command or its answer, and lose announcements, as a real connection does. `tests/store/test_log_contract.py` proves
it equal to Redis.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from gateway.errors import StoreError
from gateway.model import (
    ORIGIN,
    Answer,
    Entry,
    Event,
    GatewayId,
    Listed,
    LogKey,
    Member,
    Outcome,
    Position,
    Reaped,
    Snapshot,
    Topic,
    Uid,
    order,
    time_ms,
)
from gateway.rooms.ports import Change, OnAnswer

__all__ = ["Loss", "MemoryRedis", "MemoryStore"]

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


class MemoryRedis:
    """The logs, and whose connections hear of them. Its clock stands still unless a test moves `now_ms`."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000
        self._logs: dict[LogKey, _Log] = {}
        self._stores: list[MemoryStore] = []

    def store(self, gateway: GatewayId) -> "MemoryStore":
        """One gateway's connection."""
        self._stores.append(store := MemoryStore(self, gateway))
        return store

    def log(self, key: LogKey) -> _Log:
        """A log, which exists from its first use."""
        return self._logs.setdefault(key, _Log())

    def room_msg(
        self, key: LogKey, gateway: GatewayId, number: int, permissions: Position | None, events: Sequence[Event]
    ) -> Answer:
        """`room_msg.lua`."""
        log = self.log(key)
        if (refusal := log.refusal(gateway, number, permissions)) is not None:
            return refusal
        log.produced[gateway] = number
        return Answer(Outcome.DONE, self._append(key, events))

    def room_tx(self, key: LogKey, gateway: GatewayId, number: int, change: Change) -> Answer:
        """`room_tx.lua`."""
        log = self.log(key)
        if (refusal := log.refusal(gateway, number, change.permissions)) is not None:
            return refusal
        if change.need and (change.uid in log.members) != (change.need == "in"):
            log.produced[gateway] = number
            return Answer(Outcome.UNCHANGED, (log.last,))
        if change.capacity and len(log.members) >= change.capacity:
            return Answer(Outcome.STALE, (log.last,))
        log.produced[gateway] = number
        if change.anew:
            log.lists.clear()
        if change.blank:
            log.entries.clear()
        (position,) = self._append(key, [change.event])
        if change.changes_permissions:
            log.permissions = position
        if change.leaves:
            log.members.pop(change.uid, None)
            if not log.members:
                log.permissions = position
        elif change.member is not None:
            log.members[change.uid] = change.member
        log.fields |= dict(change.state) | dict.fromkeys(change.stamps, str(time_ms(position)))
        for uid, modes in change.modes:
            if uid in log.members:
                log.members[uid] = log.members[uid]._replace(modes=modes)
        log.lists |= {name: Listed(by, time_ms(position)) for name, by in change.listed}
        for name in change.unlisted:
            log.lists.pop(name, None)
        return Answer(Outcome.DONE, (position,))

    def room_reap(self, key: LogKey, gateway: GatewayId) -> int:
        """`room_reap.lua`; returns how many members went."""
        log = self.log(key)
        if not log.produced:  # nothing was ever written: there is no room
            return 0
        log.produced[gateway] = FENCED
        gone = tuple(uid for uid, member in log.members.items() if member.gateway == gateway)
        if gone:
            log.members = {uid: member for uid, member in log.members.items() if uid not in gone}
            (log.permissions,) = self._append(key, [Reaped(gateway, gone)])
        return len(gone)

    def _append(self, key: LogKey, events: Sequence[Event]) -> tuple[Position, ...]:
        log, added = self.log(key), []
        prev = log.last
        for event in events:
            ms, seq = order(log.last)
            log.last = Position(b"%d-0" % self.now_ms if self.now_ms > ms else b"%d-%d" % (ms, seq + 1))
            added.append(Entry(log.last, event))
        log.entries += added
        for store in self._stores:
            store.hear(key, prev, added)
        return tuple(entry.position for entry in added)


class MemoryStore:
    """One gateway's view. Answers and announcements come with the next turns of the loop, each kind in order."""

    def __init__(self, redis: MemoryRedis, gateway: GatewayId) -> None:
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

    def append_said(
        self, log: LogKey, number: int, permissions: Position | None, events: Sequence[Event], on_answer: OnAnswer
    ) -> None:
        """As in the port."""
        self.sent.append((number, permissions, tuple(events)))
        self._run(lambda: self._redis.room_msg(log, self._gateway, number, permissions, events), on_answer)

    def append_change(self, log: LogKey, number: int, change: Change, on_answer: OnAnswer) -> None:
        """As in the port."""
        self.sent.append((number, change.permissions, (change.event,)))
        self._run(lambda: self._redis.room_tx(log, self._gateway, number, change), on_answer)

    def _run(self, script: Callable[[], Answer], on_answer: OnAnswer) -> None:
        loss = self.losses.pop(0) if self.losses else None
        answer = StoreError("lost") if not self.up or loss is Loss.OF_THE_COMMAND else script()
        self._loop.call_later(self.answers_late_s, on_answer, StoreError("lost") if loss is not None else answer)

    async def produced(self, log: LogKey) -> int:
        """As in the port."""
        self._check()
        return max(0, self._redis.log(log).produced.get(self._gateway, 0))

    async def snapshot(self, log: LogKey, name: str) -> Snapshot:
        """As in the port."""
        self._check()
        room = self._redis.log(log)
        topic = room.fields.get("topic", "")
        return Snapshot(
            name=room.fields.get("name", name),
            last=room.last,
            permissions=room.permissions,
            produced=max(0, room.produced.get(self._gateway, 0)),
            created_ms=int(room.fields.get("created", "0")),
            founder=room.fields.get("founder", ""),
            topic=Topic(topic, room.fields["topic_by"], int(room.fields["topic_at"])) if topic else Topic(),
            modes=room.fields.get("modes", ""),
            key=room.fields.get("key", ""),
            limit=int(room.fields.get("limit", "") or 0),
            lists={
                letter: masks
                for letter in "beI"
                if (masks := {name[2:]: listed for name, listed in room.lists.items() if name[0] == letter})
            },
            invited={Uid(name[2:].encode()): listed for name, listed in room.lists.items() if name[0] == "i"},
            members=dict(room.members),
        )

    async def read_after(self, log: LogKey, position: Position, limit: int) -> list[Entry] | None:
        """As in the port."""
        self._check()
        entries = self._redis.log(log).entries
        if position == ORIGIN:
            return entries[:limit]
        for index, entry in enumerate(entries):
            if entry.position == position:
                return entries[index + 1 : index + 1 + limit]
        return None

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
