"""The full screen inside the test's process: a conversation and a clock that the test plays, keys, and the screen as a
terminal shows it, cell by cell.
"""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pyte
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import ColorDepth

from client.chat import Chat, Identity
from client.console import Console
from client.face import Screen
from client.linkstatus import LinkStatus
from client.outbox import Outbox
from client.turns import Turns
from client.ui.fullscreen import FullScreen
from client.ui.links import LinkOutput
from tests.harness.deadlines import DEADLINE_S

__all__ = ["CAPS", "Desk", "Glass", "ScreenInside", "at", "screen_inside"]

CAPS = "batch draft/chathistory echo-message labeled-response message-tags server-time"
_COLOURS = {
    "red": "r",
    "green": "g",
    "brown": "y",
    "blue": "b",
    "magenta": "m",
    "cyan": "c",
    "brightblack": "k",
    "brightblue": "l",
}


def at(day: int, clock: str) -> int:
    """That minute of that day in November 2026, in milliseconds since 1970."""
    hour, minute = map(int, clock.split(":"))
    return round(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


class Glass(pyte.Screen):
    """A terminal's cells, with the link of each: pyte knows none."""

    def __init__(self, columns: int, rows: int) -> None:
        self.links: dict[tuple[int, int], str] = {}
        self.link = ""
        self.title_now = ""
        self.bells = 0
        super().__init__(columns, rows)

    def draw(self, data: str) -> None:
        for char in data:
            self.links[self.cursor.y, self.cursor.x] = self.link
            super().draw(char)

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        for column in range(self.cursor.x, self.columns):
            self.links.pop((self.cursor.y, column), None)
        super().erase_in_line(how, private)

    def set_title(self, param: str) -> None:
        self.title_now = param

    def bell(self, *_: object) -> None:
        self.bells += 1


class _Wire(io.StringIO):
    """Where the client writes: a terminal that also knows OSC 8."""

    def __init__(self, glass: Glass) -> None:
        super().__init__()
        self.glass = glass
        self.stream = pyte.Stream(glass)
        self.written = ""

    def write(self, text: str) -> int:
        self.written += text
        for number, part in enumerate(re.split(r"\x1b\]8;;(.*?)\x1b\\", text)):
            if number % 2:
                self.glass.link = part
            elif part:
                self.stream.feed(part)
        return len(text)


class Desk:
    """A chat and its console; the test plays server and clock. Stands for the app towards the screen."""

    def __init__(self, *rooms: str, nick: str = "ann", servers: tuple[str, ...] = ("gw-a", "gw-b", "gw-c")) -> None:
        keys = count(1)
        self.now_ms = at(22, "09:32")
        self.chat = Chat(
            Identity(nick=nick, user=nick, realname=nick),
            list(rooms or ("#tea",)),
            Outbox(),
            new_key=lambda: f"k{next(keys)}",
            now_ms=lambda: self.now_ms,
        )
        self.chat.quiet = True
        self.status = LinkStatus(servers, self.now_ms)
        self.console = Console(self.chat, self.status)
        self.screen = Screen(self.chat, self.console, self.status, Turns(), self.changed)
        self.said: list[str] = []
        self.told: Callable[[], None] = lambda: None
        self._msgids = count(1)

    # What the screen asks of the app.

    def typed(self, text: str) -> None:
        self.console.typed(text)
        self.changed()

    def say(self, text: str, room: str) -> None:
        self.console.say(text, room)
        self.changed()

    def ask_to_leave(self) -> None:
        self.console.ask_to_leave()
        self.changed()

    def changed(self) -> None:
        self.said += self.chat.data_to_send().decode().splitlines()
        self.told()

    async def room_to_type(self) -> None:
        return

    def heard(self, line: str) -> Callable[[], Awaitable[bool | None]]:
        """For `eventually`: whether we have sent just this line."""

        async def ask() -> bool | None:
            return True if line in self.said else None

        return ask

    # What the server says.

    def hear(self, *lines: str) -> None:
        """Lines of the server."""
        self.chat.received("".join(f"{line}\r\n" for line in lines).encode())
        self.changed()

    def connect(self, server: str = "gw-a", *more_caps: str, lag_ms: int | None = 12) -> None:
        """A server welcomes us."""
        caps = " ".join([CAPS, *more_caps])
        self.status.trying(server, 1)
        self.status.opened(server)
        self.chat.opened(server)
        nick = self.chat.nick
        self.hear(f":irc CAP * LS :{caps}", f":irc CAP {nick} ACK :{caps}", f":irc 001 {nick} :Welcome")
        self.status.welcomed(self.now_ms)
        self.chat.heard.lag_ms = lag_ms

    def enter(self, room: str, members: str = "@ann", *, topic: str = "", history: tuple[str, ...] = ()) -> None:
        """The server lets us into `room` and answers the request for its history."""
        nick = self.chat.nick
        self.hear(f":{nick}!a@h JOIN {room}")
        if topic:
            self.hear(f":irc 332 {nick} {room} :{topic}")
        self.hear(f":irc 353 {nick} = {room} :{members}", f":irc 366 {nick} {room} :End")
        self.answer(room, *history)

    def answer(self, room: str, *lines: str) -> None:
        """Answer the request for history that was made last."""
        token = next(line for line in reversed(self.said) if line.startswith("PING ")).removeprefix("PING ")
        self.hear(
            f"@label={token} :irc BATCH +h chathistory {room}",
            *(f"@batch=h;{line.removeprefix('@')}" for line in lines),
            ":irc BATCH -h",
            f":irc PONG irc {token}",
        )

    def line(self, time_ms: int, nick: str, text: str, room: str = "#tea", command: str = "PRIVMSG") -> str:
        """A line of `room` as the server writes it."""
        stamp = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03}Z"
        rest = f" :{text}" if text else ""
        return f"@time={stamp};msgid=m{next(self._msgids)} :{nick}!u@h {command} {room}{rest}"

    def echo(self) -> None:
        """The server takes the line of ours that was sent last."""
        tags, _, rest = next(line for line in reversed(self.said) if " PRIVMSG " in line).partition(" ")
        self.hear(f"{tags};msgid=m{next(self._msgids)} :{self.chat.nick}!a@h {rest}")

    def lose(self, server: str, reason: str) -> None:
        """The connection goes away."""
        self.status.lost(server, reason, self.now_ms)
        self.chat.lost()
        self.changed()


