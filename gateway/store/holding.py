"""Who holds an attachment of a session: it is taken over by whoever can prove to be its client, kept without a
connection for its grace, and ended.

A record's epoch is the right to write it: it goes up whenever an attachment is taken over or detached, to the ms since
1970 by the clock of Redis at least, and what somebody with an older one still tries is refused. All of a session is one
slot.
"""

from collections.abc import Iterable, Mapping
from hmac import compare_digest

from gateway.events import Rebound
from gateway.model import AttachmentId, FurtherId, GatewayId, LogKey, MsgId, Position, Uid, session_of
from gateway.people import LINK_LOST, Detached, End, Refusal, Taken
from gateway.store import keys
from gateway.store.attached import announce, refresh, rooms_of, tell_attachments
from gateway.store.directory import ENDED_KEPT_S
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes, must_hold_lease
from gateway.store.records import decode_user, encode_user
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, RoomKey, casefold

__all__ = ["SHOWN_LOST_MS", "Holding"]

TAKING_MS = 5_000  # no other connection takes a session within that time of a taking that has not settled
SHOWN_LOST_MS = 2_000  # without a connection, before others are told: most are back by then


class Holding:
    """Seen from one gateway. Every method raises `StoreError`."""

    def __init__(self, lanes: Lanes, gateway: GatewayId) -> None:
        self._lanes = lanes
        self._gateway = gateway

    async def take(
        self, attachment: AttachmentId, shown: bytes, account: str, token: bytes, *, told: bool = True
    ) -> Taken | Refusal:
        """Take an attachment over for a connection here.

        Args:
            shown: hash of the token its client showed; empty: it is taken by its account.
            token: hash of the one that proves it from now on; the shown one stays good until `confirm`.
            told: the client is told the new one.
        Raises:
            StoreError: it may have been taken or not; `abandon` undoes it.
        """
        lane, record = self._lanes.commands, keys.attachment_record(attachment)
        uid = session_of(attachment)
        must_hold_lease(self._lanes)
        # Looked at first, so that guesses leave nothing behind, nor does a token of what is over.
        state, epoch, *tokens = await lane.call("HMGET", record, "state", "epoch", "token", "former")
        if state is None and epoch is None:
            return Refusal.FORGOTTEN
        if shown:
            allowed = any(compare_digest(shown, known) for known in tokens if known)
        else:
            owner = await lane.call("HGET", keys.user_record(uid), "account")
            allowed = bool(account and owner == account.encode())
        if not allowed:
            return Refusal.NOT_ALLOWED
        if state in {b"ended", b"left"}:
            return Refusal.ENDED
        # Written first: whenever this process ends, its reaper finds the attachment.
        await lane.call("SADD", keys.gateway_users(self._gateway), attachment)
        reply = await lane.call(
            "EVALSHA", sha("session_take"), 3, record, keys.user_record(uid), keys.attachments(uid),
            self._gateway, shown, account, token, TAKING_MS, attachment, int(told),
        )  # fmt: skip
        if reply[0]:
            return Refusal(reply[0])
        before = decode_user(uid, reply[1], as_shown=False)
        if before is None:
            return Refusal.ENDED
        user = before._replace(gateway=self._gateway, epoch=reply[3])
        further = FurtherId(attachment) if attachment != uid else None
        await announce(self._lanes, uid, Rebound(uid, MsgId(b""), self._gateway, user.epoch, further))
        refresh(self._lanes, uid)
        lane.request(ignore, "ZREM", keys.GRACES, attachment)
        lost = lane.call("ZREM", keys.LOST, uid)
        watches = lane.call("SMEMBERS", keys.session_watches(attachment))
        former = GatewayId((reply[2] or b"").decode())
        rooms = await rooms_of(self._lanes, uid)
        positions = await self._positions(attachment, former, rooms)
        away = (decode_user(uid, reply[1]) or before).away
        shown_lost = away == LINK_LOST and not await lost
        watched = tuple(sorted(nick.decode() for nick in await watches))
        return Taken(user, rooms, positions, watched, shown_lost, reply[4] > 1)

    async def attach(
        self, uid: Uid, account: str, attachment: FurtherId, token: bytes, most: int, *, told: bool
    ) -> Taken | Refusal | AttachmentId:
        """Let one more connection share a session of its account.

        Args:
            token: hash of the one that proves the new attachment.
            most: attachments the session may have; 1: it is not shared.
            told: its client is told the token.
        Returns:
            An attachment: its place is to be taken. It is lost and cannot come back by itself, or there may be no more.
        Raises:
            StoreError: it may be attached or not; `abandon` undoes it.
        """
        lane, record = self._lanes.commands, keys.attachment_record(attachment)
        must_hold_lease(self._lanes)
        await lane.call("SADD", keys.gateway_users(self._gateway), attachment)
        reply = await lane.call(
            "EVALSHA", sha("session_attach"), 3, keys.user_record(uid), keys.attachments(uid), record,
            self._gateway, account, uid, attachment, token, most, int(told),
        )  # fmt: skip
        user = decode_user(uid, reply[1], as_shown=False) if reply[0] == 0 else None
        if user is None:
            lane.request(ignore, "SREM", keys.gateway_users(self._gateway), attachment)
            if reply[0] == 5:
                return Uid(reply[1]) if b"~" not in reply[1] else FurtherId(reply[1])
            return Refusal(reply[0] or Refusal.ENDED.value)
        refresh(self._lanes, uid)
        lost = (decode_user(uid, reply[1]) or user).away == LINK_LOST
        shown_lost = lost and not await lane.call("ZREM", keys.LOST, uid)
        user = user._replace(gateway=self._gateway, epoch=0, away="")
        # What was said to it before was said to the others; where its own conversation begins is where they are told.
        began = await tell_attachments(self._lanes, uid)
        return Taken(
            user, await rooms_of(self._lanes, uid), {keys.inbox_log(uid): began}, shown_lost=shown_lost, shared=True
        )

    async def _positions(
        self, attachment: AttachmentId, former: GatewayId, rooms: Iterable[str]
    ) -> dict[LogKey, Position]:
        """Its own where it was detached; else where its gateway was at its last beat."""
        logs = [keys.inbox_log(session_of(attachment)), *(keys.room_log(RoomKey(room)) for room in rooms)]
        positions: dict[LogKey, Position] = {}
        for key in (keys.gateway_positions(former), keys.session_positions(attachment)):
            found = await self._lanes.commands.call("HMGET", key, *logs)
            positions |= {log: Position(value) for log, value in zip(logs, found, strict=True) if value is not None}
        return positions

    async def settle(self, attachment: AttachmentId, epoch: int) -> None:
        """Everything missed was delivered to who took the attachment."""
        await self._settle(attachment, epoch, "settled")

    async def confirm(self, attachment: AttachmentId, epoch: int) -> None:
        """The client has its new token: the former one is good no more."""
        await self._settle(attachment, epoch, "confirmed")

    async def _settle(self, attachment: AttachmentId, epoch: int, what: str) -> None:
        record, positions = keys.attachment_record(attachment), keys.session_positions(attachment)
        await self._lanes.commands.call("EVALSHA", sha("session_settle"), 2, record, positions, epoch, what)

    async def detach(
        self, attachment: AttachmentId, epoch: int, grace_s: float, reason: str, positions: Mapping[LogKey, Position]
    ) -> int | None:
        """Keep an attachment without a connection for its grace.

        Returns:
            Its epoch from then on; 0: Redis knows nothing of it. None: it is not ours any more, or its client could not
            come back.
        """
        return await self._detach(attachment, "epoch", str(epoch).encode(), grace_s, reason, positions)

    async def keep_again(self, lost: Detached, rooms: Iterable[RoomKey], rest_s: float, *, shown: bool) -> bool:
        """Write everything Redis must know of a detached attachment, for the rest of its grace, if it knows nothing of
        it, or only what was before. False: its nick is another's.

        Args:
            rooms: where the session is.
            shown: others were told that it is away without a connection.
        """
        lane, one, uid = self._lanes.commands, lost.attachment, lost.user.uid
        own = ("away", lost.user.away) if one == uid and not lost.shared else ()
        words = [*own, *encode_user(lost.user)]
        positions = [part for pair in lost.positions.items() for part in pair]
        # In the schedule first, as in `detach`; it is taken out again if there is nothing to end.
        await lane.call("ZADD", keys.GRACES, "NX", 0, one)
        ends_ms = await lane.call(
            "EVALSHA", sha("session_keep"), 4, keys.attachment_record(one), keys.user_record(uid),
            keys.session_positions(one), keys.attachments(uid),
            lost.user.epoch, int(rest_s * 1000), lost.reason, self._gateway, lost.token,
            one, f"lost 0 {lost.user.away}" if lost.shared else "", len(words), *words, *positions,
        )  # fmt: skip
        if not ends_ms:
            return True
        if lost.watches:
            lane.request(ignore, "SADD", keys.session_watches(one), *lost.watches)
        if names := list(rooms):
            lane.request(ignore, "SADD", keys.session_rooms(uid), *names)
        refresh(self._lanes, uid)
        if not (shown or lost.shared):
            lane.request(ignore, "ZADD", keys.LOST, ends_ms - int(rest_s * 1000) + SHOWN_LOST_MS, uid)
        await lane.call("ZADD", keys.GRACES, ends_ms, one)
        if lost.shared:
            await tell_attachments(self._lanes, uid)
        nick = NickKey(casefold(lost.user.nick))
        reply = await lane.call(
            "EVALSHA", sha("nick_claim"), 2, keys.nick_claim(nick), keys.nick_owner(nick),
            uid, b"", casefold(lost.user.account),
        )  # fmt: skip
        return bool(reply[0] == 0)

    async def abandon(self, attachment: AttachmentId, token: bytes, grace_s: float, reason: str) -> None:
        """Detach one that was perhaps taken for the token with that hash, and has no connection."""
        await self._detach(attachment, "token", token, grace_s, reason, {})

    async def _detach(
        self,
        attachment: AttachmentId,
        field: str,
        value: bytes,
        grace_s: float,
        reason: str,
        positions: Mapping[LogKey, Position],
    ) -> int | None:
        lane, uid = self._lanes.commands, session_of(attachment)
        reply = await lane.call(
            "EVALSHA", sha("session_detach"), 4, keys.attachment_record(attachment), keys.session_positions(attachment),
            keys.user_record(uid), keys.attachments(uid), field, value, int(grace_s * 1000), reason, attachment,
            *(part for pair in positions.items() for part in pair),
        )  # fmt: skip
        if reply[0] == 3:
            return 0
        if reply[0] == 1:
            return None
        refresh(self._lanes, uid)
        if reply[0] == 0 and not reply[2]:
            lane.request(ignore, "ZADD", keys.LOST, int(reply[1]) - int(grace_s * 1000) + SHOWN_LOST_MS, uid)
        # In the schedule first, from our list then: at any moment somebody has it on a list. 0: it is due at once.
        await lane.call("ZADD", keys.GRACES, reply[1] if reply[0] == 0 else 0, attachment)
        await lane.call("SREM", keys.gateway_users(self._gateway), attachment)
        if reply[0] == 0 and reply[2]:
            await tell_attachments(self._lanes, uid)
        return int(reply[3]) if reply[0] == 0 else None

    async def cut_grace(self, uid: Uid, reason: str) -> None:
        """End what a session has without a connection now, as if its grace were over; does nothing to what has one."""
        lane = self._lanes.commands
        for name in await lane.call("HKEYS", keys.attachments(uid)) or [uid]:
            attachment = FurtherId(name)
            if await lane.call("EVALSHA", sha("session_cut"), 1, keys.attachment_record(attachment), reason):
                await lane.call("ZADD", keys.GRACES, 0, attachment)

    async def claim_end(self, attachment: AttachmentId, epoch: int, *, whole: bool = False) -> End:
        """Make sure that nobody takes an attachment over any more; after `LAST` nor anything of its session, which is
        now to leave its rooms.

        Args:
            whole: the session ends, whatever other attachments it has.
        """
        lane, uid = self._lanes.commands, session_of(attachment)
        reply = await lane.call(
            "EVALSHA", sha("session_reap"), 5, keys.attachment_record(attachment), keys.user_record(uid),
            keys.attachments(uid), keys.session_positions(attachment), keys.session_watches(attachment),
            self._gateway, epoch, 0, attachment, int(whole), ENDED_KEPT_S,
        )  # fmt: skip
        end = End(reply[0])
        if end is End.NOT_OURS and len(reply) > 1:
            await lane.call("SREM", keys.gateway_users(self._gateway), attachment)
        if end is End.OTHERS:
            refresh(self._lanes, uid)
            await lane.call("SREM", keys.gateway_users(self._gateway), attachment)
            await tell_attachments(self._lanes, uid)
        return end
