"""What `rooms.ports.LogStore` promises, over Redis, Valkey and the memory store of the room tests.

Source: the headers of `room_msg.lua`, `room_tx.lua`, `room_reap.lua` and `room_link.lua`.
"""

import asyncio
import dataclasses
from itertools import pairwise

import pytest

from gateway.errors import StoreError
from gateway.events import Entry, Joined, Left, LinkChanged, ModesSet, Reaped, Rebound, Restored
from gateway.model import ORIGIN, Answer, GatewayId, Head, LogKey, MsgId, Outcome, Position, Topic, Uid, order
from gateway.rooms.ports import Change
from gateway.spoken import Redacted, Said
from tests.harness.deadlines import DEADLINE_S
from tests.harness.events import join, leave, member, promote, rebind, said, set_topic, uid_of
from tests.harness.log_site import LogSite, change, say
from tests.store.conftest import OpenSite

ANN, BOB = member("ann", modes="o"), member("bob")


async def read_all(site: LogSite, log: LogKey) -> list[Entry]:
    """The log."""
    entries = await site.store.read_after(log, ORIGIN, 10_000)
    assert entries is not None
    return entries


async def test_a_batch_is_appended_in_order_and_announced_once(open_site: OpenSite, log: LogKey) -> None:
    """DONE has one position per event; one announcement carries the batch and the position before it."""
    site, other = await open_site("g1"), await open_site("g2")
    await other.subscribe(log)
    first = await say(site, log, 1, [said("ann", "one")])
    answer = await say(site, log, 2, [said("ann", "two"), said("bob", "three")])
    assert answer.outcome is Outcome.DONE
    entries = await read_all(site, log)
    assert [entry.position for entry in entries] == [*first.positions, *answer.positions]
    assert [entry.event.msgid for entry in entries] == [b"one", b"two", b"three"]
    await other.settle()
    assert other.heard == [(log, ORIGIN, entries[:1]), (log, entries[0].position, entries[1:])]


async def test_the_same_batch_again_changes_nothing(open_site: OpenSite, log: LogKey) -> None:
    """DUPLICATE, with the last position of the log; nothing is appended, nothing announced."""
    site = await open_site("g1")
    await say(site, log, 1, [said("ann", "one")])
    await change(site, log, 2, join(ANN))
    await site.subscribe(log)
    before = await read_all(site, log)
    last = Answer(Outcome.DUPLICATE, (before[-1].position,))
    assert await say(site, log, 1, [said("ann", "one")]) == last
    assert await change(site, log, 2, join(ANN)) == last
    await site.settle()
    assert (await read_all(site, log), site.heard) == (before, [])


async def test_a_batch_too_early_is_a_hole(open_site: OpenSite, log: LogKey) -> None:
    """HOLE tells the last number Redis has; nothing is appended."""
    site = await open_site("g1")
    assert await say(site, log, 2, [said("ann", "two")]) == Answer(Outcome.HOLE, seen=0)
    await say(site, log, 1, [said("ann", "one")])
    assert await change(site, log, 3, join(ANN)) == Answer(Outcome.HOLE, seen=1)
    assert len(await read_all(site, log)) == 1
    assert await site.store.produced(log) == 1


async def test_a_log_is_known_by_where_it_began(open_site: OpenSite, log: LogKey) -> None:
    """The place of the first thing said, whoever says it and whatever follows."""
    one, two = await open_site("g1"), await open_site("g2")
    assert await two.store.born(log) == ORIGIN
    first = await say(one, log, 1, [said("ann", "1"), said("ann", "2")])
    await say(two, log, 1, [said("bob", "3")])
    assert [await site.store.born(log) for site in (one, two)] == [first.positions[0]] * 2


async def test_gateways_count_apart(open_site: OpenSite, log: LogKey) -> None:
    """Each gateway numbers its own batches, and is told its own number."""
    one, two = await open_site("g1"), await open_site("g2")
    await say(one, log, 1, [said("ann", "1")])
    await say(one, log, 2, [said("ann", "2")])
    assert (await say(two, log, 1, [said("bob", "3")])).outcome is Outcome.DONE
    assert [await site.store.produced(log) for site in (one, two)] == [2, 1]
    assert [(await site.store.snapshot(log, "#room")).produced for site in (one, two)] == [2, 1]


