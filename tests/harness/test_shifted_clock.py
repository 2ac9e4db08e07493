"""A gateway whose wall clock is stepped says another time."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path

from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.shifted_clock import ClockShift


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
