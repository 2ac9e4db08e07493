"""Several attachments of one session: which there are, who is the last, how the session is shown.

Source: the headers of the `session_*.lua` scripts; ADR 23.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.errors import StoreError
from gateway.events import Changed, Rebound
from gateway.model import ORIGIN, Answer, AttachmentId, FurtherId, GatewayId, Uid
from gateway.people import End, Refusal, Taken, User
from gateway.session.tokens import further, hash_of
from gateway.store import keys
from gateway.store.attached import tell_attachments
from gateway.store.directory import Directory
from gateway.store.holding import Holding
from gateway.store.lanes import Lanes
from gateway.store.logs import Logs
from gateway.store.reaping import Reaper
from gateway.store.sessions import Sessions
from gateway.wire.names import NickKey, RoomKey
from tests.harness.events import said

GRACE_S = 60.0
FIRST, SECOND, THIRD = (hash_of(text) for text in ("first", "second", "third"))
MOST = 3


class View:
    """Sessions as a gateway sees them."""

    def __init__(self, lanes: Lanes, gateway: GatewayId) -> None:
        self.records, self.holding = Sessions(lanes, gateway), Holding(lanes, gateway)


Held = tuple[View, AttachmentId, bytes]


class Site:
    """A gateway's view of a session of the account ann, which is on another gateway."""

    def __init__(self, lanes: Lanes, unique: str) -> None:
        self.lanes = lanes
        self.home, self.gateway = GatewayId(f"home-{unique}"), GatewayId(f"here-{unique}")
        self.at_home, self.here = View(lanes, self.home), View(lanes, self.gateway)
        self.directory = Directory(lanes, self.gateway)
        self.logs = Logs(lanes, self.gateway)
        self.uid = Uid(f"{unique}-uid".encode())
        self.nick, self.room = NickKey(unique), RoomKey(f"#{unique}")

    def user(self, **changes: Any) -> User:
        """The session as its first gateway has it."""
        user = User(self.uid, self.nick, "~u", "host", "Real", "ann", "", 1, self.home, operator=False)
        return user._replace(**changes)

    async def live(self, token: bytes = FIRST) -> None:
        """Its first attachment is on its gateway."""
        assert await self.at_home.records.assert_all(self.user(), self.nick, token, [self.room])

    def named(self, name: str) -> FurtherId:
        """One more attachment."""
        return further(self.uid, f"{name}-------")

    async def attach(
        self, name: str, *, account: str = "ann", most: int = MOST, told: bool = True
    ) -> Taken | Refusal | AttachmentId:
        """One more attachment, here."""
        return await self.here.holding.attach(self.uid, account, self.named(name), SECOND, most, told=told)

    async def shown(self) -> str:
        """How others see its absence."""
        return await self.directory.away(self.uid)

    async def told(self) -> list[object]:
        """The events in its inbox."""
        entries = await self.logs.read_after(keys.inbox_log(self.uid), ORIGIN, 100)
        return [entry.event for entry in entries or []]


@pytest.fixture
async def site(lanes: Lanes, unique: str) -> AsyncIterator[Site]:
    """With the session; nothing of it is kept for its grace afterwards, since others count who is."""
    site = Site(lanes, unique)
    await site.live()
    yield site
    await lanes.commands.call("ZREM", keys.GRACES, site.uid, *(site.named(name) for name in "vwxy"))


async def test_a_further_attachment(site: Site) -> None:
    """It gets who the session is, its rooms, where its inbox goes on; the others are told that something changed."""
    taken = await site.attach("v")
    assert isinstance(taken, Taken)
    assert taken.user == site.user(gateway=site.gateway)
    assert (taken.rooms, taken.shared) == (frozenset({site.room}), True)
    assert list(taken.positions) == [keys.inbox_log(site.uid)]
    assert [type(event) for event in await site.told()] == [Changed]
    for sessions, attachment in ((site.at_home, site.uid), (site.here, site.named("v"))):
        found = await sessions.records.look(attachment, 0)
        assert found is not None
        assert (found.user.nick, found.rooms, found.attachments) == (site.nick, frozenset({site.room}), 2)
    assert [one.attachment for one in await site.here.records.attached(site.uid)] == [site.uid, site.named("v")]


async def test_who_may_not(site: Site) -> None:
    """Another account, none, a session that is over; nothing is left behind."""
    assert await site.attach("v", account="bob") is Refusal.NOT_ALLOWED
    assert await site.attach("v", account="") is Refusal.NOT_ALLOWED
    assert await site.at_home.holding.claim_end(site.uid, 0) is End.LAST
    assert await site.attach("v") is Refusal.ENDED
    assert await site.lanes.commands.call("EXISTS", keys.attachment_record(site.named("v"))) == 0
    assert await site.lanes.commands.call("SISMEMBER", keys.gateway_users(site.gateway), site.named("v")) == 0


