"""Whatever Redis loses, what it acknowledged is there again once, and nobody sees anybody come or go for it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.events import Kicked, LeftBy, ModeChange, ModesSet, Renamed, RoomRenamed
from gateway.model import GatewayId, LogKey, MsgId, SendKey, Uid
from gateway.rooms.ports import Change
from gateway.rooms.renaming import forgotten, renaming
from gateway.rooms.replica import Replica
from gateway.spoken import Said
from tests.harness.deadlines import eventually
from tests.harness.events import join, leave, member, said, set_topic
from tests.harness.inbox_reader import InboxReader
from tests.harness.memory_network import LOG, TURN_WAIT_S, Decided, Gateway, Network, Sent, network
from tests.harness.memory_store import Loss


@pytest.fixture
async def net() -> AsyncIterator[Network]:
    """Two gateways with a member each."""
    async with network("ann", "bob") as net:
        yield net


async def test_what_a_failover_lost_is_written_again(net: Network) -> None:
    """Acknowledged, lost, and there again, in order, with the same msgids; members are shown each line once."""
    ann, bob = net.gateways
    ann.say("before")
    await net.quiet()
    net.replicate()
    for text in ("one", "two", "three"):
        ann.say(text)
        await net.quiet()
    bob.say("four")
    await net.quiet()
    await net.fail_over()
    ann.say("after")
    await net.quiet()
    assert net.texts() == [b"before", b"one", b"two", b"three", b"four", b"after"]
    for gateway in net.gateways:
        assert gateway.heard == ["before", "one", "two", "three", "four", "after"]
        assert gateway.seen == []
    await net.settled()
    net.judge()


async def test_it_is_written_again_in_the_order_it_was_shown_in(net: Network) -> None:
    """By several gateways in turns, whichever of them finds the new master first; what is new comes behind it."""
    net.replicate()
    said = []
    for number in range(12):
        gateway = net.gateways[number // 2 % 2]
        gateway.say(f"{number}")
        said.append(f"{number}")
        await net.quiet()
    for first, second in (net.gateways, net.gateways[::-1]):
        net.lose()
        net.redis.fail_over()
        net.redis.now_ms += 1000
        first.reconnect()
        first.say(f"{first.id} is first")
        for _ in range(20):
            await asyncio.sleep(0)
        second.reconnect()
        second.say(f"{second.id} is second")
        await net.quiet()
        texts = [text.decode().replace("_", " ") for text in net.texts()]
        assert texts[:12] == said
        assert texts == first.heard == second.heard


async def has_heard(gateway: Gateway, *texts: str) -> None:
    """All of that, and nothing else."""

    async def heard() -> bool | None:
        return gateway.heard == list(texts) or None

    await eventually(heard, what=f"{gateway.id} has heard {texts}")


async def come_to_another_server(gateway: Gateway) -> None:
    """It has read what that one has, and could write."""
    gateway.store.moved_at_s = asyncio.get_running_loop().time()
    gateway.reconnect()

    async def live() -> bool | None:
        return gateway.room.follower.live or None

    await eventually(live, what="it has read what the other server has")


async def test_who_did_not_hear_what_a_failover_lost_writes_behind_it(net: Network) -> None:
    """It was away in the second that is lost, so it knows of nothing to wait for: new words wait for who does."""
    ann, bob = net.gateways
    net.replicate()
    bob.store.deaf = True
    ann.say("lost")
    await has_heard(ann, "lost")
    net.lose()
    net.redis.fail_over()
    net.redis.now_ms += 1000
    bob.store.deaf = False
    await come_to_another_server(bob)
    bob.say("new")
    for _ in range(20):
        await asyncio.sleep(0)
    assert net.texts() == []
    ann.reconnect()
    await net.quiet()
    assert net.texts() == [b"lost", b"new"]
    assert ann.heard == bob.heard == ["lost", "new"]


async def test_what_had_no_answer_is_not_followed_by_new_words_at_once() -> None:
    """Others were shown it before the failover, and theirs after it: they wait for its turn."""
    async with network("ann", "bob", settle_s=60.0) as net:
        ann, bob = net.gateways
        net.replicate()
        bob.store.deaf = True
        bob.store.losses = [Loss.OF_THE_ANSWER]
        bob.say("of bob")
        await has_heard(ann, "of bob")
        bob.store.up = False
        ann.say("of ann")
        await has_heard(ann, "of bob", "of ann")
        net.lose()
        net.redis.fail_over()
        net.redis.now_ms += 1000
        ann.reconnect()
        bob.store.deaf = False
        bob.say("new")
        await come_to_another_server(bob)
        await net.quiet()
        assert net.texts() == [b"of_bob", b"of_ann", b"new"]
        assert ann.heard == bob.heard == ["of bob", "of ann", "new"]


async def test_nobody_waits_long_for_the_turn_of_a_gateway_that_died(net: Network) -> None:
    """What it wrote is lost with it; the others go on, in their order."""
    ann, bob = net.gateways
    net.replicate()
    for number in range(3):
        for gateway in (ann, bob):
            gateway.say(f"{gateway.id} {number}")
            await net.quiet()
    net.lose()
    net.gateways = [bob]
    await net.fail_over()
    bob.say("after")
    start_s = asyncio.get_running_loop().time()
    await net.quiet()
    assert asyncio.get_running_loop().time() - start_s < 2 * TURN_WAIT_S
    assert net.texts() == [b"bob_0", b"bob_1", b"bob_2", b"after"]


async def test_it_is_written_again_without_a_new_word(net: Network) -> None:
    """The comparison after the reconnection is enough, and a second failover finds it again."""
    ann, bob = net.gateways
    net.replicate()
    ann.say("one")
    await net.quiet()
    for _ in range(2):
        await net.fail_over()

        async def there() -> bool | None:
            return net.texts() == [b"one"] or None

        await eventually(there, what="it is in the log again")
        await net.quiet()
    assert (ann.heard, bob.heard) == (["one"], ["one"])


async def test_what_a_failover_lost_keeps_its_gateway_until_it_is_there_again(net: Network) -> None:
    """At no moment does the engine say that nothing of ours could be lost: a gateway that drains would end."""
    ann, _ = net.gateways
    ann.say("one")
    await net.quiet()
    net.lose()
    net.redis.flush_all()
    net.redis.now_ms += 1000
    ann.store.losses = [Loss.OF_THE_COMMAND] * 2
    ann.reconnect()

    async def there() -> bool | None:
        while net.texts() != [b"one"]:
            assert ann.engine.wrote_lately
            await asyncio.sleep(0)
        return True

    await eventually(there, what="it is in the log again")
    assert ann.engine.wrote_lately


async def test_what_was_on_its_way_follows_what_was_lost(net: Network) -> None:
    """The flight whose answer was lost with the server comes behind the acknowledged lines before it."""
    ann, bob = net.gateways
    net.replicate()
    ann.say("acknowledged")
    await net.quiet()
    ann.store.losses = [Loss.OF_THE_ANSWER]
    flying = ann.say("flying")
    await asyncio.sleep(0)
    await net.fail_over()
    await net.quiet()
    assert net.texts() == [b"acknowledged", b"flying"]
    assert flying.acknowledged
    assert bob.heard == ["acknowledged", "flying"]


async def test_a_lost_answer_to_a_direct_message_with_a_key_is_no_other_message(net: Network) -> None:
    """Sent again it is a duplicate of itself: it has arrived, at its own place. One said before under that key is not
    it."""
    ann, bob = net.gateways
    uid = Uid(b"u-cat")

    async def answered(*sent: Sent) -> None:
        async def all_are() -> bool | None:
            return all(one.acknowledged for one in sent) or None

        await eventually(all_are, what="they are acknowledged")

    first = ann.write_to(uid, "one", "k1")
    await answered(first)
    ann.store.losses = [Loss.OF_THE_ANSWER]
    second = ann.write_to(uid, "two", "k2")
    await answered(second, bob.write_to(uid, "after"))
    places = {entry.event.msgid: entry.position for entry in net.redis.log(LogKey("i:u-cat")).entries}
    assert (first.position, second.position) == (places[first.event.msgid], places[second.event.msgid])
    again = ann.write_to(uid, "other", "k1")
    await answered(again)
    assert (again.position, again.first and again.first.msgid) == (None, first.event.msgid)


async def test_what_was_said_before_a_room_was_opened_is_not_shown_when_it_comes_again(net: Network) -> None:
    """Who sits there now heard it on the gateway it came from, or came after it."""
    ann, bob = net.gateways
    net.replicate()
    ann.say("before")
    await net.quiet()
    async with net.newcomer("cat") as cat:
        await net.fail_over()
        cat.reconnect()
        bob.say("after")

        async def heard() -> bool | None:
            return "after" in cat.heard or None

        await eventually(heard, what="what is new")
        await net.quiet()
        assert sorted(net.texts()) == [b"after", b"before"]
        assert cat.heard == ["after"]


@pytest.mark.parametrize("noticed", [True, False], ids=["after the fork was seen", "before the fork was seen"])
async def test_what_its_author_says_again_after_its_gateway_died_with_the_log_is_shown_once(
    net: Network, *, noticed: bool
) -> None:
    """Under the same key it has the same msgid; the author, who has no answer yet, gets it."""
    ann, bob = net.gateways
    net.replicate()
    ann.say("one", key="k")
    await net.quiet()
    net.lose()
    net.gateways = [bob]  # the other is dead
    await net.fail_over()
    if noticed:
        await net.quiet()
    again = Sent(said("ann", "one"), bob.room.replica.permissions, SendKey(ann.member.uid, b"k"))
    bob.engine.say(bob.room, again)
    await net.quiet()
    assert again.acknowledged
    assert bob.heard == ["one"]
    assert net.texts() == [b"one"]


async def test_what_was_answered_by_its_key_is_written_again_by_who_answered(net: Network) -> None:
    """The gateway that appended it died, another told its author that it is there: that one answers for it now."""
    ann, bob = net.gateways
    net.replicate()
    ann.say("one", key="k")
    await net.quiet()
    again = Sent(said("ann", "one"), bob.room.replica.permissions, SendKey(ann.member.uid, b"k"))
    bob.engine.say(bob.room, again)
    await net.quiet()
    assert again.first is not None
    net.lose()
    net.gateways = [bob]
    await net.fail_over()

    async def there() -> bool | None:
        return net.texts() == [b"one"] or None

    await eventually(there, what="it is in the log again")
    await net.quiet()
    assert bob.heard == ["one"]


async def test_a_lost_join_is_nobodys_quit(net: Network) -> None:
    """Who joined in the lost second is still there for everybody; so is the topic that was set then."""
    ann, bob = net.gateways
    net.replicate()
    cat = member("cat", gateway="bob")
    bob.change(join(cat, permissions=None))
    ann.change(set_topic(ann.member, "new"))
    await net.quiet()
    shown = ["JOIN #room", "TOPIC #room :new"]
    await net.fail_over()
    await net.settled()
    net.judge()
    assert cat.uid in net.redis.log(LOG).members
    assert (ann.seen, bob.seen) == (shown, shown)


async def test_a_lost_part_is_nobodys_join(net: Network) -> None:
    """Who left in the lost second does not come back for anybody."""
    ann, bob = net.gateways
    cat = member("cat", gateway="bob")
    bob.change(join(cat, permissions=None))
    await net.quiet()
    net.replicate()
    bob.change(leave(cat, LeftBy.PART))
    await net.quiet()
    await net.fail_over()
    await net.settled()
    net.judge()
    assert cat.uid not in net.redis.log(LOG).members
    assert ann.seen == bob.seen == ["JOIN #room", "PART #room :bye"]


async def test_what_only_a_dead_gateway_knew_is_told_in_the_end(net: Network) -> None:
    """Nobody sends it again: after the time to settle Redis is right, and members hear who is gone and who is not."""
    gone, back = member("gone", gateway="dead"), member("back", gateway="dead")
    net.redis.room_tx(LOG, back.gateway, 1, join(back, permissions=None))
    await net.quiet()
    net.replicate()
    net.redis.room_tx(LOG, gone.gateway, 2, join(gone, permissions=None))
    net.redis.room_tx(LOG, back.gateway, 3, leave(back))
    await net.quiet()
    for gateway in net.gateways:
        gateway.lines.clear()
    await net.fail_over()
    await net.settled()
    for gateway in net.gateways:
        assert sorted(gateway.seen) == ["JOIN #room", "QUIT :Not there any more"]
    net.judge()


async def test_modes_and_nicks_that_only_a_dead_gateway_knew_are_told_in_the_end(net: Network) -> None:
    """They are as Redis has them: members see the lines that lead there, and what they say is decided on that."""
    old = member("old", gateway="dead")
    flags = ModesSet(old.uid, MsgId(b"mode"), old.source, (ModeChange("+", "m"), ModeChange("+", "l", "9")))
    moderated = Change(
        event=flags, permissions=None, uid=old.uid, need="in", state=(("modes", "mnt"), ("limit", "9"))
    )  # fmt: skip
    renamed = Change(
        event=Renamed(old.uid, MsgId(b"nick"), "new"), permissions=None, uid=old.uid, need="in",
        member=old._replace(nick="new"),
    )  # fmt: skip
    net.redis.room_tx(LOG, old.gateway, 1, join(old, permissions=None))
    await net.quiet()
    net.replicate()
    for number, change in enumerate((moderated, renamed), 2):
        net.redis.room_tx(LOG, old.gateway, number, change)
    await net.quiet()
    for gateway in net.gateways:
        assert gateway.seen[-2:] == ["MODE #room +ml 9", "NICK new"]
        gateway.lines.clear()
    await net.fail_over()
    await net.settled()
    for gateway in net.gateways:
        assert gateway.seen == ["NICK old", "MODE #room -ml"]
    net.judge()
    assert net.gateways[1].say("and on").position is None
    await net.quiet()
    assert net.texts() == [b"and_on"]


async def test_another_event_at_the_place_of_the_last_one_is_another_log(net: Network) -> None:
    """Two servers count alike: what the promoted one has at the very place of what it had not got is shown."""
    ann, bob = net.gateways
    net.replicate()
    net.redis.room_msg(LOG, GatewayId("dead"), 1, None, [said("cat", "lost")])
    await net.quiet()
    last = bob.room.replica.last
    net.lose()
    net.redis.fail_over()
    ann.reconnect()
    ann.say("new")

    async def written() -> bool | None:
        return net.redis.log(LOG).entries[-1].position == last or None

    await eventually(written, what="the new line has the place of the lost one")
    bob.reconnect()
    await net.quiet()
    assert [gateway.heard for gateway in net.gateways] == [["lost", "new"]] * 2


async def test_what_a_lost_connection_announced_is_no_part_of_the_new_log(net: Network) -> None:
    """It was held for a catch-up that the lost server did not answer; the new log ends where it would follow."""
    ann, bob = net.gateways
    ann.say("kept")
    await net.quiet()
    net.replicate()
    bob.store.up = False
    bob.engine._catch_up(bob.room.follower)
    ann.say("lost with its gateway")

    async def held() -> bool | None:
        return bob.room.follower._held is not None or None

    await eventually(held, what="it was announced")
    net.lose()
    net.gateways = [bob]
    await net.fail_over()
    bob.say("and on")
    await net.quiet()
    assert net.texts() == [b"kept", b"and_on"]
    assert bob.heard == ["kept", "and on"]


async def test_what_others_wrote_to_the_new_log_is_shown(net: Network) -> None:
    """A gateway that comes late to the new log shows what it had not, in its order, and does not repeat what it had."""
    ann, bob = net.gateways
    net.replicate()
    ann.say("lost")
    await net.quiet()
    net.lose()
    net.redis.fail_over()
    net.redis.now_ms += 1000
    bob.reconnect()
    cat = member("cat", gateway="bob")
    bob.change(join(cat, permissions=None))
    bob.say("new")
    bob.change(leave(cat))

    async def written() -> bool | None:
        return bob.room.writer.idle or None

    await eventually(written, what="bob's gateway has written")
    ann.reconnect()
    await net.quiet()
    assert ann.heard == ["lost", "new"]
    assert ann.seen == ["JOIN #room", "PART #room :bye"]


@pytest.mark.parametrize("reconnect", [True, False])
async def test_all_data_lost_and_nobody_notices(net: Network, *, reconnect: bool) -> None:
    """FLUSHALL: members, name, topic and modes are back; nobody sees anything, nothing is doubled."""
    ann, bob = net.gateways
    ann.change(set_topic(ann.member, "tea"))
    ann.say("one")
    await net.quiet()
    for gateway in net.gateways:
        gateway.lines.clear()
    before = {gateway.id: dict(gateway.room.replica.members) for gateway in net.gateways}
    net.redis.flush_all()
    net.redis.now_ms += 1000
    for gateway in net.gateways:
        gateway.reconnect() if reconnect else gateway.engine.compare_all()

    async def all_back() -> bool | None:
        return len(net.redis.log(LOG).members) == 2 or None

    await eventually(all_back, what="both members are back")
    bob.say("two")
    await net.settled()
    net.judge()
    for gateway in net.gateways:
        assert gateway.lines == ["PRIVMSG #room :two"]
        assert dict(gateway.room.replica.members) == before[gateway.id]
    assert (net.redis.log(LOG).fields["topic"], net.redis.log(LOG).fields["created"]) == (
        "tea",
        str(ann.room.replica.created_ms),
    )


async def test_a_word_finds_that_all_is_lost(net: Network) -> None:
    """Nobody has looked yet: the first line after FLUSHALL is said once, and puts everything right."""
    ann, bob = net.gateways
    net.redis.flush_all()
    net.redis.now_ms += 1000
    said = ann.say("hello")
    await net.quiet()
    assert said.acknowledged
    await net.settled()
    net.judge()
    assert ann.heard == bob.heard == ["hello"]
    assert ann.seen == bob.seen == []
    assert set(net.redis.log(LOG).members) == {ann.member.uid, bob.member.uid}


async def test_a_change_that_was_acknowledged_and_never_seen_is_answered(net: Network) -> None:
    """Announced on a connection that was lost, with a room that was lost as a whole: no replica has it, so its gateway
    writes it again."""
    ann, bob = net.gateways
    ann.store.deaf = bob.store.deaf = True
    guest = member("guest", gateway=ann.id)
    coming = ann.change(join(guest, permissions=None, msgid="come"))

    async def written() -> bool | None:
        return (ann.room.writer.idle and ann.engine.wrote_lately) or None

    await eventually(written, what="Redis has answered")
    ann.store.deaf = bob.store.deaf = False
    await net.fail_over()  # nothing had been replicated
    await net.settled()
    assert coming.done
    assert bob.seen == ["JOIN #room"]
    net.judge()


async def test_a_log_that_went_on_unheard_is_found(net: Network) -> None:
    """Anti-entropy: announcements lost, and no later one; the next look finds it."""
    ann, bob = net.gateways
    bob.store.deaf = True
    ann.say("unheard")

    async def written() -> bool | None:
        return net.texts() == [b"unheard"] or None

    await eventually(written, what="it is in the log")
    bob.engine.compare_all()
    await net.quiet()
    assert bob.heard == ["unheard"]


async def test_a_direct_message_that_was_lost_is_delivered_once(net: Network) -> None:
    """Delivered, lost with the failover, written again: the receiver has it once, with what came after."""
    ann, bob = net.gateways
    uid = Uid(b"receiver")
    reader = InboxReader(uid)
    await bob.engine.inboxes.open(reader)
    ann.write_to(uid, "kept")

    async def delivered(number: int) -> bool | None:
        return len(reader.msgids) == number or None

    await eventually(lambda: delivered(1), what="the first is there")
    net.replicate()
    ann.write_to(uid, "lost")
    await eventually(lambda: delivered(2), what="the second is there")
    await net.fail_over()
    ann.write_to(uid, "after")
    await eventually(lambda: delivered(3), what="the third is there")
    assert reader.msgids == [b"kept", b"lost", b"after"]
    entries = net.redis.log(bob.engine.inboxes._log_of(uid)).entries
    assert [entry.event.msgid for entry in entries] == [b"kept", b"lost", b"after"]


@pytest.mark.parametrize("returned", [True, False])
async def test_a_direct_message_comes_though_the_clock_stands_before_all_that_was_lost(
    net: Network, *, returned: bool
) -> None:
    """All data are lost, and a server comes back whose clock is behind: what an inbox has by then is new, for a session
    that began here and for one that came back here."""
    ann, bob = net.gateways
    uid = Uid(b"receiver")
    reader = InboxReader(uid)
    log = ann.engine.inboxes._log_of(uid)

    async def written(msgid: bytes) -> bool | None:
        return msgid in [entry.event.msgid for entry in net.redis.log(log).entries] or None

    async def delivered(number: int) -> bool | None:
        return len(reader.msgids) == number or None

    if returned:
        ann.write_to(uid, "before")
        await eventually(lambda: written(b"before"), what="it is written")
        await bob.engine.inboxes.open(reader, net.redis.log(log).last, [MsgId(b"before")])
    else:
        await bob.engine.inboxes.open(reader)
    ann.write_to(uid, "one")
    await eventually(lambda: delivered(1), what="the next is there")
    bob.store.deaf = True
    net.redis.now_ms -= 60_000
    net.redis.flush_all()
    ann.write_to(uid, "two")
    await eventually(lambda: written(b"two"), what="it is written after the loss")
    bob.store.deaf = False
    for gateway in net.gateways:
        gateway.reconnect()
    await eventually(lambda: delivered(2), what="it is there")
    assert reader.msgids == [b"one", b"two"]


async def test_a_direct_message_had_on_another_gateway_is_not_delivered_when_it_comes_again(net: Network) -> None:
    """Its receiver came back here, and a failover loses what it had read there."""
    ann, bob = net.gateways
    uid = Uid(b"receiver")
    net.replicate()
    first, second = InboxReader(uid), InboxReader(uid)
    await ann.engine.inboxes.open(first)
    ann.write_to(uid, "lost")

    async def delivered() -> bool | None:
        return bool(first.msgids) or None

    await eventually(delivered, what="it is there")
    await bob.engine.inboxes.open(second, ann.engine.inboxes.read_up_to(uid), [MsgId(b"lost")])
    await net.fail_over()
    ann.write_to(uid, "after")

    async def after() -> bool | None:
        return b"after" in second.msgids or None

    await eventually(after, what="what is new")
    assert (first.msgids, second.msgids) == ([b"lost", b"after"], [b"after"])


async def test_a_key_sent_again_after_a_failover_is_still_known(net: Network) -> None:
    """Lost, sent again by its gateway and by its client through another: it is in the log once."""
    ann, bob = net.gateways
    net.replicate()
    ann.say("one", key="k1")
    await net.quiet()
    net.lose()
    net.redis.fail_over()
    net.redis.now_ms += 1000
    bob.reconnect()
    bob.member = ann.member  # the same session, on the other gateway
    again = bob.say("one-again", key="k1")

    async def acknowledged() -> bool | None:
        return again.acknowledged or None

    await eventually(acknowledged, what="the client has its answer")
    ann.reconnect()
    await net.quiet()
    assert len(net.texts()) == 1


async def test_a_closed_room_stays_for_what_may_be_lost() -> None:
    """Everybody has left, and the failover loses that: it is written again, and only then forgotten."""
    async with network("ann") as net:
        (ann,) = net.gateways
        net.replicate()
        ann.say("bye")
        ann.change(leave(ann.member))
        await net.quiet()
        ann.engine.close_if_empty(ann.room)
        await net.fail_over()
        await net.quiet()
        assert net.redis.log(LOG).members == {}
        assert net.texts() == [b"bye"]


def moderate(by: Gateway, *, on: bool, msgid: str) -> Change:
    """+m or -m, by the gateway's member."""
    replica, who = by.room.replica, by.member
    flags = "mnt" if on else "nt"
    event = ModesSet(who.uid, MsgId(msgid.encode()), who.source, (ModeChange("+" if on else "-", "m"),))
    return Change(event=event, permissions=replica.permissions, uid=who.uid, need="in", state=(("modes", flags),))


