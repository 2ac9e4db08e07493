"""The client's half of the protocol: bytes in, events out; actions in, bytes out. No I/O, no clock, no chance.

One `Session` is one connection; what outlives it (rooms, positions, lines not acknowledged) is handed in as `Wishes`.
The core is the loop `for event in session.receive(chunk, now_ms=...): ...` then `send(session.data_to_send())`.

Source: RFC 2812; https://modern.ircdocs.horse/; IRCv3 echo-message, labeled-response, batch, draft/chathistory;
docs/protocol.md for hubbub.chat/resume and hubbub.chat/idem.
"""

from collections.abc import Mapping, Sequence

from client import multiline
from client.catchup import PAGE_LINES
from client.events import Event
from client.inbound import obey, read
from client.line import Kind, RoomLine
from client.multiline import Part
from client.pieces import room_for_text
from client.state import ALIVE, IDEM, KEY_TAG, SEARCH, Sent, State, Wishes
from gateway.wire.framing import LineDecoder, Overlong
from gateway.wire.limits import MAX_BODY_BYTES, MAX_TAGS_BYTES
from gateway.wire.names import casefold
from gateway.wire.tags import format_time

__all__ = ["Session", "Wishes"]

REDACTION = "draft/message-redaction"
REPLY = "+reply"
READ_MARKER = "draft/read-marker"


