"""What a gateway does again and again beside serving: looks at what others decided, and shows how it is."""

import asyncio
import contextlib
import logging

from gateway.commands.extent import kept_in
from gateway.commands.login import announce_sasl, end_deleted
from gateway.commands.oversight import deliver_notices, enforce
from gateway.commands.renaming import keep_names
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.net.server import Server
from gateway.store.directory import Directory
from gateway.store.embedded import EmbeddedStore, StoreStartError
from gateway.store.lanes import Lanes
from gateway.store.oversight import LOOK_EVERY_S, Oversight
from gateway.telemetry.counters import Counters
from gateway.telemetry.health import Health

__all__ = ["Upkeep"]

SIZES_EVERY_S = 1.0
FIGURES_EVERY_S = 0.5
STORE_LOOK_EVERY_S = 1.0
DELETED_LOOK_EVERY_S = 1.0
ACTIVITY_EVERY_S = 10.0
TRIM_EVERY_S = 30.0
TRIM_PAUSE_S = 0.005  # between rooms
NAMES_EVERY_S = 30.0
_log = logging.getLogger(__name__)


class Upkeep:
    """One task for each of these; none of them ends by itself, and none ends because Redis is away."""

    def __init__(
        self,
        services: Services,
        server: Server,
        lanes: Lanes,
        directory: Directory,
        oversight: Oversight,
        counters: Counters,
        health: Health,
        store: EmbeddedStore | None,
    ) -> None:
        self._services = services
        self._server = server
        self._lanes = lanes
        self._directory = directory
        self._oversight = oversight
        self._counters = counters
        self._health = health
        self._store = store
        self._queued_bytes = 0
        counters.send_queue_bytes = lambda: self._queued_bytes

    async def run(self) -> None:
        """All of it, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_oversight(), name="oversight")
            tasks.create_task(self._keep_store(), name="private store")
            tasks.create_task(self._publish_figures(), name="figures")
            tasks.create_task(self._offer_sasl(), name="sasl")
            tasks.create_task(self._end_deleted_accounts(), name="deleted accounts")
            tasks.create_task(self._keep_publishing_sizes(), name="sizes")
            tasks.create_task(self._note_activity(), name="activity")
            tasks.create_task(self._trim_history(), name="history")
            tasks.create_task(self._keep_names(), name="names")

    async def _follow_oversight(self) -> None:
        """Learn of bans and notices; while Redis is away those known go on."""
        while True:
            with contextlib.suppress(StoreError):
                if await self._oversight.refresh():
                    enforce(self._services)
                deliver_notices(self._services, await self._oversight.notices())
            await asyncio.sleep(LOOK_EVERY_S)

    async def _keep_store(self) -> None:
        """Start our private store again should it die by itself; the lanes reconnect and heal."""
        while self._store is not None:
            await asyncio.sleep(STORE_LOOK_EVERY_S)
            if not self._store.alive():
                _log.error("private_store_died", extra={"code": self._store.returncode})
                try:
                    await asyncio.to_thread(self._store.restart)
                except StoreStartError:
                    _log.exception("private_store_not_restarted")

    async def _publish_figures(self) -> None:
        """Show the HTTP listener's thread how things are; it must not walk over what the loop changes."""
        while True:
            self._health.tick()
            self._health.redis_reachable = self._lanes.up
            counters, counts = self._counters, self._services.engine.counts
            counters.connections = len(self._server.connections)
            counters.registered = len(self._services.sessions)
            counters.rooms = len(self._services.engine.rooms)
            counters.connections_total = self._server.counters.connections
            counters.slow_closed = self._server.counters.slow_closed
            counters.events_in = counts.applied
            counters.events_out = counts.written
            counters.deliveries = counts.deliveries
            counters.catch_ups = counts.catch_ups
            counters.snapshots = counts.snapshots
            counters.stale_retries = counts.stale
            counters.redis_reconnects = max(0, self._lanes.reconnects)
            self._queued_bytes = self._server.queued_bytes()
            await asyncio.sleep(FIGURES_EVERY_S)

    async def _offer_sasl(self) -> None:
        """Withdraw `sasl` while Redis is away, and give it back."""
        available = True
        while True:
            if self._lanes.up != available:
                available = self._lanes.up
                announce_sasl(self._services, [connection.session for connection in self._server.connections])
            await asyncio.sleep(FIGURES_EVERY_S)

    async def _end_deleted_accounts(self) -> None:
        """Log sessions out whose account was deleted, here or on another gateway."""
        while True:
            await asyncio.sleep(DELETED_LOOK_EVERY_S)
            with contextlib.suppress(StoreError):  # looked at again next time
                await end_deleted(self._services)

    async def _trim_history(self) -> None:
        """Have what is too old, or too much for its room, go from the logs of the rooms here; where another gateway was
        first, nothing is left to do."""
        services = self._services
        while True:
            await asyncio.sleep(TRIM_EVERY_S)
            for room in list(services.engine.rooms.values()):
                kept = kept_in(services, room)
                if kept.age_s or room.replica.history:
                    with contextlib.suppress(StoreError):  # looked at again next time
                        now_ms = int(services.clock_s() * 1000)
                        await services.history.trim(services.log_of_room(room.key), kept, now_ms)
                    await asyncio.sleep(TRIM_PAUSE_S)

    async def _keep_names(self) -> None:
        """Make good what Redis may have lost of the names of the rooms here."""
        while True:
            await asyncio.sleep(NAMES_EVERY_S)
            with contextlib.suppress(StoreError):  # looked at again next time
                await keep_names(self._services)

    async def _keep_publishing_sizes(self) -> None:
        """Tell LIST once more how large rooms have become: what it was told at once may be lost, or overtaken."""
        while True:
            await asyncio.sleep(SIZES_EVERY_S)
            await self.publish_sizes()

    async def _note_activity(self) -> None:
        """Let WHOIS, of any gateway, know who has said something lately."""
        services = self._services
        while True:
            await asyncio.sleep(ACTIVITY_EVERY_S)
            spoke = [session for session in services.sessions.values() if session.spoke and session.ready]
            for session in spoke:
                session.spoke, session.active_s = False, int(services.clock_s())
                with contextlib.suppress(StoreError):  # noted the next time it says something
                    await services.records.set_active(session.attachment, session.epoch, session.active_s)

    async def publish_sizes(self) -> None:
        """Tell them once, now; the rest stays for the next time while Redis is away."""
        resized = self._services.resized
        while resized:
            key, replica = resized.popitem()
            try:
                await self._directory.count_room(key, len(replica.members))
            except StoreError:
                resized[key] = replica
                return
