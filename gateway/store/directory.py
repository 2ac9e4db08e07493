"""Who is where, for all gateways: nicks, users, room sizes, figures."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.errors import NickReservedError
from gateway.model import AttachmentId, FurtherId, GatewayId, Uid, session_of
from gateway.people import Figures, Former, Membership, RoomRow, User
from gateway.store import codec, keys
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes, must_hold_lease
from gateway.store.records import decode_user, encode_user, shown_away
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, RoomKey, casefold

__all__ = ["Directory", "end_session", "note_former"]

ENDED_KEPT_S = 86_400  # how long a client that comes back is told that its session has ended
MAX_USERS = 1000  # WHO looks through; of a larger network some, which are not always the same
MAX_LIST_ROWS = 5000  # rooms LIST answers with, the largest first
ROWS_AT_ONCE = 200  # of them asked for in one go, so that nobody's answer waits long behind them
FORMERS_OF_A_NICK = 10
MAX_FORMER_NICKS = 10_000  # 15 MB at most
FORMERS_KEPT_MS = 7 * 86_400_000


class Directory:
    """Nick claims are atomic; the rest is as fresh as its last write."""

    def __init__(self, lanes: Lanes, gateway: GatewayId) -> None:
        self._lanes = lanes
        self._gateway = gateway

    async def claim(self, nick: NickKey, uid: Uid, account: str = "") -> bool:
        """Take a nick for a session logged in to `account`; False when somebody else holds it.

        Raises `StoreError`, and `NickReservedError` where it is reserved for another account.

        A holder that is gone (its record or its gateway's lease has ended) is replaced.
        """
        must_hold_lease(self._lanes)
        lane = self._lanes.commands
        # Written first: a reaper finds the claim whenever this process ends, and nobody takes the holder for gone.
        lane.request(ignore, "SADD", keys.gateway_users(self._gateway), uid)
        # Only where there is no record: a session that was taken elsewhere stays there.
        lane.request(ignore, "HSETNX", keys.user_record(uid), "gateway", self._gateway)
        lane.request(ignore, "HSETNX", keys.user_record(uid), "epoch", 0)
        holder = await self._claim(nick, uid, b"", account)
        if holder is None:
            return True
        return await self._is_gone(holder) and await self._claim(nick, uid, holder, account) is None

    async def _claim(self, nick: NickKey, uid: Uid, replaces: bytes, account: str) -> Uid | None:
        """Who holds the nick instead; None: `uid` does."""
        reply = await self._lanes.commands.call(
            "EVALSHA", sha("nick_claim"), 2, keys.nick_claim(nick), keys.nick_owner(nick),
            uid, replaces, casefold(account),
        )  # fmt: skip
        if reply[0] == 2:
            raise NickReservedError(nick)
        return None if reply[0] == 0 else Uid(reply[1])

    async def _is_gone(self, uid: Uid) -> bool:
        lane, record = self._lanes.commands, keys.user_record(uid)
        gateway, token, account = await lane.call("HMGET", record, "gateway", "token", "account")
        if account or (gateway and token):
            # Who can prove itself keeps its nick until its grace is over, whatever has become of its gateway.
            return False
        if gateway is None:
            return True
        return await lane.call("ZSCORE", keys.HEARTBEATS, gateway) is None

    async def free(self, nick: NickKey, uid: Uid) -> None:
        """Give a nick back. Raises `StoreError`."""
        await self._lanes.commands.call("EVALSHA", sha("nick_free"), 1, keys.nick_claim(nick), uid)

    async def put(self, user: User) -> None:
        """Write a session's record, unless another connection has taken the session over. For a session that is not
        shared. Raises `StoreError`."""
        record = keys.user_record(user.uid)
        own = ("gateway", user.gateway, "away", user.away)
        await self._lanes.commands.call(
            "EVALSHA", sha("session_write"), 2, record, record, user.epoch, 0, len(own), *own, *encode_user(user)
        )

    async def remove(self, attachment: AttachmentId, nick: NickKey | None) -> None:
        """Forget a session that has ended, with its last attachment. Raises `StoreError`."""
        lane, uid = self._lanes.commands, session_of(attachment)
        if nick is not None:
            lane.request(ignore, "EVALSHA", sha("nick_free"), 1, keys.nick_claim(nick), uid)
        lane.request(ignore, *end_session(attachment))
        # By its uid too: that is how a nick is claimed.
        await lane.call("SREM", keys.gateway_users(self._gateway), *{attachment, uid})

    async def find(self, nick: NickKey) -> Uid | None:
        """Who holds a nick now. Raises `StoreError`."""
        holder = await self._lanes.commands.call("GET", keys.nick_claim(nick))
        return None if holder is None else Uid(holder)

    async def user(self, uid: Uid) -> User | None:
        """A session's record, or None when it has ended. Raises `StoreError`."""
        return decode_user(uid, await self._lanes.commands.call("HGETALL", keys.user_record(uid)))

    async def away(self, uid: Uid) -> str:
        """What a session's absence is called; empty: it is here. Raises `StoreError`."""
        reply = await self._lanes.commands.call("HMGET", keys.user_record(uid), "state", "away", "live")
        return shown_away(*(value.decode() if value is not None else None for value in reply))

    async def find_user(self, nick: NickKey) -> User | None:
        """The session that holds a nick. Raises `StoreError`."""
        uid = await self.find(nick)
        return None if uid is None else await self.user(uid)

    async def ask_to_drain(self, gateway: GatewayId) -> bool:
        """Have a gateway drain, at its next beat; False: there is none of that name. Raises `StoreError`."""
        script = sha("gateway_drain")
        asked = await self._lanes.commands.call("EVALSHA", script, 2, keys.HEARTBEATS, keys.DRAINS, gateway)
        return bool(asked)

    async def gateways(self) -> list[GatewayId]:
        """Those that have a lease. Raises `StoreError`."""
        names = await self._lanes.commands.call("ZRANGE", keys.HEARTBEATS, 0, -1)
        return [GatewayId(name.decode()) for name in names]

    async def users(self, uids: Sequence[Uid]) -> dict[Uid, User]:
        """The sessions that are there of some. Raises `StoreError`."""
        found = await asyncio.gather(*(self.user(uid) for uid in uids))  # one write, one read
        return {user.uid: user for user in found if user is not None}

    async def memberships(self, uid: Uid) -> list[Membership]:
        """The rooms that a session is in, by their names. Raises `StoreError`."""
        rooms = await self._lanes.commands.call("SMEMBERS", keys.session_rooms(uid))
        found = await asyncio.gather(*(self._membership(uid, RoomKey(room.decode())) for room in sorted(rooms)))
        return [membership for membership in found if membership is not None]

    async def is_in(self, uid: Uid, room: RoomKey) -> bool:
        """Whether a session is a member of a room. Raises `StoreError`."""
        return bool(await self._lanes.commands.call("HEXISTS", keys.log_keys(keys.room_log(room)).members, uid))

    async def _membership(self, uid: Uid, room: RoomKey) -> Membership | None:
        """None: it was on its way in or out."""
        lane, names = self._lanes.commands, keys.log_keys(keys.room_log(room))
        (name, modes), value = await asyncio.gather(
            lane.call("HMGET", names.state, "name", "modes"), lane.call("HGET", names.members, uid)
        )
        if value is None:
            return None
        return Membership((name or room.encode()).decode(), (modes or b"").decode(), codec.decode_member(uid, value))

    async def everybody(self) -> list[User]:
        """All sessions of the network, up to `MAX_USERS`. Raises `StoreError`."""
        lane = self._lanes.commands
        uids: list[Uid] = []
        for gateway in await lane.call("ZRANGE", keys.HEARTBEATS, 0, -1):
            users = keys.gateway_users(GatewayId(gateway.decode()))
            uids += [_session(name) for name in await lane.call("SRANDMEMBER", users, MAX_USERS - len(uids))]
        lost = await lane.call("ZRANGE", keys.GRACES, 0, MAX_USERS)  # they belong to no gateway
        uids += [_session(name) for name in lost[: MAX_USERS - len(uids)]]
        return list((await self.users(list(dict.fromkeys(uids)))).values())

    async def count_room(self, room: RoomKey, members: int) -> None:
        """Tell LIST how many members a room has. Raises `StoreError`."""
        await self._lanes.commands.call(*_size(room, members))

    def tell_size(self, room: RoomKey, members: int) -> None:
        """The same without waiting for it, so that LIST is right at once; what is lost, `count_room` makes good."""
        self._lanes.commands.request(ignore, *_size(room, members))

    async def rooms(self) -> list[RoomRow]:
        """The largest rooms, up to `MAX_LIST_ROWS`. Raises `StoreError`."""
        lane = self._lanes.commands
        reply = await lane.call("ZREVRANGE", keys.ROOM_SIZES, 0, MAX_LIST_ROWS - 1, "WITHSCORES")
        pairs = reply if not reply or isinstance(reply[0], list) else list(zip(reply[::2], reply[1::2], strict=True))
        rows = []
        for start in range(0, len(pairs), ROWS_AT_ONCE):
            part = pairs[start : start + ROWS_AT_ONCE]
            states = (keys.log_keys(keys.room_log(RoomKey(room.decode()))).state for room, _ in part)
            found = await asyncio.gather(*(
                lane.call("HMGET", state, "name", "topic", "modes", "created", "topic_at") for state in states
            ))  # fmt: skip
            rows += [
                _row(RoomKey(room.decode()), int(float(size)), fields)
                for (room, size), fields in zip(part, found, strict=True)
            ]
        return rows

    async def figures(self) -> Figures:
        """What LUSERS tells. Raises `StoreError`."""
        lane = self._lanes.commands
        reply, rooms, kept = await asyncio.gather(
            lane.call("HVALS", keys.FIGURES), lane.call("ZCARD", keys.ROOM_SIZES), lane.call("ZCARD", keys.GRACES)
        )
        rows = [(0, 0, 0, 0), *(map(int, value.split()) for value in reply)]
        users, unregistered, operators, invisible = (sum(column) for column in zip(*rows, strict=True))
        # Who is kept for its grace belongs to no gateway, and is on the network all the same.
        most = await lane.call("EVALSHA", sha("figures"), 2, keys.FIGURES, keys.MOST_USERS, "", "", kept)
        return Figures(
            users + kept, unregistered, operators, int(rooms), len(reply), invisible, max(most, users + kept)
        )

    def count(self, figures: Sequence[int]) -> None:
        """Write down this gateway's share now: users, unregistered connections, operators, invisible users."""
        text = " ".join(map(str, figures))
        self._lanes.commands.request(
            ignore, "EVALSHA", sha("figures"), 2, keys.FIGURES, keys.MOST_USERS, self._gateway, text, 0
        )

    async def note_former(self, user: User) -> None:
        """Remember, for WHOWAS, who gives up its nick. Raises `StoreError`."""
        await self._lanes.commands.call(*note_former(user))

    async def formers(self, nick: NickKey) -> list[Former]:
        """Who had a nick before, newest first. Raises `StoreError`."""
        value = await self._lanes.commands.call("HGET", keys.WHOWAS[0], nick)
        return [_former(line) for line in (value or b"").decode().split("\n") if line]


def _session(attachment: bytes) -> Uid:
    return session_of(FurtherId(attachment))


def _size(room: RoomKey, members: int) -> tuple[str | int, ...]:
    return ("ZADD", keys.ROOM_SIZES, members, room) if members else ("ZREM", keys.ROOM_SIZES, room)


def end_session(attachment: AttachmentId) -> tuple[str | int, ...]:
    """The command that forgets a session with its last attachment."""
    uid = session_of(attachment)
    names = (
        keys.attachment_record(attachment), keys.session_rooms(uid), keys.session_positions(attachment),
        keys.session_watches(attachment), keys.user_record(uid), keys.attachments(uid),
    )  # fmt: skip
    return ("EVALSHA", sha("session_end"), len(names), *names, ENDED_KEPT_S)


def note_former(user: User) -> tuple[str | bytes | int, ...]:
    """The command that remembers who gives up a nick."""
    entry = f"{user.nick} {user.user} {user.host} {user.account or '-'} {user.realname}"
    return (
        "EVALSHA", sha("whowas_note"), 2, *keys.WHOWAS, casefold(user.nick), user.uid, entry,
        FORMERS_OF_A_NICK, MAX_FORMER_NICKS, FORMERS_KEPT_MS,
    )  # fmt: skip


def _former(line: str) -> Former:
    _, ms, nick, user, host, account, realname = line.split(" ", 6)
    return Former(nick, user, host, realname, "" if account == "-" else account, int(ms) // 1000)


def _row(room: RoomKey, members: int, fields: Any) -> RoomRow:
    name, topic, modes, created, topic_at = (field.decode() if field else "" for field in fields)
    return RoomRow(
        room, name or room, members, topic, modes, int(created or 0) // 1000,
        int(topic_at or 0) // 1000 if topic else 0,
    )  # fmt: skip
