"""What the log says of a Redis that cannot be reached at start."""

import logging
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store.lanes import lanes_to
from tests.harness.cluster import Cluster
from tests.harness.deadlines import DEADLINE_S
from tests.harness.ports import free_ports

WAIT_S = 0.8  # several attempts: no two are further apart than a quarter of a second


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, ...]]:
    """The records of level WARNING and above: event and lane."""
    return [
        (record.getMessage(), vars(record)["lane"]) for record in caplog.records if record.levelno >= logging.WARNING
    ]


@pytest.mark.parametrize(
    ("url", "lane"),
    [
        ("redis://127.0.0.1:{}", "command"),
        ("redis+sentinel://127.0.0.1:{}/chat", "command"),
        ("redis+cluster://127.0.0.1:{}", "all"),
    ],
)
async def test_that_it_is_away_is_told_once(caplog: pytest.LogCaptureFixture, url: str, lane: str) -> None:
    """Whatever it is, and however often it is tried: one warning when the wait begins."""
    with pytest.raises(StoreError):
        await lanes_to(url.format(*free_ports(1))).open(WAIT_S)
    assert told(caplog) == [("redis_unreachable", lane)]


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_master_that_is_away_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of a cluster that has not replaced it yet, and until it has: once for the cluster, once for the lane."""
    with Cluster.running(tmp_path / "nodes") as cluster:
        cluster.nodes[0].kill()
        lanes = lanes_to(cluster.url)
        await lanes.open(6 * DEADLINE_S)
        lanes.close()
        assert sorted(told(caplog)) == [("redis_unreachable", "all"), ("redis_unreachable", "command")]
