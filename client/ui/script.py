"""The face for scripts: says what it is given, prints what was said; no question, no command, no word of its own.

What others say goes to standard output, as lines or as JSON; what the client has to say goes to standard error: at
once while following, else only when something went wrong.
"""

import asyncio
import json
import sys
from collections import deque

from client.config import Script
from client.exits import complain
from client.face import Screen, Typist
from client.line import RoomLine
from client.render import plain, render
from client.timeline import Row
from client.ui.standard_input import StandardInput
from gateway.wire.tags import format_time

__all__ = ["ScriptFace"]

MAX_KEPT_NOTES = 50
MAX_EARLY_LINES = 1000  # heard in one room while another is still being entered


class ScriptFace:
    """Nobody sits here."""

    takes_interrupts = False
    shows_state = False

    def __init__(self, script: Script, rooms: tuple[str, ...], *, limit_s: float) -> None:
        """Args: limit_s: how long the rooms may take to be entered."""
        self.output_gone = False
        self.unserved = False  # a room, or its last lines, could not be had in time
        self._script = script
        self._rooms = rooms
        self._limit_s = limit_s
        self._input = StandardInput(ends=True)
        self._screen: Screen | None = None
        self._tail: dict[str, deque[RoomLine]] = {}
        self._notes: deque[str] = deque(maxlen=MAX_KEPT_NOTES)
        self._early: deque[RoomLine] = deque(maxlen=MAX_EARLY_LINES)
        self._entered = False
        self._stopped = False
        self._changed = asyncio.Event()

    async def ask(self, question: str, default: str) -> str | None:
        """Nobody is asked: the default will do."""
        return default

    async def run(self, screen: Screen, typist: Typist) -> None:
        """Do what the script wants; returns when nothing more is to be said or heard."""
        self._screen = screen
        if self._script.tail or self._script.follow:
            await self._enter(screen)
        for text in self._script.messages:
            await self._say(typist, text)
        while self._script.send and (line := await self._input.line()) is not None:
            await self._say(typist, line)
        while self._script.follow and not self._stopped and screen.rooms:
            await self._change()

    def update(self) -> None:
        """Take what is new."""
        if self._screen is None:
            return
        for shown in self._screen.shown():
            if not isinstance(shown.row, RoomLine):
                self._note(shown.row)
            elif self._entered:
                self._heard(shown.row)
            elif shown.row.replayed:
                self._tail.setdefault(shown.room, deque(maxlen=self._script.tail)).append(shown.row)
            else:
                self._early.append(shown.row)
        self._changed.set()

    def stop(self) -> None:
        """End `run`."""
        self._stopped = True
        self._input.stop()
        self._changed.set()

    def confess(self) -> None:
        """Something went wrong: say on standard error what the client had to say."""
        while self._notes:
            complain(self._notes.popleft())

    async def _enter(self, screen: Screen) -> None:
        """Wait until the rooms are entered and their history is here, then print its end."""
        try:
            async with asyncio.timeout(self._limit_s):
                while not (screen.settled or self._stopped):
                    await self._change()
        except TimeoutError:
            self.unserved = True
        self.update()
        self._entered = True
        self.unserved |= not screen.rooms and not self._stopped
        last = [line for lines in self._tail.values() for line in lines]
        for line in sorted(last, key=lambda line: line.time_ms):
            self._print(line)
        for line in self._early:
            self._heard(line)
        self._tail.clear()
        self._early.clear()

    async def _say(self, typist: Typist, text: str) -> None:
        for line in text.splitlines():
            for room in self._rooms:
                if not self._stopped:
                    typist.say(line, room)
                    await typist.room_to_type()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _heard(self, line: RoomLine) -> None:
        if self._script.follow:
            self._print(line)

    def _print(self, line: RoomLine) -> None:
        if self.output_gone:
            return
        try:
            sys.stdout.write((_object(line) if self._script.as_json else self._text(line)) + "\n")
            sys.stdout.flush()
        except OSError:
            self.output_gone = True  # as in `chat-client --follow | head`
            self.stop()

    def _note(self, row: Row) -> None:
        self._notes.append(self._text(row))
        if self._script.follow:
            self.confess()

    def _text(self, row: Row) -> str:
        tag = row.room if isinstance(row, RoomLine) and len(self._rooms) > 1 else ""
        assert self._screen is not None
        return plain(render(row, own_nick="", tag=tag, find=self._screen.chat.transcripts.line))


def _object(line: RoomLine) -> str:
    fields = {
        "time": format_time(line.time_ms),
        "room": line.room,
        "nick": line.nick,
        "msgid": line.msgid,
        "kind": line.kind.value,
        "text": line.text,
    }
    # Escaped beyond ASCII: a terminal that shows the output obeys nothing of it.
    more = {"subject": line.subject, "reply_to": line.reply_to}
    return json.dumps(fields | {name: value for name, value in more.items() if value})
