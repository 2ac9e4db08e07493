"""What we promise of a connection that says nothing is held by the real thing, as `make bench` measures it."""

import sys

import pytest

from benchmarks.fanout import IDLE5000, IDLE_TARGET_KIB
from benchmarks.machine import raise_open_files
from benchmarks.measure import idle
from benchmarks.servers import hubbub


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_what_an_idle_connection_takes() -> None:
    """Of 5000 members in 500 rooms, each at most 4 KiB of the gateway's resident memory, right after they joined."""
    assert raise_open_files() > 2 * IDLE5000.members
    assert (await idle(hubbub, IDLE5000)).resident_kib <= IDLE_TARGET_KIB
