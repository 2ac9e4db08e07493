"""The names of a room in Redis, beside its log: claimed before it has them, kept while it has, free when nothing has.

Source: docs/adr/0026-a-name-leads-to-a-room.md.
"""

import dataclasses
from collections.abc import AsyncIterator

import pytest
import redis

from gateway.commands.renaming import keep_names
from gateway.errors import StoreError
from gateway.model import GatewayId, Member, Uid
from gateway.people import Rate
from gateway.store.codec import encode_member
from gateway.store.keys import LogKeys, log_keys, room_log
from gateway.store.urls import Durability
from gateway.wire.names import RoomKey
from tests.harness.deadlines import eventually
from tests.harness.gateway_inside import GatewayInside
from tests.harness.irc_peer import IrcPeer
from tests.harness.log_site import redis_site
from tests.harness.steps import answers, commands, join

CAPS = ("draft/channel-rename", "standard-replies")


@pytest.fixture
async def inside(store_url: str) -> AsyncIterator[GatewayInside]:
    """A server."""
    async with GatewayInside.running(store_url) as inside:
        yield inside


@pytest.fixture
def client(store_url: str) -> redis.Redis:
    """To look into Redis, and to lose something of it."""
    return redis.Redis.from_url(store_url)


async def connect(inside: GatewayInside, nick: str, *caps: str) -> IrcPeer:
    """A peer."""
    return await IrcPeer.connect(inside.host, inside.port, nick, caps=caps)


def at(name: str) -> LogKeys:
    """The keys in the slot of a name."""
    return log_keys(room_log(RoomKey(name)))


def in_it(client: redis.Redis, name: str) -> None:
    """Somebody is in a room of that name, on a gateway that is not here."""
    who = Member(Uid(b"u-far"), "far", "~far", "host", "", "Far", GatewayId("elsewhere"), "o")
    client.hset(at(name).members, "u-far", encode_member(who))


async def named(inside: GatewayInside, nick: str, room: str, *names: str) -> IrcPeer:
    """Somebody in a room that was given these names, one after the other."""
    ann = await connect(inside, nick, *CAPS)
    await join(room, ann)
    for old, new in zip((room, *names), names, strict=False):
        await ann.send(f"RENAME {old} {new}")
        await ann.expect("RENAME")
    await ann.barrier()
    return ann


async def test_a_name_is_claimed_for_a_while_and_kept_for_long(
    inside: GatewayInside, client: redis.Redis, nick: str, room: str
) -> None:
    """A claim ends by itself; what a room has lasts longer than an empty room is kept. The first name needs none."""
    aliases, name = inside.services.aliases, RoomKey(f"{room}b")
    assert await aliases.claim(name, RoomKey(room))
    assert 0 < client.ttl(at(name).alias) <= 60
    with pytest.raises(StoreError):
        await aliases.find(name)  # whether it gets it, nobody knows yet
    await aliases.release(name, RoomKey(room))
    assert await aliases.find(name) is None
    ann = await named(inside, nick, room, name, room, name)
    assert client.get(at(name).alias) == room.encode()
    assert client.ttl(at(name).alias) > 30 * 86_400
    assert not client.exists(at(room).alias)
    await aliases.release(name, RoomKey(room))  # it has it, so there is nothing to give back
    assert await aliases.find(name) == room
    await ann.close()


async def test_a_claim_is_one_rooms_alone(inside: GatewayInside, client: redis.Redis, nick: str, room: str) -> None:
    """Of two rooms that are to get a name one does; and nobody founds a room of that name meanwhile."""
    aliases, name = inside.services.aliases, RoomKey(f"{room}-new")
    assert await aliases.claim(name, RoomKey("#some"))
    assert not await aliases.claim(name, RoomKey(room))
    ann = await connect(inside, nick, *CAPS)
    await join(room, ann)
    (answer,) = await answers(ann, f"RENAME {room} {name}")
    assert answer.params[1] == "CHANNEL_NAME_IN_USE"
    (answer,) = await answers(ann, f"JOIN {name}")
    assert answer.params[:2] == ("JOIN", "TEMPORARILY_UNAVAILABLE")
    client.delete(at(name).alias)  # its time is over
    assert await commands(ann, f"RENAME {room} {name}") == ["RENAME"]
    await ann.close()


async def test_a_rename_that_is_refused_gives_its_name_back(
    inside: GatewayInside, store_url: str, client: redis.Redis, nick: str, room: str
) -> None:
    """Who was allowed to when it was asked for has left when the order is made: nothing stays of it."""
    ann, name = await connect(inside, nick, *CAPS), f"{room}-new"
    await join(room, ann)
    client.hset(at(room).state, "permissions", "1-1")  # decided again and again, until something changes them
    await ann.send(f"RENAME {room} {name}")

    async def claimed() -> bool | None:
        return client.get(at(name).alias) == f"?{room}".encode() or None

    async def free() -> bool | None:
        return not client.exists(at(name).alias) or None

    await eventually(claimed, what="the name is claimed")
    async with redis_site(store_url, Durability.REDIS, "reaper") as site:
        (uid,) = inside.services.engine.rooms[RoomKey(room)].replica.members
        await site.reap(room_log(RoomKey(room)), GatewayId(""), uid)
    await eventually(free, what="the name is given back")
    assert (await ann.expect("482")).params[1] == room
    await ann.close()
    assert client.hget(at(room).state, "name") == room.encode()