class Session:
    """One connection to a server, from the first byte to the last."""

    def __init__(self, wishes: Wishes) -> None:
        self._state = State(wishes)
        self._decoder = LineDecoder(MAX_TAGS_BYTES + MAX_BODY_BYTES)

    @property
    def ready(self) -> bool:
        """Whether the server has welcomed us, and not closed since."""
        return self._state.ready

    @property
    def idempotent(self) -> bool:
        """Whether a line may be sent again with its key, and the server still has it once."""
        return self._state.idempotent

    @property
    def capabilities(self) -> frozenset[str]:
        """What both ends agreed on."""
        return frozenset(self._state.enabled)

    def start(self) -> None:
        """Begin the connection; to be called once."""
        wishes = self._state.wishes
        self._state.registration.start(
            user=wishes.user, realname=wishes.realname, password=wishes.password, ticket=wishes.ticket
        )

    def receive(self, chunk: bytes, *, now_ms: int) -> list[Event]:
        """Take bytes from the server and return what they mean.

        Args:
            chunk: any number of bytes; borders carry no meaning.
            now_ms: our clock, milliseconds since 1970; used where the server does not say the time.
        Raises:
            Nothing: what cannot be understood is left out.
        """
        self._state.now_ms = now_ms
        events: list[Event] = []
        for line in self._decoder.feed(chunk):
            if not isinstance(line, Overlong) and (message := read(line)) is not None:
                events.extend(obey(self._state, message))
        return events

    def data_to_send(self) -> bytes:
        """What is to be sent now; it is handed out once."""
        data = b"".join(message.encode() for message in self._state.out)
        self._state.out.clear()
        return data

    def say(self, *, key: str, target: str, text: str, emote: bool = False, reply_to: str = "") -> None:
        """Send one line; `RoomLine.key`, `Accepted` or `Refused` with `key` is the answer, on this connection or none.

        Args:
            key: one word, at most 64 bytes, never used for another line.
            target: room or nick.
            text: one line that fits (`pieces.room_for_text`); or more than that, where `parts` says how.
            reply_to: the msgid of the line that it answers.
        """
        state = self._state
        text_parts = self.parts(target, text) or [Part(text)]
        state.sent[key] = Sent(target, Kind.ACTION if emote else Kind.MESSAGE, text)
        tags = {"label": key} if state.labels else {}
        if state.idempotent:
            tags[IDEM] = key
        elif "message-tags" in state.enabled:
            tags[KEY_TAG] = key
        if reply_to and "message-tags" in state.enabled:
            tags[REPLY] = reply_to
        if len(text_parts) == 1:
            state.send("PRIVMSG", target, f"\x01ACTION {text}\x01" if emote else text, tags=tags)
        else:
            state.last_token += 1
            ref = str(state.last_token)
            state.send("BATCH", f"+{ref}", multiline.BATCH, target, tags=tags)
            for part in text_parts:
                concat = {multiline.CONCAT: ""} if part.joined else {}
                state.send("PRIVMSG", target, part.text, tags={"batch": ref, **concat})
            state.send("BATCH", f"-{ref}")
        if "echo-message" not in state.enabled:
            # No echo will come: when the PONG is here without an error before it, the line has been taken.
            state.send("PING", key)

    def parts(self, target: str, text: str) -> list[Part] | None:
        """How `text` is one message on the wire; None where it has to be several."""
        allowed = self._state.registration.multiline
        if allowed is None:
            return None
        return multiline.parts(text, room_for_text(target), allowed)

    def join(self, room: str, position: str = "", key: str = "") -> None:
        """Enter `room`, whose key is `key`; `RoomEntered` or `RoomRefused` follows. `position` as in `Wishes.rooms`."""
        self._state.keys[casefold(room)] = key
        self._state.join(room, position)

    def ask_again(self, room: str, position: str = "") -> None:
        """After `RoomDelayed`: enter, or ask for the history, once more."""
        if (catchup := self._state.catchups.get(casefold(room))) is not None:
            self._state.out.extend(catchup.request(labelled=self._state.labels))
        else:
            self._state.join(room, position)

    def part(self, room: str, reason: str = "") -> None:
        """Leave `room`; `RoomLeft` follows."""
        self._state.send("PART", room, *([reason] if reason else []))

    def change_nick(self, nick: str) -> None:
        """Ask for another nick; `NickChanged` or `NickTaken` follows."""
        self._state.send("NICK", nick)

    def rename(self, room: str, new: str, reason: str) -> None:
        """Give `room` another name; `RoomRenamed`, or `ServerText`, follows."""
        self._state.send("RENAME", room, new, *([reason] if reason else []))

    def topic(self, room: str, text: str) -> None:
        """Set the topic; a topic line, or `TopicRefused`, follows. Ask for it when `text` is empty: `TopicIs`."""
        if text:
            self._state.topics[casefold(room)] = text
        self._state.send("TOPIC", room, *([text] if text else []))

    def mark_read(self, room: str, time_ms: int) -> None:
        """We have read up to the line of that time; `ReadUpTo` follows, here and at our other devices."""
        if READ_MARKER in self._state.enabled:
            self._state.send("MARKREAD", room, f"timestamp={format_time(time_ms)}")

    def ask_what_was_read(self, nick: str) -> None:
        """Of a private talk; of rooms it is told on entering. `ReadUpTo` is the answer."""
        if READ_MARKER in self._state.enabled:
            self._state.send("MARKREAD", nick)

    def redact(self, room: str, msgid: str, reason: str) -> bool:
        """Delete a line; `Redacted`, or `ServerText`, follows. False where the server knows no such thing."""
        if REDACTION not in self._state.enabled:
            return False
        self._state.send("REDACT", room, msgid, *([reason] if reason else []))
        return True

    def register(self, email: str, password: str) -> None:
        """Make an account named as our nick; `CodeWanted` or `ServerText` follows."""
        self._state.send("REGISTER", "*", email, password)

    def oper(self, name: str, password: str) -> None:
        """Become an operator of the network; `ServerText` is the answer."""
        self._state.send("OPER", name, password)

    def quote(self, command: str, params: Sequence[str]) -> None:
        """Send what a person typed in the words of the protocol; what comes of it comes as of any command."""
        self._state.send(command, *params)

    def verify(self, account: str, code: str) -> None:
        """Say the code that was mailed for an account; `ServerText` follows."""
        self._state.send("VERIFY", account, code)

    def be_away(self, text: str) -> None:
        """Tell that we are away, and why; empty: back again. `ServerText` confirms."""
        self._state.send("AWAY", *([text] if text else []))

    def invite(self, nick: str, room: str) -> None:
        """Invite somebody; `ServerText` is the answer."""
        self._state.send("INVITE", nick, room)

    def kick(self, room: str, nick: str, reason: str) -> None:
        """Throw somebody out; a line of the room, or `ServerText`, follows."""
        self._state.send("KICK", room, nick, *([reason] if reason else []))

    def mode(self, room: str, words: Sequence[str]) -> None:
        """Change modes, or ask for them where there are no words; a line of the room, or `ServerText`, follows."""
        self._state.send("MODE", room, *words)

    def names(self, room: str) -> None:
        """Ask who is in `room`; `Members` is the answer."""
        self._state.send("NAMES", room)

    def whois(self, nick: str) -> None:
        """Ask who `nick` is; the answers are `ServerText`."""
        self._state.send("WHOIS", nick)

    def list_rooms(self) -> None:
        """Ask for all rooms; `RoomList` is the answer."""
        self._state.send("LIST")

    def ping(self) -> None:
        """Say something that the server must answer; `Alive` is the answer."""
        self._state.send("PING", ALIVE)

    def older(self, room: str, position: str) -> bool:
        """Ask for a page of lines before `position`; they come as replayed lines, then `OlderCame`.

        Returns: False when it cannot be asked now: one request a room at a time, and no server without history.
        """
        state = self._state
        key = casefold(room)
        if not (state.has_history and key in state.roster) or key in state.older or key in state.catchups:
            return False
        if state.looking is not None and casefold(state.looking.room) == key:
            return False
        state.ask_older(room, position, PAGE_LINES)
        return True

    def look_back(self, room: str, words: str, before: RoomLine, limit: int) -> bool:
        """Look for `words` in what was said in `room` before a line; `SearchAnswer` follows.

        Args:
            limit: how many lines are wanted of a server that looks itself.
        Returns: False when it cannot be asked now: one request at a time, and no server without history.
        """
        state = self._state
        key = casefold(room)
        known = SEARCH in state.enabled and "batch" in state.enabled
        if not (known or state.has_history) or (room.startswith("#") and key not in state.roster):
            return False
        if state.looking is not None or key in state.older or key in state.catchups:
            return False
        state.look_back(room, words, before, limit)
        return True

    def members(self, room: str) -> Mapping[str, str]:
        """Who is in `room`: nick to prefixes; empty when we are not."""
        return self._state.roster.members(room)

    @property
    def away(self) -> frozenset[str]:
        """Casefolded nicks in our rooms whose people are away; empty where the server does not tell."""
        return self._state.roster.away

    def member_count(self, room: str) -> int:
        """How many they are; at once, however many."""
        return self._state.roster.count(room)

    def quit(self, reason: str) -> None:
        """Say good-bye; nothing that comes after is of interest."""
        self._state.leaving = True
        self._state.send("QUIT", *([reason] if reason else []))
