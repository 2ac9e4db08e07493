"""A replica is a function of the log: the same entries, the same state, wherever one begins; and it is Redis' state."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.events import (
    AccountSet,
    Entry,
    Event,
    Foreign,
    Invited,
    Joined,
    Kicked,
    Left,
    LeftBy,
    ModeChange,
    ModesSet,
    Reaped,
    Renamed,
    RoomRenamed,
    TopicSet,
)
from gateway.model import ORIGIN, GatewayId, LogKey, MsgId, Outcome, Position, Snapshot, Topic, order
from gateway.rooms.joining import inviting, joining
from gateway.rooms.modes import as_change, read_modes
from gateway.rooms.modes import decide as decide_modes
from gateway.rooms.ports import Change
from gateway.rooms.renaming import MAX_FORMER, aliases, answers_to, forgotten, renaming
from gateway.rooms.replica import DEFAULT_MODES, Replica
from gateway.wire.names import RoomKey
from tests.harness.events import leave, member, promote, rebind, said, set_topic, uid_of
from tests.harness.memory_store import MemoryRedis

LOG = LogKey("r:#room")
MSGID = MsgId(b"m")
ANN, BOB, CAT = member("ann", modes="o"), member("bob"), member("cat")


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
    who = replica.members.get(uid_of(name)) or member(name, gateway=gateway)
    match kind:
        case "join":
            who = who._replace(account=name if name == "cat" else "")
            return joining(replica, who, MSGID, f"#{gateway}")[1]
        case "kick":
            event_ = Kicked(uid_of("ann"), MSGID, "ann!a@h", who.uid, "out")
            return Change(event=event_, permissions=permissions, uid=who.uid, need="in", leaves=True)
        case "invite":
            return inviting(replica, Invited(uid_of("ann"), MSGID, "ann!a@h", who.uid))
        case "mode":
            wanted = decide_modes(replica, read_modes(gateway.split(" ")))
            return as_change(replica, ModesSet(who.uid, MSGID, "ann!a@h", wanted.changes))
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
        case "name":
            new = RoomRenamed(who.uid, MSGID, who.source, replica.name, gateway, "", forgotten(replica, gateway))
            return renaming(replica, new, as_member=True)
        case "promote":
            return promote(who, permissions=permissions)
        case "rebind":
            return rebind(who, GatewayId(gateway))
    return set_topic(who, "" if kind == "untopic" else name, permissions=permissions)


kinds = st.sampled_from(
    [
        *("join", "join", "join", "leave", "kick", "invite", "rename", "login", "promote", "topic", "untopic", "say"),
        "rebind",
        "reap",
    ]
)
names = st.sampled_from(["ann", "bob", "cat"])
mode_lines = st.sampled_from(
    [
        *("+i", "-i", "+m-t", "+s", "-s+C", "+k key", "-k x", "+l 2", "-l", "+o bob", "-o ann", "+v-o bob bob"),
        *("+b x!*@*", "-b x!*@*", "+bb-b a b a", "-b+b a a", "+I cat", "+e a:acc", "-e a:acc", "+bo m:cat cat"),
    ]
)
runs = st.lists(
    st.tuples(kinds, names, st.sampled_from(["g1", "g2"]))
    | st.tuples(st.just("mode"), names, mode_lines)
    | st.tuples(st.just("name"), names, st.sampled_from([f"#{letter}" for letter in "ROOMABCDEFGHIJroom"])),
    max_size=30,
)


@given(runs)
async def test_a_replica_is_what_redis_has_at_every_point(run: list[tuple[str, str, str]]) -> None:
    """After each entry the replica equals a snapshot; begun from any snapshot, the rest leads to the same state."""
    redis = MemoryRedis()
    store = redis.store(GatewayId("g1"))
    live = Replica("#room")
    snapshots = [await store.snapshot(LOG, "#room")]
    number = 0
    for kind, name, gateway in run:
        redis.now_ms += 1
        last = redis.log(LOG).last
        if kind == "reap":
            if gateway == "g2":
                there = [uid for uid, who in live.members.items() if who.gateway == gateway]
                redis.room_reap(LOG, GatewayId("g2"), "lost", *there)
        elif kind == "say":
            number += 1
            redis.room_msg(LOG, GatewayId("g1"), number, live.permissions, [said(name, "x"), said(name, "y")])
        else:
            change = decide(live, kind, name, gateway)
            if change.capacity and change.uid not in live.members and len(live.members) >= change.capacity:
                continue  # who asked for this would have been refused
            number += 1
            answer = redis.room_tx(LOG, GatewayId("g1"), number, change)
            # Decided on the state as it is, so it never has to be decided again.
            assert answer.outcome in {Outcome.DONE, Outcome.UNCHANGED}
        for entry in redis.log(LOG).entries:
            if order(entry.position) > order(last):
                live.apply(entry)
        snapshot = await store.snapshot(LOG, "#room")
        assert state(live) == state(replica_of(snapshot))
        snapshots.append(await store.snapshot(LOG, "#room"))
    entries = redis.log(LOG).entries
    emptied = any(isinstance(entry.event, Joined) and entry.event.blank for entry in entries)
    for snapshot in snapshots:
        # Where the log was emptied a follower takes a new snapshot instead.
        if snapshot.last in {entry.position for entry in entries} or (snapshot.last == ORIGIN and not emptied):
            late = replica_of(snapshot)
            for entry in entries:
                if order(entry.position) > order(snapshot.last):
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
        (ModesSet(ANN.uid, MSGID, ANN.source, (ModeChange("+", "o", "rob", "u-bob"),)), (ANN,)),
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
    changes = (
        ModeChange("-", "t"),
        ModeChange("+", "m"),
        ModeChange("+", "v", "ann", "u-ann"),
        ModeChange("+", "o", "nobody", "u-nobody"),
    )
    replica.apply(Entry(at(2), ModesSet(ANN.uid, MSGID, ANN.source, changes)))
    assert (replica.modes, replica.members[ANN.uid].modes, replica.permissions) == ("mn", "ov", at(2))
    replica.apply(Entry(at(3), ModesSet(ANN.uid, MSGID, ANN.source, (ModeChange("-", "o", "ann", "u-ann"),))))
    assert replica.members[ANN.uid].modes == "v"


def test_an_empty_topic_clears() -> None:
    """The topic keeps who and when; cleared it is as if never set."""
    replica = Replica("#room")
    replica.apply(Entry(at(7), TopicSet(ANN.uid, MSGID, "ann!a@b", "tea")))
    assert replica.topic == Topic("tea", "ann!a@b", 7)
    replica.apply(Entry(at(8), TopicSet(ANN.uid, MSGID, "ann!a@b", "")))
    assert replica.topic == Topic()


def test_only_some_events_change_permissions() -> None:
    """What is said, joins of the many, parts, nicks and topics do not: a batch decided before them stays valid.

    The part that ends the room does: who comes then founds it, whatever was decided before.
    """
    replica = Replica("#room")
    quiet: list[Event] = [
        said("ann", "x"),
        Joined(BOB.uid, MSGID, BOB),
        Renamed(BOB.uid, MSGID, "rob"),
        TopicSet(BOB.uid, MSGID, BOB.source, "t"),
        Joined(CAT.uid, MSGID, CAT),
        Left(BOB.uid, MSGID, LeftBy.PART, ""),
        Foreign(),
    ]
    for ms, event in enumerate(quiet, 1):
        replica.apply(Entry(at(ms), event))
    replica.apply(Entry(at(8), Left(CAT.uid, MSGID, LeftBy.PART, "")))
    assert replica.permissions == ORIGIN  # nobody is left here; whether the room ended, the log says
    replica.apply(Entry(at(9), Left(CAT.uid, MSGID, LeftBy.PART, "", last=True)))
    assert replica.permissions == at(9)


def test_the_founder_names_the_room() -> None:
    """Two gateways that opened a new room under two spellings show one name once somebody has made it."""
    replica = Replica("#foo")
    founder = member("ann", modes="o")
    replica.apply(Entry(Position(b"1-0"), Joined(founder.uid, MsgId(b"m"), founder, "#Foo")))
    assert replica.name == "#Foo"
    later = member("bob")
    replica.apply(Entry(Position(b"2-0"), Joined(later.uid, MsgId(b"n"), later)))
    assert replica.name == "#Foo"


def rename(replica: Replica, name: str) -> None:
    """The room gets a name, as RENAME decides it."""
    ms = int(replica.last.partition(b"-")[0]) + 1
    new = RoomRenamed(ANN.uid, MSGID, ANN.source, replica.name, name, "", forgotten(replica, name))
    replica.apply(Entry(at(ms), new))


def test_former_names_lead_to_the_room_and_its_present_one_does() -> None:
    """Not the one it has again; another spelling is no other name. What ended is found by its name alone."""
    replica = Replica("#a")
    replica.apply(Entry(at(1), Joined(ANN.uid, MSGID, ANN)))
    for name in ("#b", "#C", "#c", "#a"):
        rename(replica, name)
    assert set(replica.former) == {"#b", "#c"}
    assert aliases(replica, RoomKey("#a")) == {"#b", "#c"}
    rename(replica, "#D")
    assert aliases(replica, RoomKey("#a")) == {"#b", "#c", "#d"}
    assert all(answers_to(replica, RoomKey(name)) for name in ("#a", "#b", "#c", "#d"))
    replica.apply(Entry(at(90), Left(ANN.uid, MSGID, LeftBy.PART, "", last=True)))
    assert [answers_to(replica, RoomKey(name)) for name in ("#b", "#d")] == [False, True]


def test_the_oldest_of_too_many_names_is_forgotten() -> None:
    """The names that lead to one room are few, so nobody can have all of them; the last ones do."""
    replica = Replica("#n0")
    replica.apply(Entry(at(1), Joined(ANN.uid, MSGID, ANN)))
    for number in range(1, MAX_FORMER + 4):
        rename(replica, f"#n{number}")
    assert list(replica.former) == [f"#n{number}" for number in range(3, MAX_FORMER + 3)]
    rename(replica, "#n5")  # one of them again: nothing is forgotten for it
    assert (len(replica.former), "#n3" in replica.former) == (MAX_FORMER, True)
