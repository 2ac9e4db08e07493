"""Sweep out of room state what dead gateways left there: the number of their last batch, or their fence."""

import asyncio
import time
from collections.abc import Callable, Iterable

from gateway.errors import StoreError
from gateway.model import GatewayId, LogKey
from gateway.store import keys
from gateway.store.lanes import Lanes

__all__ = ["GONE_FOR_S", "Janitor"]

SWEEP_EVERY_S = 600.0
GONE_FOR_S = 3600.0  # a frozen gateway may wake, and must still find its fence
_PAUSE_S = 0.01  # between rooms
_COUNTER = b"g:"


class Janitor:
    """One gateway's share: the rooms it has open."""

    def __init__(
        self,
        lanes: Lanes,
        gateway: GatewayId,
        *,
        now_s: Callable[[], float] = time.monotonic,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._lanes = lanes
        self._gateway = gateway
        self._now_s = now_s
        self._pause_s = pause_s
        self._gone_since_s: dict[GatewayId, float] = {}  # as seen in the last sweep, so no more than rooms have fields

    async def run(self, logs: Callable[[], Iterable[LogKey]]) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                await self.sweep(logs())
            except StoreError:
                continue

    async def sweep(self, logs: Iterable[LogKey]) -> None:
        """Look once. A gateway's field goes when it was found gone for `GONE_FOR_S`. Raises `StoreError`."""
        lane = self._lanes.commands
        names = await lane.call("ZRANGE", keys.HEARTBEATS, 0, -1) + await lane.call("HKEYS", keys.BURIED)
        known = {GatewayId(name.decode()) for name in names} | {self._gateway}
        now_s, found = self._now_s(), set[GatewayId]()
        for log in list(logs):
            state = keys.log_keys(log).state
            fields = await lane.call("HKEYS", state)
            gone = {
                GatewayId(field[len(_COUNTER) :].decode()) for field in fields if field.startswith(_COUNTER)
            } - known
            found |= gone
            due = [name for name in gone if now_s - self._gone_since_s.get(name, now_s) >= GONE_FOR_S]
            if due:
                await lane.call("HDEL", state, *(f"g:{name}" for name in due))
            await asyncio.sleep(self._pause_s)
        self._gone_since_s = {name: self._gone_since_s.get(name, now_s) for name in found}
