"""A gateway, and a Redis, whose wall clock is stepped says another time."""

import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer
from tests.harness.shifted_clock import ClockShift, can_preload, preloaded

pytestmark = pytest.mark.slow


async def test_a_step_is_seen_at_once(tmp_path: Path) -> None:
    """TIME tells an hour more, and then the true time again."""
    process = GatewayProcess(state_dir=tmp_path / "state")
    process.clock = ClockShift(tmp_path / "clock")
    process.start()
    try:
        async with await IrcPeer.connect(process.host, process.port, "ann") as ann:
            told = []
            for shift_s in (0.0, 3600.0, 0.0):
                process.clock.step_to(shift_s)
                await ann.send("TIME")
                told.append(datetime.fromisoformat((await ann.expect("391")).params[-1].removesuffix(" UTC")))
    finally:
        process.stop()
    steps = [(after - before).total_seconds() for before, after in pairwise(told)]
    assert abs(steps[0] - 3600) < 60
    assert abs(steps[1] + 3600) < 60


@pytest.mark.skipif(not can_preload(), reason="no C compiler here")
def test_redis_follows_its_own_clock(tmp_path: Path) -> None:
    """TIME, as a script gets it too, is ahead by what the clock was stepped, after a restart as well."""
    with preloaded(tmp_path) as clock, PrivateServer.running(tmp_path / "server") as server:
        assert clock is not None

        def told_s() -> float:
            with server.client() as client:
                seconds, micros = client.eval("return redis.call('TIME')", 0)
            return int(seconds) + int(micros) / 1e6

        assert abs(told_s() - time.time()) < 10
        clock.step_to(3600.5)
        assert abs(told_s() - time.time() - 3600.5) < 10
        server.restart()
        assert abs(told_s() - time.time() - 3600.5) < 10
