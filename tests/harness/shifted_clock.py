"""A process whose wall clock can be stepped: `python -m tests.harness.shifted_clock FILE gateway ARGS...`.

FILE holds the shift, a double of seconds; it is read at each call, so writing it is the step. What is shifted is
`time.time` before the program is imported: the one way our gateways ask for the wall clock. Timers are not, as a step
of a machine's wall clock does not move its monotonic clock. For programs in C, Redis above all, `preloaded` does the
same with a library of ours in front of the C library.
"""

import mmap
import os
import runpy
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PRELOADED", "ClockShift", "can_preload", "preloaded"]

SHIFT = struct.Struct("=d")
PRELOADED = frozenset(("LD_PRELOAD", "CLOCK_SHIFT"))
"""Variables of the environment that `preloaded` sets; a process started without them has the true time."""


class ClockShift:
    """The file, from the side of the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0.0
        self.step_to(0.0)

    def step_to(self, seconds: float) -> None:
        """Let the process be so far from the true time, from now on."""
        self.seconds = seconds
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.write(SHIFT.pack(seconds))


def can_preload() -> bool:
    """Whether this machine can make that library. In CI one with Linux has to."""
    linux, found = sys.platform.startswith("linux"), shutil.which("cc") is not None
    assert found or not linux or os.environ.get("CI") != "true", "no C compiler here (cc)"
    return linux and found


@contextmanager
def preloaded(directory: Path) -> Iterator[ClockShift | None]:
    """Programs in C that are started meanwhile have one wall clock to be stepped; None: not on this machine.

    Args:
        directory: for the library; it must exist.
    """
    if not can_preload():
        yield None
        return
    library, clock = directory / "shifted_clock.so", ClockShift(directory / "redis.clock")
    source = Path(__file__).with_suffix(".c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source], check=True)
    before = {name: os.environ.get(name) for name in PRELOADED}
    os.environ |= {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(clock.path)}
    try:
        yield clock
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _run(path: str, module: str, arguments: list[str]) -> None:
    with Path(path).open("rb") as file:
        shift = mmap.mmap(file.fileno(), SHIFT.size, access=mmap.ACCESS_READ)
    true_time = time.time
    time.time = lambda: true_time() + SHIFT.unpack_from(shift)[0]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run(sys.argv[1], sys.argv[2], sys.argv[3:])
