"""What a delivery costs: `python -m benchmarks.fanout [--quick] [--runs N]`, or `make bench`.

The same load goes to hubbub (gateway and store together) and to inspircd and ngircd where they are installed, one
after the other within each run, so that what else the machine does hits all alike. Figures are medians over the runs.
The exit code is 1 when a target is not met, or when any run lost, doubled or reordered a message.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.load import Shape
from benchmarks.machine import describe, raise_open_files
from benchmarks.measure import Burst, Idle, SendCalls, burst, idle, send_calls
from benchmarks.servers import SERVERS, version

__all__ = ["main"]

OURS = "hubbub"
YARDSTICK = "inspircd"
QUICK = 5  # a quick run sends this part of the messages
SEND_CALLS_TARGET = 0.1  # per delivery
IDLE_TARGET_KIB = 4.0  # per connection

FAN1000 = Shape(rooms=1, receivers=1000, senders=10, messages=200, window=8)
ROOMS100 = Shape(rooms=100, receivers=9, senders=1, messages=1000, window=8)
IDLE5000 = Shape(rooms=500, receivers=10, senders=0, messages=0, window=0)
IDLE1000 = Shape(rooms=1, receivers=1000, senders=0, messages=0, window=0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the report: a figure of ours, and what we promise. `value` is None where nothing was measured."""

    claim: str
    value: float | None
    target: float

    @property
    def failed(self) -> bool:
        """Measured, and over the target."""
        return self.value is not None and self.value > self.target

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.claim}: not measured, target <= {self.target:g}"
        return f"{self.claim}: {self.value:.3g}, target <= {self.target:g}: {'NOT MET' if self.failed else 'met'}"


Bursts = dict[tuple[str, str], list[Burst]]
Idles = dict[tuple[Shape, str], Idle]
SCENARIOS = {"fan1000": (FAN1000, 0.5), "rooms100": (ROOMS100, 1.5)}  # the load; ratio to inspircd that we promise


async def run_bursts(servers: list[str], runs: int, part: int) -> Bursts:
    """All scenarios on all servers, interleaved."""
    bursts: Bursts = defaultdict(list)
    for run in range(runs):
        for name, (shape, _) in SCENARIOS.items():
            for server in servers:
                print(f"run {run + 1} of {runs}: {name} on {server}", file=sys.stderr, flush=True)
                taken = await burst(SERVERS[server], replace(shape, messages=shape.messages // part))
                bursts[name, server].append(taken)
    return bursts


def cost(bursts: Bursts, scenario: str, server: str) -> float:
    """Median CPU seconds per million deliveries."""
    return median(taken.cpu_s_per_million for taken in bursts[scenario, server])


def print_bursts(bursts: Bursts) -> None:
    """The table of bursts."""
    print("\nCPU seconds per million deliveries (hubbub: gateway and store)\n")
    print("| load | server | n | median | min | max | not the store |", end="")
    print(" deliveries/s | lost | doubled | reordered | hubbub / it |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for (scenario, server), taken in bursts.items():
        costs = [each.cpu_s_per_million for each in taken]
        wrong = [sum(getattr(each.tally, fault) for each in taken) for fault in ("lost", "doubled", "reordered")]
        rate = median(each.deliveries_per_s for each in taken)
        share = median(each.main_share for each in taken)
        compared = (scenario, OURS) in bursts and server != OURS
        ratio = f"{cost(bursts, scenario, OURS) / median(costs):.2f}" if compared else ""
        cells = [scenario, server, len(taken), *(f"{value:.2f}" for value in (median(costs), min(costs), max(costs)))]
        print("|", " | ".join(map(str, [*cells, f"{share:.0%}", f"{rate:,.0f}", *wrong, ratio])), "|")


def print_idle(figures: Idles) -> None:
    """The table of members that say nothing."""
    print("\nMembers that registered and joined, and say nothing; memory of the gateway alone, without the store\n")
    print("| members | rooms | server | KiB per connection | joined/s | CPU us per member |")
    print("|---|---|---|---|---|---|")
    for (shape, server), figure in figures.items():
        cells = [f"{figure.resident_kib:.2f}", f"{figure.registrations_per_s:,.0f}", f"{figure.cpu_us:.0f}"]
        print("|", " | ".join([str(shape.members), str(shape.rooms), server, *cells]), "|")


def verdicts(bursts: Bursts, idle_figures: Idles, calls: SendCalls | None) -> list[Verdict]:
    """What we promise, against what was measured."""
    ratios = [
        Verdict(
            f"{scenario}: CPU per delivery, multiple of {YARDSTICK}",
            cost(bursts, scenario, OURS) / cost(bursts, scenario, YARDSTICK)
            if {(scenario, OURS), (scenario, YARDSTICK)} <= bursts.keys()
            else None,
            target,
        )
        for scenario, (_, target) in SCENARIOS.items()
    ]
    ours = idle_figures.get((IDLE5000, OURS))
    return [
        *ratios,
        Verdict("fan1000: send calls per delivery", calls.per_delivery if calls else None, SEND_CALLS_TARGET),
        Verdict("resident KiB per idle connection", ours.resident_kib if ours else None, IDLE_TARGET_KIB),
    ]


def commit() -> str:
    """The commit that is measured, with a `+` when files differ from it."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False, timeout=10
    )
    return said.stdout.strip() or "no commit"


async def measure(servers: list[str], runs: int, part: int) -> bool:
    """Measure and print everything; whether all is as promised."""
    print(describe())
    print(f"commit {commit()};", "; ".join(map(version, servers)), flush=True)
    bursts = await run_bursts(servers, runs, part)
    idle_figures = {
        (shape, server): await idle(SERVERS[server], shape) for shape in (IDLE5000, IDLE1000) for server in servers
    }
    counted = OURS in servers and shutil.which("strace")
    calls = await send_calls(SERVERS[OURS], replace(FAN1000, messages=40)) if counted else None
    print_bursts(bursts)
    print_idle(idle_figures)
    print()
    judged = verdicts(bursts, idle_figures, calls)
    print(*judged, sep="\n")
    tallies = [each.tally for taken in bursts.values() for each in taken] + ([calls.tally] if calls else [])
    whole = all(tally.lost == tally.doubled == tally.reordered == 0 for tally in tallies)
    print("every message delivered once and in order:", "met" if whole else "NOT MET")
    return whole and not any(verdict.failed for verdict in judged)


def main() -> None:
    """Parse the command line, measure, exit with 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fanout", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one run with a fifth of the messages")
    parser.add_argument("--runs", type=int, default=5, help="runs of each load on each server (default: 5)")
    parser.add_argument("--servers", default=",".join(SERVERS), help="which of them (default: all that are installed)")
    args = parser.parse_args()
    raise_open_files()
    servers = [name for name in args.servers.split(",") if version(name)]
    met = asyncio.run(measure(servers, 1 if args.quick else args.runs, QUICK if args.quick else 1))
    sys.exit(not met)


if __name__ == "__main__":
    main()
