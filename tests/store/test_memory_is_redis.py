"""The memory store of the room tests is not a friendlier Redis: any operations, the same answers, logs and states."""

import dataclasses
from collections.abc import AsyncIterator
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.events import Kicked, ModeChange, ModesSet, Reaped, RoomRenamed
from gateway.model import ORIGIN, Answer, GatewayId, LogKey, Member, MsgId, Position, Snapshot
from gateway.rooms.ports import Change
from gateway.store.urls import Durability
from tests.harness.events import join, leave, member, promote, rebind, said, set_topic, uid_of
from tests.harness.log_site import LogSite, MemorySite, change, redis_site, say
from tests.harness.memory_store import MemoryRedis

GATEWAYS = ("g1", "g2")
_logs = count(1)


class Operation(NamedTuple):
    """One thing a gateway does."""

    kind: str
    gateway: str
    number: int  # relative to the one Redis would take next
    permissions: str
    who: str
    events: int


operations = st.builds(
    Operation,
    kind=st.sampled_from(
        [
            *("say", "say", "join", "found", "leave", "topic", "promote", "rebind", "reap"),
            *("kick", "moderate", "relax", "found again", "found blank", "join if room", "alias", "name"),
        ]
    ),
    gateway=st.sampled_from(GATEWAYS),
    number=st.sampled_from([0, 0, 0, 0, -1, 1]),
    permissions=st.sampled_from(["now", "now", "old", "any"]),
    who=st.sampled_from(["ann", "bob"]),
    events=st.integers(1, 3),
)


class Run(NamedTuple):
    """What can be seen of a run, with positions as places in the log."""

    answers: list[tuple[object, ...]]
    entries: list[object]
    heard: list[tuple[int, list[int]]]
    snapshot: tuple[object, ...]


async def run(site_of: dict[str, LogSite], log: LogKey, steps: list[Operation]) -> Run:
    """Do all of it, and say what came of it."""
    one = site_of["g1"]
    one.heard.clear()
    await one.subscribe(log)
    answers = [answer for step in steps if (answer := await perform(site_of[step.gateway], log, step)) is not None]
    entries = await one.store.read_after(log, ORIGIN, 1000)
    assert entries is not None
    await one.settle()
    # A log may have been emptied meanwhile; what was heard is all there ever was.
    everything = [entry for _, _, heard in one.heard for entry in heard]
    place = {ORIGIN: -1} | {entry.position: index for index, entry in enumerate(everything)}
    return Run(
        [(answer.outcome, [place[position] for position in answer.positions], answer.seen) for answer in answers],
        [set(entry.event.uids) if isinstance(entry.event, Reaped) else entry.event for entry in entries],
        [(place[prev], [place[entry.position] for entry in heard]) for _, prev, heard in one.heard],
        seen(await one.store.snapshot(log, "#fallback"), place),
    )


async def perform(site: LogSite, log: LogKey, step: Operation) -> Answer | None:
    """One step; some have no answer."""
    if step.kind in {"reap", "alias"}:
        dead = GatewayId("g1" if step.gateway == "g2" else "g2")
        await (site.alias(log, "#elsewhere") if step.kind == "alias" else site.reap(log, dead, uid_of(step.who)))
        return None
    now = (await site.store.snapshot(log, "")).permissions
    permissions = {"now": now, "old": Position(b"1-1"), "any": None}[step.permissions]
    number = await site.store.produced(log) + 1 + step.number
    if step.kind == "say":
        return await say(site, log, number, [said(step.who, str(i)) for i in range(step.events)], permissions)
    who = member(step.who, gateway=step.gateway)
    match step.kind:
        case "join":
            what = join(who, permissions=permissions)
        case "found":
            what = join(who._replace(modes="o"), permissions=permissions)
        case "leave":
            what = leave(who)
        case "rebind":
            what = rebind(who, GatewayId(step.gateway))
        case "kick":
            event = Kicked(who.uid, MsgId(b"kick"), who.source, member("ann").uid, "out")
            what = Change(
                event=event,
                permissions=permissions,
                uid=member("ann").uid,
                need="in",
                leaves=True,
            )
        case "moderate" | "relax":
            what = moderate(who, permissions, on=step.kind == "moderate")
        case "found again" | "found blank":
            what = join(who._replace(modes="o"), permissions=permissions)
            what = dataclasses.replace(what, anew=True, blank=step.kind == "found blank")
        case "join if room":
            what = dataclasses.replace(join(who, permissions=permissions), capacity=step.events)
        case "topic" | "name":
            new = step.who * (step.events - 1)
            what = set_topic(who, new, permissions=permissions) if step.kind == "topic" else name(who, permissions, new)
        case _:
            what = promote(who, permissions=permissions)
    return await change(site, log, number, what)


def name(who: Member, permissions: Position | None, new: str) -> Change:
    """The room gets a name, and has one it had."""
    return Change(
        event=RoomRenamed(who.uid, MsgId(b"name"), who.source, "#old", f"#{new}"),
        permissions=permissions,
        uid=who.uid,
        need="in",
        state=(("name", f"#{new}"),),
        listed=(("n #old", "#Old"),),
    )


def moderate(who: Member, permissions: Position | None, *, on: bool) -> Change:
    """Modes of the room, its members and its lists, set or taken back."""
    entries = (f"b {who.nick}!*@*", f"i {who.uid.decode()}", "I m:x!*@* y")
    return Change(
        event=ModesSet(who.uid, MsgId(b"mode"), who.source, (ModeChange("+" if on else "-", "m"),)),
        permissions=permissions,
        uid=who.uid,
        state=(("modes", "m" if on else ""), ("key", "k" if on else ""), ("limit", "3" if on else "")),
        modes=tuple((member(name).uid, "v" if on else "") for name in ("ann", "bob")),
        listed=tuple((entry, who.source) for entry in entries) if on else (),
        unlisted=() if on else entries[:2],
    )


def seen(snapshot: Snapshot, place: dict[Position, int]) -> tuple[object, ...]:
    """A snapshot without what depends on the clock."""
    topic = (snapshot.topic.text, snapshot.topic.by, bool(snapshot.topic.at_ms))
    return (
        (snapshot.name, snapshot.modes, topic, bool(snapshot.created_ms), snapshot.produced),
        (place[snapshot.last], place[snapshot.permissions]),
        (snapshot.members, snapshot.key, snapshot.limit, snapshot.aliased),
        {name: listed.by for name, listed in snapshot.former.items()},
        {letter: {mask: listed.by for mask, listed in masks.items()} for letter, masks in snapshot.lists.items()},
        {uid: listed.by for uid, listed in snapshot.invited.items()},
    )


@pytest.fixture
async def pair(store_url: str) -> AsyncIterator[dict[str, LogSite]]:
    """Two gateways' views of a real server, by their names."""
    async with (
        redis_site(store_url, Durability.REDIS, "g1") as one,
        redis_site(store_url, Durability.REDIS, "g2") as two,
    ):
        yield {"g1": one, "g2": two}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(operations, max_size=16))
async def test_any_operations_have_the_same_outcome(pair: dict[str, LogSite], steps: list[Operation]) -> None:
    """Answers, log, announcements and snapshot of a run are equal on both."""
    log = LogKey(f"r:#equal{next(_logs)}")
    memory = MemoryRedis()
    memories: dict[str, LogSite] = {name: MemorySite(memory, GatewayId(name)) for name in GATEWAYS}
    assert await run(memories, log, steps) == await run(pair, log, steps)