async def test_what_was_decided_on_old_permissions_is_stale(open_site: OpenSite, log: LogKey) -> None:
    """STALE tells the permissions that count; the number is not used up; None is never stale."""
    site = await open_site("g1")
    founded = (await change(site, log, 1, join(ANN))).positions[0]
    stale = Answer(Outcome.STALE, (founded,))
    assert await say(site, log, 2, [said("ann", "x")], ORIGIN) == stale
    assert await change(site, log, 2, join(BOB)) == stale
    assert (await say(site, log, 2, [said("ann", "x")], founded)).outcome is Outcome.DONE
    assert (await change(site, log, 3, join(BOB, permissions=founded))).outcome is Outcome.DONE
    assert (await say(site, log, 4, [said("ann", "y")], None)).outcome is Outcome.DONE
    promoted = await change(site, log, 5, promote(BOB))
    assert await say(site, log, 6, [said("ann", "z")], founded) == Answer(Outcome.STALE, promoted.positions)


async def test_nothing_to_do_uses_the_number_up(open_site: OpenSite, log: LogKey) -> None:
    """UNCHANGED for a second JOIN and a second PART; nothing is appended, the next batch has the next number."""
    site = await open_site("g1")
    founded = (await change(site, log, 1, join(ANN))).positions[0]
    assert await change(site, log, 2, join(ANN, permissions=founded)) == Answer(Outcome.UNCHANGED, (founded,))
    await change(site, log, 3, leave(ANN))
    assert (await change(site, log, 4, leave(ANN))).outcome is Outcome.UNCHANGED
    assert (await change(site, log, 5, set_topic(ANN, "x"))).outcome is Outcome.UNCHANGED
    assert (await say(site, log, 6, [said("ann", "x")])).outcome is Outcome.DONE
    assert len(await read_all(site, log)) == 3


async def test_lost_connections_are_one_event_of_those_who_had_one(open_site: OpenSite, log: LogKey) -> None:
    """Who is lost already, or not a member, is not in it; who is back has its new gateway. Nothing new: no event."""
    site = await open_site("g1")
    founded = (await change(site, log, 1, join(ANN))).positions[0]
    await change(site, log, 2, join(BOB, permissions=founded))
    await site.relink(log, "", ANN.uid, Uid(b"stranger"))
    await site.relink(log, "", ANN.uid, BOB.uid)
    await site.relink(log, "", ANN.uid)
    await site.relink(log, "g2", ANN.uid)
    assert [entry.event for entry in await read_all(site, log)][2:] == [
        LinkChanged((ANN.uid,)),
        LinkChanged((BOB.uid,)),
        LinkChanged((ANN.uid,), GatewayId("g2")),
    ]
    members = (await site.store.snapshot(log, "#room")).members
    assert {uid: member.gateway for uid, member in members.items()} == {ANN.uid: "g2", BOB.uid: ""}
    await change(site, log, 3, rebind(BOB, GatewayId("g3")))
    assert (await site.store.snapshot(log, "#room")).members[BOB.uid].gateway == "g3"


async def test_a_snapshot_has_the_effects_of_all_changes(open_site: OpenSite, log: LogKey) -> None:
    """Members with their values, topic, modes, name, permissions, last position."""
    site = await open_site("g1")
    founded = (await change(site, log, 1, join(ANN))).positions[0]
    await change(site, log, 2, join(BOB, permissions=founded))
    await change(site, log, 3, set_topic(ANN, "tea at four"))
    promoted = (await change(site, log, 4, promote(BOB))).positions[0]
    gone = (await change(site, log, 5, leave(ANN))).positions[0]
    snapshot = await site.store.snapshot(log, "#fallback")
    assert snapshot.members == {BOB.uid: BOB._replace(modes="o")}
    assert (snapshot.name, snapshot.modes, snapshot.last, snapshot.permissions) == ("#room", "nt", gone, promoted)
    assert (snapshot.topic.text, snapshot.topic.by) == ("tea at four", ANN.source)
    assert snapshot.created_ms == order(founded)[0]


