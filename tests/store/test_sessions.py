"""Session records: who may write, take and end them is decided by Redis, once.

Source: the headers of the `session_*.lua` scripts.
"""

import asyncio
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import StoreError
from gateway.events import Rebound
from gateway.model import ORIGIN, GatewayId, Position, Uid
from gateway.people import End, Refusal, Taken, User
from gateway.session.tokens import hash_of
from gateway.store import keys
from gateway.store.directory import Directory
from gateway.store.lanes import Lanes
from gateway.store.leases import Leases
from gateway.store.reaping import Reaper
from gateway.store.scripts import sha
from gateway.store.sessions import Sessions
from gateway.wire.names import NickKey, RoomKey
from tests.harness.deadlines import eventually
from tests.harness.events import join, member, said
from tests.harness.log_site import RedisSite, change, say

GRACE_S = 60.0
FIRST, SECOND, THIRD = (hash_of(text) for text in ("first", "second", "third"))


class Site:
    """A gateway's view of the sessions, with the session of this test."""

    def __init__(self, lanes: Lanes, unique: str, name: str) -> None:
        self.lanes = lanes
        self.gateway = GatewayId(f"{name}-{unique}")
        self.sessions = Sessions(lanes, self.gateway)
        self.directory = Directory(lanes, self.gateway)
        self.logs = RedisSite(lanes, self.gateway)
        self.uid = Uid(f"{unique}-uid".encode())
        self.nick = NickKey(unique)
        self.room = RoomKey(f"#{unique}")

    def user(self, *, account: str = "", epoch: int = 0) -> User:
        """The session's record as this gateway would write it."""
        return User(self.uid, self.nick, "~u", "host", "Real", account, "", 1, self.gateway, False, epoch=epoch)

    async def live(self, *, token: bytes = FIRST, account: str = "") -> None:
        """The session is here, in a room."""
        await Leases(self.lanes, self.gateway, lambda: (1, 0, 0, 0)).begin()
        assert await self.sessions.assert_all(self.user(account=account), self.nick, token, [self.room])
        await self.logs.logs.remember_log(keys.room_log(self.room))
        who = member("ann", gateway=self.gateway, modes="o")._replace(uid=self.uid)
        await change(self.logs, keys.room_log(self.room), 1, join(who))

    async def take(self, shown: bytes = FIRST, account: str = "", token: bytes = SECOND) -> Taken | Refusal:
        """Take it over for this gateway."""
        return await self.sessions.take(self.uid, shown, account, token)

    async def events(self) -> list[str]:
        """The kinds of events in the room."""
        entries = await self.logs.logs.read_after(keys.room_log(self.room), ORIGIN, 100)
        return [type(entry.event).__name__ for entry in entries or []]

    async def field(self, name: str) -> bytes | None:
        """A field of the record."""
        value: bytes | None = await self.lanes.commands.call("HGET", keys.user_record(self.uid), name)
        return value


@pytest.fixture
def sites(lanes: Lanes, unique: str) -> tuple[Site, Site]:
    """Two gateways."""
    return Site(lanes, unique, "one"), Site(lanes, unique, "two")


async def test_everything_about_a_session_is_written_at_once(sites: tuple[Site, Site]) -> None:
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


async def test_who_shows_the_token_takes_the_session(sites: tuple[Site, Site]) -> None:
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
    await one.sessions.detach(one.uid, 0, GRACE_S, "lost", {})
    assert await one.sessions.claim_end(one.uid, 0) is End.NOT_OURS
    assert await two.directory.user(two.uid) == two.user(epoch=epoch)
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is None


async def test_nobody_else_does(sites: tuple[Site, Site]) -> None:
    """A wrong token, none, another account; no such session: nothing has changed, nothing is left behind."""
    one, two = sites
    await one.live(account="ann")
    for shown, account in ((THIRD, ""), (b"", ""), (b"", "bob"), (THIRD, "ann")):
        assert await two.take(shown, account) is Refusal.NOT_ALLOWED
    assert await two.sessions.take(Uid(b"nobody"), FIRST, "", SECOND) is Refusal.NOT_ALLOWED
    assert await one.directory.user(one.uid) == one.user(account="ann")
    assert await two.lanes.commands.call("EXISTS", keys.gateway_users(two.gateway)) == 0
    assert isinstance(await two.take(b"", "ann"), Taken)


