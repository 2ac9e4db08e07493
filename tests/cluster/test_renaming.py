"""A room is renamed while gateways die, sessions are away and Redis loses what it had: its names lead to it, once each.

Source: docs/adr/0026-a-name-leads-to-a-room.md; https://ircv3.net/specs/extensions/channel-rename.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.events import RoomRenamed
from gateway.model import ORIGIN
from gateway.spoken import Said, SaidTo
from gateway.store.keys import LogKeys, log_keys, room_log
from gateway.store.urls import Durability
from gateway.wire.names import RoomKey
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.facts import wait_for
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.log_site import redis_site
from tests.harness.private_server import PrivateServer
from tests.harness.resuming import TAGGED, come_back, connect, is_detached
from tests.harness.steps import answers, join

pytestmark = pytest.mark.slow

RENAME = "draft/channel-rename"
CAPS = ("message-tags", "server-time", "echo-message", "standard-replies", RENAME)
LINES = 5  # of each author, each time
CLAIMED_S = 15.0  # that a name is claimed for; see `gateway.store.aliases`
LOOK_S = 30.0  # between looks at the names; see `gateway.upkeep`


class Site(NamedTuple):
    """Two gateways and their Redis."""

    one: GatewayProcess
    two: GatewayProcess
    store: PrivateServer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Without limits, of one test's own: something of it dies."""
    with PrivateServer.running(tmp_path / "store") as store, gateways(tmp_path, store.url, limits="off") as (one, two):
        yield Site(one, two, store)


async def peer(stack: AsyncExitStack, gateway: GatewayProcess, nick: str, caps: tuple[str, ...] = CAPS) -> IrcPeer:
    """A peer on that gateway."""
    return await stack.enter_async_context(await IrcPeer.connect(gateway.host, gateway.port, nick, caps=caps))


def at(name: str) -> LogKeys:
    """The keys in the slot of a name."""
    return log_keys(room_log(RoomKey(name)))


async def alias(site: Site, name: str, room: str | None) -> None:
    """Wait until a name leads there."""
    wanted = room.encode() if room is not None else None
    with site.store.client() as client:

        async def leads() -> bool | None:
            return client.get(at(name).alias) == wanted or None

        await eventually(leads, what=f"{name} leads to {room}", deadline_s=LOOK_S + DEADLINE_S)


async def renamed(by: IrcPeer, old: str, new: str) -> None:
    """Give a room another name."""
    await by.send(f"RENAME {old} {new}")
    assert (await by.expect("RENAME")).params[:2] == (old, new)


async def test_nothing_is_said_under_a_name_the_room_has_no_more(site: Site, stack: AsyncExitStack) -> None:
    """What another gateway took in before it heard of the rename, and writes after it, is to the new name: in the log
    and for all members. Its gateway sleeps while the room is renamed, and has all of it to do at once when it wakes."""
    ann = await peer(stack, site.one, "ann")
    others = [await peer(stack, site.two, f"bob{number}") for number in range(4)]
    await join("#a", ann, *others)
    for number, (old, new) in enumerate((("#a", "#b"), ("#b", "#a")) * 3):
        site.two.send_signal(signal.SIGSTOP)
        for other in others:
            await other.send(*(f"PRIVMSG {old} :{number} {line}" for line in range(LINES)), f"NOTICE @{old} :{number}")
        await renamed(ann, old, new)
        site.two.send_signal(signal.SIGCONT)
        for member in (ann, *others):
            name, said = new if member is ann else old, 0
            while said < len(others) * (LINES + (member is ann)) + (member in others) or name == old:
                message = await member.expect(lambda m: m.command in {"RENAME", "PRIVMSG", "NOTICE"})
                if message.command == "RENAME":
                    name = message.params[1]
                else:
                    assert message.params[0].lstrip("@") == name
                    said += 1
    async with redis_site(site.store.url, Durability.REDIS, "reader") as reader:
        entries = await reader.store.read_after(room_log(RoomKey("#a")), ORIGIN, 100_000)
    assert entries is not None
    name = "#a"
    for event in (entry.event for entry in entries):
        if isinstance(event, RoomRenamed):
            name = event.name
        elif isinstance(event, Said | SaidTo):
            assert event.line.split(b" ")[2].lstrip(b"@") == name.encode()


