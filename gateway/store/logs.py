"""Logs in Redis: append with one script, read what was missed, hear announcements.

Implements `rooms.ports.LogStore`.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from gateway.errors import StoreError
from gateway.events import Entry, Restored
from gateway.model import ORIGIN, Answer, GatewayId, Head, LogKey, Member, Position, SendKey, Snapshot, Uid
from gateway.rooms.ports import Change, OnAnswer
from gateway.rooms.redaction import is_redacted
from gateway.rooms.retention import MAX_ENTRIES, MIN_AGE_S, Kept
from gateway.spoken import Utterance
from gateway.store import codec
from gateway.store.entries import decode_announcement, decode_entries, encode_event
from gateway.store.keys import LogKeys, gateway_logs, is_room, log_keys, log_of_channel, nick_of
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes, must_hold_lease
from gateway.store.scripts import sha
from gateway.wire.names import NickKey

__all__ = ["Logs"]

MEMBERS_AT_ONCE = 250  # decoded; some 2 ms
LOG_ENTRIES = MAX_ENTRIES  # kept per log, about; 1.7 MB of 150-byte messages
TRIMMED_AT_ONCE = 500  # entries: keeps Redis from being held for more than about half a ms


class Logs:
    """All logs, seen from one gateway."""

    def __init__(self, lanes: Lanes, gateway: GatewayId, *, max_entries: int = LOG_ENTRIES) -> None:
        """`max_entries` are kept per log, about."""
        self._lanes = lanes
        self._max_entries = max_entries
        self._gateway = gateway
        # For the open rooms, forgotten when they are closed; inboxes are many and rarely heard from.
        self._keys: dict[LogKey, LogKeys] = {}
        self._log_of_channel: dict[bytes, LogKey] = {}
        self.on_announcement: Callable[[LogKey, Position, list[Entry]], None] = lambda log, prev, entries: None
        self.on_subscribed: Callable[[LogKey], None] = lambda log: None
        self.on_unsubscribed: Callable[[LogKey], None] = lambda log: None
        self.on_nick: Callable[[bytes, NickKey, bytes], None] = lambda kind, nick, payload: None
        lanes.on_push = self._pushed

    @property
    def up(self) -> bool:
        """Whether Redis can be reached, as far as is known."""
        return self._lanes.up

    def moved_s(self, log: LogKey) -> float:
        """When commands came to another server for that log than before, by the loop's clock; -inf: never."""
        return self._lanes.moved_s(self._keys_of(log).log)

    def append_said(
        self,
        log: LogKey,
        number: int,
        permissions: Position | None,
        events: Sequence[Utterance],
        on_answer: OnAnswer,
        send_keys: Sequence[SendKey | None] = (),
    ) -> None:
        """Append a batch of what is said as this gateway's batch `number` in that log."""
        if not self._lanes.may_write():
            _refuse(on_answer)
            return
        keys = self._keys_of(log)
        if not send_keys:
            self._lanes.commands.request(
                _decoding(on_answer),
                "EVALSHA", sha("room_msg"), 2, keys.state, keys.log,
                keys.channel, self._max_entries, self._gateway, number, permissions or b"",
                *map(encode_event, events),
            )  # fmt: skip
            return
        parts: list[bytes] = []
        for event, key in zip(events, send_keys, strict=True):
            parts += (encode_event(event), *((key.key, key.owner, event.msgid) if key else (b"", b"", b"")))
        self._lanes.commands.request(
            _decoding(on_answer, codec.decode_keyed_answer),
            "EVALSHA", sha("room_msg"), 4, keys.state, keys.log, keys.sent, keys.sent_before,
            keys.channel, self._max_entries, self._gateway, number, permissions or b"", *parts,
        )  # fmt: skip

    def append_change(self, log: LogKey, number: int, change: Change, on_answer: OnAnswer) -> None:
        """Append one state change as this gateway's batch `number` in that log."""
        if not self._lanes.may_write():
            _refuse(on_answer)
            return
        keys = self._keys_of(log)
        member = b"-" if change.leaves else codec.encode_member(change.member) if change.member else b""
        if change.moves_to is not None:
            member = b">" + change.moves_to.encode()
        self._lanes.commands.request(
            _decoding(on_answer),
            "EVALSHA", sha("room_tx"), 5, keys.state, keys.log, keys.members, keys.lists, keys.alias,
            keys.channel, self._max_entries, self._gateway, number, change.permissions or b"",
            encode_event(change.event), int(change.changes_permissions),
            change.uid, change.need, member, change.capacity or b"", 2 if change.blank else 1 if change.anew else b"",
            *codec.encode_effects(change),
        )  # fmt: skip

    def ask_head(self, log: LogKey, on_head: Callable[[Head | StoreError], None]) -> None:
        """Ask where the log stands; answered in the order of everything else that is written and asked."""

        def answered(reply: Any) -> None:
            on_head(reply if isinstance(reply, StoreError) else codec.decode_head(reply))

        self._lanes.commands.request(answered, "HMGET", self._keys_of(log).state, "last", f"g:{self._gateway}")

    async def produced(self, log: LogKey) -> int:
        """How many batches of this gateway the log has accepted. Raises `StoreError`."""
        number = await self._lanes.commands.call("HGET", self._keys_of(log).state, f"g:{self._gateway}")
        return 0 if number in {None, b"X"} else int(number)

    async def born(self, log: LogKey) -> Position:
        """The place of the first entry that an inbox ever had: another one where it was lost and began again. ORIGIN:
        there was none yet. Raises `StoreError`."""
        return await self._lanes.commands.call("HGET", self._keys_of(log).state, "born") or ORIGIN

    async def restore(self, log: LogKey, event: Restored, last: Position) -> None:
        """Write a room's state back, if Redis has lost it and nobody who knew more was first. Raises `StoreError`."""
        keys = self._keys_of(log)
        await self._lanes.commands.call(
            "EVALSHA", sha("room_restore"), 5, keys.state, keys.log, keys.members, keys.lists, keys.alias,
            keys.channel, self._max_entries, encode_event(event), last, *codec.encode_restored(event),
        )  # fmt: skip

    async def snapshot(self, log: LogKey, name: str) -> Snapshot:
        """The room at one moment. Raises `StoreError`."""
        keys = self._keys_of(log)
        reply = await self._lanes.commands.call(
            "EVALSHA", sha("room_snapshot"), 4, keys.state, keys.members, keys.lists, keys.alias
        )
        members: dict[Uid, Member] = {}
        hashed = iter(codec.pairs(reply[1]).items())
        while part := list(islice(hashed, MEMBERS_AT_ONCE)):
            members |= codec.decode_members(part)
            if len(part) == MEMBERS_AT_ONCE:
                await asyncio.sleep(0)  # others are served between the parts of a large room
        return codec.decode_snapshot(reply[0], members, reply[2], self._gateway, name, aliased=bool(reply[3]))

    async def read_after(
        self, log: LogKey, position: Position, limit: int, is_other: Callable[[Entry], bool] = lambda entry: False
    ) -> list[Entry] | None:
        """Up to `limit` entries after `position`; None when the log does not have it any more, or another event there.
        Raises `StoreError`."""
        key = self._keys_of(log).log
        start = b"-" if position == b"0-0" else position
        reply = await self._lanes.commands.call("XRANGE", key, start, "+", "COUNT", limit + 1)
        if position == b"0-0":
            return decode_entries(reply[:limit])
        if reply and reply[0][0] == position:
            there, *entries = decode_entries(reply)
            return None if is_other(there) else entries
        entries = decode_entries(reply[:limit])
        if not is_redacted(position, entries):
            return None
        # Whoever took it back did so after it. That the log was not trimmed past it as well, what is older tells.
        older = await self._lanes.commands.call("XREVRANGE", key, b"(" + position, "-", "COUNT", 1)
        return entries if older else None

    def remove(self, log: LogKey, position: Position, send_key: SendKey | None = None) -> None:
        """Have what has this place in a log that is no room's be there no more, and its key, if one is given, not be
        used; lost with the connection."""
        keys, request = self._keys_of(log), self._lanes.commands.request
        request(ignore, "XDEL", keys.log, position)
        if send_key is not None:
            for generation in (keys.sent, keys.sent_before):
                request(ignore, "HDEL", generation, send_key.key)

    async def read_before(self, log: LogKey, position: Position | None, limit: int) -> list[Entry]:
        """Up to `limit` entries before `position` (None: the end), newest first. Raises `StoreError`."""
        end = b"(" + position if position is not None else b"+"
        return await self._range("XREVRANGE", log, end, b"-", limit)

    async def read_between(self, log: LogKey, after: bytes, before: bytes, limit: int) -> list[Entry]:
        """Up to `limit` entries between two ids, oldest first; `(` before an id leaves it out. Raises `StoreError`."""
        return await self._range("XRANGE", log, after, before, limit)

    async def read_back(self, log: LogKey, before: bytes, after: bytes, limit: int) -> list[Entry]:
        """The same, newest first. Raises `StoreError`."""
        return await self._range("XREVRANGE", log, before, after, limit)

    async def _range(self, command: str, log: LogKey, start: bytes, end: bytes, limit: int) -> list[Entry]:
        reply = await self._lanes.commands.call(command, self._keys_of(log).log, start, end, "COUNT", limit)
        return decode_entries(reply)

    async def forget(self, log: LogKey, after_s: int) -> None:
        """Let a log end by itself, `after_s` from now. Raises `StoreError`."""
        keys = self._keys_of(log)
        self._lanes.commands.request(ignore, "EXPIRE", keys.state, after_s)
        await self._lanes.commands.call("EXPIRE", keys.log, after_s)

    def keep_for(self, log: LogKey, kept_s: int, oldest_ms: int) -> None:
        """Let a conversation's log end by itself, `kept_s` from now, and what is older than `oldest_ms` about now."""
        keys, request = self._keys_of(log), self._lanes.commands.request
        request(ignore, "EXPIRE", keys.state, kept_s)
        request(ignore, "EXPIRE", keys.log, kept_s)
        request(ignore, "XTRIM", keys.log, "MINID", "~", oldest_ms)

    async def trim(self, log: LogKey, kept: Kept, now_ms: int) -> None:
        """Have what is over its limits go from a room's log, a little at a time. Raises `StoreError`."""
        key, young_ms = self._keys_of(log).log, now_ms - 1000 * MIN_AGE_S
        for _ in range(self._max_entries // TRIMMED_AT_ONCE + 1):
            gone = await self._lanes.commands.call(
                "EVALSHA", sha("log_trim"), 1, key, kept.entries, kept.oldest_ms(now_ms), young_ms, TRIMMED_AT_ONCE
            )
            if gone < TRIMMED_AT_ONCE:
                return

    async def remember_log(self, log: LogKey) -> None:
        """Note that this gateway may have members in the log, before it has any. Raises `StoreError`."""
        must_hold_lease(self._lanes)
        await self._lanes.commands.call("SADD", gateway_logs(self._gateway), log)

    def forget_log(self, log: LogKey) -> None:
        """It has none any more."""
        self._lanes.commands.request(ignore, "SREM", gateway_logs(self._gateway), log)

    def subscribe(self, log: LogKey) -> None:
        """Ask for the log's announcements; `on_subscribed` follows."""
        self._lanes.subscribe(self._keys_of(log).channel)

    def unsubscribe(self, log: LogKey) -> None:
        """End them."""
        self._lanes.unsubscribe(self._keys_of(log).channel)
        if (keys := self._keys.pop(log, None)) is not None:
            self._log_of_channel.pop(keys.channel.encode(), None)

    async def barrier(self) -> None:
        """Return when everything announced before this call has been delivered here. Raises `StoreError`."""
        await self._lanes.barrier()

    def _keys_of(self, log: LogKey) -> LogKeys:
        keys = self._keys.get(log)
        if keys is None:
            keys = log_keys(log)
            if is_room(log):
                self._keys[log] = keys
        return keys

    def _pushed(self, push: list[Any]) -> None:
        kind, channel = push[0], push[1]
        log = self._log_of_channel.get(channel)
        if log is None:
            log = log_of_channel(channel.decode())
            if (nick := nick_of(log)) is not None:
                self.on_nick(kind, nick, push[2] if kind == b"smessage" else b"")
                return
            if is_room(log):
                self._log_of_channel[channel] = log
        if kind == b"smessage":
            self.on_announcement(log, *decode_announcement(push[2]))
        elif kind == b"ssubscribe":
            self.on_subscribed(log)
        elif kind == b"sunsubscribe":
            self.on_unsubscribed(log)


def _refuse(on_answer: OnAnswer) -> None:
    asyncio.get_running_loop().call_soon(on_answer, StoreError("the lease has to be renewed first"))


def _decoding(on_answer: OnAnswer, decode: Callable[[Any], Answer] = codec.decode_answer) -> Callable[[Any], None]:
    def answered(reply: Any) -> None:
        on_answer(reply if isinstance(reply, StoreError) else decode(reply))

    return answered
