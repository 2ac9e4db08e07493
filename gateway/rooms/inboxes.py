"""Inboxes: those of the sessions here are followed, those of users anywhere are written to."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from gateway.events import Entry
from gateway.model import ORIGIN, AttachmentId, LogKey, MsgId, Position, Uid, order, session_of
from gateway.rooms.follower import Follower
from gateway.rooms.inbox_writers import InboxWriters
from gateway.rooms.outbox import Outbox
from gateway.rooms.ports import LogStore, Saying
from gateway.rooms.pump import Pump
from gateway.rooms.redaction import Redactions
from gateway.rooms.seen import MAX_SEEN, Seen
from gateway.spoken import Redacted

__all__ = ["INBOX_KEPT_S", "Inbox", "Inboxes", "Reader"]


class Reader(Protocol):
    """An attachment whose session's inbox is followed for it."""

    attachment: AttachmentId

    def deliver(self, entries: list[Entry]) -> None:
        """They came."""


INBOX_KEPT_S = 3600  # after its session has ended


_UNSEEN = Seen()  # of all inboxes to which nothing came yet: they are many, and never write into it


class Inbox(Follower):
    """Follows an inbox from the entry behind `after`, for all attachments of its session here; nothing is delivered
    twice."""

    __slots__ = ("_readers", "_redactions", "born")

    def __init__(
        self,
        log: LogKey,
        reader: Reader,
        opened: asyncio.Future[None],
        after: Position,
        had: Iterable[MsgId] = (),
    ) -> None:
        """What the first reader `had` is not delivered should it come again."""
        known: dict[bytes, Position] = dict.fromkeys(filter(None, had), after)
        super().__init__(log, opened, after, Seen(after) if known or after != ORIGIN else _UNSEEN)
        if known:
            self.seen.now.update(known)
        self.born: Position | None = None  # the place of the log's first entry; None: not known
        self._redactions: Redactions | None = None  # made with the first: inboxes are many
        self._readers: tuple[tuple[Reader, Position], ...] = ((reader, after),)

    def add(self, reader: Reader, after: Position) -> None:
        """Deliver to one more from the entry behind `after` on; what is behind it and was read here already is not
        delivered again."""
        self.remove(reader.attachment)
        self._readers += ((reader, after),)

    def remove(self, attachment: AttachmentId) -> bool:
        """Deliver to one less; True: nobody is left."""
        self._readers = tuple(one for one in self._readers if one[0].attachment != attachment)
        return not self._readers

    def advance(self, entries: list[Entry]) -> None:
        """As in `Follower`."""
        if self.last == ORIGIN and entries and self.born in {None, ORIGIN}:
            self.born = entries[0].position
        super().advance(entries)

    def begin_anew(self, born: Position) -> None:
        """The log was lost as a whole: all that it has is news to every reader, whatever the clock says."""
        self.born = born
        self._readers = tuple((reader, ORIGIN) for reader, _ in self._readers)

    def _apply(self, entries: list[Entry]) -> None:
        if self.seen is _UNSEEN:
            self.seen = Seen()
        seen = self.seen
        # After a failover what was delivered may come again, at another place; what was taken back must not. What has
        # no msgid is not shown.
        fresh = [entry for entry in entries if not entry.event.msgid or seen.get(entry.event.msgid) is None]
        if (redactions := self._redacted(fresh)) is not None:
            fresh = [entry for entry in fresh if entry.event.msgid not in redactions]
        seen.now.update((entry.event.msgid, entry.position) for entry in entries if entry.event.msgid)
        if len(seen.now) > MAX_SEEN:
            seen.turn()
        if not fresh:
            return
        if len(self._readers) == 1:
            self._readers[0][0].deliver(fresh)
            return
        for reader, after in self._readers:
            if theirs := [entry for entry in fresh if order(entry.position) > order(after)]:
                reader.deliver(theirs)

    def _redacted(self, entries: list[Entry]) -> Redactions | None:
        """What was taken back in this log, these entries included."""
        for entry in entries:
            if isinstance(entry.event, Redacted):
                if self._redactions is None:
                    self._redactions = Redactions()
                self._redactions.note(entry.event.redacted, entry.event.position)
        return self._redactions


class Inboxes:
    """Of the sessions here, by the logs they follow; and the way to those of others."""

    def __init__(
        self,
        store: LogStore,
        followers: dict[LogKey, Follower],
        writers: InboxWriters,
        outbox: Outbox,
        pump: Pump,
        *,
        log_of: Callable[[Uid], LogKey],
    ) -> None:
        """`followers` are those of all logs; inboxes join them."""
        self._store = store
        self._followers = followers
        self._writers = writers
        self._outbox = outbox
        self._pump = pump
        self._log_of = log_of
        self._loop = asyncio.get_running_loop()

    def open(self, reader: Reader, after: Position | None = None, had: Iterable[MsgId] = ()) -> asyncio.Future[None]:
        """Follow an inbox for an attachment of its session; the future is done when nothing can be missed any more.

        Args:
            after: the entry before the first to be delivered, not before `read_up_to`; None for a session that is new,
                and its inbox with it.
            had: what its client was given lately, up to there.
        """
        log = self._log_of(session_of(reader.attachment))
        opened: asyncio.Future[None] = self._loop.create_future()
        if isinstance(inbox := self._followers.get(log), Inbox):
            inbox.add(reader, after or ORIGIN)
            opened.set_result(None)
            return opened
        inbox = self._followers[log] = Inbox(log, reader, opened, after or ORIGIN, had)
        inbox.begins = after is None
        self._store.subscribe(log)
        return opened

    def close(self, attachment: AttachmentId) -> None:
        """The attachment is gone."""
        log = self._log_of(session_of(attachment))
        if isinstance(inbox := self._followers.get(log), Inbox) and inbox.remove(attachment):
            del self._followers[log]
            self._store.unsubscribe(log)

    def read_up_to(self, uid: Uid) -> Position:
        """Up to where a session's inbox was delivered here; the beginning where it is not followed."""
        follower = self._followers.get(self._log_of(uid))
        return (follower.last if follower is not None else None) or ORIGIN

    def send(self, to: Uid, saying: Saying) -> None:
        """Append a direct message to a user's inbox; its origin hears when Redis has it. Raises `FullError`."""
        self.keep(self._log_of(to), saying)

    def keep(self, log: LogKey, saying: Saying) -> None:
        """Append to a log that nobody follows; its origin hears when Redis has it. Raises `FullError`."""
        writer = self._writers.writer(log)
        writer.put(saying)
        self._pump.wake(writer)

    def withdraw(self, log: LogKey, msgid: MsgId) -> None:
        """Something was taken back in a log that is no room's: it is not written again."""
        self._outbox.withdraw(log, msgid)