async def test_nobody_waits_for_who_is_in() -> None:
    """Redis has lost a join and takes the room for empty, the gateway does not: both know the same permissions."""
    async with network("ann", settle_s=60.0) as net:
        (ann,) = net.gateways
        net.replicate()
        bob = member("bob", gateway="late")
        net.redis.room_tx(LOG, GatewayId("late"), 1, join(bob, permissions=None))
        await net.quiet()
        await net.fail_over()
        await net.quiet()
        assert bob.uid in ann.room.replica.members
        assert bob.uid not in net.redis.log(LOG).members
        ann.change(leave(ann.member))
        await net.quiet()
        said = ann.say("still answered")
        await net.quiet()
        assert said.acknowledged
        assert ann.room.replica.permissions == net.redis.log(LOG).permissions


async def test_who_has_a_voice_comes_back_with_the_permissions_as_they_were() -> None:
    """What is written back for a member with a voice alone changes no permissions, in Redis or here."""
    async with network("ann", "bob", settle_s=60.0) as net:
        ann, bob = net.gateways
        net.replicate()
        cat = member("cat", gateway="bob", modes="v")
        bob.change(join(cat, permissions=None))
        await net.quiet()
        net.lose()
        net.redis.fail_over()
        net.redis.now_ms += 1000
        bob.engine._outbox.take_back(LOG, 0)  # too long ago to be sent again: cat is asserted from the replica
        for gateway in net.gateways:
            gateway.reconnect()
        await net.quiet()
        bob.engine.compare_all()
        await net.quiet()
        said = ann.say("still answered")
        await net.quiet()
        assert said.acknowledged
        assert net.redis.log(LOG).permissions == ann.room.replica.permissions == bob.room.replica.permissions


