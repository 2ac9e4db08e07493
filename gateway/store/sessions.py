"""Sessions that outlive their connection: kept under their uid, taken over by whoever can prove to be their client.

A record's epoch is the right to write it: it goes up whenever a session is taken over or detached, to the ms since
1970 by the clock of Redis at least, and what somebody with an older one still tries is refused. All of a session is one
slot.
"""

from collections.abc import Iterable, Mapping
from hmac import compare_digest

from gateway.events import Rebound
from gateway.model import GatewayId, LogKey, MsgId, Position, Uid
from gateway.people import Refusal, Taken, User
from gateway.store import codec, keys
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes, must_hold_lease
from gateway.store.logs import LOG_ENTRIES
from gateway.store.records import decode_user, encode_user
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, RoomKey, casefold

__all__ = ["SHOWN_LOST_MS", "Sessions"]

SHOWN_LOST_MS = 2_000  # without a connection, before others are told: most are back by then
TAKING_MS = 5_000  # no other connection takes a session within that time of a taking that has not settled


class Sessions:
    """What Redis knows of sessions, seen from one gateway. Every method raises `StoreError`."""

    def __init__(self, lanes: Lanes, gateway: GatewayId) -> None:
        self._lanes = lanes
        self._gateway = gateway

    async def assert_all(
        self, user: User, nick: NickKey, token: bytes, rooms: Iterable[RoomKey], watches: Iterable[str] = ()
    ) -> bool:
        """Write everything Redis must know of a session here, as if it knew nothing; False: its nick is another's.

        `token` is the token's hash, empty for none.
        """
        lane, record = self._lanes.commands, keys.user_record(user.uid)
        if watched := list(watches):
            lane.request(ignore, "SADD", keys.session_watches(user.uid), *watched)
        lane.request(ignore, "SADD", keys.gateway_users(self._gateway), user.uid)
        fields: list[str | bytes] = [*encode_user(user), *((b"token", token) if token else ())]
        lane.request(ignore, "EVALSHA", sha("session_write"), 1, record, user.epoch, 1, *fields)
        if names := list(rooms):
            lane.request(ignore, "SADD", keys.session_rooms(user.uid), *names)
        reply = await lane.call(
            "EVALSHA", sha("nick_claim"), 2, keys.nick_claim(nick), keys.nick_owner(nick),
            user.uid, b"", casefold(user.account),
        )  # fmt: skip
        return bool(reply[0] == 0)

    async def set_token(self, uid: Uid, epoch: int, token: bytes) -> bool:
        """Let the client of a session here prove itself by a token with that hash; False: it is not ours any more."""
        return await self._write(uid, epoch, "token", token)

    async def _write(self, uid: Uid, epoch: int, *pairs: str | bytes) -> bool:
        reply = await self._lanes.commands.call(
            "EVALSHA", sha("session_write"), 1, keys.user_record(uid), epoch, 0, *pairs
        )
        return bool(reply)

    async def enter(self, uid: Uid, room: RoomKey) -> None:
        """Note that a session may be in a room, before it is."""
        must_hold_lease(self._lanes)
        await self._lanes.commands.call("SADD", keys.session_rooms(uid), room)

    async def left(self, uid: Uid, room: RoomKey) -> None:
        """It is in it no more."""
        await self._lanes.commands.call("SREM", keys.session_rooms(uid), room)

    async def set_active(self, uid: Uid, epoch: int, active_s: int) -> None:
        """Note when a session said something last, since 1970."""
        await self._write(uid, epoch, "active_s", str(active_s))

    async def watch(self, uid: Uid, nicks: Iterable[str]) -> None:
        """Keep nicks on a session's MONITOR list."""
        await self._lanes.commands.call("SADD", keys.session_watches(uid), *nicks)

    async def unwatch(self, uid: Uid, nicks: Iterable[str]) -> None:
        """Take them from it."""
        await self._lanes.commands.call("SREM", keys.session_watches(uid), *nicks)

    async def take(self, uid: Uid, shown: bytes, account: str, token: bytes) -> Taken | Refusal:
        """Take a session over for a connection here.

        Args:
            shown: hash of the token its client showed; empty: it is taken by its account.
            token: hash of the one that proves it from now on; the shown one stays good until `confirm`.
        Raises:
            StoreError: it may have been taken or not; `abandon` undoes it.
        """
        lane, record = self._lanes.commands, keys.user_record(uid)
        must_hold_lease(self._lanes)
        # Looked at first, so that guesses leave nothing behind.
        *tokens, owner = await lane.call("HMGET", record, "token", "former", "account")
        if shown:
            allowed = any(compare_digest(shown, known) for known in tokens if known)
        else:
            allowed = bool(account and owner == account.encode())
        if not allowed:
            return Refusal.NOT_ALLOWED
        # Written first: whenever this process ends, its reaper finds the session.
        await lane.call("SADD", keys.gateway_users(self._gateway), uid)
        reply = await lane.call(
            "EVALSHA", sha("session_take"), 1, record, self._gateway, shown, account, token, TAKING_MS
        )
        if reply[0]:
            return Refusal(reply[0])
        before = decode_user(uid, reply[1], as_shown=False)
        if before is None:
            return Refusal.ENDED
        user = before._replace(gateway=self._gateway, epoch=reply[2])
        was_lost = (decode_user(uid, reply[1]) or before).away != before.away
        return await self._as_left(user, before.gateway, was_lost=was_lost)

    async def _as_left(self, user: User, former: GatewayId, *, was_lost: bool) -> Taken:
        lane, uid = self._lanes.commands, user.uid
        inbox = keys.inbox_log(uid)
        names = keys.log_keys(inbox)
        event = codec.encode_event(Rebound(uid, MsgId(b""), self._gateway, user.epoch))
        lane.request(ignore, "EVALSHA", sha("inbox_move"), 2, names.state, names.log, names.channel, LOG_ENTRIES, event)
        lane.request(ignore, "ZREM", keys.GRACES, uid)
        lost = lane.call("ZREM", keys.LOST, uid)
        watches = lane.call("SMEMBERS", keys.session_watches(uid))
        rooms = frozenset(name.decode() for name in await lane.call("SMEMBERS", keys.session_rooms(uid)))
        logs = [inbox, *(keys.room_log(RoomKey(room)) for room in rooms)]
        # Its own where it was detached; else where its gateway was at its last beat.
        positions: dict[LogKey, Position] = {}
        for key in (keys.gateway_positions(former), keys.session_positions(uid)):
            found = await lane.call("HMGET", key, *logs)
            positions |= {log: Position(value) for log, value in zip(logs, found, strict=True) if value is not None}
        shown_lost = was_lost and not await lost
        return Taken(user, rooms, positions, tuple(sorted(nick.decode() for nick in await watches)), shown_lost)

    async def settle(self, uid: Uid, epoch: int) -> None:
        """Everything missed was delivered to who took the session."""
        await self._settle(uid, epoch, "settled")

    async def confirm(self, uid: Uid, epoch: int) -> None:
        """The client has its new token: the former one is good no more."""
        await self._settle(uid, epoch, "confirmed")

    async def _settle(self, uid: Uid, epoch: int, what: str) -> None:
        await self._lanes.commands.call(
            "EVALSHA", sha("session_settle"), 2, keys.user_record(uid), keys.session_positions(uid), epoch, what
        )

    async def detach(
        self, uid: Uid, epoch: int, grace_s: float, reason: str, positions: Mapping[LogKey, Position]
    ) -> None:
        """Keep a session without a connection for its grace; nothing happens to one that is not ours any more."""
        await self._detach(uid, "epoch", str(epoch).encode(), grace_s, reason, positions)

    async def abandon(self, uid: Uid, token: bytes, grace_s: float, reason: str) -> None:
        """Detach a session that was perhaps taken for the token with that hash, and has no connection."""
        await self._detach(uid, "token", token, grace_s, reason, {})

    async def _detach(
        self, uid: Uid, field: str, value: bytes, grace_s: float, reason: str, positions: Mapping[LogKey, Position]
    ) -> None:
        lane = self._lanes.commands
        reply = await lane.call(
            "EVALSHA", sha("session_detach"), 2, keys.user_record(uid), keys.session_positions(uid),
            field, value, int(grace_s * 1000), reason, *(part for pair in positions.items() for part in pair),
        )  # fmt: skip
        if reply[0] == 1:
            return
        # In the schedule first, from our list then: at any moment somebody has it on a list. 0: it is due at once.
        if reply[0] == 0:
            lane.request(ignore, "ZADD", keys.LOST, int(reply[1]) - int(grace_s * 1000) + SHOWN_LOST_MS, uid)
        await lane.call("ZADD", keys.GRACES, reply[1] if reply[0] == 0 else 0, uid)
        await lane.call("SREM", keys.gateway_users(self._gateway), uid)

    async def cut_grace(self, uid: Uid, reason: str) -> None:
        """End a session that has no connection now, as if its grace were over; does nothing to one that has."""
        lane = self._lanes.commands
        if await lane.call("EVALSHA", sha("session_cut"), 1, keys.user_record(uid), reason):
            await lane.call("ZADD", keys.GRACES, 0, uid)

    async def claim_end(self, uid: Uid, epoch: int) -> bool:
        """Make sure that nobody takes a session over any more, before it leaves its rooms; False: somebody has."""
        reply = await self._lanes.commands.call(
            "EVALSHA", sha("session_reap"), 1, keys.user_record(uid), self._gateway, epoch, 0
        )
        return bool(reply[0] == 0)
