"""The state of the connection in words: for the state line, and for the banner while something is wrong. Pure."""

from dataclasses import dataclass

from client.linkstatus import LinkStatus, Phase
from client.wording import span

__all__ = ["LAG_SHOWN_MS", "State", "banner", "state_words"]

LAG_SHOWN_MS = 2_000  # a slower answer is told in seconds


@dataclass(frozen=True, slots=True)
class State:
    """What there is to say.

    Attributes:
        style: `class:state`, `class:state.waiting` or `class:state.offline`.
        words: for the state line.
        short: the same for a narrow one.
    """

    style: str
    words: str
    short: str


def state_words(status: LinkStatus, *, now_ms: int, lag_ms: int | None, pinged_ms: int | None, refused: bool) -> State:
    """How we stand with the server.

    Args:
        lag_ms: of the last answer to a sign of life; None: not measured yet.
        pinged_ms: when one was asked for that has not come yet.
        refused: the server takes nothing just now, or has left a line without an answer.
    """
    if not status.online:
        away = _seconds(now_ms - status.since_ms)
        after = _until(status, now_ms)
        where = status.next_server if status.phase is Phase.WAITING else status.server
        if not status.attempt and status.phase is not Phase.WAITING:
            return State("class:state.waiting", f"connecting to {where}", "connecting")
        return State("class:state.offline", f"OFFLINE {away}", f"OFFLINE {away} {where} {after}".rstrip())
    waited_ms = now_ms - pinged_ms if pinged_ms is not None else 0
    lag = max(waited_ms if waited_ms >= LAG_SHOWN_MS else 0, lag_ms or 0)
    if refused:
        return State("class:state.waiting", f"READ-ONLY {status.server}", "READ-ONLY")
    if lag >= LAG_SHOWN_MS:
        return State("class:state.waiting", f"{status.server} lag {_seconds(lag)}", f"lag {_seconds(lag)}")
    words = status.server if lag_ms is None else f"{status.server} {lag}ms"
    return State("class:state", words, words)


def banner(
    status: LinkStatus, *, now_ms: int, unsent: int, refused: bool, closing: str, stalled_ms: int = 0
) -> list[str]:
    """What stands across the screen while something is wrong; no rows when nothing is.

    Args:
        unsent: lines of ours without an answer.
        refused: the server has said that it can keep nothing.
        stalled_ms: how long it has said nothing to a line of ours; 0: it is not late.
    """
    kept = f"{unsent} of yours {'waits' if unsent == 1 else 'wait'} and will be sent." if unsent else ""
    if status.online:
        if closing:
            return [f"{status.server} is closing: {closing}. Another one is tried next."]
        if refused:
            return [f"{status.server} can be read, but takes nothing just now. {kept}".rstrip()]
        waits = f"{unsent} of yours {'waits' if unsent == 1 else 'wait'}."
        return [f"{status.server} has confirmed nothing for {_seconds(stalled_ms)}. {waits}"] if stalled_ms else []
    first_time = not status.attempt and status.phase is not Phase.WAITING
    if first_time or (status.phase is not Phase.WAITING and now_ms - status.since_ms < LAG_SHOWN_MS):
        return []
    number = status.number % status.count + 1 if status.phase is Phase.WAITING else status.number
    where = status.next_server if status.phase is Phase.WAITING else status.server
    which = f"{where} ({number} of {status.count})" if status.count > 1 else where
    why = f": {status.reason}" if status.reason else ""
    tries = f", try {status.attempt + (status.phase is Phase.WAITING)}" if status.attempt else ""
    when = f"Next: {which}{tries} {_until(status, now_ms)}." if status.phase is Phase.WAITING else f"Trying {which}."
    return [
        f"NO CONNECTION for {_seconds(now_ms - status.since_ms)}{why}.  Alt-c: try now",
        f"{when} {kept}".rstrip(),
    ]


def _until(status: LinkStatus, now_ms: int) -> str:
    if status.next_try_ms is None:
        return ""
    left_s = max(0, round((status.next_try_ms - now_ms) / 1000))
    return f"in {left_s} s" if left_s else "now"


def _seconds(ms: int) -> str:
    return span(max(0, ms) // 1000)
