"""People talk while Redis looks after itself and all else is broken in turn: nothing they were promised is broken."""

from pathlib import Path

import pytest

from tests.faults.deployments import CLUSTER, SENTINEL, sentinel, sharded
from tests.faults.fault import Fault
from tests.faults.faults import EVERYWHERE
from tests.faults.report import summary
from tests.faults.scenario import Scenario, each_once, run
from tests.faults.stores import Start
from tests.faults.test_faults import SEED
from tests.harness.deadlines import DEADLINE_FACTOR

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600 * DEADLINE_FACTOR)]


@pytest.mark.parametrize(
    ("start", "kinds"),
    [
        pytest.param(sentinel, (*EVERYWHERE, *SENTINEL), id="Sentinel"),
        pytest.param(sharded, (*EVERYWHERE, *CLUSTER), id="Cluster"),
    ],
)
async def test_a_deployment_looks_after_itself(tmp_path: Path, start: Start, kinds: tuple[type[Fault], ...]) -> None:
    """Each fault once: nothing lost, doubled, out of order; no flap, no ghost, equal replicas."""
    outcome = await run(Scenario(seed=SEED, turns=each_once(SEED, kinds), store=start), tmp_path)
    assert outcome.clean, summary(outcome)
    assert {strike.fault for strike in outcome.strikes} == {kind.name for kind in kinds}
    assert outcome.report.acknowledged > 1000
