"""A plain IRC peer that remembers all it did and saw, for `tests.harness.checker`. Real sockets, asyncio streams.

Unlike an `IrcPeer` it reads all the time, whoever waits or not.

A `Court` is one run: its witnesses share a clock, and it asks the checker for the report. Witnesses negotiate
`echo-message` (the acknowledgement), `message-tags` (msgids) and `batch`, as far as the server has them.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import count

from gateway.wire.framing import LineDecoder, Overlong
from gateway.wire.limits import MAX_LINE_BYTES, MAX_TAGS_BYTES
from gateway.wire.message import Message, Source
from gateway.wire.names import casefold
from tests.harness.checker import Kind, Report, Roster, Sight, check
from tests.harness.deadlines import DEADLINE_S

__all__ = ["Court", "Witness"]

WAIT_S = 4 * DEADLINE_S  # for any fact: what is waited for may stand behind thousands of others
CAPABILITIES = ("echo-message", "message-tags", "server-time", "batch")
MAX_REFUSED = 1_000  # refusals kept, the newest
MAX_SIGHTS = 4_000_000  # of one run; more is a mistake in the test


class Court:
    """One run. Its witnesses are closed at the end of `async with`."""

    def __init__(self) -> None:
        self._clock = count()
        self._witnesses: dict[str, Witness] = {}

    async def __aenter__(self) -> "Court":
        return self

    async def __aexit__(self, *_: object) -> None:
        async with asyncio.TaskGroup() as tasks:
            for witness in self._witnesses.values():
                tasks.create_task(witness.drop())

    async def witness(self, nick: str, host: str, port: int) -> "Witness":
        """A new witness, registered."""
        witness = self._witnesses[casefold(nick)] = Witness(nick, self._tick)
        await witness.connect(host, port)
        return witness

    async def report(self) -> Report:
        """Ask all connected witnesses for the members of their rooms, and judge the run.

        A barrier on every witness goes first: what the server sent before it has been seen by then.
        """
        connected = [witness for witness in self._witnesses.values() if witness.connected]
        async with asyncio.TaskGroup() as tasks:
            for witness in connected:
                tasks.create_task(witness.barrier())
        rosters = [
            Roster(casefold(witness.nick), room, await witness.names(room))
            for witness in connected
            for room in sorted(witness.rooms)
        ]
        return check({nick: witness.sights for nick, witness in self._witnesses.items()}, rosters)

    def _tick(self) -> int:
        tick = next(self._clock)
        if tick > MAX_SIGHTS:
            raise OverflowError(f"more than {MAX_SIGHTS} sights")
        return tick


class Witness:
    """One peer. `connect` again after `drop` or a lost connection, to any gateway: what it knows goes on."""

    def __init__(self, nick: str, tick: Callable[[], int]) -> None:
        self.nick = nick
        self.sights: list[Sight] = []
        self.rooms: set[str] = set()
        self.refused: deque[Message] = deque(maxlen=MAX_REFUSED)  # error numerics and FAIL, for the test to look at
        self.connected = False
        self._me = casefold(nick)
        self._tick = tick
        self._unacked: dict[tuple[str, str], None] = {}
        self._pongs: set[str] = set()
        self._names: dict[str, set[str]] = {}
        self._listed: set[str] = set()
        self._ready = False
        self._changed = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def unacknowledged(self) -> list[tuple[str, str]]:
        """Room and text of what was said and has not come back, oldest first."""
        return list(self._unacked)

    async def connect(self, host: str, port: int) -> None:
        """Open a connection and register; the capabilities the server lacks are left out."""
        async with asyncio.timeout(WAIT_S):
            reader, self._writer = await asyncio.open_connection(host, port)
        self.connected, self._ready = True, False
        self.rooms.clear()  # a resumed session is told its rooms again
        # Owned by this witness: `drop` ends it and waits for it.
        self._reading = asyncio.create_task(self._read(reader), name=f"witness {self.nick}")
        self._send("CAP LS 302", *(f"CAP REQ {name}" for name in CAPABILITIES))
        self._send(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}", "CAP END")
        await self._until(lambda: self._ready)

    async def join(self, room: str) -> None:
        """Enter a room; returns when the server has said so."""
        self._note(Kind.ENTERING, room, self._me)
        self._send(f"JOIN {room}")
        await self._until(lambda: casefold(room) in self.rooms)

    async def part(self, room: str) -> None:
        """Leave a room; returns when the server has said so."""
        self._note(Kind.LEAVING, room, self._me)
        self._send(f"PART {room}")
        await self._until(lambda: casefold(room) not in self.rooms)

    def kick(self, room: str, nick: str) -> None:
        """Ask that another leave a room."""
        self._note(Kind.LEAVING, room, nick)
        self._send(f"KICK {room} {nick}")

    def say(self, room: str, text: str) -> None:
        """Send one message; its text must be unlike any other of this sender, unless it is sent again."""
        self._note(Kind.SAID, room, self._me, text)
        self._unacked[casefold(room), text] = None
        self._send(f"PRIVMSG {room} :{text}")

    async def acknowledged(self, at_most_open: int = 0) -> None:
        """Wait until no more than so many messages are unacknowledged: a window."""
        await self._until(lambda: len(self._unacked) <= at_most_open)

    async def barrier(self) -> None:
        """PING: what was under way from the server before has been seen when this returns."""
        token = f"b{self._tick()}"
        self._send(f"PING {token}")
        await self._until(lambda: token in self._pongs)

    async def names(self, room: str) -> frozenset[str]:
        """Ask for a room's members, casefolded."""
        key = casefold(room)
        self._names[key] = set()
        self._listed.discard(key)
        self._send(f"NAMES {room}")
        await self._until(lambda: key in self._listed)
        return frozenset(self._names[key])

    async def quit(self) -> None:
        """Say goodbye, and read until the server has closed."""
        self._note(Kind.LEAVING, "", self._me)
        self._send("QUIT")
        await self._until(lambda: not self.connected)
        await self.drop()

    async def drop(self, *, for_good: bool = False) -> None:
        """Cut the connection without a word; `for_good`: others may see it leave once its grace has run out."""
        if for_good:
            self._note(Kind.LEAVING, "", self._me)
        if self._writer:
            self._writer.transport.abort()
            self._writer = None
        if reading := self._reading:
            self._reading = None
            reading.cancel()
            await asyncio.wait([reading], timeout=WAIT_S)
            if not reading.cancelled():
                reading.result()  # a line that it could not take is the test's business
        self.connected = False

    def _send(self, *lines: str) -> None:
        if self._writer is None:
            raise ConnectionError(f"{self.nick} is not connected")
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    def _note(self, kind: Kind, room: str, nick: str, text: str = "", msgid: str = "") -> None:
        self.sights.append(Sight(self._tick(), kind, casefold(room), casefold(nick), text, msgid))

    async def _until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: fact() or not self.connected)
        if not fact():
            raise ConnectionError(f"{self.nick}: the server closed the connection")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        decoder = LineDecoder(MAX_TAGS_BYTES + MAX_LINE_BYTES)
        while self.connected:
            try:
                chunk = await reader.read(1 << 16)
            except ConnectionError:
                chunk = b""
            for line in decoder.feed(chunk):
                assert not isinstance(line, Overlong), "the server sent a line longer than the wire allows"
                self._see(Message.parse(line))
            self.connected = bool(chunk)
            async with self._changed:
                self._changed.notify_all()

    def _see(self, message: Message) -> None:
        nick = casefold(Source.parse(message.source).nick)
        params = message.params
        match message.command:
            case "PRIVMSG" | "NOTICE" if params[0].startswith("#"):
                self._see_text(nick, casefold(params[0]), params[1], message.tags.get("msgid", ""))
            case "JOIN":
                self._note(Kind.ENTERED, params[0], nick)
                if nick == self._me:
                    self.rooms.add(casefold(params[0]))
            case "PART" | "KICK" | "QUIT":
                self._see_leaving(message.command, nick, params)
            case "353":
                self._names.setdefault(casefold(params[2]), set()).update(
                    casefold(name.lstrip("@+")) for name in params[3].split()
                )
            case "366":
                self._listed.add(casefold(params[1]))
            case "376" | "422":
                self._ready = True
            case "PING":
                self._send(f"PONG :{params[0]}")
            case "PONG":
                self._pongs.add(params[-1])
            case command if command == "FAIL" or command[0] in "45":
                self.refused.append(message)

    def _see_text(self, nick: str, room: str, text: str, msgid: str) -> None:
        self._note(Kind.ACKED if nick == self._me else Kind.HEARD, room, nick, text, msgid)
        if nick == self._me:
            self._unacked.pop((room, text), None)

    def _see_leaving(self, command: str, nick: str, params: tuple[str, ...]) -> None:
        room = "" if command == "QUIT" else params[0]
        who = casefold(params[1]) if command == "KICK" else nick
        self._note(Kind.LEFT, room, who)
        if who == self._me:
            self.rooms -= {casefold(room)} if room else self.rooms
