"""Run a scenario of the fault lab: `python -m tests.faults [SCENARIO] [--seed N] [--seconds S] [--write PAGE]`.

    mix         every fault the site can have, one or two at a time, for --seconds (600)
    kills       100 times SIGKILL of a gateway under 500 messages a second
    failovers   10 failovers to a replica that lacks the last second
    sentinel    10 times SIGKILL of the master under Sentinel
    frozen      20 times SIGSTOP of the master under Sentinel, shorter and longer than it waits
    promotions  the mix for three minutes under Sentinel: masters that are killed, frozen, or replaced as planned
    cluster     the mix for three minutes over a cluster: slots that move and masters that are killed

The exit code is 1 when anything was lost, doubled, out of order, or otherwise not 0 that must be.
"""

import argparse
import asyncio
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gateway
from benchmarks.machine import describe, raise_open_files
from tests.faults.deployments import CLUSTER, SENTINEL, MasterFrozen, MasterKilled, MasterStunned, sentinel, sharded
from tests.faults.faults import ALONE, EVERYWHERE
from tests.faults.figures import Outcome, Promise, beyond_own, spread
from tests.faults.gateway_faults import GatewayKilled
from tests.faults.redis_faults import LossyFailover
from tests.faults.report import kept, page, section, sections_of, summary
from tests.faults.scenario import Scenario, each_once, mixed, repeated, run
from tests.faults.stores import replicated

__all__ = ["SCENARIOS", "main"]

MIX_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A scenario by name."""

    title: str
    make: Callable[[int, float], Scenario]  # of a seed, and of the seconds after which nothing strikes
    seconds: float = float("inf")
    promises: Sequence[Promise] = ()


def _mix(seed: int, seconds: float) -> Scenario:
    return Scenario(seed=seed, turns=mixed(seed, ALONE), seconds=seconds, store=replicated, rooms=8)


def _kills(seed: int, seconds: float) -> Scenario:
    return Scenario(
        seed=seed, turns=repeated(GatewayKilled, 100), residents=24, rooms=20, messages_per_s=500.0, seconds=seconds
    )


def _failovers(seed: int, seconds: float) -> Scenario:
    return Scenario(seed=seed, turns=repeated(LossyFailover, 10), store=replicated, seconds=seconds)


def _sentinel(seed: int, seconds: float) -> Scenario:
    return Scenario(seed=seed, turns=repeated(MasterKilled, 10), store=sentinel, seconds=seconds)


def _frozen(seed: int, seconds: float) -> Scenario:
    turns = each_once(seed, [MasterFrozen, MasterStunned] * 10)
    return Scenario(seed=seed, turns=turns, store=sentinel, seconds=seconds)


def _promotions(seed: int, seconds: float) -> Scenario:
    return Scenario(seed=seed, turns=mixed(seed, (*EVERYWHERE, *SENTINEL)), store=sentinel, seconds=seconds)


def _cluster(seed: int, seconds: float) -> Scenario:
    return Scenario(seed=seed, turns=mixed(seed, (*EVERYWHERE, *CLUSTER)), store=sharded, seconds=seconds)


SCENARIOS = {
    "mix": Entry(title="Every fault, one or two at a time", make=_mix, seconds=MIX_S),
    "kills": Entry(
        title="100 times SIGKILL of a gateway under 500 messages a second",
        make=_kills,
        promises=[Promise("reattached, p99 under 3 s", lambda outcome: spread(outcome.returns).p99_s < 3.0)],
    ),
    "failovers": Entry(title="10 failovers to a replica that lacks the last second", make=_failovers),
    "sentinel": Entry(
        title="10 times SIGKILL of the master under Sentinel",
        make=_sentinel,
        promises=[
            Promise(
                "less than 2 s without service beyond what Sentinel took to name another master",
                lambda outcome: spread(beyond_own(outcome.strikes, outcome.waits)).max_s < 2.0,
            )
        ],
    ),
    "frozen": Entry(title="20 times SIGSTOP of the master under Sentinel, for a moment or for good", make=_frozen),
    "promotions": Entry(
        title="Every fault, and a master under Sentinel killed, frozen, replaced", make=_promotions, seconds=180.0
    ),
    "cluster": Entry(
        title="Every fault, and a cluster whose slots move and whose masters are killed", make=_cluster, seconds=180.0
    ),
}


def versions(outcome: Outcome) -> str:
    """What ran: ours, Redis, the machine and its Python."""
    told = _git("describe", "--always").stdout.strip() or "no commit"
    changed = "+" if _git("diff", "--quiet", "HEAD", "--", "gateway", "tests").returncode else ""
    ours = f"hubbub {gateway.__version__} ({told}{changed})"
    return f"{ours}, {outcome.server}; {describe()}"


def _git(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


def main() -> None:
    """Parse the command line, run, print, write, and exit."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario", nargs="?", default="mix", choices=SCENARIOS)
    parser.add_argument("--seed", type=int, default=None, help="which faults, who says what (default: drawn)")
    parser.add_argument("--seconds", type=float, default=None, help="no fault strikes later than this")
    parser.add_argument("--write", type=Path, default=None, metavar="PAGE", help="replace this run's section there")
    args = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if args.seed is None else args.seed
    entry = SCENARIOS[args.scenario]
    print(f"seed {seed}: {entry.title}", flush=True)
    raise_open_files()
    with tempfile.TemporaryDirectory(prefix="hubbub-faults-") as directory:
        outcome = asyncio.run(run(entry.make(seed, args.seconds or entry.seconds), Path(directory)))
    print(summary(outcome), *kept(entry.promises, outcome), sep="\n")
    if args.write is not None:
        sections = sections_of(args.write.read_text()) if args.write.exists() else {}
        sections[entry.title] = section(outcome, versions(outcome), entry.promises)
        ordered = {each.title: sections[each.title] for each in SCENARIOS.values() if each.title in sections}
        args.write.write_text(page(ordered))
    sys.exit(not (outcome.clean and all(promise.kept(outcome) for promise in entry.promises)))


if __name__ == "__main__":
    main()
