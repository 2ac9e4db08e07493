"""What the lab's report says follows from what was seen."""

from dataclasses import replace

import pytest

from tests.faults.figures import Outcome, Promise, Spread, Strike, beyond_own, spread, without_service
from tests.faults.replicas import RoomView, differences
from tests.faults.report import page, section, sections_of, summary
from tests.harness.checker import Report

CLEAN = Outcome(
    seed=7,
    server="valkey 9",
    seconds=60.0,
    strikes=[Strike("kill", 10.0, 12.0), Strike("cut", 20.0, 21.0)],
    report=Report(sent=10, acknowledged=10, deliveries=30),
    unequal=(),
    fallen=(),
    unserved=(),
    sessions_lost=0,
    resumptions=3,
    new_starts=0,
    unanswered=0,
    waits={"ann": [(9.0, 0.5), (9.5, 2.0), (11.0, 0.2), (15.0, 7.0)], "bob": [(1.0, 0.1)]},
    returns=(0.5, 1.5),
)


def test_time_without_service_is_the_longest_wait_that_touched_the_fault() -> None:
    """What was said before it and answered in it counts, what was answered before it does not; per person."""
    assert without_service(CLEAN.strikes, CLEAN.waits) == [2.0, 7.0]


def test_what_a_deployment_took_itself_is_told_apart() -> None:
    """Per person, of the faults of which it is known."""
    strikes = [Strike("kill", 10.0, 12.0, own_s=1.5), Strike("cut", 20.0, 21.0)]
    assert beyond_own(strikes, CLEAN.waits) == [0.5]
    told = summary(replace(CLEAN, strikes=strikes))
    assert "until Redis had another master  p50 1.50 s" in told
    assert "of it, after that  p50 0.50 s" in told
    assert "another master" not in summary(CLEAN)


def test_percentiles() -> None:
    """Nearest rank; nothing has none."""
    assert spread(range(1, 101)) == Spread(100, 51, 100, 100)
    assert str(spread(())) == "none"


@pytest.mark.parametrize(
    "wrong",
    [
        {"report": replace(CLEAN.report, lost=1)},
        {"report": replace(CLEAN.report, unkept=1)},
        {"report": replace(CLEAN.report, flaps=1)},
        {"unequal": ["topic of #a"]},
        {"fallen": ["gateway-1"]},
        {"unserved": ["ann"]},
        {"sessions_lost": 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_outcome_is_clean_only_if_nothing_was_wrong(wrong: dict[str, object]) -> None:
    """Each of them alone is enough."""
    assert CLEAN.clean
    assert not replace(CLEAN, **wrong).clean  # type: ignore[arg-type] # one field of its type


def test_a_page_keeps_the_sections_of_other_scenarios() -> None:
    """Written, read and written again it is the same; one section is replaced without the other."""
    written = page({"One": section(CLEAN, "v1"), "Two": section(CLEAN, "v1")})
    assert page(sections_of(written)) == written
    changed = page(sections_of(written) | {"One": section(replace(CLEAN, seed=8), "v2")})
    assert "Seed 8, v2." in changed
    assert "Seed 7, v1." in changed
    assert changed.count("| kill | 1 |") == 2
    assert "p50 1.50 s" in summary(CLEAN)


def test_a_run_that_is_not_clean_says_so() -> None:
    """Above its table, with what was wrong and nothing else."""
    assert "\n\nClean.\n\n|" in section(CLEAN, "v1")
    told = section(replace(CLEAN, sessions_lost=2, unserved=("ann",)), "v1")
    assert "\n\n**Not clean:** sessions lost 2, people not served again 1.\n\n|" in told


def test_a_promise_that_is_not_kept_is_told() -> None:
    """In the section of its run."""
    promises = [Promise("back in 1 s", lambda outcome: max(outcome.returns) < 1), Promise("any", lambda outcome: True)]
    told = section(CLEAN, "v1", promises)
    assert "- back in 1 s: NOT KEPT\n- any: kept\n" in told


def view(*members: str, topic: str = "", name: str = "#a", modes: str | None = "+nt") -> RoomView:
    """A room as one source has it."""
    return RoomView(frozenset(members), topic, name, modes)


def test_equal_replicas_have_no_differences() -> None:
    """A source that was not asked for modes agrees with any."""
    assert differences({"one": {"#a": view("@ann")}, "Redis": {"#a": view("@ann", modes=None)}}) == []


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (view("@ann", "bob"), "members of #a: one: none of these; two: bob"),
        (view("ann"), "members of #a: one: @ann; two: ann"),
        (view("@ann", topic="tea"), "topic of #a: one: ''; two: 'tea'"),
        (view("@ann", name="#b"), "name of #a: one: '#a'; two: '#b'"),
        (view("@ann", modes="+m"), "modes of #a: one: '+nt'; two: '+m'"),
    ],
)
def test_each_difference_between_replicas_is_found(other: RoomView, found: str) -> None:
    """A member more, a right less, another topic, another mode."""
    assert differences({"one": {"#a": view("@ann")}, "two": {"#a": other}}) == [found]


def test_a_room_that_one_source_does_not_have_is_a_difference() -> None:
    """It is compared as an empty one."""
    assert differences({"one": {"#a": view("ann")}, "two": {}}) == ["members of #a: one: ann; two: none of these"]
