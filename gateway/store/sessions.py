"""What Redis knows of sessions: their records, which whoever holds an attachment writes.

A record's epoch is the right to write it (`store.holding`); what somebody with an older one still tries is refused. All
of a session is one slot.
"""

import asyncio
from collections.abc import Iterable, Sequence

from gateway.errors import StoreError
from gateway.model import AttachmentId, FurtherId, GatewayId, Uid, session_of
from gateway.people import Attached, Shared, User
from gateway.store import codec, keys
from gateway.store.attached import refresh, rooms_of, tell_attachments
from gateway.store.directory import ENDED_KEPT_S
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes, must_hold_lease
from gateway.store.records import decode_user, encode_user
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, RoomKey, casefold

__all__ = ["Sessions"]

RENAMING_MS = 15_000  # a change of the nick of a shared session takes no longer, or another may begin


class Sessions:
    """Seen from one gateway. Every method raises `StoreError`."""

    def __init__(self, lanes: Lanes, gateway: GatewayId) -> None:
        self._lanes = lanes
        self._gateway = gateway

    async def assert_all(
        self,
        user: User,
        nick: NickKey,
        token: bytes,
        rooms: Iterable[RoomKey],
        watches: Iterable[str] = (),
        attachment: AttachmentId | None = None,
        *,
        shared: bool = False,
    ) -> bool:
        """Write everything Redis must know of a session here, as if it knew nothing; False: its nick is another's.
        Nothing is written of one that is not ours any more.

        Args:
            user: with the epoch of the attachment.
            token: the token's hash; empty for none.
            attachment: the one that is here; None: the first.
            shared: the session has others.
        """
        lane, uid = self._lanes.commands, user.uid
        attachment = attachment or uid
        lane.request(ignore, "SADD", keys.gateway_users(self._gateway), attachment)
        own: list[str | bytes] = ["gateway", self._gateway, *((b"token", token) if token else ())]
        records, listed = [keys.attachment_record(attachment), keys.user_record(uid)], list[str | bytes]()
        if shared or attachment != uid:
            records, listed = [*records, keys.attachments(uid)], [attachment, f"here 0 {user.away}"]
        else:
            own += ["away", user.away]
        written = await lane.call(
            "EVALSHA", sha("session_write"), len(records), *records,
            user.epoch, 1, len(own), *own, *encode_user(user), *listed,
        )  # fmt: skip
        if not written:
            return True  # it was taken over or has ended: whatever else was written would be left behind
        if watched := list(watches):
            lane.request(ignore, "SADD", keys.session_watches(attachment), *watched)
        if names := list(rooms):
            lane.request(ignore, "SADD", keys.session_rooms(uid), *names)
        refresh(self._lanes, uid)
        reply = await lane.call(
            "EVALSHA", sha("nick_claim"), 2, keys.nick_claim(nick), keys.nick_owner(nick),
            uid, b"", casefold(user.account),
        )  # fmt: skip
        return bool(reply[0] == 0)

    async def set_token(self, attachment: AttachmentId, epoch: int, token: bytes) -> bool:
        """Let the client of an attachment here prove itself by a token with that hash; False: it is not ours any
        more."""
        return await self._write(attachment, epoch, ("token", token, "resumes", "1"), ())

    async def _write(
        self, attachment: AttachmentId, epoch: int, own: Sequence[str | bytes], common: Sequence[str | bytes]
    ) -> bool:
        record, session = keys.attachment_record(attachment), keys.user_record(session_of(attachment))
        reply = await self._lanes.commands.call(
            "EVALSHA", sha("session_write"), 2, record, session, epoch, 0, len(own), *own, *common
        )
        return bool(reply)

    async def enter(self, uid: Uid, room: RoomKey) -> None:
        """Note that a session may be in a room, before it is."""
        must_hold_lease(self._lanes)
        await self._lanes.commands.call("SADD", keys.session_rooms(uid), room)

    async def left(self, uid: Uid, room: RoomKey) -> None:
        """It is in it no more."""
        await self._lanes.commands.call("SREM", keys.session_rooms(uid), room)

    async def set_active(self, attachment: AttachmentId, epoch: int, active_s: int) -> None:
        """Note when a session said something last, since 1970."""
        await self._write(attachment, epoch, (), ("active_s", str(active_s)))

    async def watch(self, attachment: AttachmentId, nicks: Iterable[str]) -> None:
        """Keep nicks on an attachment's MONITOR list."""
        await self._lanes.commands.call("SADD", keys.session_watches(attachment), *nicks)

    async def unwatch(self, attachment: AttachmentId, nicks: Iterable[str]) -> None:
        """Take them from it."""
        await self._lanes.commands.call("SREM", keys.session_watches(attachment), *nicks)

    async def set_away(self, attachment: AttachmentId, away: str) -> str:
        """Note that an attachment is away (empty: here); returns what the session's absence is called from now on."""
        uid = session_of(attachment)
        shown: bytes = await self._lanes.commands.call(
            "EVALSHA", sha("session_presence"), 2, keys.user_record(uid), keys.attachments(uid), attachment, 1, away
        )
        return shown.decode()

    async def change(self, attachment: AttachmentId, epoch: int, user: User, names: Sequence[str]) -> None:
        """Write some fields of what all attachments share; the attachment must be here."""
        fields = encode_user(user)
        chosen = [part for name, value in zip(fields[::2], fields[1::2], strict=True) if name in names
                  for part in (name, value)]  # fmt: skip
        await self._write(attachment, epoch, (), chosen)

    async def tell_others(self, uid: Uid) -> None:
        """Have all attachments of a session look at what they share."""
        await tell_attachments(self._lanes, uid)

    async def look(self, attachment: AttachmentId, epoch: int) -> Shared | None:
        """What an attachment here shares with others; None: it is one no more.

        Raises:
            StoreError: Redis has forgotten it, and it has to be written again first.
        """
        lane, uid = self._lanes.commands, session_of(attachment)
        own, record, rooms, attached, renaming = await asyncio.gather(
            lane.call("HMGET", keys.attachment_record(attachment), "epoch", "state"),
            lane.call("HGETALL", keys.user_record(uid)),
            rooms_of(self._lanes, uid),
            lane.call("HGETALL", keys.attachments(uid)),
            lane.call("EXISTS", keys.renaming(uid)),
        )
        user, states = decode_user(uid, record), codec.pairs(attached)
        if own == [None, None]:
            raise StoreError("Redis has forgotten the session")
        listed = attachment in states if states else attachment == uid
        ends = codec.pairs(record).get(b"state") == b"reaping"
        if user is None or ends or own[0] is None or int(own[0]) != epoch or not listed:
            return None
        leader = min((name for name, value in states.items() if value.startswith(b"here ")), default=attachment)
        return Shared(user, rooms, max(1, len(states)), leader == attachment, bool(renaming))

    async def part_others(self, attachment: AttachmentId) -> None:
        """A session is this attachment's alone from now on."""
        lane, uid = self._lanes.commands, session_of(attachment)
        for name in await lane.call("HKEYS", keys.attachments(uid)):
            if (other := FurtherId(name)) != attachment:
                await lane.call(
                    "EVALSHA", sha("session_part"), 5, keys.attachment_record(other), keys.user_record(uid),
                    keys.attachments(uid), keys.session_positions(other), keys.session_watches(other),
                    other, ENDED_KEPT_S,
                )  # fmt: skip
        refresh(self._lanes, uid)
        await self.tell_others(uid)

    async def attached(self, uid: Uid) -> list[Attached]:
        """The attachments of a session; none for one that was never shared."""
        reply = await self._lanes.commands.call("HGETALL", keys.attachments(uid))
        found = []
        for name, value in codec.pairs(reply).items():
            state, since_ms, away = value.decode().split(" ", 2)
            found.append(Attached(FurtherId(name), state == "here", int(since_ms), away))
        return sorted(found, key=lambda one: one.since_ms)

    async def begin_renaming(self, uid: Uid) -> bool:
        """Be the one attachment of a shared session that changes its nick; False: another is."""
        return bool(await self._lanes.commands.call("SET", keys.renaming(uid), 1, "NX", "PX", RENAMING_MS))

    async def end_renaming(self, uid: Uid) -> None:
        """The nick is changed, or is not."""
        await self._lanes.commands.call("DEL", keys.renaming(uid))
