"""Rooms and inboxes follow their logs through everything a connection to Redis can do; over the second store."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.errors import StoreError
from gateway.model import GatewayId, LogKey, MsgId, Position, Uid
from gateway.rooms.catching_up import CATCH_UP_ENTRIES
from gateway.rooms.engine import Engine
from gateway.rooms.pace import BURST_WRITES
from gateway.rooms.ports import Saying
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session.render import render
from gateway.session.session import Session
from gateway.spoken import Said
from gateway.wire.names import RoomKey
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.events import join, leave, member, said, set_topic, uid_of
from tests.harness.inbox_reader import InboxReader
from tests.harness.memory_store import Loss, MemoryRedis, MemoryStore

NOTICE = "NOTICE #room :Messages may be missing here: this server could not read what was said for a while"
KEY, LOG = RoomKey("#room"), LogKey("r:#room")
G1, G2 = GatewayId("g1"), GatewayId("g2")
ANN, BOB = member("ann", gateway="g2", modes="o"), member("bob")


class Remark(Saying):
    """Something said from here."""

    def __init__(self, event: Said, permissions: Position | None = None) -> None:
        super().__init__(event, permissions)
        self._arrived = asyncio.Event()

    def arrived(self, line: bytes, position: Position) -> bytes:
        self._arrived.set()
        return line

    def allowed(self, replica: Replica) -> bool:
        return True

    async def done(self) -> None:
        """Wait until it has come back."""
        async with asyncio.timeout(DEADLINE_S):
            await self._arrived.wait()


class Site:
    """A gateway's engine over the memory store, with bob's session; ann writes from another gateway."""

    def __init__(self, redis: MemoryRedis, kept_s: float = 0.0) -> None:
        self.redis = redis
        self.store: MemoryStore = redis.store(G1)
        self.fenced = asyncio.Event()
        self.engine = Engine(
            self.store,
            render,
            log_of_room=lambda key: LogKey(f"r:{key}"),
            log_of_inbox=lambda uid: LogKey(f"i:{uid.decode()}"),
            recent_lines=50,
            on_fenced=self.fenced.set,
            gateway=G1,
            server_name="test",
            kept_s=kept_s,
        )
        self.store.on_announcement = self.engine.announced
        self.store.on_read_end = self.engine.read_ended
        self.store.on_subscribed = self.engine.subscribed
        self.lines: list[str] = []
        self.bob = Session(uid_of("bob"), "host", self._write)
        self._elsewhere = 0

    def _write(self, lines: bytes) -> None:
        self.lines += [line.partition(" ")[2] for line in lines.decode().split("\r\n")[:-1]]

    def elsewhere(self, *texts: str) -> None:
        """Ann says something on another gateway."""
        self._elsewhere += 1
        self.redis.now_ms += 1
        self.redis.room_msg(LOG, GatewayId("g3"), self._elsewhere, None, [said("ann", text) for text in texts])

    def said_here(self, room: Room, text: str) -> Remark:
        """Bob says something."""
        remark = Remark(said("bob", text), room.replica.permissions)
        self.engine.say(room, remark)
        return remark

    def send(self, text: str) -> Remark:
        """Bob writes a direct message."""
        remark = Remark(said("bob", text))
        self.engine.inboxes.send(Uid(b"me"), remark)
        return remark

    async def sees(self, *lines: str) -> None:
        """Bob has got exactly these lines so far."""

        async def seen() -> bool | None:
            return True if self.lines == list(lines) else None

        try:
            await eventually(seen, what="all lines are delivered")
        except AssertionError:
            assert self.lines == list(lines)


def line(text: str) -> str:
    """How a PRIVMSG looks to bob."""
    return f"PRIVMSG #room :{text}"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """One gateway, running."""
    site = Site(MemoryRedis())
    site.redis.room_tx(LOG, G2, 1, join(ANN))
    started = asyncio.Event()
    running = asyncio.create_task(site.engine.run(started))
    await started.wait()
    yield site
    running.cancel()
    await asyncio.wait([running])


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    """The room, open, with bob in it."""
    site.redis.room_tx(LOG, G2, 2, join(BOB, permissions=None))
    async with site.engine.open_room(KEY, "#room") as room:
        room.seat(site.bob)
        yield room


async def test_a_room_opens_with_its_state_and_its_last_lines(site: Site) -> None:
    """A snapshot and what was said before; then live."""
    site.elsewhere("one", "two")
    async with site.engine.open_room(KEY, "#fallback") as room:
        assert (room.replica.name, list(room.replica.members)) == ("#room", [ANN.uid])
        assert [entry.event.msgid for entry in room.recent] == [b"one", b"two"]
        assert room.follower.live


async def test_a_room_nobody_needs_is_forgotten(site: Site) -> None:
    """After the last user of it; opened again it has what happened meanwhile."""
    async with site.engine.open_room(KEY, "#room"):
        pass
    assert site.engine.rooms == {}
    site.elsewhere("meanwhile")
    async with site.engine.open_room(KEY, "#room") as room:
        assert [entry.event.msgid for entry in room.recent] == [b"meanwhile"]


async def test_a_room_is_forgotten_whichever_comes_first(site: Site) -> None:
    """The announcement may overtake the answer: the room is still needed then, and forgotten with the answer."""
    site.store.answers_late_s = 0.02
    async with site.engine.open_room(KEY, "#room") as room:
        remark = site.said_here(room, "hi")
        await remark.done()
    assert list(site.engine.rooms) == [KEY]

    async def forgotten() -> bool | None:
        return not site.engine.rooms or None

    await eventually(forgotten, what="the room is forgotten")


async def test_what_is_said_here_comes_back_through_the_log(site: Site, room: Room) -> None:
    """Its origin hears when it was applied, and the room keeps nothing of it."""
    remark = site.said_here(room, "hi")
    await remark.done()
    assert (room.origins, room.writer.idle) == ({}, True)


@pytest.mark.parametrize("loss", Loss)
async def test_a_batch_redis_did_not_answer_goes_out_again_by_itself(site: Site, room: Room, loss: Loss) -> None:
    """A refusal (out of memory, say) leaves the connection as it is: nobody else would try again."""
    site.store.losses = [loss, loss]
    remark = site.said_here(room, "hi")
    await remark.done()
    assert [entry.event.msgid for entry in site.redis.log(LOG).entries].count(MsgId(b"hi")) == 1


async def test_a_lost_announcement_is_found_by_the_next(site: Site, room: Room) -> None:
    """The gap is read from the log; nothing is missing, nothing comes twice, order is kept."""
    site.store.deaf = True
    site.elsewhere("one", "two")
    site.store.deaf = False
    site.elsewhere("three")
    await site.sees(line("one"), line("two"), line("three"))


async def test_what_was_acknowledged_and_not_announced_is_fetched(site: Site, room: Room) -> None:
    """No later announcement is needed: the writer knows what the log must have."""
    site.store.deaf = True
    remark = site.said_here(room, "hi")
    await remark.done()


async def test_after_a_lost_subscription_everything_is_read(site: Site, room: Room) -> None:
    """More than one read's worth, in order, once."""
    site.store.deaf = True
    texts = [str(i) for i in range(CATCH_UP_ENTRIES + 10)]
    for text in texts:
        site.elsewhere(text)
    site.store.deaf = False
    site.engine.subscriptions_lost()
    site.engine.subscriptions_up()
    await site.sees(*map(line, texts))


