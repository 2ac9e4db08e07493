"""Writers to logs that nobody follows here: inboxes of users anywhere, and conversations."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator

from gateway.errors import StoreError
from gateway.model import LogKey
from gateway.rooms.outbox import Outbox
from gateway.rooms.ports import LogStore
from gateway.rooms.pump import RETRY_S
from gateway.rooms.writer import Writer

__all__ = ["InboxWriters"]

MAX_RECENT_WRITERS = 10_000  # past it those written to in the last half minute are forgotten too
MAX_WRITERS = 1000  # idle ones beyond are forgotten, the longest unused first; their numbers can be asked for again


class InboxWriters:
    """One writer per log, kept for those written to last; iterating gives them all."""

    def __init__(
        self,
        store: LogStore,
        outbox: Outbox,
        *,
        make: Callable[[LogKey], Writer],
        wake: Callable[[Writer], None],
        start: Callable[[Coroutine[object, object, None], str], None],
    ) -> None:
        """`start` runs a coroutine as a task of that name."""
        self._store = store
        self._outbox = outbox
        self._make = make
        self._wake = wake
        self._start = start
        self._writers: OrderedDict[LogKey, Writer] = OrderedDict()

    def __iter__(self) -> Iterator[Writer]:
        return iter(self._writers.values())

    def writer(self, log: LogKey) -> Writer:
        """The writer of a log; a new one sends as soon as Redis has told its number."""
        writer = self._writers.get(log)
        if writer is None:
            writer = self._writers[log] = self._make(log)
            self._start(self._number(writer), "inbox writer")
            self._forget_idle()
        self._writers.move_to_end(log)
        return writer

    def find(self, log: LogKey) -> Writer | None:
        """The writer of a log, if it was written to lately."""
        return self._writers.get(log)

    async def _number(self, writer: Writer) -> None:
        while writer.number is None:
            try:
                writer.number = await self._store.produced(writer.log)
            except StoreError:
                writer.give_up()
                if writer.idle:
                    self._writers.pop(writer.log, None)
                    return
                await asyncio.sleep(RETRY_S)
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
