"""Write to one log in one order, each batch exactly once.

Batches of a (gateway, log) are numbered; Redis remembers the last number, so sending one again is harmless. One batch
is in flight at a time and is never changed before a definite answer; what comes meanwhile makes the next batch, so
batches grow with the load by themselves.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from gateway.errors import FullError, StoreError
from gateway.model import Answer, LogKey, Outcome, Position, Said, order
from gateway.rooms.ports import Change, LogStore, Origin
from gateway.rooms.replica import Replica

__all__ = ["Proposal", "Saying", "Writer"]

MAX_QUEUED = 2000  # events waiting for one log; past it the author is told to try again
MAX_BATCH = 128  # events in one script call: keeps Redis from being held for more than about a third of a ms


class Proposal(Origin, Protocol):
    """A state change that is decided again whenever permissions changed under it."""

    def propose(self, replica: Replica) -> Change | None:
        """The change, decided on the replica as it is now; None: refused, its author was told."""

    def unchanged(self) -> None:
        """Redis found nothing to do: the member was not (or already) there."""


class Saying:
    """Something said, waiting to be appended; the command behind it derives from this and is its own `Origin`."""

    __slots__ = ("event", "permissions")

    def __init__(self, event: Said, permissions: Position | None) -> None:
        self.event = event
        self.permissions = permissions  # what it was allowed on

    def arrived(self, line: bytes, position: Position) -> bytes:
        """See `Origin`."""
        raise NotImplementedError

    def allowed(self, replica: Replica) -> bool:
        """See `Origin`."""
        raise NotImplementedError

    def failed(self) -> None:
        """See `Origin`."""
        raise NotImplementedError


_Flight = list[Saying] | tuple[Proposal, Change]


class Writer:
    """The one writer of a log on this gateway.

    `on_written(batch, answer)` is called when the log has something new of ours; `on_fenced()` when Redis says this
    gateway was reaped; `on_unanswered()` when a batch got no answer and has to be sent again by `pump`.
    `may_start()` is asked before a new batch; who answers False calls `pump` later.
    """

    __slots__ = ("_awaited", "_flight", "_may_start", "_permissions", "_queue", "_replica", "_sent", "_store", "log",
                 "number", "on_fenced", "on_unanswered", "on_written")  # fmt: skip

    def __init__(
        self,
        store: LogStore,
        log: LogKey,
        *,
        replica: Replica | None,
        on_written: Callable[[list[Saying], Answer], None],
        on_fenced: Callable[[], None],
        on_unanswered: Callable[[], None],
        may_start: Callable[[], bool] = lambda: True,
    ) -> None:
        self.log = log
        self.number: int | None = None  # of our last batch Redis has accepted; None: not known yet, nothing is sent
        self.on_written = on_written
        self.on_fenced = on_fenced
        self.on_unanswered = on_unanswered
        self._may_start = may_start
        self._store = store
        self._replica = replica
        self._queue: deque[Saying | Proposal] = deque()
        self._flight: _Flight | None = None
        self._permissions: Position | None = None  # the flight was decided on
        self._sent = False  # False with a flight: its fate is unknown, it goes out again when the store is back
        self._awaited: Position | None = None  # permissions Redis has and the replica not yet

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing is in flight."""
        return self._flight is None and not self._queue

    def put(self, item: Saying | Proposal) -> None:
        """Queue an event; `pump` sends it.

        Raises:
            FullError: too many wait already.
        """
        if len(self._queue) >= MAX_QUEUED:
            raise FullError(self.log)
        self._queue.append(item)

    def pump(self) -> None:
        """Send what can be sent now."""
        if self.number is None or not self._store.up or self._awaited is not None:
            return
        if self._flight is not None:
            if not self._sent:
                self._send(self._flight)
            return
        if self._queue and not self._may_start():
            return
        if (flight := self._next_flight()) is not None:
            self._permissions = self._replica.permissions if self._replica is not None else None
            self._flight = flight
            self._send(flight)

    def applied(self) -> None:
        """The replica has moved on: decide again what was stale."""
        if self._awaited is not None and self._replica is not None:
            if order(self._replica.last) < order(self._awaited):
                return
            self._awaited = None
            self.pump()

    def give_up(self) -> None:
        """Tell everybody who waits that the store cannot take it. What is in flight stays: its fate is unknown."""
        waiting, self._queue = self._queue, deque()
        for item in waiting:
            item.failed()

    def _next_flight(self) -> _Flight | None:
        batch: list[Saying] = []
        while self._queue and len(batch) < MAX_BATCH:
            item = self._queue[0]
            if isinstance(item, Saying):
                self._queue.popleft()
                if self._may_say(item):
                    batch.append(item)
            elif batch or self._replica is None:
                break
            else:
                self._queue.popleft()
                if (change := item.propose(self._replica)) is not None:
                    return item, change
        return batch or None

    def _may_say(self, item: Saying) -> bool:
        replica = self._replica
        return replica is None or item.permissions == replica.permissions or item.allowed(replica)

    def _send(self, flight: _Flight) -> None:
        assert self.number is not None
        self._sent = True
        if isinstance(flight, list):
            events = [saying.event for saying in flight]
            self._store.append_said(self.log, self.number + 1, self._permissions, events, self._answered)
        else:
            self._store.append_change(self.log, self.number + 1, flight[1], self._answered)

    def _answered(self, answer: Answer | StoreError) -> None:
        flight = self._flight
        assert flight is not None
        assert self.number is not None
        self._sent = False
        if isinstance(answer, StoreError):
            self.on_unanswered()
            return
        match answer.outcome:
            case Outcome.HOLE:
                self.number = answer.seen
            case Outcome.FENCED:
                self.on_fenced()
                return
            case Outcome.STALE:
                self._take_back(flight)
                self._flight = None
                self._awaited = answer.positions[0]
                self.on_written([], answer)
                self.applied()
                return
            case _:
                self.number += 1
                self._flight = None
                if answer.outcome is Outcome.UNCHANGED:
                    assert not isinstance(flight, list)
                    flight[0].unchanged()
                else:
                    self.on_written(flight if isinstance(flight, list) else [], answer)
        self.pump()

    def _take_back(self, flight: _Flight) -> None:
        self._queue.extendleft(reversed(flight) if isinstance(flight, list) else (flight[0],))
