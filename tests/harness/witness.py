"""A plain IRC peer that remembers all it did and saw, for `tests.harness.checker`.

Unlike an `IrcPeer` it reads all the time. It negotiates what it is told to, as far as the server has it: `echo-message`
(the acknowledgement) and `message-tags` (msgids) at least. With those of a `RESIDENT` it comes back as itself and
fetches what it missed: docs/protocol.md.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from gateway.wire.message import Message, Source
from gateway.wire.names import casefold
from tests.harness.catching_up import CatchingUp
from tests.harness.line_connection import LineConnection
from tests.harness.outgoing import IDEM, Outgoing
from tests.harness.sights import DIRECT, Kind, Sight

__all__ = ["CAPABILITIES", "RESIDENT", "SessionEndedError", "Witness"]

CAPABILITIES = ("echo-message", "message-tags", "server-time", "batch")
HISTORY = "draft/chathistory"
RESIDENT = (*CAPABILITIES, "labeled-response", "standard-replies", HISTORY, "hubbub.chat/resume", IDEM)
ASK_AGAIN_S = 0.5  # for history that could not be read
MAX_DIRECT = 5_000
MAX_REFUSED = 1_000  # refusals kept, the newest
SESSION_GONE = frozenset(("INVALID_TOKEN", "SESSION_ENDED", "433"))  # or somebody else has the nick
RATE_LIMITED = "RATE_LIMITED"
TRY_AGAIN = frozenset(("TEMPORARILY_UNAVAILABLE", RATE_LIMITED))


class SessionEndedError(ConnectionError):
    """The server does not have the session that was to be resumed; its text is the code."""


class Witness:
    """One peer. `connect` again after `drop` or a lost connection, to any gateway: what it knows goes on."""

    def __init__(self, nick: str, tick: Callable[[], int], capabilities: Iterable[str] = CAPABILITIES) -> None:
        self.nick = nick
        self.sights: list[Sight] = []
        self.rooms: set[str] = set()
        self.capabilities: set[str] = set()  # those the server granted
        self.refused: deque[Message] = deque(maxlen=MAX_REFUSED)  # error numerics and FAIL, for the test to look at
        self.outgoing = Outgoing()
        self.resumed = False  # the last `connect` brought the former session back
        self._me = casefold(nick)
        self._tick = tick
        self._wanted = tuple(capabilities)
        self._token = self._former = ""
        self._ended = ""  # why the session could not be resumed
        self._last: dict[str, str] = {}  # room -> reference of what was seen last, since we are in
        self._direct: dict[str, None] = {}  # msgids of direct messages that came, oldest first
        self._behind = CatchingUp()
        self._pongs: set[str] = set()
        self._names: dict[str, set[str]] = {}  # with their prefixes
        self._listed: set[str] = set()
        self._ready = False
        self._connection: LineConnection | None = None

    @property
    def connected(self) -> bool:
        """There is a connection, and the server has not closed it."""
        return self._connection is not None and self._connection.up

    @property
    def heard_s(self) -> float:
        """When anything was last read on this connection; 0 where there is none."""
        return self._connection.heard_s if self._connection is not None else 0.0

    @property
    def can_return(self) -> bool:
        """The server has given it what it needs to resume its session."""
        return bool(self._token)

    @property
    def unacknowledged(self) -> list[tuple[str, str]]:
        """Target and text of what was said and has not come back, oldest first."""
        return list(self.outgoing.open)

    async def connect(self, host: str, port: int) -> None:
        """Open a connection and register, resuming the former session if there is one and the server can.

        Raises:
            ConnectionError, TimeoutError: no connection, or the server closed it.
            SessionEndedError: there was a session, and it cannot be resumed any more; this witness has nothing left.
        """
        self._note(Kind.REACHING, "", self._me, f"{host}:{port}")
        self._connection = await LineConnection.open(self.nick, host, port, self._take)
        self.resumed, self._ready, self._ended = False, False, ""
        self.capabilities.clear()
        self.rooms.clear()  # a resumed session is told its rooms again
        self._behind = CatchingUp()
        self.send("CAP LS 302", *(f"CAP REQ {name}" for name in self._wanted))
        self.send(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}")
        self.send(*([self._resumption()] if self._token else []), "CAP END")
        await self._until(lambda: self._ready or bool(self._ended))
        if self._ended:
            raise (SessionEndedError if self._ended in SESSION_GONE else ConnectionError)(self._ended)

    def _resumption(self) -> str:
        tokens = ",".join(filter(None, (self._token, self._former)))
        return f"RESUME {tokens} {next(reversed(self._direct), '*')}"

    async def join(self, room: str) -> None:
        """Enter a room; returns when the server has said so."""
        self._note(Kind.ENTERING, room, self._me)
        self.send(f"JOIN {room}")
        await self._until(lambda: casefold(room) in self.rooms)

    async def part(self, room: str) -> None:
        """Leave a room; returns when the server has said so."""
        self._note(Kind.LEAVING, room, self._me)
        self.send(f"PART {room}")
        await self._until(lambda: casefold(room) not in self.rooms)

    def kick(self, room: str, nick: str) -> None:
        """Ask that another leave a room."""
        self._note(Kind.LEAVING, room, nick)
        self.send(f"KICK {room} {nick}")

    def say(self, target: str, text: str) -> None:
        """Send one message to a room or a nick; its text must be unlike any other of this sender, unless it is sent
        again."""
        now_s = asyncio.get_running_loop().time()
        message = casefold(target), text
        tags = self.outgoing.tags(message, f"{self._tick()}", now_s, self._me, self.capabilities)
        self._note(Kind.SAID, _place(target), self._me, text)
        self.send(f"{tags}PRIVMSG {target} :{text}")

    async def acknowledged(self, at_most_open: int = 0) -> None:
        """Wait until no more than so many messages are unacknowledged: a window."""
        await self._until(lambda: len(self.outgoing.open) <= at_most_open)

    async def barrier(self) -> None:
        """PING: what was under way from the server before has been seen when this returns."""
        token = f"b{self._tick()}"
        self.send(f"PING {token}")
        await self._until(lambda: token in self._pongs)

    async def names(self, room: str) -> frozenset[str]:
        """Ask for a room's members, casefolded."""
        key = casefold(room)
        self._names[key] = set()
        self._listed.discard(key)
        self.send(f"NAMES {room}")
        await self._until(lambda: key in self._listed)
        return frozenset(casefold(name.lstrip("@+")) for name in self._names[key])

    def operators(self, room: str) -> frozenset[str]:
        """Who had `@` when `names` was last asked, casefolded."""
        return frozenset(casefold(name[1:]) for name in self._names.get(casefold(room), ()) if name[0] == "@")

    async def quit(self) -> None:
        """Say goodbye, and read until the server has closed."""
        self._note(Kind.LEAVING, "", self._me)
        self.send("QUIT")
        await self._until(lambda: not self.connected)
        await self.drop()

    def read_nothing(self) -> None:
        """Let the connection fill up; the next `drop` or `read_on` ends it."""
        if self._connection is not None:
            self._connection.read_nothing()

    def read_on(self) -> None:
        """Read again."""
        if self._connection is not None:
            self._connection.read_on()

    async def drop(self, *, for_good: bool = False) -> None:
        """Cut the connection without a word; `for_good`: others may see it leave once its grace has run out."""
        if for_good:
            self._note(Kind.LEAVING, "", self._me)
        if (connection := self._connection) is not None:
            self._connection = None
            await connection.abort()

    def send(self, *lines: str) -> None:
        """Send lines as they are; what they do is noted when it comes back."""
        if self._connection is None:
            raise ConnectionError(f"{self.nick} is not connected")
        self._connection.send(*lines)

    def _note(self, kind: Kind, room: str, nick: str, text: str = "", msgid: str = "") -> None:
        self.sights.append(Sight(self._tick(), kind, casefold(room), casefold(nick), text, msgid))

    async def _until(self, fact: Callable[[], bool]) -> None:
        if self._connection is not None:
            await self._connection.until(fact)
        elif not fact():
            raise ConnectionError(f"{self.nick} is not connected")

    def _take(self, message: Message) -> None:
        """See a line now, or once what was missed before it has been seen."""
        mine = message.command == "JOIN" and casefold(Source.parse(message.source).nick) == self._me
        if self._behind.in_page(message) or (not mine and self._behind.takes(message)):
            return
        if page := self._behind.page_ended(message):
            room, lines = page
            for line in lines:
                # Direct messages are caught up with from where a gateway knew us to be: some we may have had already.
                if room != self._me or line.tags.get("msgid", "") not in self._direct:
                    self._see(line)
            self._ask_history(self._behind.go_on(room, lines))
        elif not self._behind.repeats(message):
            self._see(message)

    def _ask_history(self, question: str | None, after_s: float = 0.0) -> None:
        if question is None:
            for message in self._behind.released():
                self._see(message)
        elif after_s:
            asyncio.get_running_loop().call_later(after_s, self._ask_again, self._connection, question)
        else:
            self.send(question)

    def _ask_again(self, connection: LineConnection | None, question: str) -> None:
        if connection is self._connection and self.connected:
            self.send(question)

    def _see(self, message: Message) -> None:
        nick = casefold(Source.parse(message.source).nick)
        params = message.params
        match message.command:
            case "PRIVMSG" | "NOTICE" if message.command == "PRIVMSG" or params[0].startswith("#"):
                self._see_text(nick, casefold(params[0]), params[1], message.tags.get("msgid", ""))
            case "JOIN":
                self._see_entry(nick, casefold(params[0]), message.tags.get("time", ""))
            case "PART" | "KICK" | "QUIT":
                self._see_leaving(message.command, nick, params)
            case "353":
                self._names.setdefault(casefold(params[2]), set()).update(params[3].split())
            case "366":
                self._listed.add(casefold(params[1]))
            case "376" | "422":
                self._ready = not self.resumed
            case "PING":
                self.send(f"PONG :{params[0]}")
            case "PONG":
                self._pongs.add(params[-1])
            case "CAP" if params[1] == "ACK":
                self.capabilities.update(params[2].split())
            case "RESUME":
                self._see_resumption(params)
            case command if command == "FAIL" or command[0] in "45":
                self._see_refusal(message)

    def _see_resumption(self, params: tuple[str, ...]) -> None:
        match params[0]:
            case "TOKEN":
                self._former, self._token = self._token, params[1]
            case "SUCCESS":
                self.resumed = True
            case "DONE":
                self._ready = True

    def _see_entry(self, nick: str, room: str, time: str) -> None:
        self._note(Kind.ENTERED, room, nick)
        if nick != self._me:
            return
        self.rooms.add(room)
        if HISTORY in self.capabilities and room in self._last:
            self._ask_history(self._behind.begin(room, self._last[room]))
        elif HISTORY in self.capabilities and time:
            self._last[room] = f"timestamp={time}"

    def _see_text(self, nick: str, target: str, text: str, msgid: str) -> None:
        now_s = asyncio.get_running_loop().time()
        if nick == self._me and not self.outgoing.came_back((target, text), msgid, now_s):
            return
        self._note(Kind.ACKED if nick == self._me else Kind.HEARD, _place(target), nick, text, msgid)
        if target in self.rooms:
            self._last[target] = f"msgid={msgid}"
        elif target == self._me:
            self._direct[msgid] = None
            if len(self._direct) > MAX_DIRECT:
                del self._direct[next(iter(self._direct))]

    def _see_leaving(self, command: str, nick: str, params: tuple[str, ...]) -> None:
        room = "" if command == "QUIT" else params[0]
        who = casefold(params[1]) if command == "KICK" else nick
        self._note(Kind.LEFT, room, who)
        if who == self._me:
            left = {casefold(room)} if room else set(self.rooms)
            self.rooms -= left
            for each in left:
                self._last.pop(each, None)

    def _see_refusal(self, message: Message) -> None:
        self.refused.append(message)
        if message.command == "FAIL" and message.params[0] == "CHATHISTORY":
            self._ask_history(self._behind.refused(message), ASK_AGAIN_S)
        elif message.command == "FAIL" and message.params[0] == "RESUME":
            self._ended = message.params[1]
        elif message.command == "433" and not self._ready:
            self._ended = self._ended or "433"
        else:
            code = message.params[1] if message.command == "FAIL" else ""
            wait_s = float(message.params[2]) if code == RATE_LIMITED else 0.0
            self.outgoing.refused(
                message.tags.get("label", ""),
                for_now=code in TRY_AGAIN,
                not_before_s=asyncio.get_running_loop().time() + wait_s,
            )


def _place(target: str) -> str:
    """What a target is called for the checker."""
    return target if target.startswith("#") else f"{DIRECT}{target}"
