"""The terminal face: rows scroll by above one line of input. Source: prompt_toolkit's PromptSession.

One prompt lives as long as the chat. Rows are written between two renderings of it, all that came in a moment at
once: that shows a row within milliseconds, where `patch_stdout` gathers for 0.2 s; and the terminal stays raw, where
`run_in_terminal` and `patch_stdout` make it cooked for a moment, in which a Ctrl-D is lost and a Ctrl-C is a signal.
Our own lines stand above the input, marked
`~`, until their acknowledgement moves them into the transcript: so what has scrolled by is what the room has seen.
"""

import asyncio
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output
from prompt_toolkit.renderer import print_formatted_text

from client.face import Screen, Typist
from client.ui.history import InputHistory
from client.ui.style import STYLE

__all__ = ["PromptFace"]

MIN_REDRAW_S = 0.07  # under heavy traffic the screen is redrawn some 14 times a second; keys are drawn at once
SHOWN_PENDING = 5
ESCAPE_WAIT_S = 0.05


class PromptFace:
    """A person at a terminal that can move its cursor."""

    takes_interrupts = False  # Ctrl-C is a key here

    def __init__(self, history: Path | None) -> None:
        """Args: history: the file of typed lines; None: they are not kept."""
        self.output_gone = False
        self._history: History = InputHistory(history) if history is not None else InMemoryHistory()
        self._screen: Screen | None = None
        self._typist: Typist | None = None
        self._changed = asyncio.Event()
        self._app: Application[str] | None = None
        self._stopped = False

    async def ask(self, question: str, default: str) -> str | None:
        """Ask one thing, with `default` already typed."""
        session: PromptSession[str] = PromptSession(erase_when_done=True)
        try:
            return (await self._prompt(session, f"{question}: ", default)).strip()
        except (EOFError, KeyboardInterrupt):
            return None

    async def run(self, screen: Screen, typist: Typist) -> None:
        """One prompt until `stop`, or until the terminal is gone."""
        self._screen, self._typist = screen, typist
        session: PromptSession[str] = PromptSession(
            self._message,
            history=self._history,
            key_bindings=self._keys(),
            style=STYLE,
            enable_suspend=True,
            erase_when_done=True,
        )
        session.default_buffer.accept_handler = self._accept
        async with asyncio.TaskGroup() as tasks:
            drawing = tasks.create_task(self._draw_on())
            try:
                await self._prompt(session)
            except (EOFError, KeyboardInterrupt):
                self.output_gone = not self._stopped
            drawing.cancel()

    def update(self) -> None:
        """Draw soon; at once when no prompt stands any more."""
        self._changed.set()
        if self._stopped and self._app is None and not self.output_gone:
            print_formatted_text(create_output(), self._fresh(), STYLE)

    def stop(self) -> None:
        """End the prompt that stands, or the next one."""
        self._stopped = True
        if self._app is not None and self._app.is_running and not self._app.is_done:
            self._app.exit(exception=EOFError())

    async def _prompt(self, session: PromptSession[str], question: str | None = None, default: str = "") -> str:
        app = self._app = session.app
        app.ttimeoutlen = app.timeoutlen = ESCAPE_WAIT_S  # a lone Esc acts at once, not after 1.5 s
        try:
            # Signals are the app's business, and its errors are the program's: neither is handled on the way.
            return await session.prompt_async(
                question,
                default=default,
                handle_sigint=False,
                set_exception_handler=False,
                pre_run=lambda: self.stop() if self._stopped else None,
            )
        except OSError as exc:
            raise EOFError from exc  # the terminal is gone
        finally:
            self._app = None

    def _message(self) -> FormattedText:
        """Our lines on their way, then what stands before the typed text."""
        if self._screen is None:
            return FormattedText()
        fragments = [part for row in self._screen.pending(SHOWN_PENDING) for part in (*row, ("", "\n"))]
        style = "class:question" if self._screen.question else "class:prompt"
        return FormattedText([*fragments, (style, self._screen.prompt)])

    def _accept(self, buffer: Buffer) -> bool:
        """Enter. True keeps the text; an answer must not go to the history, so it is gone before that is asked."""
        text = buffer.text
        if self._screen is not None and self._screen.question:
            buffer.reset()
        if self._typist is not None:
            self._typist.typed(text)
        return not buffer.text

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        typing = has_focus(DEFAULT_BUFFER)

        @keys.add("c-c", filter=typing)
        def _(event: KeyPressEvent) -> None:
            """Clear the line; an empty one asks to leave."""
            if event.current_buffer.text:
                event.current_buffer.reset()
            elif self._typist is not None:
                self._typist.ask_to_leave()

        @keys.add("c-d", filter=typing)
        def _(event: KeyPressEvent) -> None:
            """Delete a character; on an empty line ask to leave."""
            if event.current_buffer.text:
                event.current_buffer.delete()
            elif self._typist is not None:
                self._typist.ask_to_leave()

        return keys

    async def _draw_on(self) -> None:
        """Draw what has changed, but not too often."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._app is not None:
                self._draw(self._app)
            await asyncio.sleep(MIN_REDRAW_S)

    def _draw(self, app: Application[str]) -> None:
        """Rows where the prompt stands, the prompt below them."""
        if rows := self._fresh():
            app.renderer.erase(leave_alternate_screen=False)
            print_formatted_text(app.output, rows, STYLE)
        app.invalidate()

    def _fresh(self) -> FormattedText:
        rows = self._screen.fresh() if self._screen is not None else []
        return FormattedText(part for row in rows for part in (*row, ("", "\n")))
