"""Write to one log in one order, each batch exactly once.

Batches of a (gateway, log) are numbered; Redis remembers the last number, so sending one again is harmless. One flight
is under way at a time: a batch of things said, or several state changes one behind the other. It is never changed
before a definite answer; what comes meanwhile makes the next flight, so flights grow with the load by themselves.

A Redis that has fewer batches of ours than it acknowledged (a failover lost its tail) gets the missing ones again, from
the outbox, in order and before anything new: their events keep their msgids, and what they were allowed on is not
checked a second time.
"""

import asyncio
import math
from collections.abc import Sequence
from typing import Protocol

from gateway.errors import FullError, StoreError
from gateway.model import Answer, LogKey, MsgId, Outcome, Position
from gateway.rooms.outbox import Batch, Outbox
from gateway.rooms.ports import LogStore, Proposal, Saying
from gateway.rooms.replica import Replica
from gateway.rooms.steps import Anew, Step, again
from gateway.rooms.turns import Turns

__all__ = ["Guide", "Writer"]

MAX_QUEUED = 2000  # events waiting for one log; past it the author is told to try again
MAX_BATCH = 128  # events in one flight: keeps Redis from being held for more than about a third of a ms

_NOT_CARRIED_OUT = frozenset({Outcome.ALIASED, Outcome.FULL, Outcome.STALE, Outcome.HOLE, Outcome.FENCED})


class Guide(Protocol):
    """Says when a writer may send, and hears what came of it. Who says no calls `pump` later."""

    def may_start(self, writer: "Writer") -> bool:
        """Whether a new flight may begin."""

    def may_send(self, writer: "Writer") -> bool:
        """Whether anything may be sent, for the first time or again: once its room has read what Redis has."""

    def may_add(self, writer: "Writer") -> bool:
        """Whether what nobody was shown may be sent, behind what is sent again."""

    def written(self, writer: "Writer", batch: Sequence[Saying], answer: Answer) -> None:
        """The log has a batch of ours (empty for a change, and for what goes out again), or permissions were stale."""

    def lost(self, writer: "Writer") -> None:
        """Redis has lost what it acknowledged: have the room read what Redis has before that is sent again."""

    def dropped(self, writer: "Writer", msgid: MsgId, outcome: Outcome) -> None:
        """A change that was acknowledged, and lost, is not carried out again: it makes no difference any more."""

    def unanswered(self, writer: "Writer") -> None:
        """A flight got no answer, and has to be sent again by `pump`."""

    def fenced(self) -> None:
        """Redis says that this gateway was reaped."""


