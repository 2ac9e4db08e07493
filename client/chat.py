"""The conversation: which rooms we want, what was said, what is still to be sent. Pure: time and keys are passed in.

It outlives connections. The link tells it of them (`opened`, `received`, `lost`), the console what the person wants;
bytes for the server come out of `data_to_send`, rows for the screen out of `transcripts.fresh()`.
"""

from collections.abc import Callable

from client.answers import Answers
from client.cache import Cache
from client.catchup import FIRST_LINES
from client.disk import Disk
from client.hearing import Hearing
from client.ignores import Ignores
from client.membership import Membership
from client.outbox import Outbox
from client.ownlines import OwnLines
from client.presence import Identity, Presence
from client.resumption import Resumption
from client.returning import Returning
from client.search import Search
from client.session import Session
from client.stall import Stall
from client.transcripts import Transcripts
from gateway.wire.names import casefold

__all__ = ["Chat", "Identity"]


class Chat:
    """Everything between the typed line and the wire that depends on neither terminal nor socket."""

    def __init__(
        self,
        identity: Identity,
        rooms: list[str],
        outbox: Outbox,
        *,
        new_key: Callable[[], str],
        now_ms: Callable[[], int],
        resumption: Resumption | None = None,
        first_lines: int = FIRST_LINES,
        cache: Cache | None = None,
        ignored: Ignores | None = None,
        disk: Disk | None = None,
    ) -> None:
        """Begin.

        Args:
            new_key: gives a word of at most 64 bytes that was never given before, by any client, and that nobody can
                guess.
            resumption: what an earlier run left to come back as the same session.
            cache: as for `Transcripts`.
            ignored: whose words are not shown.
            disk: knows what the disk refuses, for all that is kept there.
            first_lines: how many of the last lines of a room are asked for where none is known.
        """
        self.transcripts = Transcripts(now_ms, cache)
        self.own_lines = OwnLines(outbox, self.transcripts, new_key=new_key, now_ms=now_ms)
        self.ignored = ignored if ignored is not None else Ignores()
        self.now_ms = now_ms
        self.search = Search(self.transcripts, self.ignored)
        self.disk = disk if disk is not None else Disk()
        self._outbox = outbox
        self._membership = Membership(rooms)
        self._answers = Answers(self.transcripts)
        self._presence = Presence(identity, resumption or Resumption(), new_key=new_key, first_lines=first_lines)
        self._returning = Returning()
        self.heard = Hearing(
            transcripts=self.transcripts,
            own_lines=self.own_lines,
            membership=self._membership,
            presence=self._presence,
            answers=self._answers,
            returning=self._returning,
            ignored=self.ignored,
            search=self.search,
            now_ms=now_ms,
        )
        self.stall = Stall(self.own_lines.delivery, self.heard, now_ms)
        self.transcripts.recall_talks()
        for room in rooms:
            self._answers.expect("arrival", room)
            self.transcripts.recall(room)
        self.transcripts.current = rooms[0] if rooms else ""
        self.own_lines.recall(rooms, identity.nick)

    @property
    def nick(self) -> str:
        """What we are called."""
        return self._presence.nicks.current

    @property
    def session(self) -> Session | None:
        """The connection, when a server has welcomed us on it; ask it for what is the server's to answer."""
        return self._presence.session

    @property
    def rooms(self) -> list[str]:
        """The rooms we are in, or enter as soon as there is a server."""
        return self._membership.rooms

    @property
    def places(self) -> list[str]:
        """All that can be looked at, in the order of their numbers: our rooms, then other transcripts."""
        return [*self.rooms, *(name for name in self.transcripts.names if name not in self._membership)]

    @property
    def quiet(self) -> bool:
        """People and topics are visible anyway, so that they need not be told on entering."""
        return self._answers.quiet

    @quiet.setter
    def quiet(self, quiet: bool) -> None:
        self._answers.quiet = quiet

    @property
    def listed(self) -> tuple[tuple[str, str, str], ...]:
        """The server's rooms as it listed them last: name, members, topic."""
        return self._answers.listed

    @property
    def at_rest(self) -> bool:
        """Whether we are `settled`, and everything of ours is acknowledged."""
        return self.settled and not len(self.own_lines)

    @property
    def settled(self) -> bool:
        """Whether we are in all our rooms, and know what was said there."""
        return self.session is not None and self._membership.settled

    def topic(self, room: str) -> str:
        """The topic of `room`, empty for none or not known."""
        return self._answers.topic(room)

    def is_known(self, room: str) -> bool:
        """Whether we are in `room` and know what was said there."""
        return self._membership.is_caught_up(room)

    def older(self, room: str) -> bool:
        """Take, or ask for, a page of lines before the oldest that is here; False when none is to be had now."""
        if self.transcripts.recall_older(room):
            return True
        timeline = self.transcripts.get(room)
        session = self.session
        if session is None or timeline is None or timeline.is_full or casefold(room) in self.heard.older_end:
            return False
        return bool(timeline.oldest_position) and session.older(room, timeline.oldest_position)

    # What the link tells.

    def opened(self, server: str) -> None:
        """A connection to `server`, as people write it, is there."""
        self.heard.opened()
        self._presence.opened(server, {room: self._position(room) for room in self.rooms}, self._membership.room_keys)

    def received(self, chunk: bytes) -> None:
        """Bytes came from the server."""
        if (connection := self._presence.connection) is not None:
            for event in connection.receive(chunk, now_ms=self.now_ms()):
                self.heard.hear(event)
            if story := self._returning.story():
                self.transcripts.note(story)

    def data_to_send(self) -> bytes:
        """Bytes for the server, lines that are due among them; handed out once."""
        if (connection := self._presence.connection) is None:
            return b""
        for room in self._membership.to_ask_again(self.now_ms()):
            connection.ask_again(room, self._position(room))
        self.own_lines.send(connection)
        return connection.data_to_send()

    def ping(self) -> None:
        """Say something that the server must answer."""
        if (connection := self._presence.connection) is not None:
            self.heard.pinged_ms = self.heard.pinged_ms or self.now_ms()
            connection.ping()

    def unusable(self) -> str:
        """Why the connection, though it stands, is worth nothing; or empty."""
        if self.own_lines.delivery.unanswered(self.now_ms()):
            return "it left a line without an answer"
        return self._presence.unusable

    def save(self) -> None:
        """Write down what need not be on disk at once; to be called now and then, and at the end."""
        self._presence.save()
        self.transcripts.save()
        self._outbox.save()
        self.tell_of_disk()

    def seen(self, room: str) -> None:
        """A person has the end of `room` before their eyes."""
        timeline = self.transcripts.get(room)
        if timeline is not None and timeline.newest_text_ms is not None:
            self.heard.read_marks.seen(room, timeline.newest_text_ms)

    def tell_what_was_seen(self) -> None:
        """Tell our other devices how far we have read; to be called now and then."""
        if self.session is not None:
            self.heard.read_marks.tell(self.session, self.now_ms())

    def tell_of_stall(self) -> None:
        """Say once that a line of ours has no answer yet, where that is not to be seen anyway."""
        if self.stall.has_begun() and not self.quiet:
            self.transcripts.note(f"{self._presence.server} has not confirmed your line yet; it waits")

    def tell_of_disk(self) -> None:
        """Say what the disk has refused to keep since the last call."""
        for text in self.disk.news():
            self.transcripts.note(text)

    def quit(self, reason: str) -> None:
        """Say good-bye to the server, which ends the session for good; `lost` follows."""
        if self.session is not None:
            self.session.quit(reason)
            self._presence.left()

    def lost(self) -> None:
        """The connection is gone."""
        self._returning.lost(self.now_ms(), was_online=self.session is not None)
        self._presence.lost()
        self.heard.lost()
        self._membership.offline()
        self.own_lines.delivery.offline()

    # What the person wants.

    def say(self, text: str, *, target: str = "", emote: bool = False, reply_to: str = "") -> None:
        """Send text to `target` or to the current room; it waits until a server has acknowledged it.

        Args:
            reply_to: the msgid of the line that it answers.
        Raises:
            OutboxFullError: too many lines wait; nothing was taken.
        """
        target = target or self.transcripts.current
        if not target:
            self.transcripts.note("you are in no room; /join one first")
        elif target.startswith("#") and target not in self._membership:
            self.transcripts.note(f"you are not in {target}; /join it first")
        else:
            self.own_lines.say(
                text,
                target=target,
                emote=emote,
                nick=self.nick,
                position=self._position(target),
                reply_to=reply_to,
                session=self.session,
            )

    def join(self, room: str, key: str = "") -> None:
        """Enter a room, whose key is `key`, and make it the current one as soon as we are in."""
        if self._membership.is_entered(room):
            self.transcripts.current = self._membership.spelled(room)
            return
        self._membership.want(room, key)
        self.transcripts.recall(room)
        self.heard.switch_to = casefold(room)
        self._answers.expect("arrival", room)
        if self.session is not None:
            self.session.join(room, self._position(room), self._membership.room_keys.get(casefold(room), ""))
        else:
            self.transcripts.note(f"{room} will be entered as soon as there is a connection")

    def part(self, room: str, reason: str) -> None:
        """Leave a room."""
        if self.session is not None and self._membership.is_entered(room):
            self.session.part(room, reason)
        else:
            self.heard.forget(room, "you left the room")

    def be_away(self, text: str) -> None:
        """Be away, now and on connections to come; empty: be back."""
        self._presence.away = text
        if self.session is not None:
            self.session.be_away(text)

    @property
    def away(self) -> str:
        """What we said as we went away; empty: we are here."""
        return self._presence.away

    def change_nick(self, nick: str) -> None:
        """Be called `nick`, now or on the next connection."""
        if self.session is not None:
            self._presence.nicks.ask(nick)
            self.session.change_nick(nick)
        else:
            self._presence.nicks.want(nick)

    def await_answer(self, what: str, room: str) -> None:
        """A person has asked for the `"names"` or the `"topic"` of `room`, or for the `"list"` of no room: show it."""
        self._answers.expect(what, room)

    def _position(self, room: str) -> str:
        position = self.transcripts[room].position if room in self.transcripts else ""
        return position or self.own_lines.first_position(room)