async def test_a_log_trimmed_past_us_is_told_by_its_difference(site: Site, room: Room) -> None:
    """A warning, who came, who went, the topic, and what the log still has; then live again."""
    site.store.deaf = True
    site.redis.now_ms += 1
    site.redis.room_tx(LOG, G2, 3, set_topic(ANN, "new"))
    site.redis.room_tx(LOG, G2, 4, leave(ANN))
    site.redis.room_tx(LOG, G2, 5, join(member("cat", gateway="g2"), permissions=None))
    site.elsewhere("still there")
    del site.redis.log(LOG).entries[:-1]  # as MAXLEN does
    site.store.deaf = False
    site.elsewhere("live")
    await site.sees(
        NOTICE, "QUIT :Not there any more", "JOIN #room", "TOPIC #room :new", line("still there"), line("live")
    )  # fmt: skip
    assert set(room.replica.members) == {BOB.uid, uid_of("cat")}
    assert room.follower.live


async def test_a_reaped_gateway_hears_of_it(site: Site, room: Room) -> None:
    """Its next write is refused, and the gateway stops."""
    site.redis.room_reap(LOG, G1)
    site.said_here(room, "hi")
    async with asyncio.timeout(DEADLINE_S):
        await site.fenced.wait()


@pytest.mark.slow
async def test_a_room_that_cannot_be_read_does_not_open_for_ever(site: Site) -> None:
    """StoreError after the deadline, and nothing is left of it."""
    site.store.up = False
    with pytest.raises(StoreError):
        async with site.engine.open_room(KEY, "#room"):
            pass
    assert site.engine.rooms == {}


