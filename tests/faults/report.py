"""An outcome in words and tables, and the page docs/faults.md made of them. Pure.

A run replaces its own section of the page and leaves the others, so that each scenario's last run is on it.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tests.faults.figures import Outcome, Promise, Strike, beyond_own, spread, without_service

__all__ = ["HEAD", "kept", "page", "section", "sections_of", "summary"]

HEAD = """\
# What the fault lab found

Written by the lab itself; do not edit. `make faults` runs the mix of ten minutes, `SEED=n` draws the same faults and
words again (not the same timing: processes and sockets are real). `python -m tests.faults --help` names the other
scenarios. A run of a minute with every fault is part of `make test`.

**The site.** Gateway processes over an embedded Valkey, each behind a TCP proxy of the lab; people who talk without
a pause in half of the rooms each, and now and then to one another, reconnect to any gateway when they lose theirs, and
remember every line they said, saw acknowledged and heard. Where the gateway has `hubbub.chat/resume` they come back as
themselves, where it has `hubbub.chat/idem` they send again what had no answer; elsewhere they come back under a new
nick, and what had no answer when the connection broke stays unanswered.

**The judge.** `tests/harness/checker.py`: *lost* was acknowledged and not heard by somebody in the room; *lost from the
log* was acknowledged and is not in the room's log at the end (or is twice); neither is judged of what was *promised no
more*: acknowledged within the second that a failover lost, by a gateway that was killed within the same second. *Of
two masters, in two orders*: a master that is replaced without its consent goes on answering who has not heard of it
([ADR 24](adr/0024-a-silent-master-is-not-believed.md)); what was said in that time, and at no other, is counted apart.
Flaps are QUIT or JOIN lines seen that nobody asked for. Replicas are compared by NAMES, TOPIC and MODE of every
gateway, and with Redis itself.
*Time without service*: for each fault and each person, the longest it waited, while the fault lasted, for the
acknowledgement of something it had said; a connection that was lost is a wait until the next acknowledgement.
*Reattached*: from a lost connection until back in all rooms.

**What is not clean.** Each run says so itself, above its table: an open finding of the commit it names, until the same
scenario has run clean. A test marked as a known failure (`xfail`), where there is one, is another.

**Not done.** A wire loses nothing within a TCP connection, so loss is a direction that swallows everything until the
connection ends. The clock of the machine is not stepped, since the lab shares it with everybody: what is stepped is
what a process is told, a gateway by `time.time`, Redis by the C library.
"""


def section(outcome: Outcome, versions: str, promises: Sequence[Promise] = ()) -> str:
    """One run as Markdown, without its heading."""
    bullets = [f"- {line}" for line in kept(promises, outcome)]
    parts = [[f"Seed {outcome.seed}, {versions}."], [_verdict(outcome)], _table(outcome), bullets, _strikes(outcome)]
    return "\n".join(line for part in parts if part for line in ("", *part)) + "\n"


def kept(promises: Sequence[Promise], outcome: Outcome) -> list[str]:
    """One line for each."""
    return [f"{promise.text}: {'kept' if promise.kept(outcome) else 'NOT KEPT'}" for promise in promises]


def summary(outcome: Outcome) -> str:
    """The same for a terminal, with what was wrong in words."""
    lines = [f"{name:>28}  {value}" for name, value in _figures(outcome).items()]
    return "\n".join([f"seed {outcome.seed}", *lines, "", *_strikes(outcome), *outcome.details])


def page(sections: Mapping[str, str]) -> str:
    """The whole of docs/faults.md."""
    return "\n".join([HEAD, *(f"## {title}\n{body}" for title, body in sections.items())])


def sections_of(text: str) -> dict[str, str]:
    """The sections of a page by their titles; undoes `page`."""
    _, *parts = re.split(r"^## (.*)\n", text, flags=re.MULTILINE)
    return {title: body.rstrip() + "\n" for title, body in zip(parts[::2], parts[1::2], strict=True)}


def _verdict(outcome: Outcome) -> str:
    wrong = [f"{name} {number}" for name, number in outcome.wrong.items() if number]
    return f"**Not clean:** {', '.join(wrong)}." if wrong else "Clean."


def _figures(outcome: Outcome) -> dict[str, object]:
    report = outcome.report
    return {
        "seconds under fault": f"{outcome.seconds:.0f}",
        "messages sent": f"{report.sent} ({report.sent / outcome.seconds:.0f} a second, with all pauses)",
        "messages acknowledged": report.acknowledged,
        "deliveries": report.deliveries,
        "promised no more": report.excused,
        "of two masters, in two orders": report.reordered,
        **outcome.wrong,
        "unanswered for good": outcome.unanswered,
        "sessions resumed": outcome.resumptions,
        "came back as newcomers": outcome.new_starts,
        "reattached": spread(outcome.returns),
        "time without service": spread(without_service(outcome.strikes, outcome.waits)),
        **_parts(outcome),
    }


def _parts(outcome: Outcome) -> dict[str, object]:
    own = [strike.own_s for strike in outcome.strikes if strike.own_s]
    if not own:
        return {}
    return {
        "of it, until Redis had another master": spread(own),
        "of it, after that": spread(beyond_own(outcome.strikes, outcome.waits)),
    }


def _table(outcome: Outcome) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in _figures(outcome).items())]


def _strikes(outcome: Outcome) -> list[str]:
    by_fault: dict[str, list[Strike]] = defaultdict(list)
    for strike in outcome.strikes:
        by_fault[strike.fault].append(strike)
    rows = [_row(fault, strikes, outcome) for fault, strikes in sorted(by_fault.items())]
    return ["| fault | times | time without service |", "|---|---|---|", *rows]


def _row(fault: str, strikes: Sequence[Strike], outcome: Outcome) -> str:
    return f"| {fault} | {len(strikes)} | {spread(without_service(strikes, outcome.waits))} |"
