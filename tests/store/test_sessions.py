"""Session records: written as a whole, lost with their gateway, and left alone without a lease.

Source: the headers of the `session_*.lua` scripts.
"""

import asyncio

import pytest

from gateway.errors import StoreError
from gateway.model import GatewayId, Position, Uid
from gateway.people import End, Taken
from gateway.store import keys
from gateway.store.lanes import Lanes
from gateway.store.leases import Leases
from gateway.wire.names import NickKey, RoomKey
from tests.harness.events import join, member, said
from tests.harness.log_site import change, say
from tests.harness.session_site import FIRST, SECOND, THIRD, SessionSite, Sites


async def test_everything_about_a_session_is_written_at_once(sites: Sites) -> None:
    """Record, nick, rooms, list of the gateway; again after Redis has lost them; False for a nick that went on."""
    one, two = sites
    for _ in range(2):
        assert await one.sessions.assert_all(one.user(), one.nick, FIRST, [one.room])
        assert await one.directory.find_user(one.nick) == one.user()
        call = one.lanes.commands.call
        assert await call("SMEMBERS", keys.session_rooms(one.uid)) in ({one.room.encode()}, [one.room.encode()])
        assert await call("SISMEMBER", keys.gateway_users(one.gateway), one.uid) == 1
        assert await one.field("token") == FIRST
        await call("DEL", keys.user_record(one.uid), keys.session_rooms(one.uid))
        await call("DEL", keys.nick_claim(one.nick))
    await two.directory.claim(one.nick, Uid(b"other"))
    assert not await one.sessions.assert_all(one.user(), one.nick, FIRST, [])


async def test_a_taking_that_a_failover_lost_is_asserted(sites: Sites) -> None:
    """Redis has the record of before, and its reaper began to end it: who holds it writes what is so, nobody else."""
    one, two = sites
    await one.live()
    call, record = one.lanes.commands.call, keys.user_record(one.uid)
    before = await call("HGETALL", record)
    pairs = before.items() if isinstance(before, dict) else zip(before[::2], before[1::2], strict=True)
    taken = await two.take()
    assert isinstance(taken, Taken)
    await call("DEL", record)
    await call("HSET", record, *(part for pair in pairs for part in pair), "state", "reaping", "reaper", "somebody")
    assert await two.sessions.assert_all(taken.user, one.nick, SECOND, [one.room])
    assert await one.sessions.assert_all(
        one.user(), one.nick, FIRST, [one.room]
    )  # its nick is its own, and that is all
    found = [await one.field(name) for name in ("gateway", "epoch", "token", "state", "reaper")]
    assert found == [two.gateway.encode(), b"%d" % taken.user.epoch, SECOND, None, None]
    assert isinstance(await one.take(SECOND, token=THIRD), Taken)


async def test_what_dies_with_a_gateway_and_what_does_not(sites: Sites, unique: str) -> None:
    """Who can prove itself is detached with the gateway's positions; who cannot leaves at once; both are fenced out."""
    one, two = sites
    await one.live()
    plain = Uid(f"{unique}-plain".encode())
    user = one.user()._replace(uid=plain, nick=f"{unique}-p")
    assert await one.sessions.assert_all(user, NickKey(user.nick), b"", [one.room])
    await change(one.logs, keys.room_log(one.room), 2, join(member("plain")._replace(uid=plain), permissions=None))
    await one.lanes.commands.call("HSET", keys.gateway_positions(one.gateway), keys.room_log(one.room), "9-9")
    await asyncio.gather(*(Leases(site.lanes, GatewayId(f"r{i}"), lambda: (0, 0, 0, 0)).bury(one.gateway, 0)
                           for i, site in enumerate(sites)))  # fmt: skip
    assert await one.events() == ["Joined", "Joined", "Reaped"]
    assert await two.directory.away(one.uid) == "Link lost"
    assert await two.directory.user(plain) is None
    assert await two.directory.find(NickKey(user.nick)) is None
    # What the dead one would still write.
    await one.directory.put(one.user()._replace(realname="zombie"))
    assert await one.holding.claim_end(one.uid, 0) is End.NOT_OURS
    taken = await two.take()
    assert isinstance(taken, Taken)
    assert taken.user.realname == "Real"
    assert taken.positions == {keys.room_log(one.room): Position(b"9-9")}


async def test_a_gateway_without_a_fresh_lease_writes_nothing(lanes: Lanes, unique: str) -> None:
    """Nothing reaches Redis until it has beaten again."""
    site = SessionSite(lanes, unique, "frozen")
    await site.live()
    log, uid = keys.room_log(RoomKey(f"#{unique}-2")), Uid(f"{unique}-2".encode())
    lanes.may_write = lambda: False
    inbox, nick = keys.inbox_log(uid), NickKey(f"{unique}-2")
    named = (keys.log_keys(log).state, keys.log_keys(inbox).state, keys.session_rooms(uid), keys.nick_claim(nick))
    for writing in (
        change(site.logs, log, 1, join(member("ann", modes="o"))),
        say(site.logs, inbox, 1, [said("ann", "psst")]),
        site.logs.logs.remember_log(log),
        site.sessions.enter(uid, site.room),
        site.directory.claim(nick, uid),
        site.take(),
    ):
        with pytest.raises(StoreError, match="lease"):
            await writing
    assert [await lanes.commands.call("EXISTS", key) for key in named] == [0, 0, 0, 0]
    assert not await lanes.commands.call("SISMEMBER", keys.gateway_logs(site.gateway), log)