async def test_of_fifty_takings_one_is_it_until_it_has_settled(sites: tuple[Site, Site]) -> None:
    """The others are BUSY; after it the former token is good until it is confirmed, and the new one always."""
    one, two = sites
    await one.live()
    tries = await asyncio.gather(*(sites[i % 2].take() for i in range(50)))
    (first,) = (answer for answer in tries if isinstance(answer, Taken))
    assert {answer for answer in tries if not isinstance(answer, Taken)} == {Refusal.BUSY}
    await two.sessions.settle(one.uid, first.user.epoch)
    second = await two.take(FIRST, token=THIRD)
    assert isinstance(second, Taken)
    assert await one.take(SECOND) is Refusal.NOT_ALLOWED
    await one.sessions.settle(one.uid, first.user.epoch)
    assert await one.take(THIRD) is Refusal.BUSY
    await two.sessions.settle(one.uid, second.user.epoch)
    await two.sessions.confirm(one.uid, second.user.epoch)
    assert await one.take(FIRST) is Refusal.NOT_ALLOWED
    assert isinstance(await one.take(THIRD), Taken)


async def test_a_detached_session_is_away_and_keeps_its_nick(sites: tuple[Site, Site]) -> None:
    """Its gateway may be gone: nobody gets the nick within the grace; who takes the session finds its positions."""
    one, two = sites
    await one.live()
    log = keys.room_log(one.room)
    await one.sessions.detach(one.uid, 0, GRACE_S, "Ping timeout", {log: Position(b"7-0")})
    await one.lanes.commands.call("ZREM", keys.HEARTBEATS, one.gateway)
    assert await two.directory.away(one.uid) == "Link lost"
    assert (await two.directory.find_user(one.nick) or one.user()).away == "Link lost"
    assert not await two.directory.claim(one.nick, Uid(b"other"))
    assert await one.lanes.commands.call("SISMEMBER", keys.gateway_users(one.gateway), one.uid) == 0
    taken = await two.take()
    assert isinstance(taken, Taken)
    assert (taken.user.away, taken.positions) == ("", {log: Position(b"7-0")})
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is None


async def test_a_taking_whose_answer_was_lost_is_undone(sites: tuple[Site, Site]) -> None:
    """By the token nobody else has; a session that somebody else took is left alone."""
    one, two = sites
    await one.live()
    assert isinstance(await two.take(), Taken)
    await two.sessions.abandon(one.uid, THIRD, GRACE_S, "lost")
    assert await two.directory.away(one.uid) == ""
    await two.sessions.abandon(one.uid, SECOND, GRACE_S, "lost")
    assert await two.directory.away(one.uid) == "Link lost"
    assert isinstance(await one.take(), Taken)


async def test_after_the_grace_one_of_two_reapers_ends_it(sites: tuple[Site, Site]) -> None:
    """One event per room, the nick is free, and whoever comes back is told that it has ended."""
    one, two = sites
    await one.live()
    await one.sessions.detach(one.uid, 0, 0, "Ping timeout", {})
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


async def test_who_came_back_in_time_is_not_ended(sites: tuple[Site, Site]) -> None:
    """Nor one whose grace is not over; nor one that was detached again, whose place in the schedule stays."""
    one, two = sites
    await one.live()
    reaper = Reaper(one.lanes, one.gateway, GRACE_S)
    await one.sessions.detach(one.uid, 0, GRACE_S, "lost", {})
    ends = int(await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid))
    await reaper.end_graces(ends)  # it asks Redis for the time
    assert await two.directory.away(one.uid) == "Link lost"
    taken = await two.take()
    assert isinstance(taken, Taken)
    await one.lanes.commands.call("ZADD", keys.GRACES, 0, one.uid)  # left behind by a gateway that died
    await reaper.end_graces(1)
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is None
    await two.sessions.detach(one.uid, taken.user.epoch, GRACE_S, "lost", {})
    assert await one.lanes.commands.call("EVALSHA", sha("grace_settle"), 1, keys.GRACES, one.uid, 1) == 0
    assert await one.lanes.commands.call("ZSCORE", keys.GRACES, one.uid) is not None
    assert await one.events() == ["Joined"]


async def test_a_claim_of_a_reaper_that_died_runs_out(sites: tuple[Site, Site]) -> None:
    """Half-way through: the session is out of a room, and its nick not free. Another finishes, and nothing is twice."""
    one, _ = sites
    await one.live()
    await one.sessions.detach(one.uid, 0, 0, "lost", {})
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


async def test_a_taking_that_a_failover_lost_is_asserted(sites: tuple[Site, Site]) -> None:
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


async def test_of_two_takings_the_later_one_holds_where_a_failover_lost_the_first(sites: tuple[Site, Site]) -> None:
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
    await two.sessions.detach(one.uid, lost.user.epoch, GRACE_S, "lost", {})
    assert await two.sessions.claim_end(one.uid, lost.user.epoch) is End.NOT_OURS
    assert await one.directory.user(one.uid) == taken.user
    assert await call("HMGET", record, "token", "state") == [THIRD, None]