async def test_as_many_as_may_be(site: Site) -> None:
    """One more is refused; one that is lost gives up its place first, and one with a token only when it must."""
    for name in "vw":
        assert isinstance(await site.attach(name, told=name == "v"), Taken)
    assert await site.attach("x") is Refusal.FULL
    await site.here.holding.detach(site.named("v"), 0, GRACE_S, "lost", {})
    assert await site.attach("x") == site.named("v")
    assert isinstance(await site.attach("x", most=9), Taken)
    await site.here.holding.detach(site.named("w"), 0, GRACE_S, "lost", {})
    assert await site.attach("y", most=9) == site.named("w")


async def test_a_session_that_is_not_shared_is_taken(site: Site) -> None:
    """With one attachment allowed, the answer is whose place to take."""
    assert await site.attach("v", most=1) == site.uid


async def test_each_is_taken_by_itself(site: Site) -> None:
    """The inbox names the one that moved; its epoch and its token are its own."""
    assert isinstance(await site.attach("v"), Taken)
    taken = await site.at_home.holding.take(site.named("v"), SECOND, "", THIRD)
    assert isinstance(taken, Taken)
    assert (taken.user.gateway, taken.shared) == (site.home, True)
    event = (await site.told())[-1]
    assert isinstance(event, Rebound)
    assert (event.uid, event.further, event.epoch) == (site.uid, site.named("v"), taken.user.epoch)
    assert await site.here.records.look(site.named("v"), 0) is None
    assert await site.at_home.records.look(site.uid, 0) is not None
    assert await site.here.holding.take(site.uid, SECOND, "", THIRD) is Refusal.NOT_ALLOWED


@pytest.mark.parametrize("goes_first", [True, False], ids=["the first attachment", "the further one"])
async def test_the_last_one_ends_the_session(site: Site, goes_first: bool) -> None:
    """The other is over, and cannot be taken or attached to; the session goes on until its last is over too."""
    assert isinstance(await site.attach("v"), Taken)
    ends: list[Held] = [(site.at_home, site.uid, FIRST), (site.here, site.named("v"), SECOND)]
    (sessions, one, token), (others, other, _) = ends if goes_first else ends[::-1]
    assert await sessions.holding.claim_end(one, 0) is End.OTHERS
    assert await sessions.holding.take(one, token, "", THIRD) is Refusal.ENDED
    assert await sessions.records.look(one, 0) is None
    assert await site.directory.find_user(site.nick) is not None
    found = await others.records.look(other, 0)
    assert found is not None
    assert found.attachments == 1
    assert await others.holding.claim_end(other, 0) is End.LAST
    await site.directory.remove(other, site.nick)
    assert await site.directory.find_user(site.nick) is None
    for key in (keys.session_rooms(site.uid), keys.attachments(site.uid)):
        assert await site.lanes.commands.call("EXISTS", key) == 0


async def test_two_that_end_at_once(site: Site) -> None:
    """Exactly one of them is the last."""
    assert isinstance(await site.attach("v"), Taken)
    ends = await asyncio.gather(
        site.at_home.holding.claim_end(site.uid, 0), site.here.holding.claim_end(site.named("v"), 0)
    )
    assert sorted(end.name for end in ends) == ["LAST", "OTHERS"]


async def test_an_end_of_all(site: Site) -> None:
    """Whoever else is attached is no more, and ends by itself."""
    assert isinstance(await site.attach("v"), Taken)
    assert await site.at_home.holding.claim_end(site.uid, 0, whole=True) is End.LAST
    assert await site.here.records.look(site.named("v"), 0) is None
    assert await site.attach("w") is Refusal.ENDED


async def test_a_session_is_away_when_all_are(site: Site) -> None:
    """Here while one is here; with the words of one when all are away; lost when all connections are."""
    assert await site.at_home.records.set_away(site.uid, "alone") == "alone"
    assert await site.shown() == "alone"
    assert isinstance(await site.attach("v"), Taken)
    assert await site.at_home.records.set_away(site.uid, "at lunch") == ""
    assert await site.shown() == ""
    assert await site.here.records.set_away(site.named("v"), "asleep") in {"at lunch", "asleep"}
    assert await site.at_home.records.set_away(site.uid, "") == ""
    await site.at_home.holding.detach(site.uid, 0, GRACE_S, "lost", {})
    assert await site.shown() == "asleep"
    await site.here.holding.detach(site.named("v"), 0, GRACE_S, "lost", {})
    assert await site.shown() == "Link lost"
    assert isinstance(await site.here.holding.take(site.uid, FIRST, "", THIRD), Taken)
    assert await site.shown() == ""


