"""100 000 messages over two gateways that share one store: `python -m benchmarks.two_gateways [--messages N]`.

The members of each room sit half on one gateway, half on the other, and all of them send, a window at a time. The
checker of `tests.harness` then says what was lost, doubled or out of order, over all receivers. The exit code is 1 when
anything was.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

from benchmarks.machine import describe, raise_open_files
from benchmarks.servers import Address, hubbub_pair
from tests.harness.checker import Report
from tests.harness.court import Court
from tests.harness.witness import Witness

__all__ = ["Traffic", "exchange", "main"]

ROOMS = 10
MEMBERS = 4  # per room
WINDOW = 16  # messages unacknowledged, per member


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was found, and how long the sending took."""

    report: Report
    wall_s: float


async def exchange(addresses: Sequence[Address], messages: int) -> Traffic:
    """Send so many messages, evenly from all members, and judge what came."""
    async with Court() as court:
        seats: list[tuple[str, Witness]] = []
        for room in range(ROOMS):
            for member in range(MEMBERS):
                witness = await court.witness(f"w{room}x{member}", *addresses[member % len(addresses)])
                await witness.join(f"#bench{room}")
                seats.append((f"#bench{room}", witness))
        start = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for room_name, witness in seats:
                tasks.create_task(_talk(witness, room_name, messages // len(seats)))
        return Traffic(await court.report(), time.perf_counter() - start)


async def _talk(witness: Witness, room: str, messages: int) -> None:
    for number in range(messages):
        await witness.acknowledged(at_most_open=WINDOW - 1)
        witness.say(room, f"{witness.nick} {number}")
    await witness.acknowledged()


async def measure(messages: int) -> bool:
    """Run, print, and say whether all was right."""
    print(describe(), flush=True)
    async with hubbub_pair() as pair:
        before_s = pair.cpu_s()
        traffic = await exchange(pair.addresses, messages)
        cpu_s = pair.cpu_s() - before_s
    report = traffic.report
    print(f"{report.sent} messages in {traffic.wall_s:.1f} s, {cpu_s:.1f} s of CPU (both gateways and the store)")
    print(*(f"{each.name}: {getattr(report, each.name)}" for each in fields(report) if each.repr), sep="\n")
    print(*report.details, sep="\n")
    return report.clean and report.acknowledged == report.sent


def main() -> None:
    """Parse the command line, run, exit with 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_gateways", description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000, help="in all (default: 100000)")
    args = parser.parse_args()
    raise_open_files()
    sys.exit(not asyncio.run(measure(args.messages)))


if __name__ == "__main__":
    main()
