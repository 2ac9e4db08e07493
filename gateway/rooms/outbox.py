"""What Redis acknowledged to this gateway lately, kept so that it can be appended again. Pure.

A Redis that took over from a lost one may lack the last seconds. Who wrote them has them, and sends them once more.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from gateway.model import LogKey, MsgId, SendKey
from gateway.rooms.ports import Change
from gateway.spoken import Direct, Redacted, SaidLines, Utterance

__all__ = ["KEPT_S", "MAX_KEPT_BYTES", "Batch", "Kept", "Outbox"]

KEPT_S = 30.0  # longer than any replica lags behind and any failover takes to be noticed
MAX_KEPT_BYTES = 64 * 1024 * 1024  # of all logs together, about; past it the oldest are dropped first
_EVENT_BYTES = 400  # of a message beside its line and tags
_LINE_BYTES = 100  # of each further line of a message beside its text
_CHANGE_BYTES = 2000


class Batch(NamedTuple):
    """Things said that travel together."""

    events: list[Utterance]
    send_keys: list[SendKey | None]  # one per event, or nothing where none has one

    def withdraw(self, msgid: MsgId) -> bool:
        """Leave one out; whether it was there."""
        before = len(self.events)
        for index in range(len(self.events) - 1, -1, -1):
            if self.events[index].msgid == msgid:
                del self.events[index]
                del self.send_keys[index : index + 1]
        return len(self.events) < before


class Kept(NamedTuple):
    """One acknowledged batch or change."""

    log: LogKey
    number: int
    at_s: float
    size: int
    content: Batch | Change


class Outbox:
    """The acknowledged batches of all logs, oldest first."""

    def __init__(self, now_s: Callable[[], float], kept_s: float = KEPT_S) -> None:
        """`now_s` is monotonic."""
        self._now_s = now_s
        self._kept_s = kept_s
        self._by_age: deque[Kept] = deque()  # what was taken back stays in it until its time has come
        self._by_log: dict[LogKey, list[Kept]] = {}  # no deques: most logs have a few, and each deque takes 760 bytes
        self._bytes = 0

    @property
    def logs(self) -> list[LogKey]:
        """Where something was written lately."""
        return list(self._by_log)

    def holds(self, log: LogKey) -> bool:
        """Whether something was written to the log lately."""
        return log in self._by_log

    def keep(self, log: LogKey, number: int, content: Batch | Change) -> None:
        """Redis has acknowledged `content` under `number`."""
        if isinstance(content, Batch):
            size = sum([_size(event) for event in content.events])
            size += _EVENT_BYTES * len(content.events)
        else:
            size = _CHANGE_BYTES
        kept = Kept(log, number, self._now_s(), size, content)
        self._by_age.append(kept)
        self._by_log.setdefault(log, []).append(kept)
        self._bytes += size
        while self._bytes > MAX_KEPT_BYTES:
            self._drop()

    def prune(self) -> list[LogKey]:
        """Drop what is older than `kept_s`; returns the logs of which nothing is left."""
        ended, oldest_s = [], self._now_s() - self._kept_s
        while self._by_age and self._by_age[0].at_s < oldest_s:
            if (log := self._drop()) is not None:
                ended.append(log)
        return ended

    def take_back(self, log: LogKey, seen: int) -> list[Batch | Change]:
        """What was acknowledged in the log after batch `seen`, oldest first; it is not kept any more."""
        own = self._by_log.get(log)
        taken: deque[Batch | Change] = deque()
        while own and own[-1].number > seen:
            kept = own.pop()
            self._bytes -= kept.size
            taken.appendleft(kept.content)
        if own is not None and not own:
            del self._by_log[log]
        return list(taken)

    def withdraw(self, log: LogKey, msgid: MsgId) -> bool:
        """Something said was taken back: it is not written again, though its batch is, under its number. Whether it
        would have been."""
        found = [isinstance(kept.content, Batch) and kept.content.withdraw(msgid) for kept in self._by_log.get(log, ())]
        return any(found)

    def _drop(self) -> LogKey | None:
        """Drop the oldest; returns its log if that was the last of it."""
        kept = self._by_age.popleft()
        own = self._by_log.get(kept.log)
        if own is None or own[0] is not kept:
            return None
        own.pop(0)
        self._bytes -= kept.size
        if own:
            return None
        del self._by_log[kept.log]
        return kept.log


def _size(event: Utterance) -> int:
    if isinstance(event, Redacted):
        return len(event.reason)
    said = event.said if isinstance(event, Direct) else event
    size = len(said.line) + len(said.tags)
    return size + sum([_LINE_BYTES + len(text) for _, text in said.more]) if isinstance(said, SaidLines) else size
