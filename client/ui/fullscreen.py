"""The full screen: what is drawn where, and what keys and the input line do. Lives on the terminal's own loop.

Everything that reads or changes the conversation holds its lock; nothing that writes to the terminal does.
"""

import asyncio
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.layout import Layout
from prompt_toolkit.output import Output

from client.commands import holds_password
from client.face import Screen, Typist
from client.render import printable
from client.ui.ascii import plainer
from client.ui.attention import Attention
from client.ui.choosing import join_dialog
from client.ui.drafts import Drafts
from client.ui.input_line import InputLine
from client.ui.keys import key_bindings
from client.ui.links import LinkStyle
from client.ui.lost_paste import LostPaste
from client.ui.picker import Picker
from client.ui.redraw import Redraw, tidy
from client.ui.rows import Cells
from client.ui.style import style
from client.ui.view import View
from client.ui.windows import Windows

__all__ = ["FullScreen"]

TICK_S = 1.0
ESCAPE_WAIT_S = 0.05
RESIZE_POLL_S = 0.2  # on a thread that gets no signals


class FullScreen:
    """One run of the full screen."""

    def __init__(
        self,
        screen: Screen,
        typist: Typist,
        *,
        state_dir: Path | None = None,
        light: bool = False,
        ascii_only: bool = False,
        tz: tzinfo | None = None,
        input: Input | None = None,
        output: Output | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        """Args: begun: is told before what came is taken to be drawn; what comes later needs another `mark`."""
        self._begun = begun
        self._drafts = Drafts(screen.drafts, screen.chat.disk)
        self._line = InputLine(screen, self._drafts, state_dir=state_dir)
        self.view = View(screen, self._drafts, tz=tz)
        self.typist = typist
        self.lock = screen.lock
        self.screen = screen
        self._asked = ""  # the paste that is asked about, to be given back
        self._style = style(light=light)
        self._links = LinkStyle(self._style)
        self._redraw = Redraw(self.refresh)
        self._typed = ""  # what stood in the input before the key that is pressed now
        self._told = ""
        self.buffer = self._line.buffer
        self.query = Buffer(multiline=False, name="query")
        self._windows = Windows(
            draw=lambda width, height: self._redraw.rows(width, height, self._draw),
            prefix=self._prefix,
            typed=self.buffer,
            query=self.query,
            finish=(lambda fragment: self._links.link(plainer(fragment))) if ascii_only else self._links.link,
            lock=self.lock,
        )
        self.app = self._application(input, output)
        self._attention = Attention(self.app.output)
        self._pastes = LostPaste(self.app)

    # What the person does.

    @property
    def picker(self) -> Picker | None:
        """The list that is open to choose from."""
        return self._windows.picker

    @property
    def asked(self) -> bool:
        """Whether the next Enter is an answer."""
        return bool(self.screen.console.question)

    @property
    def may_paste(self) -> bool:
        """Whether lines may be gathered instead of sent."""
        return bool(self.buffer.text) and not self.asked

    def enter(self) -> None:
        """Send what is typed, obey it, or take it as the answer."""
        with self.lock:
            if self._line.follow_room():
                return  # the room has just changed under the hand: nothing must go where it was not meant
            text, console = self.buffer.text, self.screen.console
            if asked := console.question:
                self.buffer.reset()
            elif text.strip():
                self.buffer.reset(append_to_history=not holds_password(text))
            else:
                return
            self.typist.typed(text)
            if console.refused:
                self._line.fill(self._asked if asked else text)
            self._asked = text if console.question and not asked else ""
            if not asked:
                self.view.reading.said()
            self._line.keep()
            self._line.follow_room()
            wants_room, console.wants_room = console.wants_room, False
        if wants_room:
            self.pick(join_dialog(self))
        self._redraw.forget()

    def leave(self) -> None:
        """Ctrl-C and Ctrl-D on an empty line: ask to leave, or take the question back."""
        if not self.asked:
            self._line.keep()
        self.typist.ask_to_leave()

    def clear(self) -> None:
        """Throw away what is typed."""
        self.buffer.reset()

    def go(self, room: str) -> None:
        """Look at another room."""
        if room:
            with self.lock:
                self.view.reading.enter(room)
                self._line.follow_room()
            self.typist.changed()

    def scroll(self, pages: float) -> None:
        """Up, or down when negative; at the top, ask for older lines."""
        with self.lock:
            wanted = self.view.scroll(pages) and self.screen.chat.older(self.screen.chat.transcripts.current)
        if wanted:
            self.typist.changed()

    def command(self, line: str) -> None:
        """Obey a command that a key stands for."""
        with self.lock:
            if not self.asked:
                self.typist.typed(line)
                self._line.follow_room()

    def pick(self, picker: Picker | None) -> None:
        """Open a list to choose from; None closes it."""
        self._windows.picker = picker
        self.query.reset()
        self.app.layout.focus(self._windows.input if picker is None else self._windows.query)

    def choose(self) -> None:
        """Take what the list stands on."""
        picker = self.picker
        if picker is not None:
            with self.lock:
                value = picker.chosen(self.query.text)
            self.pick(None)
            if value:
                picker.choose(value)

    # What happens by itself.

    def mark(self) -> None:
        """Something has changed: draw soon."""
        self._redraw.soon()

    def refresh(self) -> None:
        """Take what came, tell of what calls for the person, and draw."""
        now_s = self._redraw.begin()
        self._begun()
        with self.lock:
            called = self.view.reading.update()
            self._line.follow_room()
            self._take_refusal()
            title = printable(self.view.title())
        if called:
            self._attention.call(now_s)
        self._attention.entitle(title)
        self.app.invalidate()

    def _take_refusal(self) -> None:
        """The server refused what was typed: say so at the input, and give it back where nothing else is typed."""
        refusal = self.screen.chat.heard.refusals.take()
        if refusal is not None:
            self.view.hint = refusal.reason
            if refusal.typed and not self.buffer.text and not self.asked:
                self._line.fill(refusal.typed)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Until `app.exit`, or until the terminal is gone.

        Raises:
            EOFError: the terminal is gone.
        """

        def begin() -> None:
            self.app.create_background_task(self._tick())
            self.refresh()
            ready()

        try:
            await self.app.run_async(pre_run=begin, handle_sigint=False, set_exception_handler=False)
        except OSError as exc:
            raise EOFError from exc
        finally:
            if self.asked:
                self._line.forget()
            else:
                self._line.keep()
            self._drafts.save()
            self._attention.entitle("")

    async def _tick(self) -> None:
        """What time alone changes: the clock, the seconds of an outage; and the drafts on disk."""
        while True:
            await asyncio.sleep(TICK_S)
            with self.lock:
                told = self.view.told()
                if not self.asked:
                    self._line.keep()
            if told != self._told:
                self._told = told
                self.app.invalidate()
            self._pastes.look()
            self._drafts.save()
            tidy()

    # What it is made of.

    def _draw(self, width: int, height: int) -> list[Cells]:
        self._links.make_room()
        with self.lock:
            return self.view.draw(width, height)

    def _prefix(self, line: int, wrapped: int) -> StyleAndTextTuples:
        with self.lock:
            prompt, asked = self.view.prompt(), self.asked
        if line == 0 and wrapped == 0:
            return [("class:question" if asked else "class:prompt", prompt)]
        return [("class:bar", "> ".rjust(len(prompt)) if wrapped == 0 else " " * len(prompt))]

    def _application(self, source: Input | None, output: Output | None) -> "Application[None]":
        app: Application[None] = Application(
            Layout(self._windows.root, focused_element=self._windows.input),
            key_bindings=key_bindings(self),
            full_screen=True,
            style=self._style,
            input=source,
            output=output,
            terminal_size_polling_interval=RESIZE_POLL_S,
            enable_page_navigation_bindings=False,
        )
        # A style given to the application is merged with others, and merging loses the links.
        self._links.wrap(app.renderer.style)
        app.renderer.style = self._links
        app.ttimeoutlen = app.timeoutlen = ESCAPE_WAIT_S  # a lone Esc acts at once, not after 1.5 s
        app.key_processor.before_key_press += lambda _: self._before_key()
        app.key_processor.after_key_press += lambda _: self._after_key()
        self._redraw.watch(app)
        return app

    def _before_key(self) -> None:
        self.view.hint = ""
        self._typed = self.buffer.text

    def _after_key(self) -> None:
        """Somebody sits here; and a key that types nothing is about the rest of the screen."""
        with self.lock:
            self.view.reading.attended()
        if self.buffer.text == self._typed:
            self._redraw.forget()
