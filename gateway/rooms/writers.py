"""Makes the writers of logs, and does what Redis's answers to them ask for."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from gateway.model import ORIGIN, Answer, Known, LogKey, MsgId, Outcome, order
from gateway.rooms.counts import Counts
from gateway.rooms.expected import Expected
from gateway.rooms.follower import Follower
from gateway.rooms.outbox import Outbox
from gateway.rooms.ports import LogStore, Proposal, Saying
from gateway.rooms.pump import RETRY_S, Pump
from gateway.rooms.room import Room
from gateway.rooms.writer import Writer

__all__ = ["Writers"]


class Writers:
    """Of rooms, and of logs that nobody follows here; the guide of them all (`rooms.writer.Guide`)."""

    def __init__(
        self,
        store: LogStore,
        outbox: Outbox,
        pump: Pump,
        expected: Expected,
        counts: Counts,
        *,
        room_of_log: Mapping[LogKey, Room],
        on_fenced: Callable[[], None],
        catch_up: Callable[[Follower], None],
        on_written: Callable[[Room], None],
    ) -> None:
        """`on_written` is told of a room after each answer."""
        self._store = store
        self._outbox = outbox
        self._pump = pump
        self._expected = expected
        self._counts = counts
        self._room_of_log = room_of_log
        self.fenced = on_fenced
        self._catch_up = catch_up
        self._on_written = on_written
        self._loop = asyncio.get_running_loop()

    def make(self, log: LogKey, room: Room | None = None) -> Writer:
        """A new one; it sends nothing before its `number` is known."""
        if room is None:
            return Writer(self._store, log, self, self._outbox, replica=None)
        return Writer(self._store, log, self, self._outbox, replica=room.replica, turns=room.turns)

    def may_start(self, writer: Writer) -> bool:
        """As in `Guide`."""
        room = self._room_of_log.get(writer.log)
        return room is None or (self._pump.may_add(writer, writer.resolved_s) and self._pump.may_start(room))

    def may_send(self, writer: Writer) -> bool:
        """As in `Guide`."""
        room = self._room_of_log.get(writer.log)
        return room is None or self._pump.may_send(room)

    def may_add(self, writer: Writer) -> bool:
        """As in `Guide`."""
        return writer.log not in self._room_of_log or self._pump.may_add(writer, self._store.moved_s(writer.log))

    def lost(self, writer: Writer) -> None:
        """As in `Guide`."""
        if (room := self._room_of_log.get(writer.log)) is not None:
            self._catch_up(room.follower)
        else:
            writer.pump()  # an inbox has nothing but what is sent to it

    def dropped(self, writer: Writer, msgid: MsgId, outcome: Outcome) -> None:
        """As in `Guide`."""
        room = self._room_of_log.get(writer.log)
        # Whoever asked for it waits for it still where it was never seen.
        origin = room.origins.pop(msgid, None) if room is not None else None
        if origin is not None:
            cast(Proposal, origin).unchanged(outcome)

    def unanswered(self, writer: Writer) -> None:
        """As in `Guide`."""
        self._pump.wake_later(writer)

    def written(self, writer: Writer, batch: Sequence[Saying], answer: Answer) -> None:
        """As in `Guide`."""
        self._counts.written += len(batch) or answer.outcome is not Outcome.STALE
        self._counts.stale += answer.outcome is Outcome.STALE
        repeated = dict(answer.known) if answer.known and batch else {}
        if (room := self._room_of_log.get(writer.log)) is None:
            _delivered(batch, answer, repeated)
        else:
            self._written(room, batch, answer, repeated)

    def _written(self, room: Room, batch: Sequence[Saying], answer: Answer, repeated: Mapping[int, Known]) -> None:
        follower = room.follower
        for index, first in repeated.items():
            saying = batch[index]
            if answer.outcome is Outcome.DUPLICATE and _is_to_come(room, saying, first):
                continue
            room.origins.pop(saying.event.msgid, None)
            saying.repeated(first)
        if not repeated and answer.positions:
            position = answer.positions[-1]
        else:  # a batch of which all was taken back meanwhile has no place
            position = max(answer.positions, key=order, default=ORIGIN)
        if follower.last is not None and order(follower.last) < order(position):
            self._expected.note(follower.log, position)
        elif answer.outcome is Outcome.STALE and room.replica.permissions != position:
            self._catch_up(follower)  # ours are of a log that a failover has replaced
        if answer.outcome is Outcome.STALE:
            # Most often the permissions that Redis has come before that, and wake it.
            self._loop.call_later(RETRY_S, room.writer.decide_again)
        # The announcement may have overtaken this answer, and everybody may have gone since.
        self._on_written(room)


def _is_to_come(room: Room, saying: Saying, first: Known) -> bool:
    """Whether what the key was used for first may be `saying` itself, and answer it when it is applied."""
    if not first.own or first.msgid != saying.event.msgid:
        return False
    if room.origins.get(first.msgid) is not saying:
        return True  # it has been applied
    last = room.follower.last
    return last is None or order(first.position) > order(last)


def _delivered(batch: Sequence[Saying], answer: Answer, repeated: Mapping[int, Known]) -> None:
    """Tell what became of a batch in a log that nobody follows here for its authors."""
    # A duplicate names the log's last position, which is of the same moment; where there is a key, its own.
    for index, saying in enumerate(batch):
        first = repeated.get(index)
        if first is None:
            saying.arrived(b"", answer.positions[min(index, len(answer.positions) - 1)])
        elif answer.outcome is Outcome.DUPLICATE and first.own and first.msgid == saying.event.msgid:
            saying.arrived(b"", first.position)
        else:
            saying.repeated(first)