async def test_a_room_that_is_not_there_has_an_empty_snapshot(open_site: OpenSite, log: LogKey) -> None:
    """The fallback name, and nothing else."""
    snapshot = await (await open_site("g1")).store.snapshot(log, "#Fallback")
    assert (snapshot.name, snapshot.last, snapshot.members, snapshot.topic) == ("#Fallback", ORIGIN, {}, Topic())


async def test_reading_on_from_a_position(open_site: OpenSite, log: LogKey) -> None:
    """After a position, up to a limit; nothing after the last; None for a position the log does not have."""
    site = await open_site("g1")
    await say(site, log, 1, [said("ann", str(i)) for i in range(5)])
    entries = await read_all(site, log)
    for index, entry in enumerate(entries):
        assert await site.store.read_after(log, entry.position, 100) == entries[index + 1 :]
        assert await site.store.read_after(log, entry.position, 2) == entries[index + 1 : index + 3]
    assert await site.store.read_after(log, Position(b"1-1"), 100) is None
    assert await site.store.read_after(log, ORIGIN, 3) == entries[:3]
    assert await site.store.read_after(log, entries[1].position, 100, lambda entry: entry == entries[1]) is None
    assert await site.store.read_after(log, entries[1].position, 1, lambda entry: entry != entries[1]) == entries[2:3]
    beyond = Position(b"99999999999999-0")
    assert await site.store.read_after(log, beyond, 100) is None


async def test_reading_back(open_site: OpenSite, log: LogKey) -> None:
    """Before a position or from the end, newest first, up to a limit."""
    site = await open_site("g1")
    await say(site, log, 1, [said("ann", str(i)) for i in range(5)])
    entries = await read_all(site, log)
    assert await site.store.read_before(log, None, 2) == entries[:2:-1]
    assert await site.store.read_before(log, entries[3].position, 100) == entries[2::-1]
    assert await site.store.read_before(log, entries[0].position, 100) == []


async def test_a_lost_room_is_restored_once(open_site: OpenSite, log: LogKey) -> None:
    """Name, age, topic, modes, as one event that changes permissions; who had applied less comes too late."""
    site, other = await open_site("g1"), await open_site("g2")
    await other.subscribe(log)
    topic = Topic("tea at four", ANN.source, 1_600_000_000_123)
    lost = Restored(MsgId(b"r1"), "#Room", 1_500_000_000_000, topic, "nt")
    await site.store.restore(log, lost, Position(b"1600000000200-0"))
    await other.store.restore(log, lost._replace(msgid=MsgId(b"less"), topic=Topic()), Position(b"1600000000199-5"))
    await other.store.restore(log, lost._replace(msgid=MsgId(b"same"), topic=Topic()), Position(b"1600000000200-0"))
    entries = await read_all(site, log)
    assert [entry.event for entry in entries] == [lost]
    snapshot = await site.store.snapshot(log, "#fallback")
    assert (snapshot.name, snapshot.created_ms, snapshot.topic, snapshot.modes, snapshot.members) == (
        "#Room", 1_500_000_000_000, topic, "nt", {},
    )  # fmt: skip
    assert snapshot.permissions == snapshot.restored == snapshot.last == entries[0].position
    await other.settle()
    assert other.heard == [(log, ORIGIN, entries)]


