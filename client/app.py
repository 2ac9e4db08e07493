"""The running client: link, conversation and face put together; it owns their tasks, deadlines and exit code."""

import asyncio
import signal
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

from client.chat import Chat
from client.console import Console
from client.exits import ExitCode
from client.face import Face, Screen
from client.link import Link, Server
from client.linkstatus import LinkStatus
from client.outcome import outcome
from client.turns import Turns

__all__ = ["App"]

TURN_BYTES = 4096  # of what a server says, before a face gets its turn: a few milliseconds
TICK_S = 1.0
JUMP_MS = 5_000  # from one tick to the next: the machine has slept
PROBE_TICKS = 30  # from one measurement of the lag to the next
FLUSH_LIMIT_S = 10.0  # from one acknowledgement to the next, when a pipe has ended
LEAVE_FLUSH_LIMIT_S = 1.0  # the same for a person, whose outbox is kept
GOODBYE_LIMIT_S = 1.0  # for the server to close after QUIT
MAX_TYPED_AHEAD = 100  # lines that a pipe may be ahead of the server
TOLD_TRIES = 5  # each of the first tries is told, then only every tenth


class App:
    """One run of the client. It is the link's user and the face's typist.

    Its loop is the network's. A face may have a thread of its own, so that a terminal that does not read cannot keep
    us from answering the server; then one lock stands around the conversation, held for moments and never over I/O
    on the terminal or the network.
    """

    def __init__(
        self,
        chat: Chat,
        servers: Sequence[Server],
        face: Face,
        *,
        interactive: bool,
        timeout_s: float,
        rng: Callable[[], float],
        tls: ssl.SSLContext | None = None,
        drafts: Path | None = None,
    ) -> None:
        """Args:
        timeout_s: how long a run that is not `interactive` looks for a gateway.
        tls, drafts: as for `Link` and for `Screen`.
        """
        self._drafts = drafts
        self._chat = chat
        self._status = LinkStatus([str(server) for server in servers], chat.now_ms())
        self._console = Console(chat, self._status)
        self._face = face
        self._link = Link(servers, self, rng=rng, tls=tls)
        self._interactive = interactive
        self._timeout_s = timeout_s
        chat.quiet = face.shows_state
        self._progress = asyncio.Event()
        self._signal: int | None = None
        self._gave_up = False
        self._lock = Turns()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    async def run(self) -> int:
        """Chat until the person leaves, the input ends or a signal comes; the exit code."""
        loop = self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        deadline = loop.time() + self._timeout_s
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        self._chat.transcripts.note(f"connecting to {self._status.server}; /help lists commands, exit leaves")
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(self._link.run()), tasks.create_task(self._tick())]
            if not self._interactive:
                background.append(tasks.create_task(self._give_up(deadline)))
            screen = Screen(self._chat, self._console, self._status, self._lock, self.changed, drafts=self._drafts)
            await self._face.run(screen, self)
            if self._signal is None:
                await self._flush(deadline)
            code = self._exit_code()
            await self._say_goodbye()
            for task in background:
                task.cancel()
        self._face.update()
        return code

    # The face's side.

    def typed(self, text: str) -> None:
        """Obey one Enter; from any thread."""
        with self._lock:
            self._console.typed(text)
        self.changed()

    def say(self, text: str, room: str) -> None:
        """Say one line."""
        with self._lock:
            self._console.say(text, room)
        self.changed()

    def ask_to_leave(self) -> None:
        """Put the question, or take it back; from any thread."""
        with self._lock:
            self._console.ask_to_leave()
        self.changed()

    def changed(self) -> None:
        """Do what follows from what a face changed; from any thread."""
        if threading.get_ident() == self._thread:
            self._pump()
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self._pump)

    async def room_to_type(self) -> None:
        """Wait while more lines wait than a pipe may be ahead; ends when the chat does."""
        while len(self._chat.own_lines) >= MAX_TYPED_AHEAD and not self._over:
            await self._progressed()

    # The link's side.

    def link_trying(self, server: Server, attempt: int) -> None:
        """Show whom we try."""
        with self._lock:
            self._status.trying(str(server), attempt)
        self._pump()

    def link_opened(self, server: Server) -> None:
        """Greet the server."""
        with self._lock:
            self._status.opened(str(server))
            self._chat.opened(str(server))
        self._pump()

    def link_received(self, chunk: bytes) -> None:
        """Hear the server."""
        for start in range(0, len(chunk), TURN_BYTES):
            with self._lock:
                was_welcome = self._chat.session is not None
                self._chat.received(chunk[start : start + TURN_BYTES])
                if reason := self._chat.unusable():
                    self._link.send(self._chat.data_to_send())  # a good-bye, if there is one
                    self._link.drop(reason)
                    break
                if not was_welcome and self._chat.session is not None:
                    self._status.welcomed(self._chat.now_ms())
                    self._link.settled()
        self._pump()

    def link_idle(self) -> None:
        """Ask for a sign of life."""
        with self._lock:
            self._chat.ping()
        self._pump()

    def link_lost(self, server: Server, reason: str) -> None:
        """Say so at once."""
        with self._lock:
            self._status.lost(str(server), self._chat.heard.closing or reason, self._chat.now_ms())
            self._chat.lost()
            self._chat.transcripts.note(f"connection to {server} lost; trying again ({reason})")
        self._pump()

    def link_failed(self, server: Server, attempt: int, reason: str, wait_s: float) -> None:
        """Say which try it was; a long outage is not told thirty times a page."""
        when = f"in {wait_s:.1f} s" if wait_s else "at once"
        with self._lock:
            self._status.failed(str(server), attempt, reason, self._chat.now_ms() + round(wait_s * 1000))
            if not self._face.shows_state and (attempt <= TOLD_TRIES or attempt % 10 == 0):
                self._chat.transcripts.note(f"try {attempt}: no connection to {server}: {reason}; next {when}")
        self._pump()

    # Between them.

    def _pump(self) -> None:
        """Something has changed: send what is to be sent, draw what is to be drawn, end when it is time."""
        with self._lock:
            self._link.send(self._chat.data_to_send())
            if self._console.connect_now:
                self._console.connect_now = False
                self._link.hurry()
        self._progress.set()
        self._face.update()
        if self._over:
            self._face.stop()

    @property
    def _over(self) -> bool:
        """Nothing more is to be typed."""
        return bool(self._console.left or self._chat.heard.login_refused or self._signal or self._gave_up)

    async def _give_up(self, deadline: float) -> None:
        """A pipe does not wait for ever for its first gateway."""
        await asyncio.sleep(deadline - asyncio.get_running_loop().time())
        self._gave_up = not self._chat.heard.welcomed
        self._pump()

    async def _tick(self) -> None:
        """What time alone brings about: lines to be tried again, answers that did not come."""
        ticked_ms = self._chat.now_ms()
        for tick in count(1):
            await asyncio.sleep(TICK_S)
            slept = self._chat.now_ms() - ticked_ms > JUMP_MS
            ticked_ms = self._chat.now_ms()
            if slept:
                self._link.check()
            with self._lock:
                if reason := self._chat.unusable():
                    self._link.drop(reason)
                unmeasured = self._chat.heard.lag_ms is None and self._chat.at_rest
                # Does it answer at all, while a line of ours goes without an answer?
                wanted = unmeasured or tick % PROBE_TICKS == 0 or self._chat.stall.ms > 0
                if self._chat.heard.pinged_ms is None and wanted:
                    self._chat.ping()
                self._chat.tell_of_stall()
                self._chat.tell_what_was_seen()
                self._chat.save()
                self._link.send(self._chat.data_to_send())
                news = self._chat.transcripts.has_fresh
            if news:
                self._face.update()

    def _signalled(self, number: signal.Signals) -> None:
        if number is signal.SIGINT and self._face.takes_interrupts:
            self.ask_to_leave()
            return
        self._signal = number
        self._pump()

    async def _flush(self, deadline: float) -> None:
        """Wait, but not for ever, until what was typed is acknowledged."""
        if self._interactive:
            if self._chat.session is not None:
                await self._until(lambda: not len(self._chat.own_lines), LEAVE_FLUSH_LIMIT_S)
            return
        if self._console.left and not len(self._chat.own_lines):
            return
        left_s = deadline - asyncio.get_running_loop().time()
        await self._until(lambda: self._chat.heard.welcomed, left_s)
        moving = self._chat.heard.welcomed
        while moving and not self._chat.at_rest:
            left = len(self._chat.own_lines)
            moving = await self._until(partial(self._moved, left), FLUSH_LIMIT_S)

    def _moved(self, left: int) -> bool:
        return self._chat.at_rest or len(self._chat.own_lines) < left

    async def _until(self, fact: Callable[[], bool], limit_s: float) -> bool:
        """Wait for `fact`; False when it did not come about in time, or cannot any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not (fact() or self._chat.heard.login_refused or self._signal):
                    await self._progressed()
        return fact()

    async def _progressed(self) -> None:
        self._progress.clear()
        await self._progress.wait()

    def _exit_code(self) -> int:
        if self._signal is not None:
            return ExitCode.SIGNAL + self._signal
        if self._face.output_gone:
            return ExitCode.OUTPUT_GONE
        return outcome(self._chat, interactive=self._interactive, left=self._console.left)

    async def _say_goodbye(self) -> None:
        if self._chat.session is not None:
            self._chat.quit(self._console.reason)
            self._pump()
            await self._until(lambda: self._chat.session is None, GOODBYE_LIMIT_S)
