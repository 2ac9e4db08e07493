"""Whether all gateways, and Redis itself, say the same about every room."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from secrets import token_hex

from gateway.model import Uid
from gateway.spoken import Said
from gateway.store.codec import decode_member
from gateway.store.entries import decode_event
from gateway.store.keys import LogKeys, log_keys, room_log
from gateway.store.logs import LOG_ENTRIES
from gateway.wire.message import Message, Source
from gateway.wire.names import casefold, room_key
from tests.faults.stores import Store
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.irc_peer import IrcPeer
from tests.harness.sights import Log

__all__ = ["RoomView", "as_gateway_says", "as_redis_says", "differences", "disagreements", "log_of"]

REDIS = "Redis"
PREFIXES = {"o": "@", "v": "+"}


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as one source has it."""

    members: frozenset[str]  # nicks with their prefixes
    topic: str
    name: str | None  # as displayed; None: there is no room
    modes: str | None  # None: the source was not asked


def differences(views: Mapping[str, Mapping[str, RoomView]]) -> list[str]:
    """Each aspect of each room on which sources differ, in words. Pure.

    Args:
        views: source -> room -> what it says; a source that does not know a room is compared as one that has none.
    """
    found = []
    for room in sorted({room for own in views.values() for room in own}):
        for aspect in ("members", "topic", "name", "modes"):
            said: dict[object, list[str]] = defaultdict(list)
            for source, own in views.items():
                view = own.get(room, RoomView(frozenset(), "", None, None))
                if (value := getattr(view, aspect)) is not None:
                    said[value].append(source)
            if len(said) > 1:
                found.append(
                    f"{aspect} of {room}: "
                    + "; ".join(f"{', '.join(who)}: {_shown(v, said)}" for v, who in said.items())
                )
    return found


def _shown(value: object, among: Iterable[object]) -> str:
    """A value; of a set, what others do not have."""
    if not isinstance(value, frozenset):
        return repr(value)
    common = frozenset.intersection(*(other for other in among if isinstance(other, frozenset)))
    return " ".join(sorted(value - common)) or "none of these"


async def disagreements(addresses: Mapping[str, tuple[str, int]], rooms: Iterable[str], store: Store) -> list[str]:
    """Enter every room on every gateway, so that all have its replica, and compare what they say."""
    rooms = list(rooms)
    async with AsyncExitStack() as stack:
        probes: dict[str, IrcPeer] = {}
        for name, address in addresses.items():
            probes[name] = probe = await stack.enter_async_context(await _connected(address))
            for room in rooms:
                await probe.send(f"JOIN {room}")
                await probe.expect("366", deadline_s=4 * DEADLINE_S)
        for probe in probes.values():
            await probe.barrier(deadline_s=4 * DEADLINE_S)
        views = {name: {room: await as_gateway_says(probe, room) for room in rooms} for name, probe in probes.items()}
        views[REDIS] = {room: await asyncio.to_thread(as_redis_says, store, room) for room in rooms}
    return differences(views)


async def _connected(address: tuple[str, int]) -> IrcPeer:
    """A probe; a Redis that has just changed places may refuse the first attempts."""

    async def attempt() -> IrcPeer | None:
        try:
            return await IrcPeer.connect(*address, f"probe{token_hex(4)}", caps=("multi-prefix",))
        except (OSError, AssertionError):
            return None

    return await eventually(attempt, what=f"{address} takes a client", deadline_s=6 * DEADLINE_S)


async def as_gateway_says(peer: IrcPeer, room: str) -> RoomView:
    """What NAMES, TOPIC and MODE answer; needs multi-prefix."""
    await peer.send(f"NAMES {room}", f"TOPIC {room}", f"MODE {room}")
    said = await peer.barrier(deadline_s=4 * DEADLINE_S)
    names = [name for message in said if message.command == "353" for name in message.params[-1].split()]
    topics = [message.params[-1] for message in said if message.command == "332"]
    modes = next((message.params[1:] for message in said if message.command == "324"), (None, ""))
    return RoomView(frozenset(names), "".join(topics), modes[0], " ".join(map(str, modes[1:])))


def as_redis_says(store: Store, room: str) -> RoomView:
    """What is in its hashes."""
    keys = _keys(room)
    with store.client(keys.state) as client:
        members = client.hgetall(keys.members)
        topic, name = client.hget(keys.state, "topic"), client.hget(keys.state, "name")
    decoded = [decode_member(Uid(uid), value) for uid, value in members.items()]
    assert topic is None or isinstance(topic, bytes)
    assert name is None or isinstance(name, bytes)
    names = ("".join(sign for mode, sign in PREFIXES.items() if mode in each.modes) + each.nick for each in decoded)
    return RoomView(frozenset(names), (topic or b"").decode(), name.decode() if name and members else None, None)


def log_of(store: Store, room: str) -> Log:
    """What was said in a room, as its log in Redis has it."""
    key = _keys(room).log
    with store.client(key) as client:
        entries = [decode_event(fields[b"e"]) for _, fields in client.xrange(key)]
    said = [Message.parse(event.line.strip()) for event in entries if isinstance(event, Said)]
    messages = [(casefold(Source.parse(message.source).nick), message.params[1]) for message in said]
    return Log(messages, trimmed=len(entries) >= LOG_ENTRIES)


def _keys(room: str) -> LogKeys:
    key = room_key(room)
    assert key is not None
    return log_keys(room_log(key))