async def test_permissions_that_a_failover_put_back_refuse_nobody() -> None:
    """Refused on old permissions, and then Redis has those again: it is decided again all the same."""
    async with network("ann", "bob") as net:
        ann, bob = net.gateways
        net.replicate()
        ann.store.deaf = True
        bob.change(moderate(bob, on=True, msgid="mode-lost"))

        async def changed() -> bool | None:
            return bob.room.writer.idle or None

        await eventually(changed, what="the mode is set")
        said = ann.say("answered")
        bob.engine._outbox.take_back(LOG, 0)  # nobody brings the mode back

        async def refused() -> bool | None:
            return ann.engine.counts.stale > 0 or None

        ann.store.up = True
        await eventually(refused, what="it was refused")
        ann.store.deaf = False
        await net.fail_over()
        await net.quiet()
        assert said.acknowledged


# Of promoted servers, against the lost one's. It takes time to be promoted, so a position of the lost log is never
# given again, whoever's clock is behind.
CLOCKS_MS = (1000, 1, -701)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 2)),
        st.tuples(st.just("key"), st.integers(0, 2)),
        st.tuples(st.just("again"), st.integers(0, 2)),
        st.tuples(st.just("lose"), st.integers(0, 2)),
        st.tuples(st.just("deaf"), st.integers(0, 2)),
        st.sampled_from(
            [
                ("replicate", 0),
                *(("fail over", which) for which in range(3)),
                ("flush", 0),
                ("wait", 0),
                ("time", 0),
                ("turn", 0),
            ]
        ),
    ),
    max_size=25,
)


