"""The plain face: lines in, lines out. For pipes, dumb terminals and screen readers: no colour, no cursor, no redraw.

Standard library only.
"""

import sys

from client.face import Screen, Typist
from client.render import plain
from client.ui.standard_input import StandardInput

__all__ = ["LinesFace"]


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
        self._input = StandardInput(ends=not prompts)

    async def ask(self, question: str, default: str) -> str | None:
        """Ask one thing; an empty answer is `default`."""
        self._write(f"{question} [{default}]: ")
        line = await self._input.line()
        return None if line is None else line.strip() or default

    async def run(self, screen: Screen, typist: Typist) -> None:
        """Hand in lines until the end of input; on a terminal that is Ctrl-D, and only asks to leave."""
        self._screen = screen
        self.update()
        while True:
            line = await self._input.line()
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
        self._input.stop()

    def _write(self, text: str) -> None:
        if self.output_gone:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            self.output_gone = True  # as in `chat-client | head`: nobody reads any more
            self.stop()
