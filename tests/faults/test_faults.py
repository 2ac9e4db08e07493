"""People talk on gateways over Redis while all of it is broken in turn: nothing they were promised is broken."""

import os
from pathlib import Path

import pytest

from gateway.store.keys import HEARTBEATS
from tests.faults.faults import ALONE
from tests.faults.redis_faults import LossyFailover, RedisClockStepped
from tests.faults.report import summary
from tests.faults.scenario import Scenario, each_once, repeated, run
from tests.faults.site import Site
from tests.faults.stores import Replicated, replicated
from tests.harness.deadlines import DEADLINE_FACTOR, DEADLINE_S, eventually
from tests.harness.shifted_clock import can_preload

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600 * DEADLINE_FACTOR)]

APART = {LossyFailover}  # needs a replica, and has its own test below
HERE = [kind for kind in ALONE if kind not in APART and (kind is not RedisClockStepped or can_preload())]
SEED = int(os.environ.get("SEED", "20261122"))


async def test_every_fault_in_a_seeded_order(tmp_path: Path) -> None:
    """Each fault once, some two at a time: nothing lost, doubled, out of order; no flap, no ghost, equal replicas."""
    outcome = await run(Scenario(seed=SEED, turns=each_once(SEED, HERE)), tmp_path)
    assert outcome.clean, summary(outcome)
    assert {strike.fault for strike in outcome.strikes} == {kind.name for kind in HERE}
    assert outcome.report.acknowledged > 1000


async def test_failover_that_loses_the_last_second(tmp_path: Path) -> None:
    """What was acknowledged is in the log of the promoted replica while the author's gateway lives."""
    outcome = await run(Scenario(seed=SEED, turns=repeated(LossyFailover, 1), store=replicated), tmp_path)
    assert outcome.clean, summary(outcome)


async def test_a_gateway_that_began_in_the_second_a_failover_lost_lives_on(tmp_path: Path) -> None:
    """The promoted replica has never heard of it, which is no burial."""
    async with Site.running(tmp_path, gateways=1, start_store=replicated) as site:
        store = site.store
        assert isinstance(store, Replicated)
        store.pair.lose_from_now()
        newcomer = (await site.add_gateway()).process
        await store.pair.fail_over()

        async def decided() -> bool | None:
            with store.client(HEARTBEATS) as client:
                return newcomer.exit_code is not None or client.zcard(HEARTBEATS) == 2 or None

        await eventually(decided, what="it beats again, or ends", deadline_s=6 * DEADLINE_S)
        assert newcomer.exit_code is None
        await store.pair.restore()