async def _next_ms(site: Site) -> None:
    """Return when the clock of Redis has moved on."""

    async def now_ms() -> int:
        script = "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)"
        return int(await site.lanes.commands.call("EVAL", script, 1, keys.user_record(site.uid)))

    first_ms = await now_ms()

    async def moved() -> bool | None:
        return await now_ms() > first_ms or None

    await eventually(moved, what="a ms later")


async def test_what_dies_with_a_gateway_and_what_does_not(sites: tuple[Site, Site], unique: str) -> None:
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
    assert await one.sessions.claim_end(one.uid, 0) is End.NOT_OURS
    taken = await two.take()
    assert isinstance(taken, Taken)
    assert taken.user.realname == "Real"
    assert taken.positions == {keys.room_log(one.room): Position(b"9-9")}


async def test_a_gateway_without_a_fresh_lease_writes_nothing(lanes: Lanes, unique: str) -> None:
    """Nothing reaches Redis until it has beaten again."""
    site = Site(lanes, unique, "frozen")
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


class Model:
    """A session's record by the rules of the scripts: who has it, and with which tokens it can be taken."""

    def __init__(self) -> None:
        self.state, self.epoch, self.taken = "on", 0, False
        self.token, self.former = FIRST, b""

    def take(self, shown: bytes, new: bytes) -> Refusal | None:
        """None: it is taken."""
        if shown not in {self.token, self.former}:
            return Refusal.NOT_ALLOWED
        if self.state == "ended":
            return Refusal.ENDED
        if self.taken:
            return Refusal.BUSY
        self.state, self.taken, self.token, self.former = "on", True, new, shown
        return None

    def detach(self, epoch: int) -> bool:
        """Only its holder detaches it; whether it did."""
        if epoch != self.epoch or self.state != "on":
            return False
        self.state, self.taken = "detached", False
        return True

    def settle(self, epoch: int) -> None:
        """The next one may take it."""
        self.taken = self.taken and epoch != self.epoch

    def confirm(self, epoch: int) -> None:
        """The former token is good no more."""
        self.former = b"" if epoch == self.epoch else self.former


_steps = st.tuples(
    st.sampled_from(["take", "take", "take", "detach", "settle", "settle", "confirm"]),
    st.integers(-2, 0),  # which of the last epochs, or of the last tokens
    st.integers(0, 1),  # by which gateway
)
_runs = count(1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_steps, max_size=20), ends=st.booleans())
async def test_any_order_of_steps_has_one_holder(lanes: Lanes, steps: list[tuple[str, int, int]], ends: bool) -> None:
    """Takings, losses and late steps of former holders, in any order: as the rules say, at every step."""
    unique = f"run{next(_runs)}"
    sites = [Site(lanes, unique, name) for name in ("one", "two")]
    assert await sites[0].sessions.assert_all(sites[0].user(), sites[0].nick, FIRST, [])
    uid, model = sites[0].uid, Model()
    tokens, epochs = [FIRST], [0]
    for number, (kind, back, which) in enumerate(steps):
        sessions = sites[which].sessions
        epoch, shown = epochs[max(back - 1, -len(epochs))], tokens[max(back - 1, -len(tokens))]
        if kind == "take":
            new = hash_of(f"{unique} {number}")
            answer = await sessions.take(uid, shown, "", new)
            refused = model.take(shown, new)
            assert answer is refused if refused else isinstance(answer, Taken)
            if isinstance(answer, Taken):
                assert answer.user.epoch > model.epoch
                model.epoch = answer.user.epoch
                tokens.append(new)
                epochs.append(model.epoch)
        elif kind == "detach":
            await sessions.detach(uid, epoch, GRACE_S, "lost", {})
            detached = model.detach(epoch)
            known, model.epoch = model.epoch, int(await sites[0].field("epoch") or 0)
            assert (model.epoch > known) == detached
        elif kind == "settle":
            await sessions.settle(uid, epoch)
            model.settle(epoch)
        else:
            await sessions.confirm(uid, epoch)
            model.confirm(epoch)
        away = await sites[0].directory.away(uid)
        scheduled = await lanes.commands.call("ZSCORE", keys.GRACES, uid) is not None
        assert (away == "Link lost") == scheduled == (model.state == "detached")
    if ends and model.state == "on":
        assert await sites[0].sessions.claim_end(uid, model.epoch) is End.LAST
        assert await sites[1].sessions.take(uid, model.token, "", SECOND) is Refusal.ENDED
    await sites[0].directory.remove(uid, sites[0].nick)
    assert await sites[1].sessions.take(uid, model.token, "", SECOND) is Refusal.ENDED
    await lanes.commands.call("ZREM", keys.GRACES, uid)