async def test_a_new_inbox_is_followed_from_its_beginning(site: Site) -> None:
    """What anybody sends from then on arrives once, in order; after it is closed nothing does."""
    reader = InboxReader(Uid(b"me"))
    async with asyncio.timeout(DEADLINE_S):
        await site.engine.inboxes.open(reader)
    for remark in [site.send(str(index)) for index in range(3)]:
        await remark.done()
    assert reader.msgids == [b"0", b"1", b"2"]
    site.engine.inboxes.close(Uid(b"me"))
    await site.send("late").done()
    assert len(reader.msgids) == 3


async def test_inboxes_do_not_know_of_one_another(site: Site) -> None:
    """What was delivered to one, and would not be again, is news to another that began as empty as it."""
    readers = [InboxReader(Uid(name)) for name in (b"me", b"you")]
    async with asyncio.timeout(DEADLINE_S):
        for reader in readers:
            await site.engine.inboxes.open(reader)
    for reader in readers:
        remark = Remark(said("bob", "same"))
        site.engine.inboxes.send(Uid(reader.attachment), remark)
        await remark.done()
    assert [reader.msgids for reader in readers] == [[b"same"], [b"same"]]


async def test_a_direct_message_waits_for_both_connections(site: Site) -> None:
    """Written when Redis was half back (commands, no subscriptions yet), it goes out when all of it is."""
    await site.send("first").done()
    site.store.up = False
    remark = site.send("second")
    site.engine.commands_up()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    site.store.up = True
    site.engine.subscriptions_lost()
    site.engine.subscriptions_up()
    await remark.done()


async def test_a_newcomer_from_another_gateway_is_seen(site: Site, room: Room) -> None:
    """A JOIN elsewhere is one line here."""
    site.redis.now_ms += 1
    site.redis.room_tx(LOG, G2, 3, join(member("cat", gateway="g2"), permissions=None))
    await site.sees("JOIN #room")
    assert uid_of("cat") in room.replica.members


async def test_a_busy_room_is_written_to_in_bursts_and_others_cannot_keep_us_out(site: Site, room: Room) -> None:
    """Past the burst lines wait and travel together; however much comes from elsewhere meanwhile, they go."""
    for number in range(199):
        room.seat(Session(uid_of(f"listener {number}"), "host", lambda lines: None))
    for number in range(BURST_WRITES // 200):
        await site.said_here(room, f"quick {number}").done()
    before = room.writer.number or 0
    held = [site.said_here(room, f"held {number}") for number in range(20)]
    done = asyncio.gather(*(remark.done() for remark in held))
    heard = 0
    while not done.done():
        heard += 1
        site.elsewhere(f"elsewhere {heard}")
        await asyncio.sleep(0)
    await done
    assert room.writer.number == before + 1
    assert heard > 1
