"""A cluster: one pair of lanes per master, commands and subscriptions where their slot is.

A command that a node refused because another serves the slot (MOVED, ASK) goes there, once. It was not carried out, and
all commands of a slot take the same way, so their order stays. Whatever else goes wrong is a `StoreError`: who sent a
batch sends the same one again. Source: Redis Cluster specification.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from redis.crc import key_slot

from gateway.errors import StoreError
from gateway.store.keys import cluster_mark, is_log_channel
from gateway.store.lane import Commands, Lane, OnReply, RedirectError, always, ignore, nothing
from gateway.store.masters import SHORT_TIMEOUT_S
from gateway.store.pair import LanePair
from gateway.store.topology import SLOTS, ClusterMaster, Range, Topology
from gateway.store.urls import Address, RedisUrl

__all__ = ["ClusterLanes"]

LOOK_EVERY_S = 5.0  # at the topology while nothing seems wrong
LOOK_WHILE_DOWN_S = 0.5
MIN_BETWEEN_LOOKS_S = 0.25
_log = logging.getLogger(__name__)


class ClusterLanes(Commands):
    """All lanes to a cluster. Implements `store.lanes.Lanes`."""

    def __init__(self, url: RedisUrl, *, replicated: bool) -> None:
        """`replicated`: nothing is told before a replica has it."""
        self.on_commands_up: Callable[[], None] = nothing
        # These two are never called: each channel is looked after by itself here.
        self.on_subscriptions_lost: Callable[[], None] = nothing
        self.on_subscriptions_up: Callable[[], None] = nothing
        self.on_push: Callable[[list[Any]], None] = ignore
        self.on_read_end: Callable[[], None] = nothing
        self.observe: Callable[[float], None] = ignore
        self.may_write: Callable[[], bool] = always
        self._url = url
        self._replicated = replicated
        self._topology = Topology(url)
        self._pairs: dict[Address, LanePair] = {}
        self._names: dict[LanePair, str] = {}  # of the nodes
        self._owners: list[LanePair | None] = [None] * SLOTS
        # What somebody here wants to hear, by slot, with the lane it was asked for on.
        self._channels: dict[int, dict[str, Lane | None]] = {}
        self._doubted = asyncio.Event()  # a node said something that does not go with the topology we know
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[LanePair, asyncio.Task[None]] = {}
        self._former_reconnects = 0  # of pairs that are gone

    @property
    def commands(self) -> Commands:
        """As in `Lanes`."""
        return self

    @property
    def up(self) -> bool:
        """Whether a part of the cluster can be reached: the rooms there go on, whatever became of the others."""
        return any(pair.up for pair in self._pairs.values())

    @property
    def reconnects(self) -> int:
        """Lanes opened again, and those to masters that were added later."""
        return self._former_reconnects + sum(pair.reconnects for pair in self._pairs.values())

    def moved_s(self, key: str) -> float:
        """As in `Lanes`."""
        owner = self._owners[key_slot(key.encode())]
        return owner.moved_s(key) if owner is not None else -math.inf

    async def open(self, deadline_s: float) -> None:
        """As in `Lanes`; all slots are served then."""
        try:
            async with asyncio.timeout(deadline_s):
                told = False
                while missing := await self._open_all():
                    if not told:
                        _log.warning("redis_unreachable", extra={"lane": "all", "error": missing})
                        told = True
                    await asyncio.sleep(MIN_BETWEEN_LOOKS_S)
        except TimeoutError as exc:
            raise StoreError(f"Redis could not be reached within {deadline_s:.3g} s") from exc

    async def run(self) -> None:
        """As in `Lanes`."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for pair in self._pairs.values():
                    self._start(pair)
                while True:
                    await self._wait_for_doubt()
                    await self._look()
                    await asyncio.sleep(MIN_BETWEEN_LOOKS_S)
        finally:
            self.close()

    def close(self) -> None:
        """As in `Lanes`."""
        for pair in self._pairs.values():
            pair.close()

    # -- commands ----------------------------------------------------------------------------------------------------

    def request(self, on_reply: OnReply, *args: str | bytes | int) -> None:
        """As in `Commands`; the command has a key."""
        key = args[3] if args[0] in ("EVALSHA", "EVAL") else args[1]
        slot = key_slot(key if isinstance(key, bytes) else str(key).encode())
        pair = self._owners[slot]
        if pair is None:
            asyncio.get_running_loop().call_soon(on_reply, StoreError("no master serves the slot"))
        else:
            pair.commands.request(partial(self._replied, pair, on_reply, args), *self._announcing(pair, args))

    def _replied(self, asked: LanePair, on_reply: OnReply, args: tuple[str | bytes | int, ...], reply: Any) -> None:
        if not isinstance(reply, StoreError):
            on_reply(reply)
            return
        self._doubted.set()
        if not isinstance(reply, RedirectError) or (target := self._redirected(asked, reply)) is None:
            on_reply(reply)
            return
        if reply.once:
            target.commands.request(ignore, "ASKING")
        target.commands.request(on_reply, *self._announcing(target, args))

    def _redirected(self, asked: LanePair, error: RedirectError) -> LanePair | None:
        """Where to try again; None: at a node we do not know yet."""
        address = error.host, error.port
        if not error.host:
            address = next((host for (host, _), pair in self._pairs.items() if pair is asked), ""), error.port
        pair = self._pairs.get(address)
        if pair is not None and not error.once:
            self._owners[error.slot] = pair
        return pair

    def _announcing(self, pair: LanePair, args: tuple[str | bytes | int, ...]) -> tuple[str | bytes | int, ...]:
        """A script that announces does so on the channel of the master it is sent to."""
        if args[0] != "EVALSHA":
            return args
        at = 3 + int(args[2])
        if at == len(args) or not isinstance(channel := args[at], str) or not is_log_channel(channel):
            return args
        return (*args[:at], self._channel_at(pair, channel), *args[at + 1 :])

    # -- subscriptions -----------------------------------------------------------------------------------------------

    def subscribe(self, channel: str) -> None:
        """As in `Lanes`; asked for again wherever the slot goes."""
        slot = key_slot(channel.encode())
        self._channels.setdefault(slot, {})[channel] = None
        self._ask_for_channels(slot)

    def unsubscribe(self, channel: str) -> None:
        """As in `Lanes`."""
        slot = key_slot(channel.encode())
        channels = self._channels.get(slot, {})
        lane = channels.pop(channel, None)
        if not channels:
            self._channels.pop(slot, None)
        owner = self._owners[slot]
        if owner is not None and lane is owner.subscriptions:
            lane.tell("SUNSUBSCRIBE", self._channel_at(owner, channel))

    async def barrier(self) -> None:
        """As in `Lanes`."""
        await asyncio.gather(*(pair.barrier() for pair in self._pairs.values()))

    async def reach_replicas(self) -> None:
        """As in `Lanes`."""
        owners = {pair for pair in self._owners if pair is not None}
        await asyncio.gather(*(pair.reach_replicas() for pair in owners))

    def _ask_for_channels(self, slot: int) -> None:
        """Ask the owner for those of the slot it was not asked for."""
        owner = self._owners[slot]
        if owner is None or owner.subscriptions.lost.is_set():
            return
        channels = self._channels[slot]
        for channel, asked_on in channels.items():
            if asked_on is not owner.subscriptions:
                channels[channel] = owner.subscriptions
                owner.subscriptions.tell("SSUBSCRIBE", self._channel_at(owner, channel))

    def _ask_for_all_channels(self) -> None:
        self._give_up_lost_channels()
        for slot in self._channels:
            self._ask_for_channels(slot)

    def _give_up_lost_channels(self) -> None:
        """What was asked for on a lane that is lost, or of a master that the slot has left, is heard no more: told as a
        node would tell it."""
        for slot, channels in self._channels.items():
            owner = self._owners[slot]
            current = owner.subscriptions if owner is not None and not owner.subscriptions.lost.is_set() else None
            for channel, asked_on in channels.items():
                if asked_on is not None and asked_on is not current:
                    channels[channel] = None
                    self.on_push([b"sunsubscribe", channel.encode()])

    def _commands_up(self) -> None:
        self._give_up_lost_channels()
        self.on_commands_up()

    def _channel_at(self, pair: LanePair, channel: str) -> str:
        """The channel of a log as its master announces on it. Nodes of a shard pass announcements on: those of a former
        master that was frozen, and carries out what it had been sent before, are none of its successor's."""
        return f"{channel}@{self._names[pair]}" if is_log_channel(channel) else channel

    def _pushed(self, push: list[Any]) -> None:
        kind, channel, *rest = push
        channel = channel and channel[: channel.rindex(b"}") + 1]
        if kind == b"sunsubscribe":
            self._unsubscribed(channel)
        self.on_push([kind, channel, *rest])

    def _unsubscribed(self, channel: bytes | None) -> None:
        """By us, or because the slot left the node."""
        name = (channel or b"").decode()
        channels = self._channels.get(key_slot(channel or b""), {})
        if name in channels:
            channels[name] = None
            self._doubted.set()

    def _refused(self, lane: Lane, error: StoreError) -> None:
        """A subscription: its slot is elsewhere; anything else is tried on another connection."""
        self._doubted.set()
        if isinstance(error, RedirectError):
            channels = self._channels.get(error.slot, {})
            for channel, asked_on in channels.items():
                if asked_on is lane:
                    channels[channel] = None
        else:
            asyncio.get_running_loop().call_later(MIN_BETWEEN_LOOKS_S, lane.abort, str(error))

    # -- topology ----------------------------------------------------------------------------------------------------

    async def _wait_for_doubt(self) -> None:
        all_up = all(pair.up for pair in self._pairs.values())
        try:
            async with asyncio.timeout(LOOK_EVERY_S if all_up else LOOK_WHILE_DOWN_S):
                await self._doubted.wait()
        except TimeoutError:
            pass
        self._doubted.clear()

    async def _look(self) -> None:
        """Ask for the topology, and go by it."""
        if (ranges := await self._topology.discover()) is not None:
            self._take(ranges)
        self._ask_for_all_channels()

    def _take(self, ranges: list[Range]) -> None:
        masters = {each.master: each.name for each in ranges}
        gone = [(address, pair) for address, pair in self._pairs.items() if masters.get(address) != self._names[pair]]
        for address, _ in gone:
            del self._pairs[address]
        for address in masters.keys() - self._pairs.keys():
            pair = self._pairs[address] = self._new_pair(address)
            self._names[pair] = masters[address]
        owners: list[LanePair | None] = [None] * SLOTS
        for each in ranges:
            owners[each.first : each.last + 1] = [self._pairs[each.master]] * (each.last + 1 - each.first)
        self._owners = owners
        for address, pair in gone:
            _log.info("redis_master_left", extra={"host": address[0], "port": address[1]})
            del self._names[pair]
            self._former_reconnects += pair.reconnects
            if (running := self._running.pop(pair, None)) is not None:
                running.cancel()
            pair.close()

    def _new_pair(self, address: Address) -> LanePair:
        master = ClusterMaster(self._url, address, self._topology)
        pair = LanePair(
            master, lambda: self._mark(pair), replicated=self._replicated, successor=self._tasks is not None
        )
        pair.on_push, pair.on_refused = self._pushed, self._refused
        pair.on_read_end = self.on_read_end
        pair.on_commands_up = self._commands_up
        pair.on_subscriptions_lost = self._give_up_lost_channels
        pair.on_subscriptions_up = self._ask_for_all_channels
        pair.observe = self.observe
        if self._tasks is not None:
            self._start(pair)
        return pair

    def _start(self, pair: LanePair) -> None:
        assert self._tasks is not None
        self._running[pair] = self._tasks.create_task(pair.run(), name="lanes to a master")

    def _mark(self, pair: LanePair) -> str:
        """A key the master serves."""
        return next(key for key in map(cluster_mark, count()) if self._owners[key_slot(key.encode())] is pair)

    async def _open_all(self) -> str:
        """Open what the topology has; returns what is missing yet, empty: nothing."""
        await self._look()
        closed = [pair for pair in self._pairs.values() if not pair.up]
        try:
            await asyncio.gather(*(pair.open(2 * SHORT_TIMEOUT_S) for pair in closed))
        except StoreError:
            return "a master is away"
        if not self._pairs:
            return "no node of a working cluster answers"
        return "no master for some slots" if None in self._owners else ""
