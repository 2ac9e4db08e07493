"""What follows from what the server says: one handler an event. Pure: the time is passed in."""

from collections.abc import Callable
from functools import singledispatchmethod

from client import events
from client.answers import Answers
from client.composing import Composing
from client.ignores import Ignores
from client.line import Kind, RoomLine
from client.membership import Membership
from client.ownlines import OwnLines
from client.presence import Presence
from client.readmarks import ReadMarks
from client.refusals import Refusals
from client.renames import move_in
from client.returning import Returning
from client.search import Search
from client.transcripts import Transcripts
from gateway.wire.names import casefold

__all__ = ["Hearing"]


class Hearing:
    """Each event changes the part of the conversation that it is about; what is about the server itself is kept here.

    Attributes:
        welcomed: by any server, ever.
        login_refused: why no server will have us: the client gives up.
        closing: what the server said as it began to close.
        lag_ms: of the last sign of life; None: not measured yet.
        pinged_ms: when one was asked for that has not come yet.
        read_only: the server can keep nothing just now.
        listed_ms: when the last list of rooms came.
        older_end: casefolded rooms of which the server has nothing older.
        switch_to: the casefolded room that is looked at as soon as we are in it.
        read_marks: how far we have read, here and elsewhere.
        composing: who is writing just now.
        unverified: the account that waits for a code; empty: none.
        refusals: what the person asked for and the server refused, for the input.
    """

    def __init__(
        self,
        *,
        transcripts: Transcripts,
        own_lines: OwnLines,
        membership: Membership,
        presence: Presence,
        answers: Answers,
        returning: Returning,
        ignored: Ignores,
        search: Search,
        now_ms: Callable[[], int],
    ) -> None:
        self.welcomed = False
        self.login_refused = ""
        self.closing = ""
        self.lag_ms: int | None = None
        self.pinged_ms: int | None = None
        self.read_only = False
        self.listed_ms: int | None = None
        self.older_end: set[str] = set()
        self.switch_to = ""
        self.composing = Composing()
        self.unverified = ""
        self.refusals = Refusals()
        self.read_marks = ReadMarks()
        self._transcripts = transcripts
        self._own_lines = own_lines
        self._membership = membership
        self._presence = presence
        self._answers = answers
        self._returning = returning
        self._ignored = ignored
        self._search = search
        self._now_ms = now_ms

    def opened(self) -> None:
        """A connection is there; nothing is known of its server."""
        self.closing = ""
        self.lag_ms = self.pinged_ms = None

    def lost(self) -> None:
        """The connection is gone."""
        self.pinged_ms = None
        self.read_only = False
        self.composing.forget()
        self._search.stop("the connection is gone")

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Do what follows from `event`."""
        raise TypeError(f"no handler for {type(event).__name__}")

    @hear.register
    def _(self, event: events.Registered) -> None:
        self._presence.registered(event)
        self.welcomed = True
        self._transcripts.note(f"connected to {self._presence.server} as {event.nick}")
        self._own_lines.delivery.online(idempotent=self._presence.idempotent)
        if (session := self._presence.session) is not None:
            self.read_marks.online(session, [name for name in self._transcripts.names if not name.startswith("#")])
        rooms = self._membership.keys
        self._returning.back(self._presence.server, self._now_ms(), rooms=rooms, keys=self._own_lines.keys_for(rooms))

    @hear.register
    def _(self, event: events.TokenGranted | events.ResumeRefused | events.NickTaken | events.NickChanged) -> None:
        if isinstance(event, events.NickTaken) and (asked := self._presence.nicks.asked):
            self.refusals.add(event.reason, f"/nick {asked}")
        if text := self._presence.heard(event):
            self._transcripts.note(text)

    @hear.register
    def _(self, event: events.LoginRefused) -> None:
        if event.retry and self.welcomed:
            self._presence.give_up(event.reason)
        else:
            self.login_refused = event.reason

    @hear.register
    def _(self, event: events.RoomEntered) -> None:
        self._membership.entered(event.room)
        self._transcripts.found_anew(event.room)
        if self._presence.idempotent:
            self._own_lines.delivery.opened(event.room)
        timeline = self._transcripts[event.room]
        if self.switch_to == casefold(event.room) or not self._transcripts.current:
            self._transcripts.current = timeline.room
            self.switch_to = ""

    @hear.register
    def _(self, event: events.CaughtUp) -> None:
        self._own_lines.delivery.opened(event.room)
        self._membership.caught_up(event.room)
        self._returning.room_settled(casefold(event.room))

    @hear.register
    def _(self, event: events.Hole) -> None:
        self._transcripts.note("messages may be missing here", event.room)

    @hear.register
    def _(self, event: events.RoomLeft) -> None:
        self.forget(event.room, f"{event.by} threw you out" if event.by else "you left the room")

    @hear.register
    def _(self, event: events.RoomRenamed) -> None:
        old, new = event.old, event.new
        keepers = (self._membership, self._answers, self._own_lines, self._returning, self._search)
        for keeper in (*keepers, self.read_marks, self.composing):
            keeper.renamed(old, new)
        self._transcripts.rename(old, new)
        move_in(self.older_end, old, new)
        if self.switch_to == casefold(old):
            self.switch_to = casefold(new)
        what = f"{event.by} renamed {old} to {new}" if event.by else f"{old} is called {new} now"
        self._transcripts.note(f"{what}: {event.reason}" if event.reason else what, new)
        if self.switch_to == casefold(new) and self._membership.is_entered(new):
            self._transcripts.current, self.switch_to = self._transcripts[new].room, ""

    @hear.register
    def _(self, event: events.RoomRefused) -> None:
        self._transcripts.note(f"cannot enter {event.room}: {event.reason}")
        asked = self.switch_to == casefold(event.room)
        if asked:
            self.switch_to = ""
        if event.wants_key:
            self.refusals.add(event.reason, f"/join {event.room} ")
        elif asked:
            self.refusals.add(event.reason, f"/join {event.room}")
        self.forget(event.room, event.reason)

    @hear.register
    def _(self, event: events.TopicRefused) -> None:
        self._transcripts.note(f"the topic of {event.room} stays as it is: {event.reason}")
        self.refusals.add(event.reason, f"/topic {event.text}")

    @hear.register
    def _(self, event: events.RoomDelayed) -> None:
        if self._membership.delayed(event.room, self._now_ms()):
            self._transcripts.note(f"{event.room} has to wait: {event.reason}")

    @hear.register
    def _(self, event: RoomLine) -> None:
        if event.kind is Kind.TOPIC:
            self._answers.topic_changed(event.room, event.text)
        if event.msgid and not event.own and not event.room.startswith("#"):
            self._presence.direct_seen(event.msgid)
        if event.key:
            self._settled(event.key)
        self.composing.stopped(event.room, event.nick)
        if not event.replayed:
            self.read_only = False  # what is said now has been kept
        if event.kind.is_text and not event.own and event.nick in self._ignored:
            self._transcripts.skip(event)
        elif self._transcripts.add(event) and event.replayed and not event.own:
            self._returning.line_caught_up()

    @hear.register
    def _(self, event: events.Typing) -> None:
        if event.nick not in self._ignored:
            self.composing.told(event.room, event.nick, event.state, self._now_ms())

    @hear.register
    def _(self, _event: events.Unavailable) -> None:
        self.read_only = True

    @hear.register
    def _(self, event: events.Accepted) -> None:
        self.read_only = False
        self._settled(event.key)

    @hear.register
    def _(self, event: events.Refused) -> None:
        self._own_lines.refused(event.key, event.reason, retry=event.retry)
        if not event.retry:
            self.refusals.add(f"not sent: {event.reason}; /resend, /discard")
            self._returning.line_settled(event.key, sent=False)

    @hear.register
    def _(self, event: events.Members) -> None:
        self._answers.members(event)

    @hear.register
    def _(self, event: events.TopicIs) -> None:
        self._answers.topic_told(event)

    @hear.register
    def _(self, event: events.RoomList) -> None:
        self.listed_ms = self._now_ms()
        self._answers.rooms_listed(event)

    @hear.register
    def _(self, _event: events.Alive) -> None:
        if self.pinged_ms is not None:
            self.lag_ms = max(0, self._now_ms() - self.pinged_ms)
            self.pinged_ms = None

    @hear.register
    def _(self, event: events.OlderCame) -> None:
        if not event.more:
            self.older_end.add(casefold(event.room))

    @hear.register
    def _(self, event: events.Redacted) -> None:
        if self._transcripts.redact(event) and not self._answers.quiet:
            self._transcripts.note(f"{event.by} deleted a line of {event.room}")

    @hear.register
    def _(self, event: events.ReadUpTo) -> None:
        self.read_marks.agreed(event.room, event.time_ms)

    @hear.register
    def _(self, event: events.SearchAnswer) -> None:
        self._search.answered(event, self._presence.session)

    @hear.register
    def _(self, event: events.ServerText) -> None:
        self._transcripts.note(event.text)

    @hear.register
    def _(self, event: events.CodeWanted) -> None:
        self.unverified = event.account
        self._transcripts.note(event.text)
        self._transcripts.note(f"the account {event.account} is not made yet: type /verify and the code")

    @hear.register
    def _(self, event: events.Closing) -> None:
        self.closing = event.reason
        self._transcripts.note(f"the server says: {event.reason}")

    def _settled(self, key: str) -> None:
        if self._own_lines.accepted(key):
            self._returning.line_settled(key, sent=True)

    def forget(self, room: str, reason: str) -> None:
        """`room` is none of ours any more; its transcript stays to be read."""
        self._membership.forget(room)
        self._own_lines.delivery.shut(room)
        self._own_lines.drop(room, reason)
        self._returning.room_settled(casefold(room))
        self._returning.only_lines(self._own_lines.keys_for(self._membership.keys))
        if casefold(self._transcripts.current) == casefold(room):
            self._transcripts.current = next(iter(self._membership.rooms), "")
