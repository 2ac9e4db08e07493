"""Gateway leases: beat by the clock of Redis, notice gateways that stopped, take their members out of every room.

Every step of reaping may be done twice and by two gateways at once: the scripts remove once.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

from gateway.errors import StoreError
from gateway.model import GatewayId, LogKey, Uid
from gateway.store import keys
from gateway.store.lanes import Lanes
from gateway.store.logs import LOG_ENTRIES
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, casefold

__all__ = ["BEAT_S", "LEASE_MS", "Leases"]

BEAT_S = 2.0
LEASE_MS = 10_000
CLAIM_MS = 30_000  # a reaper that has not finished by then is replaced
INBOX_KEPT_S = 3600  # direct messages of a user that went with its gateway
_log = logging.getLogger(__name__)


class Leases:
    """One gateway's lease, and its share in burying the others."""

    def __init__(
        self, lanes: Lanes, gateway: GatewayId, figures: Callable[[], tuple[int, int, int]], *, lease_ms: int = LEASE_MS
    ) -> None:
        self._lanes = lanes
        self._gateway = gateway
        self._figures = figures  # users, unregistered connections, operators here
        self._lease_ms = lease_ms
        self._beats_since_outage = 0
        self._stale: list[GatewayId] = []  # as the last beat found them
        self._beaten = asyncio.Event()

    async def run(self, on_buried: Callable[[], None]) -> None:
        """Beat, and reap gateways that stopped, until cancelled, or until Redis says that this gateway was buried;
        then `on_buried` is called."""
        async with asyncio.TaskGroup() as tasks:
            # Beside the beats: to reap thousands of rooms takes longer than a lease.
            reaping = tasks.create_task(self._keep_reaping(), name="reaping")
            await self._keep_beating()
            on_buried()
            reaping.cancel()

    async def _keep_beating(self) -> None:
        while True:
            try:
                if await self._beat(first=False):
                    return
            except StoreError:
                self._beats_since_outage = 0
            await asyncio.sleep(self._lease_ms / LEASE_MS * BEAT_S)

    async def _keep_reaping(self) -> None:
        while True:
            await self._beaten.wait()
            self._beaten.clear()
            # After an outage of Redis everybody's beat is old. Nobody is buried before the others had a lease's time
            # to beat again.
            if self._beats_since_outage * BEAT_S * 1000 <= LEASE_MS:
                continue
            with contextlib.suppress(StoreError):  # the next beat finds them again
                for gateway in self._stale + await self._unfinished():
                    await self.bury(gateway, self._lease_ms)

    async def begin(self) -> None:
        """Take the lease. Raises `StoreError`."""
        await self._beat(first=True)

    async def end(self) -> None:
        """Give the lease back; this gateway has no users any more. Raises `StoreError`."""
        lane = self._lanes.commands
        for command in (
            ("ZREM", keys.HEARTBEATS, self._gateway),
            ("HDEL", keys.FIGURES, self._gateway),
            ("DEL", keys.gateway_users(self._gateway)),
        ):
            lane.request(_ignore, *command)
        await lane.call("DEL", keys.gateway_logs(self._gateway))

    async def _beat(self, *, first: bool) -> bool:
        figures = " ".join(map(str, self._figures()))
        reply = await self._lanes.commands.call(
            "EVALSHA", sha("gateway_beat"), 2, keys.HEARTBEATS, keys.FIGURES,
            self._gateway, int(first), self._lease_ms, figures,
        )  # fmt: skip
        if reply[0] == 4:
            return True
        self._beats_since_outage += 1
        self._stale = [GatewayId(name.decode()) for name in reply[1:]]
        self._beaten.set()
        return False

    async def _unfinished(self) -> list[GatewayId]:
        return [GatewayId(name.decode()) for name in await self._lanes.commands.call("HKEYS", keys.BURIED)]

    async def bury_all_others(self) -> None:
        """Bury every gateway that has ever beaten here: for a store that was started just now, by us alone."""
        others = await self._lanes.commands.call("ZRANGE", keys.HEARTBEATS, 0, -1)
        for name in others:
            await self.bury(GatewayId(name.decode()), 0)

    async def bury(self, gateway: GatewayId, lease_ms: int) -> None:
        """Declare a gateway dead if its lease has run out; reap it if no other does. Raises `StoreError`."""
        if gateway == self._gateway:
            return
        if lease_ms:
            await asyncio.sleep(random.random() * 0.2)  # lets one come first, most times
        mine = await self._lanes.commands.call(
            "EVALSHA", sha("gateway_bury"), 3, keys.HEARTBEATS, keys.BURIED, keys.FIGURES,
            gateway, self._gateway, lease_ms, CLAIM_MS,
        )  # fmt: skip
        if mine:
            _log.warning("gateway_reaped", extra={"reaped": gateway})
            await self._reap(gateway)

    async def _reap(self, gateway: GatewayId) -> None:
        lane = self._lanes.commands
        for name in await lane.call("SMEMBERS", keys.gateway_logs(gateway)):
            log = LogKey(name.decode())
            names = keys.log_keys(log)
            await lane.call(
                "EVALSHA", sha("room_reap"), 4, names.state, names.log, names.members, names.lists, names.channel,
                LOG_ENTRIES, gateway,
            )  # fmt: skip
            size = await lane.call("HLEN", names.members)
            if size:
                await lane.call("ZADD", keys.ROOM_SIZES, size, keys.room_of(log))
            else:
                await lane.call("ZREM", keys.ROOM_SIZES, keys.room_of(log))
        for value in await lane.call("SMEMBERS", keys.gateway_users(gateway)):
            await self._remove_user(gateway, Uid(value))
        lane.request(_ignore, "DEL", keys.gateway_users(gateway))
        lane.request(_ignore, "DEL", keys.gateway_logs(gateway))
        await lane.call("HDEL", keys.BURIED, gateway)

    async def _remove_user(self, gateway: GatewayId, uid: Uid) -> None:
        lane = self._lanes.commands
        holder, nick = await lane.call("HMGET", keys.user_record(uid), "gateway", "nick")
        if holder is None or holder.decode() != gateway:
            return
        if nick is not None:  # else it had claimed one and was not registered yet; who claims it next replaces it
            claim = keys.nick_claim(NickKey(casefold(nick.decode())))
            await lane.call("EVALSHA", sha("nick_free"), 1, claim, uid)
        inbox = keys.log_keys(keys.inbox_log(uid))
        for key in (inbox.state, inbox.log):
            lane.request(_ignore, "EXPIRE", key, INBOX_KEPT_S)
        await lane.call("DEL", keys.user_record(uid))


def _ignore(_: object) -> None:
    """The answer to a reply nobody needs."""
