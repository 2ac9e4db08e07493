"""The plain face: lines in, lines out. For pipes, dumb terminals and screen readers: no colour, no cursor, no redraw.

Standard library only. Input is read by a thread with `os.read`: asyncio cannot wait for regular files, and a thread
inside Python's own `sys.stdin` would hold its lock when the program ends.
"""

import asyncio
import os
import sys
import threading
from collections import deque

from client.face import Screen, Typist
from client.render import plain

__all__ = ["LinesFace"]

READ_BYTES = 65_536
MAX_LINE_BYTES = 65_536  # a line that grows longer is taken as ended there; each half is cut to fit the wire anyway
MAX_LINES_AHEAD = 16  # then the thread waits, and so does whoever fills the pipe


class LinesFace:
    """Reads standard input, writes standard output."""

    def __init__(self, *, prompts: bool) -> None:
        """Args: prompts: input and output are a terminal: a person is shown where to type, and Ctrl-D is no end."""
        self.takes_interrupts = prompts
        self.shows_state = False
        self.output_gone = False
        self._prompts = prompts
        self._prompt_stands = False
        self._asked = ""
        self._screen: Screen | None = None
        self._stopped = False
        self._lines: deque[bytes | None] = deque()  # as long as there are slots; None: the end of input
        self._slots = threading.Semaphore(MAX_LINES_AHEAD)
        self._arrival = asyncio.Event()
        self._thread: threading.Thread | None = None

    async def ask(self, question: str, default: str) -> str | None:
        """Ask one thing; an empty answer is `default`."""
        self._write(f"{question} [{default}]: ")
        line = await self._line()
        return None if line is None else line.strip() or default

    async def run(self, screen: Screen, typist: Typist) -> None:
        """Hand in lines until the end of input; on a terminal that is Ctrl-D, and only asks to leave."""
        self._screen = screen
        self.update()
        while True:
            line = await self._line()
            if self._stopped or (line is None and not self._prompts):
                return
            self._prompt_stands = line is None  # Enter ends the prompt's line, Ctrl-D does not
            if line is None:
                typist.ask_to_leave()
            else:
                typist.typed(line)
                await typist.room_to_type()
            self.update()

    def update(self) -> None:
        """Write what is new: rows, then the question or the prompt when it is not the last thing written."""
        if self._screen is None:
            return
        text = "".join(plain(row) + "\n" for row in self._screen.fresh())
        question = self._screen.question
        if question and question != self._asked:
            # In a pipe as well: who reads the output of a script should see what its next line answered.
            text += question if self._prompts else question.rstrip() + "\n"
        elif self._prompts and not question and not self._stopped and (self._asked or not self._prompt_stands):
            text += self._screen.prompt
        self._asked = question
        if text:
            self._write("\n" + text if self._prompt_stands else text)
            self._prompt_stands = not text.endswith("\n")

    def stop(self) -> None:
        """End `run` and `ask`."""
        self._stopped = True
        self._arrival.set()

    def _write(self, text: str) -> None:
        if self.output_gone:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            self.output_gone = True  # as in `chat-client | head`: nobody reads any more
            self.stop()

    async def _line(self) -> str | None:
        """The next line; None at the end of input, or when stopped."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, args=(asyncio.get_running_loop(),), daemon=True)
            self._thread.start()
        while not self._lines and not self._stopped:
            self._arrival.clear()
            await self._arrival.wait()
        if self._stopped:
            return None
        line = self._lines.popleft()
        self._slots.release()
        return None if line is None else line.decode(errors="replace")

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of its own: cut the input into lines and hand them over, waiting while enough are there."""
        rest = b""
        while True:
            try:
                chunk = os.read(sys.stdin.fileno(), READ_BYTES)
                gone = not chunk and not self._prompts
            except OSError:
                chunk, gone = b"", True  # the terminal is gone
            *lines, rest = (rest + chunk).split(b"\n")
            if rest and (not chunk or len(rest) > MAX_LINE_BYTES):
                lines.append(rest)
                rest = b""
            for line in [*lines, *([] if chunk else [None])]:
                self._slots.acquire()
                try:
                    loop.call_soon_threadsafe(self._arrive, line)
                except RuntimeError:
                    return  # the loop has ended
            if gone:
                return

    def _arrive(self, line: bytes | None) -> None:
        self._lines.append(line)
        self._arrival.set()
