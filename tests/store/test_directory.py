"""Nicks and users over all gateways. Source: the headers of `nick_claim.lua`, `nick_free.lua`,
`figures.lua` and `whowas_note.lua`."""

import asyncio
import time

from gateway.model import GatewayId, Uid
from gateway.people import Figures, User
from gateway.store import keys
from gateway.store.directory import Directory
from gateway.store.lanes import Lanes
from gateway.store.leases import Leases
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, RoomKey
from tests.store.conftest import OpenLanes


async def alive(lanes: Lanes, name: str) -> Directory:
    """The directory as a gateway with a lease sees it."""
    gateway = GatewayId(name)
    await Leases(lanes, gateway, lambda: (1, 2, 3, 1)).begin()
    return Directory(lanes, gateway)


def user(uid: str, nick: str, gateway: str) -> User:
    """A session's record."""
    return User(Uid(uid.encode()), nick, "~u", "host", "A real name", "", "out", 1_700_000, GatewayId(gateway), True)


async def test_a_nick_has_one_holder(lanes: Lanes, unique: str) -> None:
    """The first keeps it, may claim it again, and only it can give it back."""
    directory = await alive(lanes, f"g-{unique}")
    nick, one, two = NickKey(unique), Uid(f"{unique}1".encode()), Uid(f"{unique}2".encode())
    assert await directory.claim(nick, one)
    assert await directory.claim(nick, one)
    assert not await directory.claim(nick, two)
    await directory.free(nick, two)
    assert await directory.find(nick) == one
    await directory.free(nick, one)
    assert await directory.find(nick) is None
    assert await directory.claim(nick, two)


async def test_of_fifty_who_want_a_nick_one_gets_it(lanes: Lanes, open_more: OpenLanes, unique: str) -> None:
    """From two gateways at once."""
    sites = [await alive(lanes, f"a-{unique}"), await alive(await open_more(), f"b-{unique}")]
    uids = [Uid(f"{unique}-{i}".encode()) for i in range(50)]
    won = await asyncio.gather(*(sites[i % 2].claim(NickKey(unique), uid) for i, uid in enumerate(uids)))
    assert won.count(True) == 1
    assert await sites[0].find(NickKey(unique)) == uids[won.index(True)]


async def test_a_holder_whose_gateway_is_gone_is_replaced(lanes: Lanes, unique: str) -> None:
    """Its lease has ended, or its record is gone: of fifty who want the nick then, one gets it."""
    directory = await alive(lanes, f"g-{unique}")
    lost = Directory(lanes, GatewayId(f"lost-{unique}"))  # never had a lease
    for index in range(2):
        nick = NickKey(f"{unique}-{index}")
        holder = Uid(f"{nick}-old".encode())
        assert await lost.claim(nick, holder)
        if index:
            await lanes.commands.call("DEL", keys.user_record(holder))
        uids = [Uid(f"{nick}-{i}".encode()) for i in range(50)]
        won = await asyncio.gather(*(directory.claim(nick, uid) for uid in uids))
        assert won.count(True) == 1
        assert await directory.find(nick) == uids[won.index(True)]


async def test_a_session_that_is_still_registering_is_not_gone(lanes: Lanes, unique: str) -> None:
    """Between its claim and its record nobody takes the nick away."""
    directory = await alive(lanes, f"g-{unique}")
    assert await directory.claim(NickKey(unique), Uid(f"{unique}1".encode()))
    assert not await directory.claim(NickKey(unique), Uid(f"{unique}2".encode()))
    assert await directory.find_user(NickKey(unique)) is None


async def test_records_round_trip_and_go(lanes: Lanes, unique: str) -> None:
    """What was put is found by nick and by uid; after `remove` nothing is left of the session."""
    gateway = f"g-{unique}"
    directory = await alive(lanes, gateway)
    who = user(unique, unique, gateway)
    await directory.claim(NickKey(unique), who.uid)
    await directory.put(who)
    assert await directory.user(who.uid) == await directory.find_user(NickKey(unique)) == who
    assert await directory.user(Uid(b"nobody")) is None
    await directory.remove(who.uid, NickKey(unique))
    assert await directory.find(NickKey(unique)) is None
    assert await lanes.commands.call("EXISTS", keys.user_record(who.uid)) == 0
    assert await lanes.commands.call("SCARD", keys.gateway_users(GatewayId(gateway))) == 0