async def test_what_redis_lost_of_names_is_written_again(
    inside: GatewayInside, client: redis.Redis, nick: str, room: str
) -> None:
    """The alias of the present name and of the former ones, as they are known from the replica."""
    ann = await named(inside, nick, room, f"{room}b", f"{room}c")
    client.delete(at(f"{room}b").alias, at(f"{room}c").alias)
    await keep_names(inside.services)
    for letter in "bc":
        assert client.get(at(f"{room}{letter}").alias) == room.encode()
    assert not client.exists(at(room).alias)
    await ann.close()


async def test_a_room_whose_name_another_has_by_now_goes_back_to_its_first(
    inside: GatewayInside, client: redis.Redis, nick: str, room: str
) -> None:
    """Redis had lost the alias, and somebody founded a room of that name: there are no two of one name for long, and
    the members see what becomes of theirs, from the server."""
    name = f"{room.upper()}B"
    ann = await named(inside, nick, room, f"{room}x", name)
    client.delete(at(name.lower()).alias)
    in_it(client, name.lower())
    await keep_names(inside.services)
    told = await ann.expect("RENAME")
    assert (told.source, told.params[:2]) == ("inside.test", (name, room))
    for asked, found in ((name, name), (f"{room}x", room)):
        await ann.send(f"MODE {asked}")
        assert (await ann.expect("324")).params[1] == found
    await ann.barrier()
    await keep_names(inside.services)
    assert await commands(ann) == []
    client.delete(at(name.lower()).members)
    await ann.close()


async def test_an_alias_of_what_is_no_more_is_freed_by_who_finds_it(
    inside: GatewayInside, client: redis.Redis, nick: str, room: str
) -> None:
    """By JOIN, by RENAME and by who asks from outside: a room that is gone, one that never got the name, one that
    cannot be entered since its own first name leads elsewhere."""
    ann = await connect(inside, nick, *CAPS)
    for number, line in enumerate(("JOIN {}", "RENAME {} {}", "MODE {}")):
        name = RoomKey(f"{room}n{number}")
        for alias in ("#gone", room):
            client.set(at(name).alias, alias)
        own = f"{room}own{number}"
        await join(own, ann)
        asked = line.format(own, name) if number == 1 else line.format(name)
        told = await commands(ann, asked)
        assert told[0] == ("JOIN", "RENAME", "403")[number]
        assert client.get(at(name).alias) == (own.encode() if number == 1 else None)
    # A room that ended under another name, and whose first name another room has since.
    bob = await named(inside, f"{nick}b", f"{room}a", f"{room}b")
    await answers(bob, f"PART {room}b")
    await join(f"{room}c", ann)
    assert await commands(ann, f"RENAME {room}c {room}a") == ["RENAME"]
    assert await commands(bob, f"JOIN {room}b") == ["JOIN", "353", "366"]
    assert not client.exists(at(f"{room}b").alias)
    for peer in (ann, bob):
        await peer.close()


async def test_a_room_is_renamed_so_often(inside: GatewayInside, nick: str, room: str) -> None:
    """Who has no limits goes on; anybody else is told that it was renamed recently, whoever did that."""
    services = inside.services
    services.network = dataclasses.replace(services.network, limits=True)
    limits = services.allowances._limits  # the clock of the bucket is that of Redis, so its size is the test's
    services.allowances._limits = limits._replace(renames=Rate(2, 1), trusted=())
    ann = await named(inside, nick, room, f"{room}b", f"{room}c")
    (answer,) = await answers(ann, f"RENAME {room}c {room}d")
    assert answer.params[:4] == ("RENAME", "CANNOT_RENAME", f"{room}c", f"{room}d")
    services.allowances._limits = limits._replace(renames=Rate(2, 1))
    assert await commands(ann, f"RENAME {room}c {room}d") == ["RENAME"]
    await ann.close()


async def test_a_rename_costs_what_a_join_costs(inside: GatewayInside, nick: str, room: str) -> None:
    """Many at once are refused like many joins at once, whether they would be carried out or not."""
    services = inside.services
    services.network = dataclasses.replace(services.network, limits=True)
    ann = await connect(inside, nick, *CAPS)
    await join(room, ann)
    await ann.send(*(f"RENAME {room} &no" for _ in range(45)))
    told = [m.params[1] for m in await ann.barrier()]
    assert set(told) == {"CANNOT_RENAME", "RATE_LIMITED"}
    assert told.count("CANNOT_RENAME") == 39  # one joined
    await ann.close()