async def test_a_gateway_dies_between_the_claim_and_the_rename(site: Site, stack: AsyncExitStack) -> None:
    """The room keeps its name; the one it was to get is nobody's for seconds, in which nobody gets a room that might be
    another, and then free: for a room that is founded, and for one that is renamed."""
    names = ("#new1", "#new2")
    held = []
    for number, name in enumerate(names):
        ann = await IrcPeer.connect(site.one.host, site.one.port, f"ann{number}", caps=CAPS)
        await join(f"#old{number}", ann)
        with site.store.client() as client:
            client.hset(at(f"#old{number}").state, "permissions", "1-1")  # what is decided waits for others that are
        await ann.send(f"RENAME #old{number} {name}")
        await alias(site, name, f"?#old{number}")
        held.append(ann)
    site.one.kill()
    bob = await peer(stack, site.two, "bob")
    await join("#other", bob)
    (answer,) = await answers(bob, f"JOIN {names[0]}")
    assert answer.params[:2] == ("JOIN", "TEMPORARILY_UNAVAILABLE")
    (answer,) = await answers(bob, f"RENAME #other {names[1]}")
    assert answer.params[1] == "CHANNEL_NAME_IN_USE"

    async def joined() -> bool | None:
        return "JOIN" in [m.command for m in await answers(bob, f"JOIN {names[0]}")] or None

    await eventually(joined, what="the name is free", deadline_s=CLAIMED_S + DEADLINE_S)
    await alias(site, names[1], None)
    await renamed(bob, "#other", names[1])
    with site.store.client() as client:
        assert [client.hget(at(f"#old{number}").state, "name") for number in range(2)] == [b"#old0", b"#old1"]
    for ann in held:
        await ann.close()


async def test_a_gateway_dies_between_the_rename_and_its_last_word(site: Site, stack: AsyncExitStack) -> None:
    """The log has the rename, and the name is only claimed: a gateway with somebody in the room makes it last."""
    ann = await IrcPeer.connect(site.one.host, site.one.port, "ann", caps=CAPS)
    bob, cat = await peer(stack, site.two, "bob"), await peer(stack, site.two, "cat", ())
    await join("#old", ann, bob)
    await renamed(ann, "#old", "#new")
    await alias(site, "#new", "#old")
    with site.store.client() as client:  # as it is when the gateway ends before it could say so
        client.set(at("#new").alias, "?#old", ex=int(CLAIMED_S))
    site.one.kill()
    await ann.close()
    # Also before that the name leads to the room, which has it.
    assert [m.command for m in await answers(cat, "JOIN #new")] == ["JOIN", "353", "366"]
    await alias(site, "#new", "#old")
    with site.store.client() as client:
        assert client.ttl(at("#new").alias) > 86_400