async def test_a_dead_gateway_takes_its_own_along(site: Site) -> None:
    """Its attachment has a grace, and then is over; the session is not, until its last one's grace has ended."""
    assert isinstance(await site.attach("v"), Taken)
    reaper = Reaper(site.lanes, GatewayId("reaper"), 0.0)
    await reaper.reap_gateway(site.home)
    assert await site.shown() == ""
    await reaper.end_graces(2**45)
    assert await site.lanes.commands.call("ZSCORE", keys.GRACES, site.uid) is None
    found = await site.here.records.look(site.named("v"), 0)
    assert found is not None
    assert found.attachments == 1
    await reaper.reap_gateway(site.gateway)
    assert await site.shown() == "Link lost"
    await reaper.end_graces(2**45)
    assert await site.directory.find_user(site.nick) is None
    assert await site.directory.find(site.nick) is None


async def test_what_is_shared_is_written_by_all(site: Site) -> None:
    """Only the fields that were changed; who has lost its attachment writes nothing."""
    assert isinstance(await site.attach("v"), Taken)
    await site.here.records.change(site.named("v"), 0, site.user(nick="other", realname="stale"), ["nick"])
    found = await site.directory.user(site.uid)
    assert found is not None
    assert (found.nick, found.realname, found.gateway) == ("other", "Real", site.home)
    await site.here.records.change(site.named("v"), 7, site.user(nick="third"), ["nick"])
    found = await site.directory.user(site.uid)
    assert found is not None
    assert found.nick == "other"
    assert [await site.here.records.begin_renaming(site.uid) for _ in range(2)] == [True, False]
    await site.here.records.end_renaming(site.uid)
    assert await site.here.records.begin_renaming(site.uid)


@pytest.mark.parametrize("stays_first", [True, False], ids=["the first attachment", "the further one"])
async def test_who_logs_out_parts_the_others(site: Site, stays_first: bool) -> None:
    """They can neither write, nor come back, nor end the session."""
    assert isinstance(await site.attach("v"), Taken)
    both: list[Held] = [(site.at_home, site.uid, FIRST), (site.here, site.named("v"), SECOND)]
    (sessions, one, _), (others, other, token) = both if stays_first else both[::-1]
    await sessions.records.part_others(one)
    assert await sessions.records.look(one, 0) is not None
    assert await others.records.look(other, 0) is None
    assert not isinstance(await others.holding.take(other, token, "", THIRD), Taken)
    assert await others.holding.claim_end(other, 0) is End.NOT_OURS
    assert await sessions.holding.claim_end(one, 0) is End.LAST


async def test_all_of_it_is_asserted_again(site: Site) -> None:
    """Redis has lost the session: each gateway writes what it has of it, in any order."""
    assert isinstance(await site.attach("v"), Taken)
    call = site.lanes.commands.call
    for key in (
        keys.user_record(site.uid), keys.attachment_record(site.named("v")), keys.attachments(site.uid),
        keys.session_rooms(site.uid),
    ):  # fmt: skip
        await call("DEL", key)
    both: list[Held] = [(site.here, site.named("v"), SECOND), (site.at_home, site.uid, FIRST)]
    for sessions, attachment, token in both:
        user = site.user()
        assert await sessions.records.assert_all(user, site.nick, token, [site.room], (), attachment, shared=True)
        assert await site.directory.find_user(site.nick) is not None
    for sessions, attachment, _ in both:
        found = await sessions.records.look(attachment, 0)
        assert found is not None
        assert (found.attachments, found.rooms) == (2, frozenset({site.room}))


async def test_nothing_is_asserted_of_what_is_over(site: Site) -> None:
    """A gateway that was frozen, or heard late that its attachment was parted, leaves none behind that nobody ends."""
    call = site.lanes.commands.call
    for ended in (True, False):
        name = "v" if ended else "w"
        assert isinstance(await site.attach(name), Taken)
        if ended:
            assert await site.here.holding.claim_end(site.named(name), 0) is End.OTHERS
        else:
            await site.at_home.records.part_others(site.uid)
        assert await site.here.records.assert_all(
            site.user(account="bob"), site.nick, SECOND, [RoomKey("#else")], ["bob"], site.named(name), shared=True
        )
        assert [one.attachment for one in await site.here.records.attached(site.uid)] == [site.uid]
        for key in (keys.session_watches(site.named(name)), keys.session_positions(site.named(name))):
            assert await call("EXISTS", key) == 0
        assert await call("SMEMBERS", keys.session_rooms(site.uid)) == [site.room.encode()]
    found = await site.directory.user(site.uid)
    assert found is not None
    assert found.account == "ann"
    assert await site.at_home.holding.claim_end(site.uid, 0) is End.LAST
    await site.directory.remove(site.uid, site.nick)
    assert await site.at_home.records.assert_all(site.user(), site.nick, FIRST, [site.room])
    assert await site.directory.find(site.nick) is None
    assert await call("EXISTS", keys.session_rooms(site.uid)) == 0


