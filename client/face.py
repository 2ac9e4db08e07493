"""What the app asks of a face, and what a face may ask of the app. Types only: no I/O, no terminal library."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from client.chat import Chat
from client.console import Console
from client.linkstatus import LinkStatus
from client.render import Fragment, day_of, day_rule, plain, render
from client.timeline import Note
from client.transcripts import Shown

__all__ = ["Face", "Screen"]


class Screen:
    """What there is to draw, as fragments; every face draws from here."""

    def __init__(
        self,
        chat: Chat,
        console: Console,
        status: LinkStatus,
        lock: AbstractContextManager[object],
        changed: Callable[[], None] = lambda: None,
        *,
        drafts: Path | None = None,
    ) -> None:
        """Args:
        lock: stands around everything here; a face whose thread is not the app's takes it.
        changed: to be told, from any thread, when a face has changed something; as `Typist.changed`.
        drafts: where what is typed and not sent is kept, by this client alone; None: nowhere.
        """
        self.changed = changed
        self.drafts = drafts
        self.chat = chat
        self.console = console
        self.status = status
        self.lock = lock
        self._day = ""

    @property
    def question(self) -> str:
        """What is asked now, or empty."""
        return self.console.question

    @property
    def prompt(self) -> str:
        """Stands before the typed text: the question, or the room it goes to."""
        return self.console.question or self.console.prompt

    @property
    def rooms(self) -> list[str]:
        """The rooms we are in, or enter as soon as there is a server."""
        return self.chat.rooms

    @property
    def settled(self) -> bool:
        """Whether we are in all of them and know what was said there."""
        return self.chat.settled

    def shown(self) -> list[Shown]:
        """What `fresh` is made of, for faces that draw no rows; each row is handed out once, here or there."""
        return self.chat.transcripts.fresh()

    def fresh(self) -> list[list[Fragment]]:
        """Rows that came since the last call, with a rule where a day begins."""
        rows = []
        for shown in self.shown():
            day = f"{day_of(shown.row.time_ms):%F}"
            # The day a client starts on needs no rule, unless what it shows is older.
            if day != self._day and (self._day or day != f"{day_of(self.chat.now_ms()):%F}"):
                rows.append(day_rule(shown.row.time_ms))
            self._day = day
            tag = shown.room if shown.room not in ("", self.chat.transcripts.current) else ""
            rows.append(render(shown.row, own_nick=self.chat.nick, tag=tag, find=self.chat.transcripts.line))
        return rows

    def last_words(self) -> list[str]:
        """What the client itself has said since the last call; for a terminal whose screen is gone."""
        fresh = self.chat.transcripts.fresh()
        return [plain(render(shown.row, own_nick="")) for shown in fresh if isinstance(shown.row, Note)]


class Typist(Protocol):
    """Where a face hands in what it was given; all but the waiting may be called from any thread."""

    def typed(self, text: str) -> None:
        """One Enter: a line, or several when it was a paste."""

    def say(self, text: str, room: str) -> None:
        """Text for a room, as it stands: no command, no answer."""

    def ask_to_leave(self) -> None:
        """Ctrl-C or Ctrl-D on an empty line."""

    def changed(self) -> None:
        """A face has changed what there is: a room was chosen, older lines asked for, a draft typed."""

    async def room_to_type(self) -> None:
        """Wait until the outbox has room; for input that comes faster than a server takes it."""


class Face(Protocol):
    """A way to talk with the person. `run` ends when `stop` is called, or at the end of input that cannot come back."""

    takes_interrupts: bool
    """SIGINT comes from a person's Ctrl-C, and asks to leave; else it ends the program."""

    shows_state: bool
    """How the connection stands is always visible; else it must be told in lines."""

    output_gone: bool
    """Nobody reads any more."""

    async def ask(self, question: str, default: str) -> str | None:
        """Ask before the chat begins; None: stopped, or no answer will come."""

    async def run(self, screen: Screen, typist: Typist) -> None:
        """Take input and draw until the end."""

    def update(self) -> None:
        """The screen's rows, prompt or question have changed."""

    def stop(self) -> None:
        """End `run` and `ask`. Harmless when neither runs."""