async def test_who_was_away_learns_of_the_name_when_it_is_back(site: Site, stack: AsyncExitStack) -> None:
    """On another gateway: by RENAME from the name that it knew to the present one, however many were between, before
    its JOIN; who does not know of renames by a PART of that name. Nothing of it to who knows the name."""
    bob = await peer(stack, site.two, "bob")
    known, plain = [await connect(site.one, nick, *TAGGED, *caps) for nick, caps in (("ann", (RENAME,)), ("cat", ()))]
    await join("#old", bob, known[0], plain[0])
    await join("#steady", bob, known[0])
    await bob.send("PRIVMSG #old :before")
    for away in (known[0], plain[0]):
        await away.expect("PRIVMSG")
        await away.close()
    for nick in ("ann", "cat"):  # until its gateway has seen it go, it is told of the next name
        await asyncio.to_thread(wait_for, partial(is_detached, site.store, nick))
    await renamed(bob, "#old", "#mid")
    await renamed(bob, "#mid", "#new")
    await answers(bob, "PRIVMSG #new :after")
    back = await come_back(site.two, known[1], caps=(*TAGGED, RENAME))
    await stack.enter_async_context(back.peer)
    assert [p[:2] for p in back.lines("RENAME")] == [["#old", "#new"]]
    order = [(m.command, m.params[0]) for m in back.told if m.command in {"RENAME", "JOIN", "PRIVMSG"}]
    assert order == [("RENAME", "#old"), ("JOIN", "#new"), ("PRIVMSG", "#new"), ("JOIN", "#steady")]
    again = await come_back(site.one, plain[1], nick="again2")
    await stack.enter_async_context(again.peer)
    order = [(m.command, m.params[0]) for m in again.told if m.command in {"PART", "JOIN", "RENAME"}]
    assert order == [("PART", "#old"), ("JOIN", "#new")]
    await again.peer.send("PRIVMSG #new :here")
    assert (await bob.expect(lambda m: m.params[-1] == "here")).params[0] == "#new"
    await back.peer.close()
    once_more = await come_back(site.one, back.token, nick="again3", caps=(*TAGGED, RENAME))
    await stack.enter_async_context(once_more.peer)
    assert once_more.lines("RENAME") == []


async def test_a_renamed_room_is_reaped_and_ends_as_any_other(site: Site, stack: AsyncExitStack) -> None:
    """Its gateway dies: who was lost leaves it for those who are left; with the last one it ends, and its former name
    is free."""
    ann = await IrcPeer.connect(site.one.host, site.one.port, "ann", caps=CAPS)
    eve = await IrcPeer.connect(site.one.host, site.one.port, "eve", caps=CAPS)
    bob = await peer(stack, site.two, "bob")
    await join("#old", ann, bob)
    await join("#alone", eve)
    await renamed(ann, "#old", "#new")
    for old, new in (("#alone", "#alone2"), ("#alone2", "#alone3")):
        await renamed(eve, old, new)
    site.one.kill()
    assert (await bob.expect("QUIT", deadline_s=20 + DEADLINE_S)).source.startswith("ann!")
    (named,) = [m for m in await answers(bob, "NAMES #new") if m.command == "353"]
    assert (named.params[2], named.params[-1].split()) == ("#new", ["bob"])

    async def gone() -> bool | None:
        return [m.command for m in await answers(bob, "MODE #alone3")] == ["403"] or None

    await eventually(gone, what="the room has ended", deadline_s=20 + DEADLINE_S)
    for name in ("#alone2", "#alone3"):
        assert [m.command for m in await answers(bob, f"JOIN {name}")] == ["JOIN", "353", "366"]
        assert [m.command for m in await answers(bob, f"MODE {name} +i")] == ["MODE"]
    for lost in (ann, eve):
        await lost.close()


async def test_redis_loses_everything(site: Site, stack: AsyncExitStack) -> None:
    """The rooms have their names again, the former ones lead to them, and nobody is told anything."""
    ann, bob = await peer(stack, site.one, "ann"), await peer(stack, site.two, "bob")
    late = await peer(stack, site.two, "late")
    await join("#old", ann, bob)
    await renamed(ann, "#old", "#mid")
    await renamed(ann, "#mid", "#new")
    await bob.collect("RENAME", 2)
    with site.store.client() as client:
        client.flushall()
    for name in ("#mid", "#new"):
        await alias(site, name, "#old")

    async def restored() -> bool | None:
        with site.store.client() as client:
            return client.hlen(at("#old").members) == 2 or None

    await eventually(restored, what="the members are there again")
    (answer,) = await answers(late, "JOIN #mid")
    assert answer.params[:4] == ("JOIN", "CHANNEL_RENAMED", "#mid", "#new")
    assert [m.command for m in await answers(late, "JOIN #new")] == ["JOIN", "353", "366"]
    await late.send("PRIVMSG #new :hello")
    for member in (ann, bob):
        seen = [await member.read() for _ in "JP"]
        assert [(m.command, m.params[0]) for m in seen] == [("JOIN", "#new"), ("PRIVMSG", "#new")]
