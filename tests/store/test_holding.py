"""Who may take and end a session is decided by Redis, once.

Source: the headers of the `session_*.lua` scripts.
"""

import asyncio

from gateway.events import Rebound
from gateway.model import ORIGIN, GatewayId, Position, Uid
from gateway.people import End, Refusal, Taken
from gateway.store import keys
from gateway.store.reaping import Reaper
from gateway.store.scripts import sha
from tests.harness.deadlines import eventually
from tests.harness.session_site import FIRST, GRACE_S, SECOND, THIRD, SessionSite, Sites


async def test_who_shows_the_token_takes_the_session(sites: Sites) -> None:
    """With rooms and positions; its inbox tells the old gateway; the epoch voids what that one still writes."""
    one, two = sites
    await one.live()
    await one.lanes.commands.call("HSET", keys.gateway_positions(one.gateway), keys.room_log(one.room), "5-1")
    taken = await two.take()
    assert isinstance(taken, Taken)
    epoch = taken.user.epoch
    assert epoch > 0
    assert taken == Taken(
        two.user(epoch=epoch), frozenset({one.room}), {keys.room_log(one.room): Position(b"5-1")}
    )  # fmt: skip
    entries = await one.logs.logs.read_after(keys.inbox_log(one.uid), ORIGIN, 10)
    assert entries is not None
    assert [entry.event for entry in entries] == [Rebound(one.uid, entries[0].event.msgid, two.gateway, epoch)]
    await one.directory.put(one.user()._replace(realname="late"))
    assert not await one.sessions.set_token(one.uid, 0, THIRD)
    await one.holding.detach(one.uid, 0, GRACE_S, "lost", {})
    assert await one.holding.claim_end(one.uid, 0) is End.NOT_OURS
    assert await two.directory.user(two.uid) == two.user(epoch=epoch)
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is None


async def test_nobody_else_does(sites: Sites) -> None:
    """A wrong token, none, another account; no such session: nothing has changed, nothing is left behind."""
    one, two = sites
    await one.live(account="ann")
    for shown, account in ((THIRD, ""), (b"", ""), (b"", "bob"), (THIRD, "ann")):
        assert await two.take(shown, account) is Refusal.NOT_ALLOWED
    assert await two.holding.take(Uid(b"nobody"), FIRST, "", SECOND) is Refusal.FORGOTTEN
    assert await one.directory.user(one.uid) == one.user(account="ann")
    assert await two.lanes.commands.call("EXISTS", keys.gateway_users(two.gateway)) == 0
    assert isinstance(await two.take(b"", "ann"), Taken)


async def test_of_fifty_takings_one_is_it_until_it_has_settled(sites: Sites) -> None:
    """The others are BUSY; after it the former token is good until it is confirmed, and the new one always."""
    one, two = sites
    await one.live()
    tries = await asyncio.gather(*(sites[i % 2].take() for i in range(50)))
    (first,) = (answer for answer in tries if isinstance(answer, Taken))
    assert {answer for answer in tries if not isinstance(answer, Taken)} == {Refusal.BUSY}
    await two.holding.settle(one.uid, first.user.epoch)
    second = await two.take(FIRST, token=THIRD)
    assert isinstance(second, Taken)
    assert await one.take(SECOND) is Refusal.NOT_ALLOWED
    await one.holding.settle(one.uid, first.user.epoch)
    assert await one.take(THIRD) is Refusal.BUSY
    await two.holding.settle(one.uid, second.user.epoch)
    await two.holding.confirm(one.uid, second.user.epoch)
    assert await one.take(FIRST) is Refusal.NOT_ALLOWED
    assert isinstance(await one.take(THIRD), Taken)


async def test_a_detached_session_is_away_and_keeps_its_nick(sites: Sites) -> None:
    """Its gateway may be gone: nobody gets the nick within the grace; who takes the session finds its positions."""
    one, two = sites
    await one.live()
    log = keys.room_log(one.room)
    await one.holding.detach(one.uid, 0, GRACE_S, "Ping timeout", {log: Position(b"7-0")})
    await one.lanes.commands.call("ZREM", keys.HEARTBEATS, one.gateway)
    assert await two.directory.away(one.uid) == "Link lost"
    assert (await two.directory.find_user(one.nick) or one.user()).away == "Link lost"
    assert not await two.directory.claim(one.nick, Uid(b"other"))
    assert await one.lanes.commands.call("SISMEMBER", keys.gateway_users(one.gateway), one.uid) == 0
    taken = await two.take()
    assert isinstance(taken, Taken)
    assert (taken.user.away, taken.positions) == ("", {log: Position(b"7-0")})
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is None


async def test_a_taking_whose_answer_was_lost_is_undone(sites: Sites) -> None:
    """By the token nobody else has; a session that somebody else took is left alone."""
    one, two = sites
    await one.live()
    assert isinstance(await two.take(), Taken)
    await two.holding.abandon(one.uid, THIRD, GRACE_S, "lost")
    assert await two.directory.away(one.uid) == ""
    await two.holding.abandon(one.uid, SECOND, GRACE_S, "lost")
    assert await two.directory.away(one.uid) == "Link lost"
    assert isinstance(await one.take(), Taken)


