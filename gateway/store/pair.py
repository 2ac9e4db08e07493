"""The two connections every gateway keeps to a master: a command lane and a subscription lane.

They are apart so that a subscriber dropped for its output buffer never takes commands with it. Each has a heartbeat:
a Redis that is frozen looks like one that is lost (redis-py's own PubSub never notices).
"""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any

from gateway.errors import StoreError
from gateway.store.lane import Lane, always, ignore, nothing
from gateway.store.masters import CONNECT_ERRORS, Master
from gateway.store.replicated import MARK_KEPT_S, HeldPushes, ReplicatedLane
from gateway.store.scripts import SOURCES

__all__ = ["LanePair"]

HEARTBEAT_S = 1.0
BEATS = 4  # at least, within the time that a lane is believed for
SILENCE_LIMIT_S = 3.0  # an answer later than this: the lane is dropped and opened anew
CLOSE_S = 1.0
REACH_MS = 100  # nothing else is answered on the lane meanwhile
RETRY_S = (0.05, 0.1, 0.25)  # waits between attempts; the last one repeats
_log = logging.getLogger(__name__)


class LanePair:
    """Keeps both lanes open to one master, wherever it moves, and says when one has come back.

    Implements `store.lanes.Lanes`. `on_commands_up` and `on_subscriptions_up` are called after every (re)connect,
    before anybody else uses the lane; `on_subscriptions_lost` when nothing is heard any more, before another is tried.
    """

    def __init__(
        self, master: Master, mark: Callable[[], str], *, replicated: bool = False, successor: bool = False
    ) -> None:
        """`mark` gives a key of no other use that the master takes writes for, to be written before each WAIT;
        `replicated`: nothing is told before a replica has it; `successor`: others had the keys of this one before."""
        self._master = master
        self._mark = mark
        self._replicated = replicated
        self.commands = Lane("command")
        self.subscriptions = Lane("subscription")
        self.commands.lost.set()
        self.subscriptions.lost.set()
        self._commands_open = asyncio.Event()
        self.on_commands_up: Callable[[], None] = nothing
        self.on_subscriptions_lost: Callable[[], None] = nothing
        self.on_subscriptions_up: Callable[[], None] = nothing
        self.on_push: Callable[[list[Any]], None] = ignore
        self.on_read_end: Callable[[], None] = nothing
        self.on_refused: Callable[[Lane, StoreError], None] | None = None  # an SSUBSCRIBE; None: the lane is dropped
        self.observe: Callable[[float], None] = ignore
        self.may_write: Callable[[], bool] = always
        self.reconnects = -2  # both lanes have to be opened once
        self._run_id = b"another" if successor else b""  # of the server that commands went to last
        self._moved_s = -math.inf
        self._away: set[str] = set()  # lanes whose master could not be reached when it was last tried

    @property
    def up(self) -> bool:
        """Whether both lanes are open, as far as is known."""
        return not (self.commands.lost.is_set() or self.subscriptions.lost.is_set())

    async def open(self, deadline_s: float) -> None:
        """Open both lanes, trying for `deadline_s`.

        Raises:
            StoreError: Redis could not be reached in time; its text names no secret.
        """
        try:
            async with asyncio.timeout(deadline_s):
                if self.commands.lost.is_set():
                    await self._reopen_commands()
                if self.subscriptions.lost.is_set():
                    await self._reopen_subscriptions()
        except TimeoutError as exc:
            raise StoreError(f"Redis could not be reached within {deadline_s:.3g} s") from exc

    async def run(self) -> None:
        """Reopen lost lanes and watch for silent ones, until cancelled; both lanes are closed then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_commands(), name="command lane")
                tasks.create_task(self._keep_subscriptions(), name="subscription lane")
                tasks.create_task(self._keep_beating(), name="lane heartbeat")
                tasks.create_task(self._follow_master(), name="master watch")
        finally:
            await self._end()

    def close(self) -> None:
        """Close both lanes."""
        self.commands.close()
        self.subscriptions.close()

    async def _end(self) -> None:
        self.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.commands.lost.wait()
                await self.subscriptions.lost.wait()
        except TimeoutError:  # a frozen server takes nothing any more
            self.commands.abort("not closed in time")
            self.subscriptions.abort("not closed in time")
        await self._master.close()

    def moved_s(self, key: str) -> float:
        """As in `Lanes`."""
        return self._moved_s

    def subscribe(self, channel: str) -> None:
        """Ask for a shard channel; a push confirms it. Lost with the lane: `on_subscriptions_up` tells."""
        self.subscriptions.tell("SSUBSCRIBE", channel)

    def unsubscribe(self, channel: str) -> None:
        """End it."""
        self.subscriptions.tell("SUNSUBSCRIBE", channel)

    async def barrier(self) -> None:
        """Return when everything announced before this call has been told. Raises `StoreError`.

        Redis answers a connection in order, so the reply comes after every announcement published before.
        """
        await self.subscriptions.call("PING")
        if self._replicated:
            await self.commands.call("PING")  # behind the one that releases them

    async def reach_replicas(self) -> None:
        """As in `Lanes`."""
        lane = self.commands
        role = await lane.call("ROLE")
        if role[0] != b"master":
            raise StoreError("not a master any more")
        if not role[2]:
            return
        # WAIT covers the writes of its own connection, and others may have been lost with theirs: a new write is behind
        # all of them.
        marked = lane.call("SET", self._mark(), "", "EX", MARK_KEPT_S)
        reached = lane.call("WAIT", 1, REACH_MS)
        await marked
        if await reached < 1:
            raise StoreError("no replica has it yet")

    async def _keep_commands(self) -> None:
        while True:
            await self.commands.lost.wait()
            self._commands_open.clear()
            await self._reopen_commands()

    async def _keep_subscriptions(self) -> None:
        while True:
            await self.subscriptions.lost.wait()
            self.on_subscriptions_lost()
            if self._replicated:
                await self._commands_open.wait()  # nothing can be told before
            await self._reopen_subscriptions()

    async def _reopen_commands(self) -> None:
        while True:
            lane = ReplicatedLane("command", self._mark()) if self._replicated else Lane("command")
            await self._attach(lane)
            try:
                # The heartbeat watches lanes in use, and this one is not yet.
                async with asyncio.timeout(SILENCE_LIMIT_S):
                    loaded = (lane.call("SCRIPT", "LOAD", source) for source in SOURCES.values())
                    about, *_ = await asyncio.gather(lane.call("INFO", "server"), *loaded)
            except (StoreError, TimeoutError):
                lane.abort("scripts not loaded")
                await asyncio.sleep(RETRY_S[2])
                continue
            except asyncio.CancelledError:
                lane.close()
                raise
            self._arrived_at(about)
            self.commands = lane
            self._commands_open.set()
            self._follow(lane, self.subscriptions)
            self.on_commands_up()
            return

    def _arrived_at(self, about: bytes) -> None:
        former, self._run_id = self._run_id, _run_id(about)
        if former not in (b"", self._run_id):
            self._moved_s = asyncio.get_running_loop().time()

    async def _reopen_subscriptions(self) -> None:
        on_push, on_read_end = self.on_push, self.on_read_end
        if self._replicated:
            held = HeldPushes(lambda: self.commands, on_push, on_read_end, lambda: lane.abort("not confirmed"))
            on_push, on_read_end = held.pushed, held.read_ended
        lane = Lane("subscription", on_push, self.on_refused)
        lane.on_read_end(on_read_end)
        await self._attach(lane)
        self.subscriptions = lane
        self._follow(lane, self.commands)
        self.on_subscriptions_up()

    def _follow(self, newer: Lane, older: Lane) -> None:
        """Announcements come from the server that commands go to: the lane opened last shows which one that is."""
        if not older.lost.is_set() and older.at != newer.at:
            older.abort("the master has moved")

    async def _attach(self, lane: Lane) -> None:
        """Connect and hand the transport to `lane`; tries for ever, the owner sets the end."""
        attempt = 0
        while True:
            try:
                found = await self._master.connect()
            except CONNECT_ERRORS as exc:
                if lane.name not in self._away:
                    self._away.add(lane.name)
                    _log.warning("redis_unreachable", extra={"lane": lane.name, "error": type(exc).__name__})
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1
                continue
            self._away.discard(lane.name)
            # It never goes back to a pool: the lane keeps it.
            lane.at, lane.believed_s = found.at, self._master.believed_s
            lane.take_over(found.connection, found.alive_s)
            lane.observe = self.observe
            self.reconnects += 1
            return

    def _pause_s(self) -> float:
        return min(HEARTBEAT_S, self._master.believed_s / BEATS)

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s())
            for lane in (self.commands, self.subscriptions):
                if lane.lost.is_set():
                    continue
                if lane.oldest_wait_s() > SILENCE_LIMIT_S or lane.silent_s() > lane.believed_s:
                    lane.abort("silent")
                else:
                    self._beat(lane)

    async def _follow_master(self) -> None:
        # A master that is replaced while it lives takes writes for seconds before it is told.
        while True:
            await asyncio.sleep(self._pause_s())
            for at in {lane.at for lane in (self.commands, self.subscriptions)}:
                if at is not None and await self._master.is_replaced(at):
                    for lane in (self.commands, self.subscriptions):
                        if lane.at == at:
                            lane.abort("the master has moved")

    def _beat(self, lane: Lane) -> None:
        def beaten(reply: Any) -> None:
            if not isinstance(reply, StoreError) and not self._master.is_well(reply):
                lane.abort("not a master any more")

        lane.request(beaten, *self._master.heartbeat)


def _run_id(about: bytes) -> bytes:
    """Of a server, new with each start. Source: Redis documentation, INFO, "server"."""
    return about.partition(b"run_id:")[2].partition(b"\r")[0]
