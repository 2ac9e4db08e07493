"""Standard input as lines, for faces without keys. Standard library only.

It is read by a thread with `os.read`: asyncio cannot wait for regular files, and a thread inside Python's own
`sys.stdin` would hold its lock when the program ends.
"""

import asyncio
import os
import sys
import threading
from collections import deque

__all__ = ["StandardInput"]

READ_BYTES = 65_536
MAX_LINE_BYTES = 65_536  # a line that grows longer is taken as ended there; each half is cut to fit the wire anyway
MAX_LINES_AHEAD = 16  # then the thread waits, and so does whoever fills the pipe


class StandardInput:
    """Lines of a pipe, a file or a terminal."""

    def __init__(self, *, ends: bool) -> None:
        """Args: ends: an empty read is the end for good; at a terminal it is one Ctrl-D, and more may come."""
        self._ends = ends
        self._stopped = False
        self._lines: deque[bytes | None] = deque()  # as long as there are slots; None: the end of input
        self._slots = threading.Semaphore(MAX_LINES_AHEAD)
        self._arrival = asyncio.Event()
        self._thread: threading.Thread | None = None

    def stop(self) -> None:
        """No more lines are wanted; ends a `line` that waits."""
        self._stopped = True
        self._arrival.set()

    async def line(self) -> str | None:
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
                gone = not chunk and self._ends
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