class ScreenInside:
    """The running screen."""

    def __init__(self, desk: Desk, ui: FullScreen, keys: PipeInput, wire: _Wire, size: list[int]) -> None:
        self.desk = desk
        self.ui = ui
        self.glass = wire.glass
        self.wire = wire
        self._keys = keys
        self._size = size
        self._changed = asyncio.Event()
        ui.app.after_render += lambda _: self._changed.set()

    @property
    def rows(self) -> list[str]:
        """What is to be seen, without the blank rest of each row; a wide character's second cell is dropped."""
        return ["".join(row[column].data for column in range(self.glass.columns)).rstrip() for row in self._cells()]

    @property
    def styles(self) -> list[str]:
        """One letter a cell: the colour's, upper case when bold; `#` reversed, `_` underlined, `.` plain."""
        return [
            "".join(_letter(row[column]) for column in range(self.glass.columns)).rstrip(".") for row in self._cells()
        ]

    def type(self, keys: str) -> None:
        """Press keys."""
        self._keys.send_text(keys)

    async def until(self, fact: Callable[[list[str]], bool], what: str) -> None:
        """Wait until the rows are as `fact` wants them.

        Raises:
            AssertionError: they were not in time; with the screen.
        """
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not fact(self.rows):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError("\n".join([f"never seen: {what}", *self.rows])) from None

    async def sees(self, text: str) -> None:
        """Wait for `text` somewhere on the screen."""
        await self.until(lambda rows: any(text in row for row in rows), text)

    async def input_is(self, text: str) -> None:
        """Wait until the last row that is not blank is just `text`."""
        await self.until(lambda rows: [row for row in rows if row][-1] == text, f"{text} as the last row")

    async def drawn(self) -> None:
        """Wait for everything that has happened so far to be on the screen."""
        self.ui.refresh()
        self._changed.clear()
        async with asyncio.timeout(DEADLINE_S):
            await self._changed.wait()

    async def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self._size[:] = columns, rows
        self.glass.resize(rows, columns)
        self.ui.app._on_resize()
        await self.drawn()

    def _cells(self) -> list[dict[int, pyte.screens.Char]]:
        return [self.glass.buffer[row] for row in range(self.glass.lines)]


def _letter(cell: pyte.screens.Char) -> str:
    if cell.reverse:
        return "#"
    letter = _COLOURS.get(cell.fg, "?") if cell.fg != "default" else "w"
    if cell.underscore:
        return "_"
    if cell.bold:
        return letter.upper()
    return "." if letter == "w" else letter


@asynccontextmanager
async def screen_inside(
    desk: Desk,
    columns: int = 80,
    rows: int = 24,
    *,
    light: bool = False,
    ascii_only: bool = False,
    depth: ColorDepth = ColorDepth.DEPTH_4_BIT,
    state_dir: Path | None = None,
) -> AsyncIterator[ScreenInside]:
    """The screen of `desk` on a terminal of that size, until the end of the block."""
    size = [columns, rows]
    wire = _Wire(Glass(columns, rows))
    with create_pipe_input() as keys:
        output = LinkOutput(
            wire, lambda: Size(rows=size[1], columns=size[0]), term="xterm", enable_cpr=False, default_color_depth=depth
        )
        desk.screen.drafts = state_dir / "drafts" if state_dir is not None else None
        ui = FullScreen(
            desk.screen,
            desk,
            state_dir=state_dir,
            light=light,
            ascii_only=ascii_only,
            tz=UTC,
            input=keys,
            output=output,
        )
        inside = ScreenInside(desk, ui, keys, wire, size)
        desk.told = ui.mark
        running = asyncio.create_task(ui.run())
        try:
            await inside.until(any, "the first paint")
            yield inside
        finally:
            desk.told = lambda: None
            if not ui.app.is_done:
                ui.app.exit()
            await running
