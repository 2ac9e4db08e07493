"""Inboxes: followers of those of the sessions here, and writers to those of users anywhere."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from gateway.errors import StoreError
from gateway.events import Entry
from gateway.model import AttachmentId, LogKey, MsgId, Position, order
from gateway.rooms.follower import Follower
from gateway.rooms.outbox import Outbox
from gateway.rooms.ports import LogStore
from gateway.rooms.redaction import Redactions
from gateway.rooms.seen import MAX_SEEN, Seen
from gateway.rooms.writer import Writer
from gateway.spoken import Redacted

__all__ = ["INBOX_KEPT_S", "Deliver", "Inbox", "InboxWriters"]

Deliver = Callable[[list[Entry]], None]

INBOX_KEPT_S = 3600  # after its session has ended
MAX_RECENT_WRITERS = 10_000  # past it those written to in the last half minute are forgotten too
MAX_WRITERS = 1000  # idle ones beyond are forgotten, the longest unused first; their numbers can be asked for again


class Inbox(Follower):
    """Follows an inbox from the entry behind `after`, for all attachments of its session here; nothing is delivered
    twice."""

    __slots__ = ("_readers", "_redactions")

    def __init__(
        self,
        log: LogKey,
        reader: AttachmentId,
        deliver: Deliver,
        opened: asyncio.Future[None],
        after: Position,
        had: Iterable[MsgId] = (),
    ) -> None:
        """What the first reader `had` is not delivered should it come again."""
        super().__init__(log, self._deliver, opened, after, Seen(after))
        self.seen.now.update((msgid, after) for msgid in had if msgid)
        self._redactions = Redactions()
        self._readers: tuple[tuple[AttachmentId, Deliver, Position], ...] = ((reader, deliver, after),)

    def add(self, reader: AttachmentId, deliver: Deliver, after: Position) -> None:
        """Deliver to one more from the entry behind `after` on; what is behind it and was read here already is not
        delivered again."""
        self.remove(reader)
        self._readers += ((reader, deliver, after),)

    def remove(self, reader: AttachmentId) -> bool:
        """Deliver to one less; True: nobody is left."""
        self._readers = tuple(one for one in self._readers if one[0] != reader)
        return not self._readers

    def _deliver(self, entries: list[Entry]) -> None:
        seen, redactions = self.seen, self._redactions
        # After a failover what was delivered may come again, at another place; what was taken back must not. What has
        # no msgid is not shown.
        fresh = [entry for entry in entries if not entry.event.msgid or seen.get(entry.event.msgid) is None]
        for entry in fresh:
            if isinstance(entry.event, Redacted):
                redactions.note(entry.event.redacted, entry.event.position)
        if redactions:
            fresh = [entry for entry in fresh if entry.event.msgid not in redactions]
        seen.now.update((entry.event.msgid, entry.position) for entry in fresh if entry.event.msgid)
        if len(seen.now) > MAX_SEEN:
            seen.turn()
        if not fresh:
            return
        if len(self._readers) == 1:
            self._readers[0][1](fresh)
            return
        for _, deliver, after in self._readers:
            if theirs := [entry for entry in fresh if order(entry.position) > order(after)]:
                deliver(theirs)


class InboxWriters:
    """One writer per inbox, kept for those written to last; iterating gives them all."""

    def __init__(
        self, store: LogStore, make: Callable[[LogKey], Writer], wake: Callable[[Writer], None], outbox: Outbox
    ) -> None:
        self._store = store
        self._make = make
        self._wake = wake
        self._outbox = outbox
        self._writers: OrderedDict[LogKey, Writer] = OrderedDict()

    def __iter__(self) -> Iterator[Writer]:
        return iter(self._writers.values())

    def writer(self, log: LogKey, tasks: asyncio.TaskGroup) -> Writer:
        """The writer of an inbox; a new one sends as soon as Redis has told its number."""
        writer = self._writers.get(log)
        if writer is None:
            writer = self._writers[log] = self._make(log)
            tasks.create_task(self._number(writer), name="inbox writer")
            self._forget_idle()
        self._writers.move_to_end(log)
        return writer

    def find(self, log: LogKey) -> Writer | None:
        """The writer of an inbox, if it was written to lately."""
        return self._writers.get(log)

    async def _number(self, writer: Writer) -> None:
        try:
            writer.number = await self._store.produced(writer.log)
        except StoreError:
            writer.give_up()
            self._writers.pop(writer.log, None)
        else:
            self._wake(writer)

    def _forget_idle(self) -> None:
        excess = len(self._writers) - MAX_WRITERS
        if excess > 0:
            idle = [log for log, writer in self._writers.items() if writer.idle]
            # Those that may have to be written to again stay, but not without end.
            if len(self._writers) < MAX_RECENT_WRITERS:
                idle = [log for log in idle if not self._outbox.holds(log)]
            for log in idle[:excess]:
                del self._writers[log]
