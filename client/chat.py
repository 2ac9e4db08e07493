"""The conversation: which rooms we want, what was said, what is still to be sent. Pure: time and keys are passed in.

It outlives connections. The link tells it of them (`opened`, `received`, `lost`), the console what the person wants;
bytes for the server come out of `data_to_send`, rows for the screen out of `transcripts.fresh()`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import singledispatchmethod

from client import events
from client.outbox import Outbox
from client.ownlines import OwnLines
from client.returning import Return
from client.session import Session, Wishes
from client.transcripts import Transcripts
from gateway.wire.names import casefold

__all__ = ["Chat", "Identity"]

SHOWN_NAMES = 50
ASK_AGAIN_MS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are to servers."""

    nick: str
    user: str
    realname: str
    password: str = field(default="", repr=False)


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
    ) -> None:
        """Args: new_key: gives a word of at most 64 bytes that was never given before, by any client."""
        self.transcripts = Transcripts(now_ms)
        self.own_lines = OwnLines(outbox, self.transcripts, new_key=new_key, now_ms=now_ms)
        self.nick = identity.nick
        self.welcomed = False  # by any server, ever
        self.login_refused = ""  # why no server will have us: the client gives up
        self._identity = identity
        self.now_ms = now_ms
        self._wanted_nick = identity.nick
        self._asked_nick = ""
        self._own_nicks = frozenset({casefold(identity.nick)})
        self._wanted = {casefold(room): room for room in rooms}
        self._entered: set[str] = set()
        self._session: Session | None = None
        self._server = ""
        self._lost_ms: int | None = None
        self._return: Return | None = None
        self._switch_to = ""
        self.quiet = False  # people and topic of a room are visible anyway, so that they need not be told on entering
        self._awaited = {("arrival", key) for key in self._wanted}  # answers that a person waits for
        self._delayed_ms: dict[str, int] = {}  # rooms the server could not serve, and when it said so
        self._topics: dict[str, str] = {}
        self.listed: tuple[tuple[str, str, str], ...] = ()  # the last answer to LIST: room, members, topic
        self.listed_ms: int | None = None  # when it came
        self.older_end: set[str] = set()  # casefolded rooms of which the server has nothing older
        self.closing = ""  # what the server said as it began to close
        self.lag_ms: int | None = None  # of the last sign of life
        self.pinged_ms: int | None = None  # when one was asked for that has not come yet
        self.transcripts.current = rooms[0] if rooms else ""
        self.own_lines.recall(rooms, identity.nick)

    @property
    def session(self) -> Session | None:
        """The connection, when a server has welcomed us on it; ask it for what is the server's to answer."""
        return self._session if self._session is not None and self._session.ready else None

    @property
    def rooms(self) -> list[str]:
        """The rooms we are in, or enter as soon as there is a server."""
        return list(self._wanted.values())

    @property
    def places(self) -> list[str]:
        """All that can be looked at, in the order of their numbers: our rooms, then other transcripts."""
        rooms = self.rooms
        return [*rooms, *(name for name in self.transcripts.names if casefold(name) not in self._wanted)]

    @property
    def at_rest(self) -> bool:
        """Whether we are in all our rooms, know what was said there, and everything of ours is acknowledged."""
        in_rooms = all(self.own_lines.delivery.is_open(room) for room in self._wanted)
        return self.session is not None and in_rooms and not len(self.own_lines)

    def topic(self, room: str) -> str:
        """The topic of `room`, empty for none or not known."""
        return self._topics.get(casefold(room), "")

    def older(self, room: str) -> bool:
        """Ask for a page of lines before the oldest that is here; False when there is nothing to be had now."""
        timeline = self.transcripts.get(room)
        session = self.session
        if session is None or timeline is None or timeline.is_full or casefold(room) in self.older_end:
            return False
        return bool(timeline.oldest_position) and session.older(room, timeline.oldest_position)

    # What the link tells.

    def opened(self, server: str) -> None:
        """A connection to `server`, as people write it, is there."""
        self._server = server
        self.closing = ""
        self.lag_ms = self.pinged_ms = None
        self._session = Session(
            Wishes(
                nick=self._wanted_nick,
                user=self._identity.user,
                realname=self._identity.realname,
                password=self._identity.password,
                rooms={room: self._position(room) for room in self.rooms},
                own_nicks=self._own_nicks,
            )
        )
        self._session.start()

    def received(self, chunk: bytes) -> None:
        """Bytes came from the server."""
        if self._session is not None:
            for event in self._session.receive(chunk, now_ms=self.now_ms()):
                self._react(event)
            self._tell_return()

    def data_to_send(self) -> bytes:
        """Bytes for the server, lines that are due among them; handed out once."""
        if self._session is None:
            return b""
        for key, since_ms in self._delayed_ms.items():
            if self.now_ms() - since_ms >= ASK_AGAIN_MS and key in self._wanted:
                self._delayed_ms[key] = self.now_ms()
                self._session.ask_again(self._wanted[key], self._position(key))
        self.own_lines.send(self._session)
        return self._session.data_to_send()

    def ping(self) -> None:
        """Say something that the server must answer."""
        if self._session is not None:
            self.pinged_ms = self.pinged_ms or self.now_ms()
            self._session.ping()

    def stuck(self) -> bool:
        """Whether a line of ours has been left without an answer for too long: the connection is worth nothing."""
        return self.own_lines.delivery.unanswered(self.now_ms())

    def quit(self, reason: str) -> None:
        """Say good-bye to the server; `lost` follows."""
        if self.session is not None:
            self.session.quit(reason)

    def lost(self) -> None:
        """The connection is gone."""
        if self.session is not None or self._return is not None:
            self._lost_ms = self._lost_ms or self.now_ms()
        self._session = None
        self._return = None
        self.pinged_ms = None
        self._entered.clear()
        self._delayed_ms.clear()
        self.own_lines.delivery.offline()

    # What the person wants.

    def say(self, text: str, *, target: str = "", emote: bool = False) -> None:
        """Send text to `target` or to the current room; it waits until a server has acknowledged it.

        Raises:
            OutboxFullError: too many lines wait; nothing was taken.
        """
        target = target or self.transcripts.current
        if not target:
            self.transcripts.note("you are in no room; /join one first")
        elif target.startswith("#") and casefold(target) not in self._wanted:
            self.transcripts.note(f"you are not in {target}; /join it first")
        else:
            self.own_lines.say(text, target=target, emote=emote, nick=self.nick, position=self._position(target))

    def join(self, room: str) -> None:
        """Enter a room, and make it the current one as soon as we are in."""
        key = casefold(room)
        if key in self._entered:
            self.transcripts.current = self._wanted[key]
            return
        self._wanted[key] = room
        self._switch_to = key
        self._awaited.add(("arrival", key))
        if self.session is not None:
            self.session.join(room, self._position(room))
        else:
            self.transcripts.note(f"{room} will be entered as soon as there is a connection")

    def part(self, room: str, reason: str) -> None:
        """Leave a room."""
        if self.session is not None and casefold(room) in self._entered:
            self.session.part(room, reason)
        else:
            self._forget(room, "you left the room")

    def change_nick(self, nick: str) -> None:
        """Be called `nick`, now or on the next connection."""
        if self.session is not None:
            self._asked_nick = nick
            self.session.change_nick(nick)
        else:
            self.nick = self._wanted_nick = nick
            self._own_nicks |= {casefold(nick)}

    def await_answer(self, what: str, room: str) -> None:
        """A person has asked for the `"names"` or the `"topic"` of `room`, or for the `"list"` of no room: show it."""
        self._awaited.add((what, casefold(room)))

    # What the server says.

    @singledispatchmethod
    def _react(self, event: events.Event) -> None:
        raise NotImplementedError(event)

    @_react.register
    def _(self, event: events.Registered) -> None:
        self.nick = event.nick
        self._own_nicks |= {casefold(event.nick)}
        self.welcomed = True
        self.transcripts.note(f"connected to {self._server} as {event.nick}")
        self.own_lines.delivery.online()
        if self._lost_ms is not None:
            away_ms = self.now_ms() - self._lost_ms
            keys = self.own_lines.keys_for(set(self._wanted))
            self._return = Return(self._server, away_ms, set(self._wanted), keys)

    @_react.register
    def _(self, event: events.NickTaken) -> None:
        then = f"; trying {event.trying}" if event.trying else ""
        self.transcripts.note(f"nick {event.nick} cannot be had ({event.reason}){then}")
        self._asked_nick = ""

    @_react.register
    def _(self, event: events.NickChanged) -> None:
        self.nick = event.nick
        self._own_nicks |= {casefold(event.nick)}
        if casefold(event.nick) == casefold(self._asked_nick):
            self._wanted_nick, self._asked_nick = event.nick, ""

    @_react.register
    def _(self, event: events.LoginRefused) -> None:
        self.login_refused = event.reason

    @_react.register
    def _(self, event: events.RoomEntered) -> None:
        key = casefold(event.room)
        self._wanted[key] = event.room
        self._entered.add(key)
        timeline = self.transcripts[event.room]
        if self._switch_to == key or not self.transcripts.current:
            self.transcripts.current = timeline.room
            self._switch_to = ""

    @_react.register
    def _(self, event: events.CaughtUp) -> None:
        self.own_lines.delivery.opened(event.room)
        self._delayed_ms.pop(casefold(event.room), None)
        if self._return is not None:
            self._return.rooms.discard(casefold(event.room))

    @_react.register
    def _(self, event: events.Hole) -> None:
        self.transcripts.note("messages may be missing here", event.room)

    @_react.register
    def _(self, event: events.RoomLeft) -> None:
        self._forget(event.room, f"{event.by} threw you out" if event.by else "you left the room")

    @_react.register
    def _(self, event: events.RoomRefused) -> None:
        self.transcripts.note(f"cannot enter {event.room}: {event.reason}")
        self._forget(event.room, event.reason)

    @_react.register
    def _(self, event: events.RoomDelayed) -> None:
        if casefold(event.room) not in self._delayed_ms:
            self.transcripts.note(f"{event.room} has to wait: {event.reason}")
        self._delayed_ms[casefold(event.room)] = self.now_ms()

    @_react.register
    def _(self, event: events.RoomLine) -> None:
        key = casefold(event.room)
        if event.kind is events.Kind.TOPIC:
            self._topics[key] = event.text
        if event.key:
            self._settled(event.key)
        if self.transcripts.add(event) and self._return is not None and event.replayed and not event.own:
            self._return.caught_up += 1

    @_react.register
    def _(self, event: events.Accepted) -> None:
        self._settled(event.key)

    @_react.register
    def _(self, event: events.Refused) -> None:
        self.own_lines.refused(event.key, event.reason, retry=event.retry)
        if self._return is not None and not event.retry:
            self._return.settled(event.key, sent=False)

    @_react.register
    def _(self, event: events.Members) -> None:
        arrived = self._answers("arrival", event.room) and not self.quiet
        if self._answers("names", event.room) or arrived:
            named = [
                prefix[:1] + nick for nick, prefix in sorted(event.prefixes.items(), key=lambda item: item[0].lower())
            ]
            more = f" and {len(named) - SHOWN_NAMES} more" if len(named) > SHOWN_NAMES else ""
            people = "1 person" if len(named) == 1 else f"{len(named)} people"
            self.transcripts.note(f"{event.room}: {people}: {', '.join(named[:SHOWN_NAMES])}{more}")

    @_react.register
    def _(self, event: events.TopicIs) -> None:
        key = casefold(event.room)
        changed = self._topics.get(key, "") != event.text and not self.quiet
        if self._answers("topic", event.room) or changed:
            self.transcripts.note(
                f"topic of {event.room}: {event.text}" if event.text else f"{event.room} has no topic"
            )
        self._topics[key] = event.text

    @_react.register
    def _(self, _event: events.Alive) -> None:
        if self.pinged_ms is not None:
            self.lag_ms = max(0, self.now_ms() - self.pinged_ms)
            self.pinged_ms = None

    @_react.register
    def _(self, event: events.OlderCame) -> None:
        if not event.more:
            self.older_end.add(casefold(event.room))

    @_react.register
    def _(self, event: events.RoomList) -> None:
        self.listed, self.listed_ms = event.rooms, self.now_ms()
        if not self._answers("list", ""):
            return  # asked for by the completion of names
        for room, members, topic in event.rooms:
            self.transcripts.note(f"{room} ({members}) {topic}".rstrip())
        self.transcripts.note(f"and {event.more} more rooms" if event.more else f"{len(event.rooms)} rooms in all")

    @_react.register
    def _(self, event: events.ServerText) -> None:
        self.transcripts.note(event.text)

    @_react.register
    def _(self, event: events.Closing) -> None:
        self.closing = event.reason
        self.transcripts.note(f"the server says: {event.reason}")

    def _settled(self, key: str) -> None:
        if self.own_lines.accepted(key) and self._return is not None:
            self._return.settled(key, sent=True)

    def _answers(self, what: str, room: str) -> bool:
        awaited = (what, casefold(room)) in self._awaited
        self._awaited.discard((what, casefold(room)))
        return awaited

    def _forget(self, room: str, reason: str) -> None:
        """`room` is none of ours any more; its transcript stays to be read."""
        key = casefold(room)
        self._wanted.pop(key, None)
        self._entered.discard(key)
        self._delayed_ms.pop(key, None)
        self.own_lines.delivery.shut(room)
        self.own_lines.drop(room, reason)
        if self._return is not None:
            self._return.rooms.discard(key)
            self._return.keys.difference_update(self._return.keys - self.own_lines.keys_for(set(self._wanted)))
        if casefold(self.transcripts.current) == key:
            self.transcripts.current = next(iter(self._wanted.values()), "")

    def _position(self, room: str) -> str:
        position = self.transcripts[room].position if room in self.transcripts else ""
        return position or self.own_lines.first_position(room)

    def _tell_return(self) -> None:
        if self._return is not None and self._return.complete:
            self.transcripts.note(self._return.summary())
            self._return = None
            self._lost_ms = None
