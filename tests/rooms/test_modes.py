"""MODE lines are read as RFC 2812 says, and what is decided is exactly what changes."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events import Entry, ModeChange, ModesSet
from gateway.model import Listed, MsgId, Position, Snapshot
from gateway.rooms.modes import (
    FLAGS,
    LISTS,
    MAX_LISTED,
    MAX_PARAMETERS,
    Request,
    as_change,
    decide,
    pieces,
    read_modes,
)
from gateway.rooms.replica import Replica
from gateway.wire import numerics as n
from tests.harness.events import member

ANN, BOB = member("ann", modes="o"), member("bob")


def room(**state: object) -> Replica:
    """A room with ann, its operator, and bob."""
    replica = Replica("#room")
    replica.reset(Snapshot(name="#room", created_ms=1, modes="nt", members={who.uid: who for who in (ANN, BOB)}))
    for name, value in state.items():
        setattr(replica, name, value)
    return replica


def decided(line: str, replica: Replica | None = None) -> tuple[list[str], list[str]]:
    """What a MODE line changes (`+l 5`), and the numerics of what it cannot."""
    changes, refusals = decide(replica or room(), read_modes(line.split(" ")))
    return [f"{c.sign}{c.letter} {c.value}".strip() for c in changes], [refusal[0] for refusal in refusals]


@pytest.mark.parametrize(
    ("line", "requests"),
    [
        ("+nt-s", [("+", "n"), ("+", "t"), ("-", "s")]),
        ("m", [("+", "m")]),
        ("+kl-k key 5 x", [("+", "k", "key"), ("+", "l", "5"), ("-", "k", "x")]),
        ("-l 5", [("-", "l")]),
        ("b", [("+", "b")]),
        ("+b-b a", [("+", "b", "a"), ("-", "b")]),
        ("+ov ann", [("+", "o", "ann"), ("+", "v")]),
        ("+-+", []),
    ],
)
def test_reading(line: str, requests: list[tuple[str, ...]]) -> None:
    """Parameters are taken in order, by the letters that have one; a list without one is a question."""
    assert read_modes(line.split(" ")) == [Request(*request) for request in requests]


def test_so_many_parameters_and_no_more() -> None:
    """ "...the maximum number of modes with parameter": the rest is left out; flags go on. Source: ISUPPORT MODES."""
    requests = read_modes(["+bbbbbbbbi", *"12345678"])
    assert [request.value for request in requests] == [*"123456", None]
    assert len(requests) == MAX_PARAMETERS + 1


@pytest.mark.parametrize(
    ("line", "changes", "refusals"),
    [
        ("+nt", [], []),
        ("+m-t+m", ["+m", "-t"], []),
        ("+m-m", ["+m", "-m"], []),
        ("+b x", ["+b x!*@*"], []),
        ("+bb x X!*@*", ["+b x!*@*"], []),
        ("-b x", [], []),
        ("+o BOB", ["+o bob"], []),
        ("+v bob", ["+v bob"], []),
        ("+o ann", [], []),
        ("-o+o ann ann", ["-o ann", "+o ann"], []),
        ("+o nobody", [], [n.ERR_USERNOTINCHANNEL]),
        ("+o", [], [n.ERR_NEEDMOREPARAMS]),
        ("+k key", ["+k key"], []),
        ("+k a,b", [], [n.ERR_INVALIDMODEPARAM]),
        ("+k", [], [n.ERR_NEEDMOREPARAMS]),
        ("-k x", [], []),
        ("+l 5", ["+l 5"], []),
        ("+l 0", [], [n.ERR_INVALIDMODEPARAM]),
        ("+l -1", [], [n.ERR_INVALIDMODEPARAM]),
        ("+l x", [], [n.ERR_INVALIDMODEPARAM]),
        ("+l ٣", [], [n.ERR_INVALIDMODEPARAM]),
        ("+l " + "9" * 40, [], [n.ERR_INVALIDMODEPARAM]),
        ("-l", [], []),
        ("+x", [], [n.ERR_UNKNOWNMODE]),
        ("+xm", ["+m"], [n.ERR_UNKNOWNMODE]),
        ("+C", ["+C"], []),
    ],
)
def test_deciding(line: str, changes: list[str], refusals: list[str]) -> None:
    """Only what really changes, each request on what those before it made; the rest is refused or silent."""
    assert decided(line) == (changes, refusals)


def test_key_and_limit_go() -> None:
    """`-k` takes any parameter and names the key; `-l` takes none."""
    assert decided("-k wrong", room(key="right"))[0] == ["-k right"]
    assert decided("-lk x", room(key="right", limit=5))[0] == ["-l", "-k right"]
    assert decided("+l 5", room(limit=5))[0] == []


def test_a_list_has_a_last_place() -> None:
    """The mask after the 100th is refused with 478, the others of the command are not."""
    full = {f"n{i}!*@*": Listed("x", 1) for i in range(MAX_LISTED - 1)}
    replica = room(lists={"b": full})
    assert decided("+bbe x y z", replica) == (["+b x!*@*", "+e z!*@*"], [n.ERR_BANLISTFULL])
    assert decided("-b+b n0!*@* x", replica) == (["-b n0!*@*", "+b x!*@*"], [])


_values = st.sampled_from(["ann", "bob", "x", "a:acc", "m:x", "5", "0", "key", "a,b", "nobody"])
_lines = st.tuples(st.text("+-beIklCimnstovx", max_size=10), st.lists(_values, max_size=8)).map(lambda t: [t[0], *t[1]])


@given(st.lists(_lines, max_size=6))
def test_what_is_decided_is_what_changes(lines: Sequence[list[str]]) -> None:
    """The replica after the event has what the change writes to Redis; and a line that only adds, with one key and one
    limit, changes nothing when it comes again."""
    replica = room()
    for ms, line in enumerate(lines, 10):
        changes, _ = decide(replica, read_modes(line))
        event = ModesSet(ANN.uid, MsgId(b"m"), ANN.source, changes)
        change = as_change(replica, event)
        replica.apply(Entry(Position(b"%d-0" % ms), event))
        written = dict(change.state)
        assert written.get("modes", replica.modes) == replica.modes
        assert written.get("key", replica.key) == replica.key
        assert written.get("limit", str(replica.limit or "")) == str(replica.limit or "")
        assert {uid: replica.members[uid].modes for uid, _ in change.modes} == dict(change.modes)
        for entry, _ in change.listed:
            assert entry[2:] in replica.lists[entry[0]]
        for entry in change.unlisted:
            assert entry[2:] not in replica.lists.get(entry[0], {})
        assert all(masks and len(masks) <= MAX_LISTED for masks in replica.lists.values())
        assert not set(replica.modes) - set(FLAGS)
        if "-" not in line[0] and line[0].count("k") < 2 and line[0].count("l") < 2:
            assert decide(replica, read_modes(line)).changes == ()


@given(st.lists(_lines, min_size=1, max_size=3), st.integers(40, 400))
def test_pieces_are_the_whole(lines: Sequence[list[str]], room_left: int) -> None:
    """In order, none empty, nothing lost; a piece of several fits the room that is left."""
    requests = [request for line in lines for request in read_modes(line)]
    parts = list(pieces(requests, room_left))
    assert [request for part in parts for request in part] == requests
    assert all(parts)
    for part in parts:
        shown = sum(len(f"+{request.letter} {request.value or ''}!*@*") for request in part if request.letter in LISTS)
        assert len(part) == 1 or shown <= room_left


def test_the_line_names_members_as_they_are_called_now() -> None:
    """A nick that changed between the decision and its place in the log is told as it is there."""
    replica = room()
    event = ModesSet(ANN.uid, MsgId(b"m"), ANN.source, (ModeChange("+", "v", "bob", "u-bob"), ModeChange("+", "m")))
    replica.members[BOB.uid] = BOB._replace(nick="rob")
    assert replica.named(event).changes == (ModeChange("+", "v", "rob", "u-bob"), ModeChange("+", "m"))
