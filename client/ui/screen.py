"""The full-screen face: the terminal on a thread and a loop of its own.

A terminal that does not read stops whoever writes to it. So the loop that answers the server, and hears signals, is
another one, and it can end the client also when the terminal never reads again.
"""

import asyncio
import contextlib
import os
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.output import ColorDepth, Output, create_output

from client.face import Screen, Typist
from client.ui.fullscreen import ESCAPE_WAIT_S, FullScreen
from client.ui.links import LinkOutput
from client.ui.style import is_light

__all__ = ["ScreenFace"]

STOP_LIMIT_S = 1.0  # for the terminal to take the last bytes; then it is left as it is


class ScreenFace:
    """A person at a terminal that can move its cursor."""

    takes_interrupts = False  # Ctrl-C is a key here
    shows_state = True

    def __init__(self, state_dir: Path | None, *, ascii_only: bool = False) -> None:
        """Args: state_dir: where typed lines and drafts are kept; None: they are not. ascii_only: as `FullScreen`."""
        self.output_gone = False
        self._ascii_only = ascii_only
        self._state_dir = state_dir
        self._screen: Screen | None = None
        self._stopped = asyncio.Event()
        self._ended = False
        self._marked = False
        self._asking: PromptSession[str] | None = None
        self._ui: FullScreen | None = None
        self._ui_loop: asyncio.AbstractEventLoop | None = None

    async def ask(self, question: str, default: str) -> str | None:
        """Ask one thing, with `default` already typed."""
        if self._stopped.is_set():
            return None
        session = self._asking = PromptSession(erase_when_done=True)
        session.app.ttimeoutlen = session.app.timeoutlen = ESCAPE_WAIT_S
        try:
            answer = await session.prompt_async(
                f"{question}: ", default=default, handle_sigint=False, set_exception_handler=False
            )
        except (EOFError, KeyboardInterrupt, OSError):
            return None
        finally:
            self._asking = None
        return answer.strip()

    async def run(self, screen: Screen, typist: Typist) -> None:
        """The full screen until `stop`, or until the terminal is gone."""
        self._screen = screen
        sane = _attributes()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def tell(error: BaseException | None) -> None:
            if not done.done():
                done.set_exception(error) if error is not None else done.set_result(None)

        def terminal() -> None:
            error: BaseException | None = None
            try:
                asyncio.run(self._show(screen, typist))
            except EOFError:
                self.output_gone = True
            except Exception as exc:  # noqa: BLE001 - handed over: the terminal is sane again, and the app tells
                error = exc
            with contextlib.suppress(RuntimeError):  # the loop has ended, for this terminal took too long
                loop.call_soon_threadsafe(tell, error)

        threading.Thread(target=terminal, name="terminal", daemon=True).start()
        done.add_done_callback(lambda _: self._stopped.set())
        await self._stopped.wait()
        await asyncio.wait([done], timeout=STOP_LIMIT_S)
        self._ended = True
        if done.done():
            done.result()
        else:
            self.output_gone = True
            _restore(sane)

    def update(self) -> None:
        """Draw soon; when the screen is gone, print what the client has still to say."""
        if self._ended:
            self._print_rest()
        elif self._ui_loop is not None and not self._marked:
            self._marked = True
            self._call(self._mark)

    def stop(self) -> None:
        """End `run` and `ask`."""
        self._stopped.set()
        if self._asking is not None and self._asking.app.is_running and not self._asking.app.is_done:
            self._asking.app.exit(exception=EOFError())
        self._call(self._exit)

    async def _show(self, screen: Screen, typist: Typist) -> None:
        """On the terminal's loop."""
        loop = asyncio.get_running_loop()
        failed: list[BaseException] = []

        def fail(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
            error = context.get("exception")
            failed.append(error if isinstance(error, BaseException) else RuntimeError(str(context.get("message"))))
            self._exit()

        loop.set_exception_handler(fail)
        ui = FullScreen(
            screen,
            typist,
            state_dir=self._state_dir,
            light=is_light(),
            ascii_only=self._ascii_only,
            output=_output(),
            begun=self._begun,
        )
        self._ui, self._ui_loop = ui, loop

        def ready() -> None:
            if self._stopped.is_set():
                self._exit()

        try:
            await ui.run(ready)
        finally:
            self._ui_loop = None
        if failed:
            raise failed[0]

    def _mark(self) -> None:
        if self._ui is not None:
            self._ui.mark()

    def _begun(self) -> None:
        """What came so far is being drawn: until then nobody wakes the terminal's thread again."""
        self._marked = False

    def _exit(self) -> None:
        app = self._ui.app if self._ui is not None else None
        if app is not None and app.is_running and not app.is_done:
            app.exit()

    def _call(self, function: Callable[[], None]) -> None:
        loop = self._ui_loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(function)

    def _print_rest(self) -> None:
        if self._screen is None or self.output_gone:
            return
        try:
            sys.stdout.write("".join(f"{row}\n" for row in self._screen.last_words()))
            sys.stdout.flush()
        except OSError:
            self.output_gone = True


def _output() -> Output:
    """The terminal, with links where it will not print them as text."""
    term = os.environ.get("TERM", "")
    if term.startswith("linux"):
        return create_output()
    return LinkOutput.from_pty(sys.stdout, term=term, default_color_depth=ColorDepth.from_env())


def _attributes() -> list[Any] | None:
    with contextlib.suppress(termios.error, OSError, ValueError):
        return termios.tcgetattr(sys.stdin.fileno())
    return None


def _restore(attributes: list[Any] | None) -> None:
    if attributes is not None:
        with contextlib.suppress(termios.error, OSError, ValueError):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, attributes)
