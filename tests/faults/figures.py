"""From what was seen to what the report says. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.harness.checker import Report

__all__ = ["Outcome", "Promise", "Spread", "Strike", "beyond_own", "spread", "without_service"]


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that struck: from its beginning until the site was whole again."""

    fault: str
    start_s: float
    end_s: float
    own_s: float = 0.0  # what the deployment itself took to notice and to act


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution, in seconds."""

    number: int
    p50_s: float
    p99_s: float
    max_s: float

    def __str__(self) -> str:
        if not self.number:
            return "none"
        return f"p50 {self.p50_s:.2f} s, p99 {self.p99_s:.2f} s, max {self.max_s:.2f} s ({self.number})"


def spread(values: Iterable[float]) -> Spread:
    """Nearest-rank percentiles; all zero for no values."""
    ordered = sorted(values)
    if not ordered:
        return Spread(0, 0.0, 0.0, 0.0)
    ranks = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.99)]
    return Spread(len(ordered), ranks[0], ranks[1], ordered[-1])


def without_service(strikes: Sequence[Strike], waits: Mapping[str, Sequence[tuple[float, float]]]) -> list[float]:
    """For each fault and each person, the longest it waited for the acknowledgement of something it said.

    Args:
        waits: of each person, ordered by when it was said: that time, and the seconds until it was acknowledged.
    Returns:
        One figure per fault and person that waited for something while the fault lasted.
    """
    longest = []
    for own in waits.values():
        said = [said_s for said_s, _ in own]
        reach_s = max((wait_s for _, wait_s in own), default=0.0)  # what was said earlier had been answered by then
        for strike in strikes:
            near = own[bisect_left(said, strike.start_s - reach_s) : bisect_right(said, strike.end_s)]
            during = [wait_s for said_s, wait_s in near if said_s + wait_s >= strike.start_s]
            if during:
                longest.append(max(during))
    return longest


def beyond_own(strikes: Sequence[Strike], waits: Mapping[str, Sequence[tuple[float, float]]]) -> list[float]:
    """The same, of faults that a deployment mends itself, without the time that took it."""
    return [
        longest_s - strike.own_s for strike in strikes if strike.own_s for longest_s in without_service([strike], waits)
    ]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run of the lab."""

    seed: int
    server: str  # name and version of the Redis
    seconds: float
    strikes: Sequence[Strike]
    report: Report
    unequal: Sequence[str]  # where gateways and Redis disagree about a room
    fallen: Sequence[str]  # gateways that ended though nobody ended them
    unserved: Sequence[str]  # people who were not back in their rooms and answered in time
    sessions_lost: int  # that the server had promised to keep
    resumptions: int
    new_starts: int
    unanswered: int  # messages whose author could not learn their fate: its session was gone
    waits: Mapping[str, Sequence[tuple[float, float]]] = field(repr=False)
    returns: Sequence[float] = field(repr=False)

    @property
    def wrong(self) -> Mapping[str, int]:
        """What must be 0."""
        report = self.report
        return {
            "lost": report.lost,
            "lost from the log": report.unkept,
            "doubled": report.doubled + report.forked,
            "out of order": report.out_of_order,
            "said by nobody": report.invented,
            "seen after a leave or kick": report.after_leaving,
            "QUIT/JOIN flaps": report.flaps,
            "ghosts left": report.ghosts,
            "members missing": report.missing,
            "replicas unequal": len(self.unequal),
            "sessions lost": self.sessions_lost,
            "people not served again": len(self.unserved),
            "gateways that fell": len(self.fallen),
        }

    @property
    def clean(self) -> bool:
        """Nothing was wrong."""
        return not any(self.wrong.values())

    @property
    def details(self) -> list[str]:
        """What was wrong, in words; the first of each."""
        return [*self.report.details, *self.unequal, *self.unserved, *self.fallen]


class Promise(NamedTuple):
    """What a scenario is run to show, besides that nothing was wrong."""

    text: str
    kept: Callable[[Outcome], bool]