async def perform(net: Network, number: int, kind: str, gateway: Gateway, which: int) -> None:
    """One step of a run."""
    keys = [sent.send_key.key.decode() for sent in gateway.sent if sent.send_key]
    hearing = not any(one.store.deaf for one in net.gateways)
    match kind:
        case "say":
            gateway.say(f"{which}.{number}")
        case "key":
            gateway.say(f"{which}.{number}", key=f"k{which}.{number}")
        case "again" if keys:
            gateway.say(f"{which}.{number}.again", key=keys[-1])
        case "lose" if not gateway.store.losses:  # what is lost is tried again after a while, within the settling
            gateway.store.losses.append(Loss.OF_THE_ANSWER if number % 2 else Loss.OF_THE_COMMAND)
        case "deaf":
            gateway.store.deaf = not gateway.store.deaf
        case "replicate":
            net.replicate()
        case "time":
            net.redis.now_ms += 300
        case "fail over":
            await net.fail_over(CLOCKS_MS[which])
        case "flush":
            net.flush()
        case "wait" if hearing:
            await net.quiet()
        case _:
            await asyncio.sleep(0)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=40, deadline=None)
@example(
    run=[
        ("deaf", 1),
        ("say", 0),
        ("again", 2),
        ("say", 1),
        ("key", 1),
        ("fail over", 1),
        ("say", 1),
        ("again", 2),
        ("key", 0),
        ("say", 1),
        ("again", 2),
    ]
)  # announced last by the lost server, beyond the new log's end
@example(
    run=[
        ("lose", 1),
        ("deaf", 2),
        ("key", 2),
        ("wait", 0),
        ("lose", 1),
        ("key", 1),
        ("key", 0),
        ("again", 0),
        ("key", 1),
        ("fail over", 2),
        ("again", 1),
        ("say", 1),
        ("say", 0),
    ]
)  # said in a log that begins again, below all that was known of the lost one
@example(run=[("deaf", 2), ("key", 2), ("fail over", 2), ("again", 2)])
@given(run=steps)
async def test_whatever_is_lost_every_line_is_there_once(run: list[tuple[str, int]]) -> None:
    """Failovers, lost data, lost answers, lost announcements, clients that send again: nothing acknowledged is lost,
    nothing doubled, each author's order kept, all replicas equal, nobody comes or goes."""
    async with network("a", "b", "c", settle_s=0.6) as net:
        for number, (kind, which) in enumerate(run):
            await perform(net, number, kind, net.gateways[which], which)
        for gateway in net.gateways:
            gateway.store.deaf = False
            gateway.store.losses.clear()
            gateway.reconnect()
        await net.settled()
        texts = net.texts()
        assert len(texts) == len(set(texts)), "something is doubled in the log"
        for which, gateway in enumerate(net.gateways):
            assert all(sent.acknowledged for sent in gateway.sent)
            own = [sent.event.msgid for sent in gateway.sent if sent.position is not None]
            assert [text for text in texts if text.startswith(b"%d." % which)] == own
            heard = gateway.heard
            assert len(heard) == len(set(heard)), "something was shown twice"
            assert {text.encode() for text in heard} == set(texts), "something was not shown"
            assert gateway.seen == []
        net.judge()
        assert {entry.event.__class__ for entry in net.redis.log(LOG).entries} >= ({Said} if texts else set())


