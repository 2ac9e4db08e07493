"""Sessions without a connection are shown as away: to their rooms in one event each, and to who watches their nicks.

Not at once: who is back within two seconds was never gone. Each gateway looks with its beats, and one of them does it,
so that it is also done for a gateway that died. What is written may cross the session's return; so the record is looked
at once more, and whoever is back by then is shown as back.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from gateway.events import AwaySet
from gateway.model import GatewayId, MsgId, Uid
from gateway.people import LINK_LOST, User
from gateway.store import keys
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes
from gateway.store.logs import LOG_ENTRIES
from gateway.store.presence import Presence
from gateway.store.records import decode_user
from gateway.store.scripts import sha
from gateway.wire.names import RoomKey

__all__ = ["LostSessions"]

CLAIM_MS = 30_000  # a gateway that has not shown them by then is replaced
CHUNK = 500  # sessions shown in one go, and uids in one event
NOBODY = GatewayId("")


class LostSessions:
    """One gateway's share in showing them."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._presence = Presence(lanes)

    async def show(self) -> None:
        """Show all that are due. Raises `StoreError`; what is left then another gateway shows, or this one later."""
        lane = self._lanes.commands
        while due := await lane.call("EVALSHA", sha("lost_claim"), 1, keys.LOST, CLAIM_MS, CHUNK):
            uids = [Uid(uid) for uid in due]
            rooms = await self._rooms(uids)
            lost = [user for user in (await self._users(uids)).values() if user.away == LINK_LOST]
            await self._tell(lost, rooms, NOBODY)
            await lane.call("ZREM", keys.LOST, *uids)
            returned: defaultdict[GatewayId, list[User]] = defaultdict(list)
            for user in (await self._users(uids)).values():
                if user.away != LINK_LOST:
                    returned[user.gateway].append(user)
            for gateway, back in returned.items():
                await self._tell(back, rooms, gateway)

    async def _users(self, uids: Sequence[Uid]) -> dict[Uid, User]:
        lane = self._lanes.commands
        records = await asyncio.gather(*(lane.call("HGETALL", keys.user_record(uid)) for uid in uids))
        found = (decode_user(uid, record) for uid, record in zip(uids, records, strict=True))
        return {user.uid: user for user in found if user is not None}

    async def _rooms(self, uids: Sequence[Uid]) -> dict[Uid, list[RoomKey]]:
        lane = self._lanes.commands
        names = await asyncio.gather(*(lane.call("SMEMBERS", keys.session_rooms(uid)) for uid in uids))
        return {uid: [RoomKey(name.decode()) for name in found] for uid, found in zip(uids, names, strict=True)}

    async def _tell(self, users: Sequence[User], rooms: dict[Uid, list[RoomKey]], gateway: GatewayId) -> None:
        lane = self._lanes.commands
        in_room: defaultdict[RoomKey, list[Uid]] = defaultdict(list)
        for user in users:
            for room in rooms[user.uid]:
                in_room[room].append(user.uid)
        for room, uids in in_room.items():
            names = keys.log_keys(keys.room_log(room))
            lane.request(
                ignore, "EVALSHA", sha("room_link"), 3, names.state, names.log, names.members,
                names.channel, LOG_ENTRIES, gateway, *uids,
            )  # fmt: skip
        await asyncio.gather(*(
            self._presence.changed(user.as_member(), AwaySet(user.uid, MsgId(b""), user.away)) for user in users
        ))  # fmt: skip