async def test_after_the_grace_one_of_two_reapers_ends_it(sites: Sites) -> None:
    """One event per room, the nick is free, and whoever comes back is told that it has ended."""
    one, two = sites
    await one.live()
    await one.holding.detach(one.uid, 0, 0, "Ping timeout", {})
    now_ms = int(await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid)) + 1
    reapers = [Reaper(site.lanes, site.gateway, GRACE_S) for site in sites for _ in range(5)]

    async def due() -> None:
        await asyncio.gather(*(reaper.end_graces(now_ms) for reaper in reapers))

    while await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is not None:
        await due()
    assert await one.events() == ["Joined", "Reaped"]
    assert await two.directory.find(one.nick) is None
    assert await two.take() is Refusal.ENDED
    assert await two.take(THIRD) is Refusal.NOT_ALLOWED
    assert await one.lanes.commands.call("EXISTS", keys.session_rooms(one.uid)) == 0
    assert 0 < await one.lanes.commands.call("TTL", keys.user_record(one.uid)) <= 86_400


async def test_who_came_back_in_time_is_not_ended(sites: Sites) -> None:
    """Nor one whose grace is not over; nor one that was detached again, whose place in the schedule stays."""
    one, two = sites
    await one.live()
    reaper = Reaper(one.lanes, one.gateway, GRACE_S)
    await one.holding.detach(one.uid, 0, GRACE_S, "lost", {})
    ends = int(await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid))
    await reaper.end_graces(ends)  # it asks Redis for the time
    assert await two.directory.away(one.uid) == "Link lost"
    taken = await two.take()
    assert isinstance(taken, Taken)
    await one.lanes.commands.call("ZADD", keys.GRACES, 0, one.uid)  # left behind by a gateway that died
    await reaper.end_graces(1)
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is None
    await two.holding.detach(one.uid, taken.user.epoch, GRACE_S, "lost", {})
    assert await one.lanes.commands.call("EVALSHA", sha("grace_settle"), 1, keys.GRACES, one.uid, 1) == 0
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is not None
    assert await one.events() == ["Joined"]


async def test_a_claim_of_a_reaper_that_died_runs_out(sites: Sites) -> None:
    """Half-way through: the session is out of a room, and its nick not free. Another finishes, and nothing is twice."""
    one, _ = sites
    await one.live()
    await one.holding.detach(one.uid, 0, 0, "lost", {})
    script, record = sha("session_reap"), keys.user_record(one.uid)
    call = one.lanes.commands.call
    session = (4, record, record, keys.attachments(one.uid), keys.session_positions(one.uid))
    reply = await call("EVALSHA", script, *session, "first", "", 30_000, one.uid, 0, 60)
    assert reply == [0, one.nick.encode(), b"lost"]
    assert await call("EVALSHA", script, *session, "second", "", 30_000, one.uid, 0, 60) == [2]
    names = keys.log_keys(keys.room_log(one.room))
    await call(
        "EVALSHA",
        sha("room_reap"),
        4,
        names.state,
        names.log,
        names.members,
        names.lists,
        names.channel,
        100,
        "",
        "lost",
        one.uid,
    )
    await call("HSET", record, "reaped_at", 1)
    await Reaper(one.lanes, GatewayId("second"), GRACE_S).end_graces(2**45)
    assert await one.events() == ["Joined", "Reaped"]
    assert await one.directory.find(one.nick) is None


async def test_of_two_takings_the_later_one_holds_where_a_failover_lost_the_first(
    sites: Sites,
) -> None:
    """Its client comes back with the former token; what the gateway of the lost one still writes changes nothing."""
    one, two = sites
    await one.live()
    call, record = one.lanes.commands.call, keys.user_record(one.uid)
    before = await call("DUMP", record)
    lost = await two.take()
    assert isinstance(lost, Taken)
    await call("RESTORE", record, 0, before, "REPLACE")
    await _next_ms(one)
    assert await one.take(SECOND, token=THIRD) is Refusal.NOT_ALLOWED
    taken = await one.take(FIRST, token=THIRD)
    assert isinstance(taken, Taken)
    await two.sessions.assert_all(lost.user, one.nick, SECOND, [one.room])
    await two.holding.detach(one.uid, lost.user.epoch, GRACE_S, "lost", {})
    assert await two.holding.claim_end(one.uid, lost.user.epoch) is End.NOT_OURS
    assert await one.directory.user(one.uid) == taken.user
    assert await call("HMGET", record, "token", "state") == [THIRD, None]


async def _next_ms(site: SessionSite) -> None:
    """Return when the clock of Redis has moved on."""

    async def now_ms() -> int:
        script = "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)"
        return int(await site.lanes.commands.call("EVAL", script, 1, keys.user_record(site.uid)))

    first_ms = await now_ms()

    async def moved() -> bool | None:
        return await now_ms() > first_ms or None

    await eventually(moved, what="a ms later")