def rename(replica: Replica, gateway: Gateway, name: str, msgid: str) -> Change:
    """The room gets a name, unless it has it."""
    by = gateway.member
    new = RoomRenamed(by.uid, MsgId(msgid.encode()), by.source, replica.name, name, "", forgotten(replica, name))
    return renaming(replica, new, as_member=False)


async def test_a_rename_that_a_failover_lost_is_undone_and_done_again(net: Network) -> None:
    """What is said is always said under the name that members were shown last, on each gateway; whoever did not hear of
    the rename before hears of it once."""
    ann, bob = net.gateways
    ann.say("before")
    await net.quiet()
    net.replicate()
    bob.store.deaf = True
    ann.decide(MsgId(b"r"), lambda replica: rename(replica, ann, "#new", "r"))

    async def shown() -> bool | None:
        return ann.called == "#new" or None

    await eventually(shown, what="ann was shown the name")
    bob.store.deaf = False
    await net.fail_over()
    await net.settled()
    net.judge()
    assert [line for line in ann.lines if line.startswith("RENAME")] == [
        "RENAME #room #new :", "RENAME #new #room :", "RENAME #room #new :",
    ]  # fmt: skip
    assert [line for line in bob.lines if line.startswith("RENAME")][-1] == "RENAME #room #new :"


