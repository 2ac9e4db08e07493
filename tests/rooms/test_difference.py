"""The lines that lead from a room as it was shown to the room as it is: applied to the first they give the second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events import Entry, ModesSet
from gateway.model import Listed, Position, Snapshot, Topic
from gateway.rooms.difference import difference
from gateway.rooms.modes import MAX_PARAMETERS
from gateway.rooms.replica import Replica
from gateway.session.render import render
from tests.harness.events import member

HERE = Position(b"5-0")


def room(snapshot: Snapshot) -> Replica:
    """A replica of it."""
    replica = Replica("#room")
    replica.reset(snapshot)
    return replica


def shown(before: Replica, now: Replica) -> list[str]:
    """The lines, without CR LF."""
    events = difference(before, now, "hub")
    return [render(Entry(HERE, event), before.members.get(event.uid), "#room", 0).decode().strip() for event in events]


ANN = member("ann", modes="o")


@pytest.mark.parametrize(
    ("now", "lines"),
    [
        ({}, []),
        ({"members": {ANN.uid: ANN._replace(nick="eve")}}, [f":{ANN.source} NICK eve"]),
        ({"members": {ANN.uid: ANN._replace(modes="v")}}, [":hub MODE #room -o+v ann ann"]),
        ({"members": {}}, []),
        ({"modes": "im"}, [":hub MODE #room -nt+im"]),
        ({"key": "other", "limit": 7}, [":hub MODE #room +kl other 7"]),
        ({"key": "", "limit": 0}, [":hub MODE #room -kl secret"]),
        ({"lists": {"b": {"c!*@*": Listed("x", 1)}}}, [":hub MODE #room -b+b a!*@* c!*@*"]),
        ({"topic": Topic("tea", "eve", 3)}, [":eve TOPIC #room :tea"]),
        ({"topic": Topic()}, [":hub TOPIC #room :"]),
    ],
    ids=[
        "none",
        "a nick",
        "rights",
        "who is in",
        "flags",
        "key and limit",
        "no key and limit",
        "masks",
        "a topic",
        "none",
    ],
)
def test_each_aspect_has_its_line(now: dict[str, object], lines: list[str]) -> None:
    """Set by the server where nobody else is known."""
    before = Snapshot(
        name="#room", members={ANN.uid: ANN}, modes="nt", key="secret", limit=5 if "limit" in now else 0,
        topic=Topic("old", "ann", 1) if "topic" in now else Topic(), lists={"b": {"a!*@*": Listed("x", 1)}},
    )  # fmt: skip
    after = {**{name: getattr(before, name) for name in Snapshot.__dataclass_fields__}, **now}
    assert shown(room(before), room(Snapshot(**after))) == lines


_masks = st.dictionaries(st.sampled_from([f"m{i}!*@*" for i in range(9)]), st.just(Listed("hub", 5)), max_size=9)
_rooms = st.builds(
    Snapshot,
    name=st.just("#room"),
    members=st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "o", "v", "ov"])).map(
        lambda modes: {member(nick).uid: member(nick, modes=each) for nick, each in modes.items()}
    ),
    modes=st.sets(st.sampled_from("imnt")).map(lambda flags: "".join(sorted(flags))),
    key=st.sampled_from(["", "k1", "k2"]),
    limit=st.integers(0, 2),
    lists=st.dictionaries(st.sampled_from("beI"), _masks.filter(bool)),
)


@given(before=_rooms, now=_rooms)
def test_applied_to_what_was_shown_they_give_what_is(before: Snapshot, now: Snapshot) -> None:
    """But for who is in; and no line is longer than a MODE command may be."""
    start, end = room(before), room(now)
    copied = start.copy()
    events = difference(start, end, "hub")
    assert all(len(event.changes) <= MAX_PARAMETERS for event in events if isinstance(event, ModesSet))
    for event in events:
        copied.apply(Entry(HERE, event))
    both = start.members.keys() & end.members.keys()
    assert {uid: copied.members[uid] for uid in both} == {uid: end.members[uid] for uid in both}
    assert (copied.modes, copied.key, copied.limit, copied.lists) == (end.modes, end.key, end.limit, end.lists)
    assert not difference(copied, end, "hub")
