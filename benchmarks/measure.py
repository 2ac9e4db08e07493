"""The measurements themselves: each starts a fresh server, seats members, and returns frozen figures.

CPU seconds are those of the server with all its processes, never of the load.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory

from benchmarks.drive import seated
from benchmarks.load import Shape
from benchmarks.servers import Server, Start
from benchmarks.streams import Tally

__all__ = ["Burst", "Idle", "SendCalls", "burst", "idle", "send_calls"]

SEND_CALLS = "write,writev,send,sendto,sendmsg,sendmmsg"
STRACE_S = 10.0  # to attach to all threads, and to write its table


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """One run of a load."""

    cpu_s: float
    main_cpu_s: float  # of it, by the process that holds the connections
    wall_s: float
    tally: Tally

    @property
    def cpu_s_per_million(self) -> float:
        """CPU seconds for a million deliveries."""
        return self.cpu_s / max(self.tally.delivered, 1) * 1e6

    @property
    def main_share(self) -> float:
        """The part of the CPU seconds that is not the store's."""
        return self.main_cpu_s / self.cpu_s if self.cpu_s else 1.0

    @property
    def deliveries_per_s(self) -> float:
        """By the clock on the wall, the load on the same cores: read it as a lower bound."""
        return self.tally.delivered / self.wall_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What members cost that registered, joined and then say nothing."""

    connections: int
    resident_kib: float  # per connection
    registrations_per_s: float
    cpu_us: float  # per registration and join


@dataclass(frozen=True, slots=True, kw_only=True)
class SendCalls:
    """System calls that send, of the process that holds the connections; its calls to the store are in it."""

    calls: int
    tally: Tally

    @property
    def per_delivery(self) -> float:
        """Below 1 means that lines to one member share a call."""
        return self.calls / max(self.tally.delivered, 1)


async def burst(start: Start, shape: Shape) -> Burst:
    """Send everything as fast as the windows let it."""
    async with start() as server, seated(server, shape) as crowd:
        before_s, main_before_s = server.cpu_s(), server.main_cpu_s()
        wall_s = await crowd.run()
        cpu_s, main_cpu_s = server.cpu_s() - before_s, server.main_cpu_s() - main_before_s
        return Burst(cpu_s=cpu_s, main_cpu_s=main_cpu_s, wall_s=wall_s, tally=await crowd.judge())


async def idle(start: Start, shape: Shape) -> Idle:
    """Seat the members of `shape` and look at the server."""
    async with start() as server:
        before_kib, before_s = server.rss_kib(), server.cpu_s()
        async with seated(server, shape) as crowd:
            return Idle(
                connections=shape.members,
                resident_kib=(server.rss_kib() - before_kib) / shape.members,
                registrations_per_s=shape.members / crowd.seating_s,
                cpu_us=(server.cpu_s() - before_s) / shape.members * 1e6,
            )


async def send_calls(start: Start, shape: Shape) -> SendCalls:
    """Count system calls instead of time: the same on a loaded machine as on a quiet one."""
    async with start() as server, seated(server, shape) as crowd:
        with TemporaryDirectory(prefix="bench-strace-") as directory:
            table = Path(directory) / "calls"
            async with _counting(server, table):
                await crowd.run()
            calls = _total(table.read_text())
        return SendCalls(calls=calls, tally=await crowd.judge())


@asynccontextmanager
async def _counting(server: Server, table: Path) -> AsyncIterator[None]:
    argv = ("strace", "-f", "-c", "-e", f"trace={SEND_CALLS}", "-o", str(table), "-p", str(server.main))
    strace = await asyncio.create_subprocess_exec(*argv, stderr=PIPE)
    try:
        if strace.stderr is None or b"attached" not in (
            said := await asyncio.wait_for(strace.stderr.readline(), STRACE_S)
        ):
            raise RuntimeError(f"strace cannot attach: {said!r}")
        yield
    finally:
        if strace.returncode is None:
            strace.send_signal(signal.SIGINT)
        async with asyncio.timeout(STRACE_S):
            await strace.wait()


def _total(table: str) -> int:
    """Calls in all, from the table of `strace -c`: columns are % time, seconds, usecs/call, calls, [errors], name."""
    rows = [line.split() for line in table.splitlines()]
    return sum(int(row[3]) for row in rows if len(row) >= 5 and row[-1] in SEND_CALLS.split(","))