async def test_a_room_that_redis_lost_has_its_names_again(net: Network) -> None:
    """The present one and the former ones, of which members are told nothing."""
    ann, _ = net.gateways
    ann.decide(MsgId(b"b"), lambda replica: rename(replica, ann, "#b", "b"))
    ann.decide(MsgId(b"c"), lambda replica: rename(replica, ann, "#c", "c"))
    await net.quiet()
    shown = list(ann.lines)
    net.flush()
    await net.settled()
    net.judge()
    assert net.redis.log(LOG).fields["name"] == "#c"
    assert set(ann.room.replica.former) == {"#room", "#b"}
    assert ann.lines == shown


def alter(kind: str, number: int, gateway: Gateway, net: Network, which: int) -> Decided | None:
    """One step that changes the room: a guest of the gateway comes or goes or is thrown out, or +m or -m is set."""
    msgid = MsgId(f"{kind}-{number}".encode())
    guest = member(f"guest{which}", gateway=gateway.id)

    def decide(replica: Replica) -> Change | None:
        there, name = guest.uid in replica.members, msgid.decode()
        match kind:
            case "come" if not there:
                return join(guest, permissions=replica.permissions, msgid=name)
            case "go" if there:
                return leave(guest, msgid=name)
            case "kick" if there:
                event = Kicked(gateway.member.uid, msgid, gateway.member.source, guest.uid, "out")
                return Change(event=event, permissions=replica.permissions, uid=guest.uid, need="in", leaves=True)
            case "mode":
                return moderate(gateway, on="m" not in replica.modes, msgid=name)
            case "name":
                return rename(replica, gateway, f"#n{number % 4}", name)
        return None

    # Anybody may throw a guest out; it comes and goes by its own gateway, as a session does.
    by = net.gateways[number % len(net.gateways)] if kind == "kick" else gateway
    return by.decide(msgid, decide) if kind in {"come", "go", "kick", "mode", "name"} else None


