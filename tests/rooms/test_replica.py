"""A replica is a function of the log: the same entries, the same state, wherever one begins; and it is Redis' state."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import (
    ORIGIN,
    AccountSet,
    Entry,
    Event,
    Foreign,
    GatewayId,
    Joined,
    Left,
    LeftBy,
    LogKey,
    ModesSet,
    MsgId,
    Outcome,
    Position,
    Reaped,
    Renamed,
    Snapshot,
    Topic,
    TopicSet,
)
from gateway.rooms.ports import Change
from gateway.rooms.replica import DEFAULT_MODES, Replica
from tests.harness.events import join, leave, member, promote, said, set_topic, uid_of
from tests.harness.memory_store import MemoryRedis

LOG = LogKey("r:#room")
MSGID = MsgId(b"m")
ANN, BOB = member("ann", modes="o"), member("bob")


def state(replica: Replica) -> tuple[object, ...]:
    """All of a replica."""
    return tuple(getattr(replica, name) for name in Replica.__slots__)


def replica_of(snapshot: Snapshot) -> Replica:
    """A replica that begins with a snapshot."""
    made = Replica(snapshot.name)
    made.reset(snapshot)
    return made


def at(ms: int) -> Position:
    """A position."""
    return Position(b"%d-0" % ms)


def decide(replica: Replica, kind: str, name: str, gateway: str) -> Change:
    """A change by `name`, decided on a replica as the commands do; joining an empty room makes its operator."""
    permissions = replica.permissions
    who = replica.members.get(uid_of(name)) or member(name, gateway=gateway, modes="" if replica.members else "o")
    match kind:
        case "join":
            who = who._replace(account=name if name == "cat" else "")
            found = join(who, permissions=permissions)
            owns = (("founder", who.account),) if who.modes and who.account and not replica.founder else ()
            return dataclasses.replace(found, state=owns if replica.created_ms else found.state + owns)
        case "leave":
            return leave(who, LeftBy.QUIT)
        case "rename":
            event: Event = Renamed(who.uid, MSGID, f"{name}2")
            renamed = who._replace(nick=f"{name}2")
            return Change(event=event, permissions=permissions, uid=who.uid, need="in", member=renamed)
        case "login":
            event = AccountSet(who.uid, MSGID, f"acc-{name}")
            logged_in = who._replace(account=f"acc-{name}")
            return Change(event=event, permissions=permissions, uid=who.uid, need="in", member=logged_in)
        case "promote":
            return promote(who, permissions=permissions)
    return set_topic(who, "" if kind == "untopic" else name, permissions=permissions)


kinds = st.sampled_from(["join", "join", "leave", "rename", "login", "promote", "topic", "untopic", "say", "reap"])
runs = st.lists(st.tuples(kinds, st.sampled_from(["ann", "bob", "cat"]), st.sampled_from(["g1", "g2"])), max_size=30)


@given(runs)
async def test_a_replica_is_what_redis_has_at_every_point(run: list[tuple[str, str, str]]) -> None:
    """After each entry the replica equals a snapshot; begun from any snapshot, the rest leads to the same state."""
    redis = MemoryRedis()
    store = redis.store(GatewayId("g1"))
    live = Replica("#room")
    snapshots = [(0, await store.snapshot(LOG, "#room"))]
    number = 0
    for kind, name, gateway in run:
        redis.now_ms += 1
        applied = len(redis.log(LOG).entries)
        if kind == "reap":
            if gateway == "g2":
                redis.room_reap(LOG, GatewayId("g2"))
        elif kind == "say":
            number += 1
            redis.room_msg(LOG, GatewayId("g1"), number, live.permissions, [said(name, "x"), said(name, "y")])
        else:
            number += 1
            answer = redis.room_tx(LOG, GatewayId("g1"), number, decide(live, kind, name, gateway))
            # Decided on the state as it is, so it never has to be decided again.
            assert answer.outcome in {Outcome.DONE, Outcome.UNCHANGED}
        for entry in redis.log(LOG).entries[applied:]:
            live.apply(entry)
        snapshot = await store.snapshot(LOG, "#room")
        assert state(live) == state(replica_of(snapshot))
        snapshots.append((len(redis.log(LOG).entries), await store.snapshot(LOG, "#room")))
    for begin, snapshot in snapshots:
        late = replica_of(snapshot)
        for entry in redis.log(LOG).entries[begin:]:
            late.apply(entry)
        assert state(late) == state(live)


def test_what_each_event_is_about() -> None:
    """`apply` returns the members as they were before; for a JOIN as they are now; nobody for what is said."""
    replica = Replica("#room")
    steps: list[tuple[Event, tuple[object, ...]]] = [
        (Joined(ANN.uid, MSGID, ANN), (ANN,)),
        (Joined(BOB.uid, MSGID, BOB), (BOB,)),
        (said("ann", "x"), ()),
        (AccountSet(BOB.uid, MSGID, ""), (BOB,)),
        (Renamed(BOB.uid, MSGID, "rob"), (BOB,)),
        (TopicSet(ANN.uid, MSGID, ANN.source, "t"), (ANN,)),
        (ModesSet(ANN.uid, MSGID, ANN.source, (("+", "o", "u-bob"),)), (ANN,)),
        (Foreign(), ()),
        (Left(BOB.uid, MSGID, LeftBy.PART, ""), (BOB._replace(nick="rob", modes="o"),)),
        (Left(BOB.uid, MSGID, LeftBy.PART, ""), ()),
        (AccountSet(BOB.uid, MSGID, "nobody"), ()),
        (Renamed(BOB.uid, MSGID, "nobody"), ()),
        (Reaped(ANN.gateway, (ANN.uid, BOB.uid)), (ANN,)),
    ]
    for ms, (event, about) in enumerate(steps, 1):
        assert replica.apply(Entry(at(ms), event)) == about, event
        assert replica.last == at(ms)
    assert replica.members == {}


def test_a_new_room_has_a_birth_and_default_modes() -> None:
    """Made by its first JOIN; a second founder later changes neither."""
    replica = Replica("#room")
    assert (replica.created_ms, replica.modes) == (0, "")
    replica.apply(Entry(at(5), Joined(ANN.uid, MSGID, ANN)))
    replica.apply(Entry(at(6), Left(ANN.uid, MSGID, LeftBy.QUIT, "")))
    replica.apply(Entry(at(9), Joined(BOB.uid, MSGID, BOB._replace(modes="o"))))
    assert (replica.created_ms, replica.modes, replica.permissions) == (5, DEFAULT_MODES, at(9))


def test_modes_of_room_and_members() -> None:
    """Letters come and go one by one, in a fixed order; a value that is no member changes nothing."""
    replica = Replica("#room")
    replica.apply(Entry(at(1), Joined(ANN.uid, MSGID, ANN)))
    changes = (("-", "t", ""), ("+", "m", ""), ("+", "v", "u-ann"), ("+", "o", "u-nobody"))
    replica.apply(Entry(at(2), ModesSet(ANN.uid, MSGID, ANN.source, changes)))
    assert (replica.modes, replica.members[ANN.uid].modes, replica.permissions) == ("mn", "ov", at(2))
    replica.apply(Entry(at(3), ModesSet(ANN.uid, MSGID, ANN.source, (("-", "o", "u-ann"),))))
    assert replica.members[ANN.uid].modes == "v"


def test_an_empty_topic_clears() -> None:
    """The topic keeps who and when; cleared it is as if never set."""
    replica = Replica("#room")
    replica.apply(Entry(at(7), TopicSet(ANN.uid, MSGID, "ann!a@b", "tea")))
    assert replica.topic == Topic("tea", "ann!a@b", 7)
    replica.apply(Entry(at(8), TopicSet(ANN.uid, MSGID, "ann!a@b", "")))
    assert replica.topic == Topic()


def test_only_some_events_change_permissions() -> None:
    """What is said, joins of the many, parts, nicks and topics do not: a batch decided before them stays valid."""
    replica = Replica("#room")
    quiet: list[Event] = [
        said("ann", "x"),
        Joined(BOB.uid, MSGID, BOB),
        Renamed(BOB.uid, MSGID, "rob"),
        TopicSet(BOB.uid, MSGID, BOB.source, "t"),
        Left(BOB.uid, MSGID, LeftBy.PART, ""),
        Foreign(),
    ]
    for ms, event in enumerate(quiet, 1):
        replica.apply(Entry(at(ms), event))
    assert replica.permissions == ORIGIN


def test_the_founder_names_the_room() -> None:
    """Two gateways that opened a new room under two spellings show one name once somebody has made it."""
    replica = Replica("#foo")
    founder = member("ann", modes="o")
    replica.apply(Entry(Position(b"1-0"), Joined(founder.uid, MsgId(b"m"), founder, "#Foo")))
    assert replica.name == "#Foo"
    later = member("bob")
    replica.apply(Entry(Position(b"2-0"), Joined(later.uid, MsgId(b"n"), later)))
    assert replica.name == "#Foo"
