"""Buckets that all gateways share: `rate.lua` does what GCRA says. Source: ITU-T I.371, "GCRA (virtual scheduling)"."""

import asyncio
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.people import Rate
from gateway.store import keys
from gateway.store.rates import Rates
from gateway.store.scripts import sha
from tests.store.conftest import OpenLanes

_numbers = count(1)


class Reference:
    """The algorithm with a clock that is told."""

    def __init__(self, per_us: int, burst: int) -> None:
        self.per_us, self.burst = per_us, burst
        self.full_us = 0

    def take(self, now_us: int, want: int, need: int) -> tuple[int, int]:
        """Tokens taken, and for none the time until there are enough."""
        full_us = max(self.full_us, now_us)
        free = (now_us + self.burst * self.per_us - full_us) // self.per_us
        if want > 0 and min(want, free) < need:
            return 0, full_us + (need - self.burst) * self.per_us - now_us
        taken = min(want, free)
        self.full_us = max(full_us + taken * self.per_us, now_us)
        return taken, 0


steps = st.lists(st.tuples(st.integers(-4, 8).filter(bool), st.integers(1, 4)), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(per_us=st.sampled_from([1, 200, 1_000_000]), burst=st.integers(1, 10), steps=steps)
async def test_the_script_is_the_algorithm(
    open_more: OpenLanes, per_us: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    """Any questions, any returns, at the times Redis says they came: the same answers."""
    lanes = await open_more()
    key, reference = keys.rate("test", str(next(_numbers))), Reference(per_us, burst)
    for want, least in steps:
        need = min(least, want) if want > 0 else 0
        taken, wait_us, now_us = await lanes.commands.call("EVALSHA", sha("rate"), 1, key, per_us, burst, want, need)
        assert (taken, wait_us) == reference.take(now_us, want, need)


async def test_two_gateways_share_a_bucket(open_more: OpenLanes, unique: str) -> None:
    """What one takes the other has not; what is given back either may take."""
    one, two = Rates(await open_more()), Rates(await open_more())
    rate = Rate(burst=10, per_minute=1)
    assert (await one.take("t", unique, rate, 6))[0] == 6
    assert (await two.take("t", unique, rate, 20))[0] == 4
    taken, wait_s = await one.take("t", unique, rate, 5)
    assert taken == 0
    assert 50 < wait_s <= 60
    two.give_back("t", unique, rate, 3)
    assert (await two.take("t", unique, rate, 9))[0] == 3


async def test_fewer_than_needed_are_not_taken(open_more: OpenLanes, unique: str) -> None:
    """They stay for somebody who needs fewer."""
    rates, rate = Rates(await open_more()), Rate(burst=5, per_minute=1)
    assert (await rates.take("t", unique, rate, 6, 6))[0] == 0
    assert (await rates.take("t", unique, rate, 5, 5))[0] == 5


async def test_a_full_bucket_takes_no_memory(open_more: OpenLanes, unique: str) -> None:
    """Given back, or waited for: the key is gone."""
    lanes = await open_more()
    rates, rate = Rates(lanes), Rate(burst=5, per_minute=6)
    await rates.take("t", unique, rate, 2)
    rates.give_back("t", unique, rate, 2)
    assert await lanes.commands.call("EXISTS", keys.rate("t", unique)) == 0
    await rates.take("t", unique, rate, 1)
    assert 0 < await lanes.commands.call("PTTL", keys.rate("t", unique)) <= 10_001


@pytest.mark.parametrize("gateways", [1, 3])
async def test_a_race_gives_away_nothing(open_more: OpenLanes, unique: str, gateways: int) -> None:
    """However many ask at once, the burst is what they get together."""
    rate = Rate(burst=50, per_minute=1)
    sites = [Rates(await open_more()) for _ in range(gateways)]
    taken = await asyncio.gather(*(rates.take("t", unique, rate, 3) for rates in sites for _ in range(40)))
    assert sum(tokens for tokens, _ in taken) == 50
