"""The real client in a real pseudo-terminal, its screen read as a person would see it."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pyte

from tests.harness.deadlines import DEADLINE_FACTOR

__all__ = ["CTRL_C", "CTRL_D", "CTRL_R", "ENTER", "UP", "Terminal", "client_command", "client_environ", "terminal"]

LIMIT_S = 15.0 * DEADLINE_FACTOR
ENTER, CTRL_C, CTRL_D, CTRL_R, UP = "\r", "\x03", "\x04", "\x12", "\x1b[A"


def client_command(*arguments: str) -> list[str]:
    """How a test runs the client."""
    return [sys.executable, "-m", "client", *arguments]


def client_environ(home: Path, **more: str) -> dict[str, str]:
    """An environment in which the client finds nothing of the person who runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CHAT_CLIENT_", "XDG_"))}
    inherited.pop("NO_COLOR", None)
    mine = {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_DATA_HOME": str(home / "data"),
        "LOGNAME": "login",
        "TZ": "UTC",
    }
    return {**inherited, **mine, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", **more}


class Terminal:
    """80 columns, 24 rows."""

    def __init__(self, child: "pexpect.spawn[bytes]") -> None:
        self.child = child
        self.written = b""
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def rows(self) -> list[str]:
        """What the screen shows, without the blank rest of rows and the blank rows."""
        return [row for row in (line.rstrip() for line in self._screen.display) if row]

    def type(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys.encode())

    def until(self, fact: Callable[[list[str]], bool], what: str) -> None:
        """Wait until the rows of the screen are as `fact` wants them.

        Raises:
            AssertionError: they were not in time; with the screen.
        """
        end = time.monotonic() + LIMIT_S
        while not fact(self.rows):
            if time.monotonic() > end or not self._read():
                raise AssertionError("\n".join([f"never seen: {what}", *self.rows]))

    def sees(self, text: str) -> None:
        """Wait for `text` somewhere on the screen."""
        self.until(lambda rows: any(text in row for row in rows), text)

    def prompts(self, prompt: str) -> None:
        """Wait until the last row is just `prompt`."""
        self.until(lambda rows: bool(rows) and rows[-1] == prompt.rstrip(), f"{prompt} as the last row")

    def exit_code(self) -> int:
        """Wait for the end of the client; 128 + number when a signal has killed it."""
        end = time.monotonic() + LIMIT_S
        while self._read():
            assert time.monotonic() < end, "\n".join(["the client does not end", *self.rows])
        self.child.wait()
        return int(self.child.exitstatus) if self.child.exitstatus is not None else 128 + int(self.child.signalstatus)

    def _read(self) -> bool:
        """Take what has been written; False when there will be no more."""
        try:
            chunk = self.child.read_nonblocking(65_536, timeout=0.2)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.written += chunk
        self._stream.feed(chunk)
        return True


@contextmanager
def terminal(home: Path, *arguments: str, **environ: str) -> Iterator[Terminal]:
    """A client at a terminal; it is killed at the end if it still runs."""
    command, *rest = client_command(*arguments)
    child = pexpect.spawn(command, rest, env=client_environ(home, **environ), dimensions=(24, 80))
    child.delaybeforesend = None  # pexpect would sleep before every key
    try:
        yield Terminal(child)
    finally:
        child.close(force=True)
