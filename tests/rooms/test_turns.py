"""What a failover lost is written again in its order, by several who do not speak to each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import MsgId
from gateway.rooms.turns import TURN_WAIT_S, Turns
from gateway.store.leases import LEASE_MS

LOST = [MsgId(name) for name in (b"a", b"b", b"c", b"d")]


def turns(*lost: MsgId) -> Turns:
    """They are waited for until second 5."""
    made = Turns()
    made.begin(lost, 5.0)
    return made


@pytest.mark.parametrize(
    ("steps", "ready"),
    [
        ([], 0),
        ([[b"a"]], 1),
        ([[b"b"]], 0),
        ([[b"a"], [b"c"]], 1),
        ([[b"a", b"b"], [b"c"]], 2),
        ([[b"a"], [b"new"]], 1),
        ([[b"new"]], 0),
        ([[b"a"], [b"b"], [b"c"], [b"d"], [b"new"]], 5),
    ],
    ids=["nothing", "the first", "the second", "before another's", "several", "new behind", "new alone", "all ours"],
)
def test_a_step_waits_for_what_was_before_it(steps: list[list[bytes]], ready: int) -> None:
    """What was not lost waits for all that was."""
    assert turns(*LOST).ready([[MsgId(each) for each in step] for step in steps], 0.0) == ready


def test_what_comes_back_is_waited_for_no_more_and_in_the_end_nothing_is() -> None:
    """Then it is over, also for who asks later."""
    made = turns(*LOST)
    made.came(LOST[0])
    assert made.ready([[LOST[1]]], 4.9) == 1
    assert made.ready([[LOST[2]]], 4.9) == 0
    assert made.ready([[LOST[2]]], 5.0) == 1
    assert not made.pending


@given(owners=st.lists(st.integers(0, 2), min_size=1, max_size=12), data=st.data())
def test_whoever_is_asked_when_the_order_stays(owners: list[int], data: st.DataObject) -> None:
    """Three gateways asked in any order, each writing what it may: all of it, in its order, without a wait."""
    lost = [MsgId(b"%d" % index) for index in range(len(owners))]
    gateways = [turns(*lost) for _ in range(3)]
    left = [[[lost[index]] for index, owner in enumerate(owners) if owner == number] for number in range(3)]
    log: list[MsgId] = []
    while any(left):
        progress = False
        for number in data.draw(st.permutations(range(3))):
            ready = gateways[number].ready(left[number], 0.0)
            written, left[number] = left[number][:ready], left[number][ready:]
            for step in written:
                progress = True
                log += step
                for each in gateways:
                    each.came(step[0])
        assert progress
    assert log == lost


def test_whoever_may_write_has_its_turn() -> None:
    """A gateway that comes when nobody waits for it any more has lost its lease, and so may not write."""
    assert TURN_WAIT_S * 1000 >= LEASE_MS