async def test_who_knew_more_of_a_lost_room_wins(open_site: OpenSite, log: LogKey) -> None:
    """Also over who founded it anew meanwhile; not over a room that was never lost, nor with what came after."""
    site = await open_site("g1")
    await change(site, log, 1, join(ANN))
    lost = Restored(MsgId(b"r1"), "#Room", 1_500_000_000_000, Topic("a", "x!y@z", 5), "n")
    await site.store.restore(log, lost, Position(b"1600000000200-0"))
    more = lost._replace(msgid=MsgId(b"r2"), topic=Topic())
    await site.store.restore(log, more, Position(b"1600000000200-1"))
    snapshot = await site.store.snapshot(log, "#fallback")
    assert (snapshot.created_ms, snapshot.topic, set(snapshot.members)) == (1_500_000_000_000, Topic(), {ANN.uid})
    await site.store.restore(log, lost, snapshot.last)
    assert [entry.event for entry in (await read_all(site, log))[1:]] == [lost, more]


async def test_a_room_that_is_there_is_not_restored(open_site: OpenSite, log: LogKey) -> None:
    """A replica that only lags changes nothing."""
    site = await open_site("g1")
    founded = (await change(site, log, 1, join(ANN))).positions[0]
    await site.store.restore(log, Restored(MsgId(b"r"), "#other", 1, Topic(), ""), founded)
    assert len(await read_all(site, log)) == 1


async def test_a_room_that_ended_is_not_restored(open_site: OpenSite, log: LogKey) -> None:
    """Whoever founded it anew has another room: who missed the end must not bring back its modes and its key."""
    site = await open_site("g1")
    founded = (await change(site, log, 1, join(ANN))).positions[0]
    await change(site, log, 2, leave(ANN))
    await change(site, log, 3, dataclasses.replace(join(BOB), permissions=None, anew=True, blank=True))
    before = await read_all(site, log)
    await site.store.restore(log, Restored(MsgId(b"r"), "#Room", 1, Topic(), "int", key="key"), founded)
    assert await read_all(site, log) == before
    assert [type(entry.event) for entry in before] == [Left, Joined]


async def test_a_room_founded_anew_keeps_what_came_after_its_end(open_site: OpenSite, log: LogKey) -> None:
    """The founding may come late, when a failover had lost it: others who were first have written to the same room."""
    site, late = await open_site("g1"), await open_site("g2")
    await change(site, log, 1, join(ANN))
    await say(site, log, 2, [said("ann", "before")])
    await change(site, log, 3, leave(ANN))
    await change(site, log, 4, join(ANN, permissions=None))
    await say(site, log, 5, [said("ann", "after")])
    await change(late, log, 1, dataclasses.replace(join(BOB), permissions=None, anew=True, blank=True))
    assert [type(entry.event) for entry in await read_all(site, log)] == [Left, Joined, Said, Joined]


async def test_where_a_log_stands(open_site: OpenSite, log: LogKey) -> None:
    """Its last position and the number of our last batch, in the order of what was written; nothing for no log."""
    site = await open_site("g1")
    heads: list[Head | StoreError] = []
    site.store.ask_head(log, heads.append)
    answer: asyncio.Future[Answer | StoreError] = asyncio.get_running_loop().create_future()
    site.store.append_said(log, 1, None, [said("ann", "x")], answer.set_result)
    after: asyncio.Future[Head | StoreError] = asyncio.get_running_loop().create_future()
    site.store.ask_head(log, after.set_result)
    async with asyncio.timeout(DEADLINE_S):
        heads.append(await after)
        written = await answer
    assert isinstance(written, Answer)
    assert heads == [Head(ORIGIN, 0), Head(written.positions[0], 1)]


async def test_a_dead_gateways_members_go_in_one_event(open_site: OpenSite, log: LogKey) -> None:
    """Exactly those named, as one `Reaped`; the permissions change; a second time there is nothing to do."""
    dead, alive = await open_site("dead"), await open_site("alive")
    await alive.subscribe(log)
    lost = [member(name, gateway="dead") for name in ("x", "y")]
    kept = [member("ann", gateway="alive"), member("z", gateway="dead")]  # z can prove itself, and may come back
    for number, who in enumerate([*lost, *kept], 1):
        await change(dead, log, number, join(who))
    for _ in range(2):
        await alive.reap(log, GatewayId("dead"), uid_of("x"), uid_of("nobody"), uid_of("y"))
    entries = await read_all(alive, log)
    assert len(entries) == 5
    event = entries[-1].event
    assert isinstance(event, Reaped)
    assert (event.gateway, set(event.uids), event.reason) == ("dead", {who.uid for who in lost}, "lost")
    snapshot = await alive.store.snapshot(log, "#room")
    assert set(snapshot.members) == {who.uid for who in kept}
    assert snapshot.permissions == snapshot.last == entries[-1].position
    await alive.settle()
    assert alive.heard[-1] == (log, entries[-2].position, entries[-1:])


