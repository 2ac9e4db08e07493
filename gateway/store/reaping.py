"""The end of sessions that were lost: with their gateway, or because they did not come back within their grace.

Every step may be done twice and by two gateways at once: a session is claimed before it leaves anything, and the
scripts remove once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from gateway.model import AttachmentId, FurtherId, GatewayId, LogKey, Uid, session_of
from gateway.rooms.inboxes import INBOX_KEPT_S
from gateway.store import keys
from gateway.store.attached import refresh, tell_attachments
from gateway.store.directory import ENDED_KEPT_S, end_session, note_former
from gateway.store.holding import SHOWN_LOST_MS
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes
from gateway.store.logs import LOG_ENTRIES
from gateway.store.records import decode_user
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, RoomKey, casefold

__all__ = ["GATEWAY_LOST", "Reaper"]

GATEWAY_LOST = "Gateway lost"
CLAIM_MS = 30_000  # a reaper that has not finished by then is replaced

POSITIONS_KEPT_S = 86_400  # of a dead gateway; longer than any grace
CHUNK = 500  # sessions handled in one go, and uids in one event


class _Lost(NamedTuple):
    """A session claimed for reaping, with its last attachment."""

    attachment: AttachmentId
    nick: str
    reason: str


class Reaper:
    """One gateway's share in ending what was lost. Every method raises `StoreError`."""

    def __init__(self, lanes: Lanes, gateway: GatewayId, grace_s: float) -> None:
        self._lanes = lanes
        self._gateway = gateway
        self._grace_ms = int(grace_s * 1000)

    async def reap_gateway(self, dead: GatewayId) -> None:
        """Fence a dead gateway everywhere; its sessions that can prove themselves get their grace, the others end."""
        lane = self._lanes.commands
        for name in await lane.call("SMEMBERS", keys.gateway_logs(dead)):
            await self._leave(LogKey(name.decode()), dead, "", ())
        held = [FurtherId(value) for value in await lane.call("SMEMBERS", keys.gateway_users(dead))]
        lost = []
        for start in range(0, len(held), CHUNK):
            lost += await self._detach(dead, held[start : start + CHUNK])
        await self._end(dead, lost)
        lane.request(ignore, "EXPIRE", keys.gateway_positions(dead), POSITIONS_KEPT_S)
        lane.request(ignore, "DEL", keys.gateway_users(dead))
        await lane.call("DEL", keys.gateway_logs(dead))

    async def _detach(self, dead: GatewayId, held: Sequence[AttachmentId]) -> list[_Lost]:
        """Start the graces of those that can prove themselves; the others are returned, claimed."""
        lane = self._lanes.commands
        nicks = asyncio.gather(*(lane.call("HGET", keys.user_record(session_of(one)), "nick") for one in held))
        replies = await asyncio.gather(*(
            lane.call(
                "EVALSHA", sha("session_detach"), 4, keys.attachment_record(one), keys.session_positions(one),
                keys.user_record(session_of(one)), keys.attachments(session_of(one)),
                "gateway", dead, self._grace_ms, GATEWAY_LOST, one,
            )
            for one in held
        ))  # fmt: skip
        lost = []
        for one, reply, nick in zip(held, replies, await nicks, strict=True):
            if reply[0] == 0:
                if not reply[2]:
                    due_ms = int(reply[1]) - self._grace_ms + SHOWN_LOST_MS
                    lane.request(ignore, "ZADD", keys.LOST, due_ms, session_of(one))
                lane.request(ignore, "ZADD", keys.GRACES, reply[1], one)
                refresh(self._lanes, session_of(one))
                if reply[2]:
                    await tell_attachments(self._lanes, session_of(one))
            elif reply[0] == 2:
                lost.append(_Lost(one, (nick or b"").decode(), GATEWAY_LOST))
        return lost

    async def end_graces(self, now_ms: int) -> None:
        """End the detached attachments whose grace was over at `now_ms`, by the clock of Redis."""
        lane = self._lanes.commands
        due = await lane.call("ZRANGEBYSCORE", keys.GRACES, "-inf", now_ms, "LIMIT", 0, CHUNK)
        detached = [FurtherId(value) for value in due]
        claims = await asyncio.gather(*(
            lane.call(
                "EVALSHA", sha("session_reap"), 5, keys.attachment_record(one), keys.user_record(session_of(one)),
                keys.attachments(session_of(one)), keys.session_positions(one), keys.session_watches(one),
                self._gateway, "", CLAIM_MS, one, 0, ENDED_KEPT_S,
            )
            for one in detached
        ))  # fmt: skip
        lost = []
        for one, reply in zip(detached, claims, strict=True):
            if reply[0] == 0:
                lost.append(_Lost(one, reply[1].decode(), reply[2].decode()))
            elif reply[0] != 2:  # it was taken over, or has ended; or its session goes on with others
                lane.request(ignore, "EVALSHA", sha("grace_settle"), 1, keys.GRACES, one, now_ms)
                refresh(self._lanes, session_of(one))
                if reply[0] == 3:
                    await tell_attachments(self._lanes, session_of(one))
        await self._end(GatewayId(""), lost)

    async def _end(self, dead: GatewayId, lost: Sequence[_Lost]) -> None:
        """Take claimed sessions out of everything: who leaves a room for one reason leaves it in one event."""
        lane = self._lanes.commands
        rooms = await asyncio.gather(
            *(lane.call("SMEMBERS", keys.session_rooms(session_of(who.attachment))) for who in lost)
        )
        leaving: defaultdict[tuple[RoomKey, str], list[Uid]] = defaultdict(list)
        for who, names in zip(lost, rooms, strict=True):
            for name in names:
                leaving[RoomKey(name.decode()), who.reason].append(session_of(who.attachment))
        for (room, reason), uids in leaving.items():
            for start in range(0, len(uids), CHUNK):
                await self._leave(keys.room_log(room), dead, reason, uids[start : start + CHUNK])
            await self._count(room)
        for who in lost:
            await self._forget(who)

    async def _leave(self, log: LogKey, dead: GatewayId, reason: str, uids: Sequence[Uid]) -> None:
        names = keys.log_keys(log)
        await self._lanes.commands.call(
            "EVALSHA", sha("room_reap"), 4, names.state, names.log, names.members, names.lists,
            names.channel, LOG_ENTRIES, dead, reason, *uids,
        )  # fmt: skip

    async def _count(self, room: RoomKey) -> None:
        lane = self._lanes.commands
        if size := await lane.call("HLEN", keys.log_keys(keys.room_log(room)).members):
            await lane.call("ZADD", keys.ROOM_SIZES, size, room)
        else:
            await lane.call("ZREM", keys.ROOM_SIZES, room)

    async def _forget(self, who: _Lost) -> None:
        lane, uid = self._lanes.commands, session_of(who.attachment)
        if who.nick:  # else it had claimed one and was not registered yet; who claims it next replaces it
            user = decode_user(uid, await lane.call("HGETALL", keys.user_record(uid)))
            if user is not None:
                lane.request(ignore, *note_former(user))
            claim = keys.nick_claim(NickKey(casefold(who.nick)))
            lane.request(ignore, "EVALSHA", sha("nick_free"), 1, claim, uid)
        inbox = keys.log_keys(keys.inbox_log(uid))
        for key in (inbox.state, inbox.log):
            lane.request(ignore, "EXPIRE", key, INBOX_KEPT_S)
        lane.request(ignore, *end_session(who.attachment))
        lane.request(ignore, "ZREM", keys.LOST, uid)
        # The schedule last: until then whoever comes next finds the session to be finished.
        await lane.call("ZREM", keys.GRACES, who.attachment)