changing = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "come", "come", "go", "kick", "mode", "name", "lose", "deaf", "replicate"])
        | st.sampled_from(["fail over", "flush", "time", "turn", "wait"]),
        st.integers(0, 2),
    ),
    max_size=25,
)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=40, deadline=None)
@example(
    run=[("mode", 0), ("turn", 0), ("fail over", 1)]
)  # acknowledged, announced to nobody, and lost with its author
@example(run=[("come", 1), ("wait", 0), ("go", 1), ("turn", 0), ("fail over", 1)])
@example(run=[("come", 1), ("wait", 0), ("kick", 2), ("turn", 0), ("flush", 0)])
@given(run=changing)
async def test_whatever_is_lost_of_a_room_that_changes_everybody_is_answered(run: list[tuple[str, int]]) -> None:
    """The same while members come, go and are thrown out, modes change and the room gets other names: each word and
    each change is answered, no line is doubled or missing in the log, all replicas are what Redis has, and what members
    were shown of names leads to that."""
    async with network("a", "b", "c", settle_s=0.6) as net:
        changes: list[Decided] = []
        for number, (kind, which) in enumerate(run):
            if (asked := alter(kind, number, net.gateways[which], net, which)) is not None:
                changes.append(asked)
            else:
                await perform(net, number, kind, net.gateways[which], which)
        for gateway in net.gateways:
            gateway.store.deaf = False
            gateway.store.losses.clear()
            gateway.reconnect()
        await net.settled()
        assert all(change.done for change in changes)
        texts = net.texts()
        assert len(texts) == len(set(texts)), "something is doubled in the log"
        for gateway in net.gateways:
            assert all(sent.acknowledged for sent in gateway.sent)
            assert {sent.event.msgid for sent in gateway.sent} <= set(texts), "something is missing in the log"
            heard = gateway.heard
            assert len(heard) == len(set(heard)), "something was shown twice"
            assert {text.encode() for text in heard} == set(texts), "something was not shown"
        net.judge()