async def test_a_member_moves_to_another_gateway_as_it_is(open_site: OpenSite, log: LogKey) -> None:
    """Its gateway alone changes, whatever else of it has changed meanwhile; who is not there does not move."""
    old, new = await open_site("old"), await open_site("new")
    who = member("ann", gateway="old", modes="o")._replace(realname="ends in old")
    await change(old, log, 1, join(who))
    assert (await change(new, log, 1, rebind(who, GatewayId("new")))).outcome is Outcome.DONE
    assert (await new.store.snapshot(log, "#room")).members == {who.uid: who._replace(gateway=GatewayId("new"))}
    assert (await change(new, log, 2, rebind(member("bob"), GatewayId("new")))).outcome is Outcome.UNCHANGED
    assert [type(entry.event) for entry in await read_all(new, log)] == [Joined, Rebound]


async def test_a_reaped_gateway_may_not_write_there_any_more(open_site: OpenSite, log: LogKey) -> None:
    """FENCED, for what is said and for changes, duplicates included; its number reads as 0."""
    dead, alive = await open_site("dead"), await open_site("alive")
    await say(dead, log, 1, [said("x", "1")])
    await alive.reap(log, GatewayId("dead"))
    fenced = Answer(Outcome.FENCED)
    assert await say(dead, log, 1, [said("x", "1")]) == fenced
    assert await say(dead, log, 2, [said("x", "2")]) == fenced
    assert await change(dead, log, 2, join(member("x", gateway="dead"))) == fenced
    assert await dead.store.produced(log) == 0
    assert (await say(alive, log, 1, [said("ann", "y")])).outcome is Outcome.DONE


async def test_four_writers_make_one_unbroken_chain(open_site: OpenSite, log: LogKey) -> None:
    """Each announcement names the position before its first event; together they are the log, in order, once."""
    listener = await open_site("listener")
    await listener.subscribe(log)
    writers = [await open_site(f"w{i}") for i in range(4)]

    async def write(index: int, site: LogSite) -> None:
        for number in range(1, 26):
            events = [said("ann", f"{index}.{number}.{i}") for i in range(1 + number % 3)]
            assert (await say(site, log, number, events)).outcome is Outcome.DONE

    await asyncio.gather(*(write(index, site) for index, site in enumerate(writers)))
    await listener.settle()
    chain, last = [], ORIGIN
    for _, prev, entries in listener.heard:
        assert prev == last
        chain += entries
        last = entries[-1].position
    assert chain == await read_all(listener, log)
    texts = [entry.event.msgid for entry in chain]
    assert len(texts) == len(set(texts)) == 4 * sum(1 + number % 3 for number in range(1, 26))
    assert all(order(one.position) < order(two.position) for one, two in pairwise(chain))


@pytest.mark.parametrize("name", ["#{x}", "#a%7Bb", "#пиво", "#a:b{}{"])
async def test_any_room_name_is_heard_under_its_own_name(open_site: OpenSite, name: str) -> None:
    """Braces, percent signs and letters of any script in a name: the announcement comes back to the same log."""
    site, log = await open_site("g1"), LogKey(f"r:{name}")
    await site.subscribe(log)
    await say(site, log, 1, [said("ann", "x")])
    await site.settle()
    assert [heard[0] for heard in site.heard] == [log]


