"""Sessions that wait for their clients, and that Redis has forgotten.

Source: the header of `session_keep.lua`.
"""

from gateway.model import Position, Uid
from gateway.people import Detached, Refusal, Taken
from gateway.store import keys
from gateway.store.reaping import Reaper
from tests.harness.session_site import FIRST, GRACE_S, SECOND, SessionSite, Sites


async def forget(site: SessionSite) -> None:
    """Redis loses what it knows of the session."""
    call = site.lanes.commands.call
    for key in (keys.user_record(site.uid), keys.session_rooms(site.uid), keys.session_positions(site.uid)):
        await call("DEL", key)
    await call("DEL", keys.nick_claim(site.nick))
    await call("ZREM", keys.GRACES, site.uid)


async def test_one_that_waits_is_written_again(sites: Sites) -> None:
    """What Redis has lost, who lost the connection tells: the session can be taken with all that it had."""
    one, two = sites
    await one.live()
    log = keys.room_log(one.room)
    epoch = await one.holding.detach(one.uid, 0, GRACE_S, "lost", {log: Position(b"7-0")})
    assert epoch
    lost = Detached(one.uid, one.user(epoch=epoch), FIRST, "lost", {log: Position(b"7-0")}, ("cat",))
    await forget(one)
    assert await two.take() is Refusal.FORGOTTEN
    for _ in range(2):  # again changes nothing
        assert await one.holding.keep_again(lost, [one.room], GRACE_S / 2, shown=True)
    assert await two.directory.away(one.uid) == "Link lost"
    assert await two.directory.find(one.nick) == one.uid
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is not None
    taken = await two.take()
    assert isinstance(taken, Taken)
    assert (taken.rooms, taken.positions, taken.watches) == (frozenset({one.room}), {log: Position(b"7-0")}, ("cat",))
    assert taken.user.epoch > epoch
    # Its former gateway has not heard of it, and writes it once more.
    assert await one.holding.keep_again(lost, [one.room], GRACE_S / 2, shown=True)
    assert await two.directory.user(one.uid) == taken.user


async def test_the_rest_of_a_grace_ends_it(sites: Sites) -> None:
    """Written again for no time at all, it leaves its room."""
    one, _ = sites
    await one.live()
    epoch = await one.holding.detach(one.uid, 0, GRACE_S, "lost", {})
    assert epoch
    await forget(one)
    lost = Detached(one.uid, one.user(epoch=epoch), FIRST, "lost", {})
    assert await one.holding.keep_again(lost, [one.room], 0.0, shown=False)
    await Reaper(one.lanes, one.gateway, GRACE_S).end_graces(2**45)
    assert await one.events() == ["Joined", "Reaped"]
    assert await one.directory.find(one.nick) is None


async def test_whoever_took_it_before_redis_lost_it_has_it(sites: Sites) -> None:
    """Whichever of the two gateways writes first."""
    one, two = sites
    await one.live()
    epoch = await one.holding.detach(one.uid, 0, GRACE_S, "lost", {})
    assert epoch
    lost = Detached(one.uid, one.user(epoch=epoch), FIRST, "lost", {})
    taken = await two.take()
    assert isinstance(taken, Taken)
    for first in (True, False):
        await forget(one)
        if first:
            assert await one.holding.keep_again(lost, [one.room], GRACE_S, shown=True)
        assert await two.sessions.assert_all(taken.user, one.nick, SECOND, [one.room])
        assert await one.holding.keep_again(lost, [one.room], GRACE_S, shown=True)
        assert await two.directory.user(one.uid) == taken.user
        await one.lanes.commands.call("ZREM", keys.GRACES, one.uid)


async def test_a_nick_that_was_taken_meanwhile_is_told(sites: Sites) -> None:
    """The session waits on, under another."""
    one, two = sites
    await one.live()
    epoch = await one.holding.detach(one.uid, 0, GRACE_S, "lost", {})
    assert epoch
    await forget(one)
    assert await two.directory.claim(one.nick, Uid(one.uid + b"-other"))
    lost = Detached(one.uid, one.user(epoch=epoch), FIRST, "lost", {})
    assert not await one.holding.keep_again(lost, [one.room], GRACE_S, shown=True)
    assert await two.directory.away(one.uid) == "Link lost"
    await one.lanes.commands.call("ZREM", keys.GRACES, one.uid)


async def test_what_redis_never_knew_is_told_when_it_is_detached(sites: Sites) -> None:
    """0 in place of an epoch: neither somebody else's nor over."""
    one, _ = sites
    assert await one.holding.detach(one.uid, 0, GRACE_S, "lost", {}) == 0
