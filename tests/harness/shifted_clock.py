"""A process whose wall clock can be stepped: `python -m tests.harness.shifted_clock FILE gateway ARGS...`.

FILE holds the shift, a little-endian double of seconds; it is read at each call, so writing it is the step. What is
shifted is `time.time` before the program is imported: the one way our gateways ask for the wall clock. Timers are not,
as a step of a machine's wall clock does not move its monotonic clock.
"""

import mmap
import runpy
import struct
import sys
import time
from pathlib import Path

__all__ = ["ClockShift"]

SHIFT = struct.Struct("<d")


class ClockShift:
    """The file, from the side of the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.step_to(0.0)

    def step_to(self, seconds: float) -> None:
        """Let the process be so far from the true time, from now on."""
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.write(SHIFT.pack(seconds))


def _run(path: str, module: str, arguments: list[str]) -> None:
    with Path(path).open("rb") as file:
        shift = mmap.mmap(file.fileno(), SHIFT.size, access=mmap.ACCESS_READ)
    true_time = time.time
    time.time = lambda: true_time() + SHIFT.unpack_from(shift)[0]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run(sys.argv[1], sys.argv[2], sys.argv[3:])