async def test_kinds_survive_the_log(open_site: OpenSite, log: LogKey) -> None:
    """What is read is what was written, whichever kind."""
    site = await open_site("g1")
    changes = [join(ANN), set_topic(ANN, "Ünïcode: \u2028 and \x85"), promote(ANN), leave(ANN)]
    for number, what in enumerate(changes, 1):
        await change(site, log, number, what)
    events = [entry.event for entry in await read_all(site, log)]
    gone = changes.pop().event
    assert isinstance(gone, Left)
    assert events == [*(what.event for what in changes), gone._replace(last=True)]
    assert isinstance(events[2], ModesSet)
    assert not any(isinstance(event, Said) for event in events)


def redact(position: Position) -> Change:
    """What ann said there is taken back."""
    event = Redacted(ANN.uid, MsgId(b"redact"), ANN.source, MsgId(b"secret"), position, "why")
    return Change(event=event, permissions=None, uid=ANN.uid, need="in", removed=(position,))


async def test_what_is_redacted_goes_with_the_event_that_says_so(open_site: OpenSite, log: LogKey) -> None:
    """In one step; who stood at what went reads on from there as if it still were there."""
    site = await open_site("g1")
    await change(site, log, 1, join(ANN))
    (secret,) = (await say(site, log, 2, [said("ann", "secret")])).positions
    (redacted,) = (await change(site, log, 3, redact(secret))).positions
    await say(site, log, 4, [said("ann", "after")])
    entries = await read_all(site, log)
    assert [entry.event.msgid for entry in entries] == [b"join-ann", b"redact", b"after"]
    assert await site.store.read_after(log, secret, 1000) == entries[1:]
    assert await site.store.read_after(log, secret, 1) == entries[1:2]
    assert await site.store.read_after(log, redacted, 1000) == entries[2:]
    first = entries[0].position
    await change(site, log, 5, redact(first))
    # Nothing older is left to show that the log was not trimmed past it, so it may have been.
    assert await site.store.read_after(log, first, 1000) is None


async def test_how_much_is_history_is_kept_with_the_room(open_site: OpenSite, log: LogKey) -> None:
    """Mode `H` is in the snapshot, and comes back with a room that was lost."""
    site = await open_site("g1")
    await change(site, log, 1, dataclasses.replace(join(ANN), state=(("history", "500:7d"),)))
    assert (await site.store.snapshot(log, "#room")).history == "500:7d"


async def test_who_is_reaped_leaves_its_name(open_site: OpenSite, log: LogKey) -> None:
    """The event says who they were, for those who read of it when they are gone."""
    site = await open_site("g1")
    for number, who in enumerate((ANN, BOB), 1):
        await change(site, log, number, join(who, permissions=None))
    await site.reap(log, GatewayId("dead"), ANN.uid, uid_of("nobody"), BOB.uid)
    event = (await read_all(site, log))[-1].event
    assert isinstance(event, Reaped)
    assert (event.uids, event.sources) == ((ANN.uid, BOB.uid), (ANN.source, BOB.source))


async def test_a_name_that_leads_elsewhere_founds_no_room(open_site: OpenSite, log: LogKey) -> None:
    """ALIASED for a JOIN while nobody is in, and the number is not used up; who is in may be joined."""
    site, other = await open_site("g1"), await open_site("g2")
    await site.alias(log, "#elsewhere")
    assert await change(site, log, 1, join(ANN)) == Answer(Outcome.ALIASED)
    assert (await site.store.snapshot(log, "#room")).aliased
    assert await read_all(site, log) == []
    # What stands there was written back by its gateway after Redis had lost it: the name is its own again.
    restored = Restored(MsgId(b"r"), "#room", 5, Topic(), "nt")
    await other.store.restore(log, restored, Position(b"9-0"))
    assert not (await site.store.snapshot(log, "#room")).aliased
    founded = (await site.store.snapshot(log, "#room")).permissions
    assert (await change(site, log, 1, join(ANN, permissions=founded))).outcome is Outcome.DONE
    await site.alias(log, "#elsewhere")
    founded = (await site.store.snapshot(log, "#room")).permissions
    assert (await change(site, log, 2, join(BOB, permissions=founded))).outcome is Outcome.DONE
