"""What a room of many kinds of clients costs: `python -m benchmarks.capability_sets [--runs N]`.

One room of 1000, once with members without capabilities, once with members of ten different sets of those that change
how a message looks. The exit code is 1 when a delivery to the second room costs over 1.5 times one to the first, or
when anything was lost, doubled or out of order.
"""

import argparse
import asyncio
import sys
from dataclasses import replace
from statistics import median

from benchmarks.fanout import FAN1000
from benchmarks.load import CAPABILITY_SETS
from benchmarks.machine import describe, raise_open_files
from benchmarks.measure import burst
from benchmarks.servers import hubbub

__all__ = ["main"]

TARGET = 1.5


async def measure(runs: int) -> bool:
    """Both rooms by turns, and whether all is as promised."""
    print(describe(), flush=True)
    sets = (1, len(CAPABILITY_SETS))
    taken = [{number: await burst(hubbub, replace(FAN1000, sets=number)) for number in sets} for _ in range(runs)]
    costs = {number: median(run[number].cpu_s_per_million for run in taken) for number in sets}
    for number, cost in costs.items():
        print(f"{number} sets: {cost:.2f} CPU seconds per million deliveries, gateway and store; median of {runs}")
    ratio = median(run[sets[1]].cpu_s_per_million / run[sets[0]].cpu_s_per_million for run in taken)
    tallies = [each.tally for run in taken for each in run.values()]
    whole = all(tally.lost == tally.doubled == tally.reordered == 0 for tally in tallies)
    print(f"ratio: {ratio:.2f}, target <= {TARGET}: {'met' if ratio <= TARGET else 'NOT MET'}")
    print("every message delivered once and in order:", "met" if whole else "NOT MET")
    return whole and ratio <= TARGET


def main() -> None:
    """Parse the command line, measure, exit with 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capability_sets", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="of each room (default: 3)")
    args = parser.parse_args()
    raise_open_files()
    sys.exit(not asyncio.run(measure(args.runs)))


if __name__ == "__main__":
    main()
