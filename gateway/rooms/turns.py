"""In which order what a failover lost is written again: as it was shown. Pure.

Several gateways write it, each what was its own. Each has applied it before, so all know the order; who is not next
waits for the others, as long as they may live: one of them may have died with what it wrote.
"""

from collections.abc import Collection, Iterable, Sequence

from gateway.model import MsgId

__all__ = ["TURN_WAIT_S", "Turns"]

TURN_WAIT_S = 10.0  # for others to write theirs: a lease, after which they may not


class Turns:
    """Of one room."""

    __slots__ = ("_lost", "_until_s")

    def __init__(self) -> None:
        self._lost: dict[MsgId, None] = {}
        self._until_s = 0.0

    @property
    def pending(self) -> bool:
        """Whether something is still to be written again."""
        return bool(self._lost)

    def begin(self, lost: Iterable[MsgId], until_s: float) -> None:
        """A log that forked lacks these, in the order in which they were; nobody is waited for after `until_s`, by the
        clock that `ready` is given."""
        self._lost, self._until_s = dict.fromkeys(lost), until_s

    def came(self, msgid: MsgId) -> None:
        """It is in the log again."""
        self._lost.pop(msgid, None)

    def ready(self, steps: Sequence[Collection[MsgId]], now_s: float) -> int:
        """How many of the steps that we would write, the first of them, are not before their turn.

        Args:
            steps: the msgids of each, in their order; what was not lost comes after all that was.
        """
        if now_s >= self._until_s:
            self._lost.clear()
        step_of = {msgid: number for number, step in enumerate(steps, 1) for msgid in step}
        ready = 0
        for msgid in self._lost:
            if msgid not in step_of:
                return ready
            ready = max(ready, step_of[msgid])
        return len(steps)