class Writer:
    """The one writer of a log on this gateway."""

    __slots__ = ("_anew", "_doubted_s", "_flight", "_guide", "_had", "_outbox", "_queue", "_refused", "_replica",
                 "_store", "_trouble", "_turns", "_unanswered", "log", "number", "resolved_s")  # fmt: skip

    def __init__(
        self,
        store: LogStore,
        log: LogKey,
        guide: Guide,
        outbox: Outbox,
        *,
        replica: Replica | None,
        turns: Turns | None = None,
    ) -> None:
        """`turns` are asked how much may be sent of a flight; who keeps something back calls `pump` later."""
        self.log = log
        self.number: int | None = None  # of our last batch Redis has accepted; None: not known yet, nothing is sent
        self._guide = guide
        self._turns = turns
        self._store = store
        self._replica = replica
        # Oldest first. Lists: an empty deque takes 760 bytes, and the first of 2000 is popped in a microsecond.
        self._queue: list[Saying | Proposal] = []
        self._flight: list[Step] = []  # the first one has the number after `number`
        self._unanswered = 0  # steps of the flight on their way to Redis; 0 with a flight: `pump` sends it
        self._trouble: Answer | StoreError | None = None  # the first answer of the flight that was no success
        self._refused: Position | None = None  # permissions that Redis found stale, and the replica still has
        self._had: int | None = None  # Redis has had so many batches of ours, fewer than it acknowledged
        self._anew: Anew | None = None
        self._doubted_s: float | None = None  # a flight has had no answer since then
        self.resolved_s = -math.inf  # when it was answered by another server than the one it was sent to first
        self._outbox = outbox

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing is in flight, nothing that Redis has lost is still to be sent."""
        return not self._flight and not self._queue and self._had is None and self._anew is None

    def put(self, item: Saying | Proposal) -> None:
        """Queue an event; `pump` sends it.

        Raises:
            FullError: too many things said wait already. A change is never refused: a session has one at a time, and
                half of a nick change or of a departure would be worse than a longer queue.
        """
        if len(self._queue) >= MAX_QUEUED and isinstance(item, Saying):
            raise FullError(self.log)
        self._queue.append(item)

    def pump(self) -> None:
        """Send what can be sent now."""
        if self.number is None or not self._store.up or self._refused is not None or self._unanswered:
            return
        if not self._guide.may_send(self):
            return
        if self._had is not None:
            self._fill_up(self._had)
        if self._anew is not None:
            self._flight, self._anew = self._anew.begin(self._flight), None
        if not self._flight and self._queue and self._guide.may_start(self):
            self._flight += self._next_flight()
        self._send()

    def applied(self) -> None:
        """The replica has moved on: decide again what was stale."""
        # Not "has reached those of the refusal": after a failover the replica may follow another line of history.
        if self._refused is not None and self._replica is not None and self._replica.permissions != self._refused:
            self._refused = None
            self.pump()

    def decide_again(self) -> None:
        """Decide what was stale once more although no change of permissions has come: a room that was full may not be,
        and a failover may have put back the very permissions that were refused."""
        if self._refused is not None:
            self._refused = None
            self.pump()

    def compare(self, produced: int, *, anew: Anew | None = None) -> None:
        """Redis has so many batches of ours; the fewer are filled up. With a flight under way its answer will tell.

        `anew`: the room was lost as a whole, and has been written back.
        """
        self._anew = anew or self._anew
        if self.number is None or self._unanswered:
            return
        self._had = produced if produced < self.number else None
        self.pump()

    def look(self, produced: int) -> None:
        """Redis has so many batches of ours, and nobody knows yet what else it has lost."""
        if self.number is not None and not self._unanswered and produced < self.number:
            self._lost(produced)

    def carries(self, msgid: MsgId) -> bool:
        """Whether something said is on its way."""
        return any(
            event.msgid == msgid
            for step in self._flight
            if isinstance(step.content, Batch)
            for event in step.content.events
        )

    def give_up(self) -> None:
        """Tell everybody who waits that the store cannot take it. What is promised stays; and so does what is in
        flight, for its fate is unknown."""
        waiting, self._queue = self._queue, []
        for item in waiting:
            if isinstance(item, Saying) and item.promised:
                self._queue.append(item)
            else:
                item.failed()

    def _next_flight(self) -> list[Step]:
        """One batch of what is said, or the changes that come next, each decided on the replica as it is."""
        batch: list[Saying] = []
        changes: list[Step] = []
        while self._queue and len(batch) + len(changes) < MAX_BATCH:
            item = self._queue[0]
            if isinstance(item, Saying):
                if changes:
                    break
                self._queue.pop(0)
                if self._may_say(item):
                    batch.append(item)
            elif batch or self._replica is None:
                break
            else:
                self._queue.pop(0)
                if (change := item.propose(self._replica)) is not None:
                    changes.append(Step(change, change.permissions, proposal=item))
        return [self._step_of(batch)] if batch else changes

    def _step_of(self, batch: list[Saying]) -> Step:
        permissions = self._replica.permissions if self._replica is not None else None
        send_keys = [saying.send_key for saying in batch]
        events = [saying.event for saying in batch]
        return Step(Batch(events, send_keys if any(send_keys) else []), permissions, batch)

    def _may_say(self, item: Saying) -> bool:
        replica = self._replica
        return replica is None or item.permissions == replica.permissions or item.allowed(replica)

    def _send(self) -> None:
        assert self.number is not None
        ready = len(self._flight)
        if self._turns is not None and self._turns.pending:
            ready = self._turns.ready([step.msgids for step in self._flight], asyncio.get_running_loop().time())
        if ready and not self._guide.may_add(self):
            ready = next((number for number, step in enumerate(self._flight[:ready]) if step.decided_here), ready)
        steps = self._flight[: min(ready, MAX_BATCH)]
        self._unanswered = len(steps)
        for number, step in enumerate(steps, self.number + 1):
            content = step.content
            if isinstance(content, Batch):
                self._store.append_said(
                    self.log, number, step.permissions, content.events, self._answered, content.send_keys
                )
            else:
                self._store.append_change(self.log, number, content, self._answered)

    def _answered(self, answer: Answer | StoreError) -> None:
        """Answers come in the order of the steps; those behind the first one that is no success add nothing to it."""
        self._unanswered -= 1
        if self._trouble is None:
            if isinstance(answer, StoreError) or answer.outcome in _NOT_CARRIED_OUT:
                self._trouble = answer
            else:
                self._accepted(self._flight.pop(0), answer)
        if not self._unanswered:
            self._landed()

    def _accepted(self, step: Step, answer: Answer) -> None:
        assert self.number is not None
        self.number += 1
        if answer.outcome is not Outcome.UNCHANGED:
            self._outbox.keep(self.log, self.number, step.content)
            self._guide.written(self, step.sayings, answer)
        elif step.proposal is not None:
            step.proposal.unchanged(answer.outcome)
        else:
            self._guide.dropped(self, step.msgids[0], answer.outcome)

    def _landed(self) -> None:
        """The whole flight has been answered, or lost."""
        trouble, self._trouble = self._trouble, None
        if self._doubted_s is not None and not isinstance(trouble, StoreError):
            if self._store.moved_s(self.log) > self._doubted_s:
                self.resolved_s = asyncio.get_running_loop().time()
            self._doubted_s = None
        if trouble is None:
            self.pump()
        elif isinstance(trouble, StoreError):
            self._doubted_s = self._doubted_s or asyncio.get_running_loop().time()
            self._guide.unanswered(self)
        elif trouble.outcome is Outcome.FENCED:
            self._guide.fenced()
        elif trouble.outcome is Outcome.HOLE:
            self._lost(trouble.seen)
        elif trouble.outcome is Outcome.FULL:
            # Members came that the replica has not seen yet; in a moment it will, and decide again.
            self._take_back()
            self._guide.unanswered(self)
        elif trouble.outcome is Outcome.ALIASED:
            # The name is another room's by now, where whoever wanted to found one here has to go.
            proposal = self._flight.pop(0).proposal
            self._take_back()
            if proposal is not None:
                proposal.unchanged(trouble.outcome)
            self.pump()
        else:
            self._refused = self._flight[0].permissions
            self._take_back()
            self._guide.written(self, [], trouble)
            self.applied()

    def _lost(self, seen: int) -> None:
        self._had = seen
        self._guide.lost(self)

    def _fill_up(self, seen: int) -> None:
        """Redis has lost what came after its batch `seen`: that goes first."""
        self._flight[:0] = [again(content) for content in self._outbox.take_back(self.log, seen)]
        self.number, self._had = seen, None

    def _take_back(self) -> None:
        # What follows a refused step was not carried out either: its numbers do not join on.
        while self._flight and self._flight[-1].decided_here:
            step = self._flight.pop()
            self._queue[:0] = step.sayings if step.proposal is None else (step.proposal,)