async def test_what_is_parted_leaves_nothing_behind(site: Site) -> None:
    """Neither its MONITOR list, nor its place on the list of its gateway."""
    assert isinstance(await site.attach("v"), Taken)
    await site.here.records.watch(site.named("v"), ["bob"])
    await site.at_home.records.part_others(site.uid)
    assert await site.here.holding.claim_end(site.named("v"), 0) is End.NOT_OURS
    call = site.lanes.commands.call
    assert await call("EXISTS", keys.session_watches(site.named("v"))) == 0
    assert await call("SISMEMBER", keys.gateway_users(site.gateway), site.named("v")) == 0
    assert await site.here.holding.take(site.named("v"), SECOND, "", THIRD) is Refusal.ENDED


async def test_who_is_forgotten_is_not_parted(site: Site) -> None:
    """Redis has lost the session: its attachments wait until it is written again."""
    assert isinstance(await site.attach("v"), Taken)
    for key in (keys.user_record(site.uid), keys.attachment_record(site.named("v")), keys.attachments(site.uid)):
        await site.lanes.commands.call("DEL", key)
    for sessions, attachment in ((site.at_home, site.uid), (site.here, site.named("v"))):
        with pytest.raises(StoreError):
            await sessions.records.look(attachment, 0)
    assert await site.at_home.records.assert_all(site.user(), site.nick, FIRST, [site.room], shared=True)
    assert await site.at_home.records.look(site.uid, 0) is not None
    with pytest.raises(StoreError):
        await site.here.records.look(site.named("v"), 0)


async def test_an_end_of_all_is_seen_by_the_first_too(site: Site) -> None:
    """The end was claimed by a further attachment."""
    assert isinstance(await site.attach("v"), Taken)
    assert await site.here.holding.claim_end(site.named("v"), 0, whole=True) is End.LAST
    assert await site.at_home.records.look(site.uid, 0) is None


async def test_the_others_are_told_that_a_grace_has_ended(site: Site) -> None:
    """Whoever is left alone need not tell anybody any more what it says and does."""
    assert isinstance(await site.attach("v"), Taken)
    await site.at_home.holding.detach(site.uid, 0, 0.0, "lost", {})
    before = len(await site.told())
    await Reaper(site.lanes, GatewayId("reaper"), 0.0).end_graces(2**45)
    assert [type(event) for event in (await site.told())[before:]] == [Changed]


@pytest.mark.parametrize("shown", [True, False])
async def test_one_that_comes_to_a_lost_session(site: Site, shown: bool) -> None:
    """Where others were told that it is lost they have to be told that it is back; else they are not told of either."""
    assert await site.at_home.records.set_token(site.uid, 0, FIRST)
    await site.at_home.holding.detach(site.uid, 0, GRACE_S, "lost", {})
    if shown:
        await site.lanes.commands.call("ZREM", keys.LOST, site.uid)
    taken = await site.attach("v")
    assert isinstance(taken, Taken)
    assert taken.shown_lost is shown
    assert await site.lanes.commands.call("ZSCORE", keys.LOST, site.uid) is None


async def test_a_token_of_one_that_is_over_leaves_nothing_behind(site: Site) -> None:
    """The gateway that was asked has it on no list."""
    assert isinstance(await site.attach("v"), Taken)
    assert await site.here.holding.claim_end(site.named("v"), 0) is End.OTHERS
    assert await site.at_home.holding.take(site.named("v"), SECOND, "", THIRD) is Refusal.ENDED
    assert await site.lanes.commands.call("SISMEMBER", keys.gateway_users(site.home), site.named("v")) == 0


async def test_the_nick_is_kept_when_redis_has_lost_it_all(site: Site) -> None:
    """Of a session whose first attachment is over no gateway writes a record of that again."""
    assert isinstance(await site.attach("v"), Taken)
    assert await site.at_home.holding.claim_end(site.uid, 0) is End.OTHERS
    for key in (keys.user_record(site.uid), keys.attachment_record(site.named("v")), keys.attachments(site.uid)):
        await site.lanes.commands.call("DEL", key)
    assert await site.here.records.assert_all(site.user(), site.nick, SECOND, [site.room], (), site.named("v"))
    assert not await site.directory.claim(site.nick, Uid(site.uid + b"-other"))


async def test_an_inbox_is_known_by_what_its_session_was_told_first(lanes: Lanes, unique: str) -> None:
    """Its log begins there, and not with the first direct message."""
    uid = Uid(unique.encode())
    logs = Logs(lanes, GatewayId("one"))
    first = await tell_attachments(lanes, uid)
    answered: asyncio.Future[Answer | StoreError] = asyncio.get_running_loop().create_future()
    logs.append_said(keys.inbox_log(uid), 1, None, [said("ann", "hello")], answered.set_result)
    await answered
    assert await logs.born(keys.inbox_log(uid)) == first
