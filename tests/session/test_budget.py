"""How much a session may say, second by second; time is passed in."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.session.budget import BURST, JOIN_BURST, JOIN_RATE_PER_S, MAX_DEBT, RATE_PER_S, Budget, Verdict


def spend(budget: Budget, number: int, now_s: float, *, joins: int = 0) -> list[Verdict]:
    """So many commands at one moment."""
    return [budget.spend(now_s, joins=joins) for _ in range(number)]


def test_a_burst_is_free_and_the_next_is_refused() -> None:
    """Exactly the burst, at any time since the start."""
    budget = Budget()
    assert set(spend(budget, int(BURST), 1000.0)) == {Verdict.GO}
    assert budget.spend(1000.0) is Verdict.REFUSE


def test_a_bucket_fills_with_time() -> None:
    """At the rate, and never beyond the burst."""
    budget = Budget()
    spend(budget, int(BURST), 0.0)
    assert spend(budget, int(RATE_PER_S) + 1, 1.0) == [Verdict.GO] * int(RATE_PER_S) + [Verdict.REFUSE]
    assert spend(budget, int(BURST) + 1, 10_000.0)[-2:] == [Verdict.GO, Verdict.REFUSE]


def test_refused_commands_cost_as_well() -> None:
    """Who goes on sending is not heard sooner; the answer says how long to wait, and then it works."""
    budget = Budget()
    spend(budget, int(BURST) + 80, 0.0)
    wait_s = budget.retry_s()
    assert wait_s == 81 / RATE_PER_S
    assert budget.spend(wait_s) is Verdict.GO
    assert budget.spend(wait_s) is Verdict.REFUSE


def test_a_wait_is_never_told_as_nothing() -> None:
    """A second at least, so that a client that obeys does not come back at once."""
    budget = Budget()
    spend(budget, int(BURST) + 1, 0.0)
    assert budget.retry_s() == 1.0


def test_a_persistent_flooder_is_closed() -> None:
    """Past the debt, not before."""
    budget = Budget()
    verdicts = spend(budget, int(BURST + MAX_DEBT) + 1, 0.0)
    assert verdicts.index(Verdict.CLOSE) == BURST + MAX_DEBT


def test_joins_have_a_bucket_of_their_own() -> None:
    """Many rooms in one line cost as many; refused ones are not taken from the bucket."""
    budget = Budget()
    assert budget.spend(0.0, joins=int(JOIN_BURST) + 1) is Verdict.REFUSE
    assert budget.spend(0.0, joins=int(JOIN_BURST)) is Verdict.GO
    assert budget.spend(0.0, joins=1) is Verdict.REFUSE
    assert budget.spend(0.0) is Verdict.GO
    assert budget.spend(1.0, joins=int(JOIN_RATE_PER_S)) is Verdict.GO


def test_a_wait_for_joins_is_as_long_as_their_bucket_takes() -> None:
    """However much else the session might do."""
    budget = Budget()
    budget.spend(0.0, joins=int(JOIN_BURST))
    assert budget.spend(0.0, joins=10) is Verdict.REFUSE
    wait_s = budget.retry_s(joins=10)
    assert wait_s == 10 / JOIN_RATE_PER_S
    assert budget.spend(wait_s, joins=10) is Verdict.GO


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 3)), max_size=200))
def test_no_pattern_gets_more_than_burst_and_rate(steps: list[tuple[float, int]]) -> None:
    """However commands are spread over time."""
    budget, now_s, went, joined = Budget(), 0.0, 0, 0
    for pause_s, joins in steps:
        now_s += pause_s
        if budget.spend(now_s, joins=joins) is Verdict.GO:
            went += 1
            joined += joins
    assert went <= BURST + now_s * RATE_PER_S + 1e-6
    assert joined <= JOIN_BURST + now_s * JOIN_RATE_PER_S + 1e-6
