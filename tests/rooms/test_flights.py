"""Changes travel one behind the other, and whatever is lost on the way each event is appended once, in order."""

import asyncio
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.desk import ANN, G2, LOG, Author, Desk, founded
from tests.harness.events import join, member, promote
from tests.harness.memory_store import Loss


@pytest.fixture
async def desk() -> Desk:
    """A writer on a new log, with ann, its operator, in the room."""
    return await founded()


def joining(number: int) -> Author:
    """One more member comes in."""
    return Author(lambda replica: join(member(f"m{number}"), permissions=replica.permissions))


async def test_changes_travel_one_behind_the_other(desk: Desk) -> None:
    """A crowd that joins does not wait for each other's answers."""
    authors = [joining(n) for n in range(5)]
    for author in authors:
        desk.writer.put(author)
    desk.writer.pump()
    assert [number for number, _, _ in desk.store.sent] == [1, 2, 3, 4, 5]
    await desk.settle()
    assert desk.log() == ["join-ann", *(f"join-m{n}" for n in range(5))]
    assert all(len(author.told) == 1 for author in authors)
    assert desk.writer.idle


async def test_what_is_behind_a_stale_change_is_decided_again(desk: Desk) -> None:
    """The first bumps permissions, so the others are refused; each is in the log once, in order, decided anew."""
    authors = [
        Author(lambda replica: promote(ANN, permissions=replica.permissions)),
        *(joining(n) for n in range(3)),
    ]
    for author in authors:
        desk.writer.put(author)
    desk.writer.pump()
    await desk.settle()
    assert desk.log() == ["join-ann", "mode"]
    desk.follow()
    await desk.settle()
    assert desk.log() == ["join-ann", "mode", "join-m0", "join-m1", "join-m2"]
    assert [number for number, _, _ in desk.store.sent] == [1, 2, 3, 4, 2, 3, 4]
    assert desk.writer.idle


@pytest.mark.parametrize("loss", Loss)
async def test_a_flight_of_changes_that_is_lost_goes_out_again(desk: Desk, loss: Loss) -> None:
    """Whichever of its answers was lost: every change is in the log once, in order."""
    desk.store.losses = [loss]
    for n in range(4):
        desk.writer.put(joining(n))
    for _ in range(3):
        desk.writer.pump()
        await desk.settle()
    assert desk.log() == ["join-ann", *(f"join-m{n}" for n in range(4))]
    assert desk.writer.idle


steps = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 3)),
    st.tuples(st.just("change"), st.just(0)),
    st.tuples(st.just("lose"), st.sampled_from(Loss)),
    st.sampled_from([("elsewhere", 0), ("follow", 0), ("pump", 0), ("wait", 0)]),
)


@given(st.lists(steps, max_size=40))
async def test_whatever_is_lost_each_event_is_in_the_log_once_and_in_order(run: list[tuple[str, object]]) -> None:
    """Commands and answers lost in any pattern, permissions changed elsewhere at any time, a replica that lags."""
    desk = await founded()
    expected: list[str] = []
    elsewhere = 1
    for number, (kind, value) in enumerate(run):
        match kind:
            case "say":
                texts = [f"said-{number}-{index}" for index in range(cast(int, value))]
                desk.say(*texts)
                expected += texts
            case "change":
                desk.writer.put(joining(number))
                expected.append(f"join-m{number}")
            case "lose":
                desk.store.losses.append(cast(Loss, value))
            case "elsewhere":
                elsewhere += 1
                desk.redis.room_tx(LOG, G2, elsewhere, promote(ANN))
            case "follow":
                desk.follow()
            case "pump":
                desk.writer.pump()
            case _:
                await asyncio.sleep(0)
    for _ in range(2 * len(run) + 10):
        desk.writer.pump()
        await desk.settle()
        desk.follow()
    assert desk.writer.idle
    assert [event for event in desk.log()[1:] if event != "mode"] == expected
