"""Gateway leases: beat by the clock of Redis, notice gateways that stopped, bury them, and end what was lost."""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import Callable

from gateway.errors import StoreError
from gateway.model import GatewayId
from gateway.rooms.progress import Progress
from gateway.store import keys
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes
from gateway.store.reaping import CLAIM_MS, Reaper
from gateway.store.scripts import sha
from gateway.store.showing import LostSessions

__all__ = ["BEAT_S", "GRACE_S", "LEASE_MS", "Leases"]

BEAT_S = 2.0
LEASE_MS = 10_000
RETRY_S = 0.25  # after a beat that Redis did not answer: without a fresh lease nothing is written
GRACE_S = 60.0
REAPED_KEPT_MS = 86_400_000
_log = logging.getLogger(__name__)


class Leases:
    """One gateway's lease, and its share in burying the others."""

    def __init__(
        self,
        lanes: Lanes,
        gateway: GatewayId,
        figures: Callable[[], tuple[int, int, int, int]],
        *,
        lease_ms: int = LEASE_MS,
        grace_s: float = GRACE_S,
        progress: Progress | None = None,
    ) -> None:
        self._lanes = lanes
        self._gateway = gateway
        self._figures = figures  # users, unregistered connections, operators, invisible users here
        self._lease_ms = lease_ms
        self.on_data_lost: Callable[[], None] = lambda: None  # Redis has come back with nothing of what it had
        self._data_name = b""
        self._reaper = Reaper(lanes, gateway, grace_s)
        self._lost = LostSessions(lanes)
        self._progress = progress
        self._held_until_s = 0.0  # by the loop's clock
        self._now_ms = 0  # by the clock of Redis, at the last beat
        self._beaten_at_s = 0.0  # the same moment by the loop's clock
        self.on_drain_asked: Callable[[], None] = lambda: None
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

    def held(self) -> bool:
        """Whether nobody can have buried this gateway yet: else it was frozen, or Redis was away, and it has to beat
        before it may write again."""
        return asyncio.get_running_loop().time() < self._held_until_s

    async def _keep_beating(self) -> None:
        while True:
            wait_s = self._lease_ms / LEASE_MS * BEAT_S
            try:
                if await self._beat(first=False):
                    return
                await self._tell_progress()
            except StoreError:
                self._beats_since_outage = 0
                wait_s = min(wait_s, RETRY_S)
            await asyncio.sleep(wait_s)

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
                await self._reaper.end_graces(self._now_ms)
                await self._lost.show()

    async def begin(self) -> None:
        """Take the lease. Raises `StoreError`."""
        await self._beat(first=True)

    async def end(self) -> None:
        """Give the lease back; this gateway has no users any more. Raises `StoreError`."""
        lane = self._lanes.commands
        for command in (
            ("ZREM", keys.HEARTBEATS, self._gateway),
            ("HDEL", keys.FIGURES, self._gateway),
            ("SREM", keys.DRAINS, self._gateway),
            ("DEL", keys.gateway_positions(self._gateway)),
            ("DEL", keys.gateway_users(self._gateway)),
        ):
            lane.request(ignore, *command)
        await lane.call("DEL", keys.gateway_logs(self._gateway))

    async def _beat(self, *, first: bool) -> bool:
        figures = " ".join(map(str, self._figures()))
        sent_at_s = asyncio.get_running_loop().time()
        reply = await self._lanes.commands.call(
            "EVALSHA", sha("gateway_beat"), 6, keys.HEARTBEATS, keys.FIGURES, keys.DATA_NAME, keys.DRAINS,
            keys.BURIED, keys.REAPED,
            self._gateway, int(first), self._lease_ms, figures, secrets.token_hex(8),
        )  # fmt: skip
        if reply[0] == 4:
            return True
        # From when it was sent: Redis took it for fresh then or later.
        self._held_until_s = sent_at_s + self._lease_ms / 1000
        self._beats_since_outage += 1
        _, data_name, now_ms, drain_asked, *stale = reply
        known, self._data_name = self._data_name, data_name
        if known and known != data_name:
            _log.error("redis_data_lost")
            self._beats_since_outage = 0
            self.on_data_lost()
        self._follow_clock(now_ms)
        self._stale = [GatewayId(name.decode()) for name in stale]
        self._beaten.set()
        if drain_asked:
            self.on_drain_asked()
        return False

    def _follow_clock(self, now_ms: int) -> None:
        """Notice a clock of Redis that was set ahead: by it everybody's beat is old, and nobody was away."""
        at_s = asyncio.get_running_loop().time()
        step_ms = now_ms - self._now_ms - (at_s - self._beaten_at_s) * 1000
        if self._now_ms and step_ms > self._lease_ms / 4:
            _log.warning("redis_clock_stepped", extra={"ms": round(step_ms)})
            self._beats_since_outage = 0
        self._now_ms, self._beaten_at_s = now_ms, at_s

    async def _tell_progress(self) -> None:
        """Write down how far the logs were delivered here, for the sessions that would survive this gateway."""
        if self._progress is None:
            return
        lane, key = self._lanes.commands, keys.gateway_positions(self._gateway)
        moved, closed = self._progress.since_last()
        if closed:
            await lane.call("HDEL", key, *closed)
        if moved:
            await lane.call("HSET", key, *(part for pair in moved.items() for part in pair))
        self._progress.told()

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
        await self._reaper.reap_gateway(gateway)
        self._lanes.commands.request(ignore, "SREM", keys.DRAINS, gateway)
        # Remembered: should it wake up tomorrow, it must hear of its burial.
        lane = self._lanes.commands
        lane.request(ignore, "ZADD", keys.REAPED, self._now_ms, gateway)
        lane.request(ignore, "ZREMRANGEBYSCORE", keys.REAPED, "-inf", self._now_ms - REAPED_KEPT_MS)
        await lane.call("HDEL", keys.BURIED, gateway)
