"""Leases and reaping: who stopped is noticed, buried once, and nothing of it stays.

Source: the headers of `gateway_beat.lua`, `gateway_bury.lua` and `room_reap.lua`.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.events import Reaped
from gateway.model import ORIGIN, GatewayId, LogKey, Uid
from gateway.people import User
from gateway.store import keys
from gateway.store.directory import Directory
from gateway.store.lanes import Lanes, lanes_to
from gateway.store.leases import LEASE_MS, Leases
from gateway.store.logs import Logs
from gateway.store.reaping import CLAIM_MS
from gateway.store.scripts import sha
from gateway.store.sessions import Sessions
from gateway.store.urls import Durability
from gateway.wire.names import NickKey, RoomKey
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.events import join, leave, member, said
from tests.harness.lanes import opened
from tests.harness.log_site import LogSite, RedisSite, change, say
from tests.harness.private_server import PrivateServer
from tests.harness.shifted_clock import can_preload, preloaded
from tests.store.conftest import OpenLanes

pytestmark = pytest.mark.slow

DAY_S = 86_400


def leases(lanes: Lanes, name: str, lease_ms: int = LEASE_MS) -> Leases:
    """A gateway's lease."""
    return Leases(lanes, GatewayId(name), lambda: (1, 0, 0, 0), lease_ms=lease_ms)


async def beat(lanes: Lanes, name: str, *, first: bool, lease_ms: int = LEASE_MS) -> list[Any]:
    """Run the script."""
    reply: list[Any] = await lanes.commands.call(
        "EVALSHA", sha("gateway_beat"), 6, keys.HEARTBEATS, keys.FIGURES, keys.DATA_NAME, keys.DRAINS,
        keys.BURIED, keys.REAPED, name, int(first), lease_ms, "1 0 0 0", "new",
    )  # fmt: skip
    return reply


async def bury(lanes: Lanes, dead: str, reaper: str, lease_ms: int, claim_ms: int = CLAIM_MS) -> bool:
    """Run the script."""
    return bool(
        await lanes.commands.call(
            "EVALSHA", sha("gateway_bury"), 3, keys.HEARTBEATS, keys.BURIED, keys.FIGURES,
            dead, reaper, lease_ms, claim_ms,
        )
    )  # fmt: skip


async def redis_ms(lanes: Lanes) -> float:
    """The clock that heartbeats go by; in a cluster, that of the node that has them."""
    seconds, micros = await lanes.commands.call("EVAL", "return redis.call('TIME')", 1, keys.HEARTBEATS)
    return int(seconds) * 1000 + int(micros) / 1000


async def later(lanes: Lanes) -> None:
    """Wait until the clock of Redis shows another millisecond."""
    begin = await redis_ms(lanes)

    async def moved() -> bool | None:
        return await redis_ms(lanes) > begin + 1 or None

    await eventually(moved, what="time passes")


class Doomed:
    """A gateway with a user in a room and one in an inbox, which then stops."""

    def __init__(self, lanes: Lanes, unique: str) -> None:
        self.id = GatewayId(f"dead-{unique}")
        self.lanes = lanes
        self.site = RedisSite(lanes, self.id)
        self.log = LogKey(f"r:#{unique}")
        self.who = member(unique, gateway=self.id, modes="o")
        self.nick = NickKey(unique)

    async def live(self) -> "Doomed":
        """What it did before it stopped."""
        directory = Directory(self.lanes, self.id)
        await beat(self.lanes, self.id, first=True)
        assert await directory.claim(self.nick, self.who.uid)
        who = self.who
        await directory.put(
            User(who.uid, who.nick, who.user, who.host, who.realname, "", "", 1, self.id, False)
        )  # fmt: skip
        await self.site.logs.remember_log(self.log)
        await Sessions(self.lanes, self.id).enter(who.uid, RoomKey(f"#{self.nick}"))
        await change(self.site, self.log, 1, join(who))
        await say(self.site, keys.inbox_log(who.uid), 1, [said("ann", "psst")])
        return self


async def test_the_first_beat_takes_the_lease_and_later_ones_keep_it(lanes: Lanes, unique: str) -> None:
    """{0}; of a gateway that was buried, or buried and reaped, {4}; one whose lease was lost with other data takes it
    again."""
    assert (await beat(lanes, unique, first=True))[0] == 0
    assert (await beat(lanes, unique, first=False))[0] == 0
    await lanes.commands.call("ZREM", keys.HEARTBEATS, unique)
    assert (await beat(lanes, unique, first=False))[0] == 0
    await lanes.commands.call("HSET", keys.BURIED, unique, "somebody|1")
    assert await beat(lanes, unique, first=False) == [4]
    await lanes.commands.call("HDEL", keys.BURIED, unique)
    await lanes.commands.call("ZADD", keys.REAPED, 1, unique)
    assert await beat(lanes, unique, first=False) == [4]
    assert (await beat(lanes, unique, first=True))[0] == 0