async def test_rooms_by_size(lanes: Lanes, unique: str) -> None:
    """The largest first; a room with nobody in it is not listed."""
    directory = Directory(lanes, GatewayId(f"g-{unique}"))
    for size in (3, 10, 7):
        await directory.count_room(RoomKey(f"#{unique}-{size}"), size)
    await directory.count_room(RoomKey(f"#{unique}-7"), 0)
    mine = [row for row in await directory.rooms() if row.name.startswith(f"#{unique}-")]
    assert [(row.name, row.members, row.topic) for row in mine] == [(f"#{unique}-10", 10, ""), (f"#{unique}-3", 3, "")]


async def test_figures_add_up_over_gateways(lanes: Lanes, unique: str) -> None:
    """Each gateway's beat brings its share, and its end takes it away."""
    directory = Directory(lanes, GatewayId(f"g-{unique}"))
    before = await directory.figures()
    leases = [Leases(lanes, GatewayId(f"{unique}-{i}"), lambda: (5, 1, 2, 1)) for i in range(2)]
    for lease in leases:
        await lease.begin()
    figures = await directory.figures()
    assert figures == Figures(
        before.users + 10, before.unregistered + 2, before.operators + 4, figures.rooms, before.gateways + 2,
        before.invisible + 2, max(before.most_users, before.users + 10),
    )  # fmt: skip
    for lease in leases:
        await lease.end()
    assert (await directory.figures())._replace(rooms=0, most_users=0) == before._replace(rooms=0, most_users=0)


async def test_the_most_users_never_become_fewer(lanes: Lanes, unique: str) -> None:
    """Each gateway writes its share down as it changes; the sum that was highest is kept."""
    directory = Directory(lanes, GatewayId(f"most-{unique}"))
    before = await directory.figures()
    directory.count((before.most_users + 3, 0, 0, 0))
    crowded = await directory.figures()
    directory.count((0, 0, 0, 0))
    after = await directory.figures()
    assert (crowded.users, after.users) == (before.users + before.most_users + 3, before.users)
    assert crowded.users == crowded.most_users == after.most_users


def former_user(nick: str, number: int) -> User:
    """Somebody who had the nick."""
    return User(
        Uid(f"{nick}-{number}".encode()), nick, "~u", f"host{number}", "Real Name", "", "", 1, GatewayId("g"), False
    )


async def test_who_had_a_nick_is_remembered_newest_first(lanes: Lanes, unique: str) -> None:
    """The last ten of each nick, whichever gateway saw them; the same end noted twice counts once."""
    directories = [Directory(lanes, GatewayId(f"was-{unique}-{i}")) for i in range(2)]
    assert await directories[0].formers(NickKey(unique)) == []
    for number in range(12):
        await directories[number % 2].note_former(former_user(unique, number))
        await directories[0].note_former(former_user(unique, number))
    found = await directories[1].formers(NickKey(unique))
    assert [former.host for former in found] == [f"host{number}" for number in range(11, 1, -1)]
    assert (found[0].nick, found[0].user, found[0].realname, found[0].account) == (unique, "~u", "Real Name", "")
    assert abs(found[0].until_s - time.time()) < 60


async def test_nicks_that_were_given_up_first_are_forgotten_first(lanes: Lanes, unique: str) -> None:
    """Of so many nicks, and for so long."""
    names = [f"{{w}}:{unique}:{name}" for name in ("entries", "ages")]
    call = lanes.commands.call
    for nick in ("a", "b", "c"):
        await call("EVALSHA", sha("whowas_note"), 2, *names, nick, "uid", "entry", 10, 2, 60_000)
    assert sorted(await call("HKEYS", names[0])) == [b"b", b"c"]
    await call("ZADD", names[1], 1, "b")
    await call("EVALSHA", sha("whowas_note"), 2, *names, "d", "uid", "entry", 10, 5, 60_000)
    assert sorted(await call("HKEYS", names[0])) == sorted(await call("ZRANGE", names[1], 0, -1)) == [b"c", b"d"]
