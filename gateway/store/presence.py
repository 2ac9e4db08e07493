"""Who holds which nick, told to who watches it: one shard channel per nick, in the slot of its claim.

Implements `commands.ports.network.Presence`. The channel is the doorbell; after each subscription the claim and the
record of its holder are looked at, since what was published before is gone.
"""

import asyncio
from collections.abc import Callable, Sequence

from gateway.events import Entry, Event
from gateway.model import Member, Position, Uid
from gateway.store import codec, keys
from gateway.store.entries import decode_event, encode_event
from gateway.store.lanes import Lanes
from gateway.store.records import decode_user
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, nick_key

__all__ = ["Presence"]


class Presence:
    """Tells and hears, for one gateway."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self.on_watching: Callable[[NickKey], None] = lambda nick: None
        self.on_here: Callable[[NickKey, Member], None] = lambda nick, member: None
        self.on_gone: Callable[[NickKey, Uid], None] = lambda nick, uid: None
        self.on_changed: Callable[[NickKey, Member, Entry], None] = lambda nick, member, entry: None

    async def here(self, member: Member) -> None:
        """Its registered session holds its nick now. Raises `StoreError`."""
        await self._tell(member, b"+", b"")

    async def changed(self, member: Member, event: Event) -> None:
        """Something changed of a member, which is as before it. Raises `StoreError`."""
        await self._tell(member, b"=", encode_event(event))

    async def _tell(self, member: Member, kind: bytes, event: bytes) -> None:
        key = nick_key(member.nick)
        assert key is not None
        await self._lanes.commands.call(
            "EVALSHA", sha("nick_tell"), 1, keys.nick_claim(key), member.uid, kind, codec.encode_member(member), event
        )

    async def look(self, nicks: Sequence[NickKey]) -> dict[NickKey, Member]:
        """Those of the nicks that a registered session holds. Raises `StoreError`."""
        lane = self._lanes.commands
        holders = await asyncio.gather(*(lane.call("GET", keys.nick_claim(nick)) for nick in nicks))
        held = [(nick, Uid(uid)) for nick, uid in zip(nicks, holders, strict=True) if uid is not None]
        records = await asyncio.gather(*(lane.call("HGETALL", keys.user_record(uid)) for _, uid in held))
        found = {}
        for (nick, uid), record in zip(held, records, strict=True):
            user = decode_user(uid, record)
            # One that has only claimed the nick so far is told of when it is there.
            if user is not None and nick_key(user.nick) == nick:
                found[nick] = user.as_member()
        return found

    def watch(self, nick: NickKey) -> None:
        """Hear of a nick; `on_watching` follows."""
        self._lanes.subscribe(keys.nick_claim(nick))

    def unwatch(self, nick: NickKey) -> None:
        """Hear no more of it."""
        self._lanes.unsubscribe(keys.nick_claim(nick))

    def pushed(self, kind: bytes, nick: NickKey, payload: bytes) -> None:
        """A push on the channel of a nick (`store.logs`)."""
        if kind == b"ssubscribe":
            self.on_watching(nick)
        elif kind == b"smessage" and payload.startswith(b"- "):
            self.on_gone(nick, Uid(payload[2:]))
        elif kind == b"smessage":
            head, _, event = payload.partition(b"\n")
            sign, uid, ms, value = head.split(b" ", 3)
            member = codec.decode_member(Uid(uid), value)
            if sign == b"+":
                self.on_here(nick, member)
            else:
                self.on_changed(nick, member, Entry(Position(ms + b"-0"), decode_event(event)))