async def test_a_beat_names_who_has_stopped(lanes: Lanes, unique: str) -> None:
    """By the clock of Redis, and only those whose lease has run out."""
    await beat(lanes, f"{unique}-old", first=True)
    await later(lanes)
    assert f"{unique}-old".encode() in await beat(lanes, f"{unique}-new", first=True, lease_ms=1)
    assert f"{unique}-old".encode() not in await beat(lanes, f"{unique}-new", first=False)


async def test_lost_data_are_no_burial(tmp_path: Path) -> None:
    """FLUSHALL takes the lease too: the next beat takes it again, and says so once; a burial is still one."""
    with PrivateServer.running(tmp_path) as server:
        async with opened(lanes_to(server.url, Durability.REDIS)) as lanes:
            one, lost, buried = leases(lanes, "one"), asyncio.Event(), asyncio.Event()
            one.on_data_lost = lost.set
            await one.begin()
            await lanes.commands.call("FLUSHALL")
            running = asyncio.create_task(one.run(buried.set))
            async with asyncio.timeout(DEADLINE_S):
                await lost.wait()
            assert not buried.is_set()
            assert await lanes.commands.call("ZSCORE", keys.HEARTBEATS, "one") is not None
            await lanes.commands.call("HSET", keys.BURIED, "one", "somebody|1")
            async with asyncio.timeout(2 * DEADLINE_S):
                await buried.wait()
                await running


@pytest.mark.skipif(not can_preload(), reason="no C compiler here")
async def test_a_clock_set_ahead_is_nobodys_death(tmp_path: Path) -> None:
    """Who is late by a step of the clock of Redis has a lease's time to beat again; who does not is buried."""
    with preloaded(tmp_path) as clock, PrivateServer.running(tmp_path) as server:
        async with opened(lanes_to(server.url, Durability.REDIS)) as lanes:
            assert clock is not None
            lease_ms = LEASE_MS // 10
            mine, call = leases(lanes, "mine", lease_ms), lanes.commands.call

            async def beats(number: int) -> None:
                for _ in range(number):
                    former = await call("ZSCORE", keys.HEARTBEATS, "mine")

                    async def again(former: bytes = former) -> bool | None:
                        return await call("ZSCORE", keys.HEARTBEATS, "mine") != former or None

                    await eventually(again, what="another beat")

            async def buried() -> bool | None:
                claimed, reaped = keys.BURIED, keys.REAPED
                return bool(await call("HEXISTS", claimed, "other") or await call("ZSCORE", reaped, "other")) or None

            await mine.begin()
            running = asyncio.create_task(mine.run(lambda: None))
            await beats(8)  # nobody is buried before a lease's time
            await beat(lanes, "other", first=True)
            clock.step_to(2 * lease_ms / 1000)
            await beats(4)
            assert not await buried()
            await eventually(buried, what="who stays away is buried")
            running.cancel()


async def test_only_who_stopped_is_buried_and_by_one(lanes: Lanes, unique: str) -> None:
    """Alive: no. Stale: yes, once; its claimant again; another only after the claim has run out."""
    await beat(lanes, unique, first=True)
    assert not await bury(lanes, unique, "one", LEASE_MS)
    await later(lanes)
    assert await bury(lanes, unique, "one", 1)
    assert await bury(lanes, unique, "one", 1)
    assert not await bury(lanes, unique, "two", 1)
    await later(lanes)
    assert await bury(lanes, unique, "two", 1, claim_ms=1)
    await lanes.commands.call("HDEL", keys.BURIED, unique)
    assert not await bury(lanes, unique, "one", 1)


async def test_of_many_reapers_one_is_it(lanes: Lanes, open_more: OpenLanes, unique: str) -> None:
    """Twenty at once from two gateways."""
    both = [lanes, await open_more()]
    await beat(lanes, unique, first=True)
    await later(lanes)
    won = await asyncio.gather(*(bury(both[i % 2], unique, f"reaper{i}", 1) for i in range(20)))
    assert won.count(True) == 1
    await lanes.commands.call("HDEL", keys.BURIED, unique)


async def test_nothing_of_a_dead_gateway_stays(lanes: Lanes, open_more: OpenLanes, unique: str) -> None:
    """Members, nick, record, lease, lists, figures: gone, when two bury it at the same time; its members leave once."""
    doomed = await Doomed(lanes, unique).live()
    other = await open_more()
    await asyncio.gather(
        leases(lanes, f"{unique}-one").bury(doomed.id, 0), leases(other, f"{unique}-two").bury(doomed.id, 0)
    )
    entries = await doomed.site.store.read_after(doomed.log, ORIGIN, 100)
    assert entries is not None
    assert [type(entry.event) for entry in entries[1:]] == [Reaped]
    call = lanes.commands.call
    assert await call("HLEN", keys.log_keys(doomed.log).members) == 0
    left = [
        keys.nick_claim(doomed.nick),
        keys.user_record(doomed.who.uid),
        keys.gateway_users(doomed.id),
        keys.gateway_logs(doomed.id),
    ]
    assert await asyncio.gather(*(call("EXISTS", key) for key in left)) == [0, 0, 0, 0]
    assert await call("ZSCORE", keys.HEARTBEATS, doomed.id) is None
    assert await call("HEXISTS", keys.FIGURES, doomed.id) == 0
    assert await call("HEXISTS", keys.BURIED, doomed.id) == 0
    # The room, now empty, and the inbox end by themselves.
    for log in (doomed.log, keys.inbox_log(doomed.who.uid)):
        names = keys.log_keys(log)
        assert [0 < await call("TTL", key) <= DAY_S for key in (names.state, names.log)] == [True, True]


async def test_a_gateway_that_died_while_somebody_registered_is_reaped(lanes: Lanes, unique: str) -> None:
    """Its user had claimed a nick and had no record yet: that stops no reaper, and the nick is free."""
    dead = GatewayId(f"dead-{unique}")
    await beat(lanes, dead, first=True)
    uid = Uid(f"{unique}-u".encode())
    assert await Directory(lanes, dead).claim(NickKey(unique), uid)
    mine = leases(lanes, f"{unique}-reaper")
    await mine.begin()
    await mine.bury(dead, 0)
    assert await lanes.commands.call("EXISTS", keys.user_record(uid)) == 0
    assert await Directory(lanes, GatewayId(f"{unique}-reaper")).claim(NickKey(unique), Uid(b"other"))


async def test_a_nick_that_went_on_is_not_freed(lanes: Lanes, unique: str) -> None:
    """Somebody else holds it by now: reaping its old holder leaves it alone."""
    doomed = await Doomed(lanes, unique).live()
    await lanes.commands.call("SET", keys.nick_claim(doomed.nick), "somebody")
    await leases(lanes, f"{unique}-reaper").bury(doomed.id, 0)
    assert await Directory(lanes, GatewayId("x")).find(doomed.nick) == b"somebody"


async def test_nobody_buries_itself(lanes: Lanes, unique: str) -> None:
    """Nor does a reaper that finds its own name among the stale."""
    mine = leases(lanes, unique)
    await mine.begin()
    await mine.bury(GatewayId(unique), 0)
    assert await lanes.commands.call("ZSCORE", keys.HEARTBEATS, unique) is not None


async def test_a_buried_gateway_is_told(lanes: Lanes, unique: str) -> None:
    """`run` calls back at the next beat and ends."""
    mine = leases(lanes, unique, lease_ms=200)
    await mine.begin()
    await lanes.commands.call("HSET", keys.BURIED, unique, "somebody|1")
    buried = asyncio.Event()
    async with asyncio.timeout(DEADLINE_S):
        await mine.run(buried.set)
    assert buried.is_set()


@pytest.mark.slow
async def test_reaping_many_rooms_does_not_cost_the_reaper_its_own_lease(
    lanes: Lanes, open_more: OpenLanes, unique: str
) -> None:
    """A dead gateway may have had thousands of rooms; who clears them keeps beating meanwhile."""
    dead, lease_ms = GatewayId(f"dead-{unique}"), 300
    await beat(lanes, dead, first=True)
    logs = [f"r:#{unique}-{i}" for i in range(1000)]
    await lanes.commands.call("SADD", keys.gateway_logs(dead), *logs)
    await later(lanes)
    reaper = leases(lanes, f"{unique}-reaper", lease_ms)
    await reaper.begin()
    watcher = await open_more()
    oldest_ms = 0.0
    running = asyncio.create_task(reaper.run(lambda: None))
    try:
        async with asyncio.timeout(4 * DEADLINE_S):
            while await watcher.commands.call("EXISTS", keys.gateway_logs(dead)):
                assert not running.done()
                now_ms = await redis_ms(watcher)
                score = await watcher.commands.call("ZSCORE", keys.HEARTBEATS, f"{unique}-reaper")
                oldest_ms = max(oldest_ms, now_ms - float(score))
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert oldest_ms < lease_ms


async def test_a_room_of_nobody_ends_by_itself_and_a_joined_one_does_not(lanes: Lanes, unique: str) -> None:
    """The last PART sets a day; the next JOIN takes it back. Source: `room_tx.lua`."""
    site: LogSite = RedisSite(lanes, GatewayId(f"g-{unique}"))
    log, who = LogKey(f"r:#{unique}"), member("ann", modes="o")
    names = keys.log_keys(log)

    async def ttls() -> list[int]:
        return [await lanes.commands.call("TTL", key) for key in (names.state, names.log)]

    await change(site, log, 1, join(who))
    assert await ttls() == [-1, -1]
    await change(site, log, 2, leave(who))
    assert all(DAY_S - 60 < ttl <= DAY_S for ttl in await ttls())
    await change(site, log, 3, join(who, permissions=None))
    assert await ttls() == [-1, -1]


async def test_a_log_can_be_left_to_end(lanes: Lanes, unique: str) -> None:
    """`forget` gives state and log a time to end."""
    logs = Logs(lanes, GatewayId(f"g-{unique}"))
    site = RedisSite(lanes, GatewayId(f"g-{unique}"))
    log = keys.inbox_log(Uid(unique.encode()))
    await say(site, log, 1, [said("ann", "x")])
    await logs.forget(log, 100)
    names = keys.log_keys(log)
    assert [0 < await lanes.commands.call("TTL", key) <= 100 for key in (names.state, names.log)] == [True, True]
