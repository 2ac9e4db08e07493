"""`python -m benchmarks.client_latency`: from a key at the terminal to its echo, in a quiet room and in a flood.

The real client in a pseudo-terminal of 120x40. Milliseconds depend on the machine and on who else uses it, so what is
judged are ratios within one run, and the client's own share of a core. Exits with 1 when a target is missed.
"""

import fcntl
import os
import pty
import random
import select
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from benchmarks.client_feed import Feed
from benchmarks.machine import describe

COLUMNS, ROWS = 120, 40
KEYS = b"QXZ"  # no text of the room and no word of the screen has them
KEYS_EACH = 150
KEYS_A_LINE = 30
LOADED_LINES = 100_000
STARTS = 5
READING_S = 5.0
NOWHERE = "127.0.0.1:1"
LIMIT_S = 120.0
PROMPT = b"[ann #tea]"

FIRST_PAINT_S = 0.5
BUSY_RATIO = 3.0
FLOOD_RATIO = 5.0
BUSY_CPU = 0.20
MEMORY_MIB = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Keys typed while something went on."""

    p50_ms: float
    p95_ms: float
    cpu: float  # of one core, by the client

    def __str__(self) -> str:
        return f"key to echo p50 {self.p50_ms:5.1f} ms, p95 {self.p95_ms:5.1f} ms; CPU {self.cpu:5.1%} of a core"


class Client:
    """The process, and its terminal's other end."""

    def __init__(self, pid: int, terminal: int) -> None:
        self.pid = pid
        self._terminal = terminal

    def wait_for(self, text: bytes, *, limit_s: float = LIMIT_S) -> float:
        """Seconds until `text` was written."""
        begun_s = time.perf_counter()
        seen = b""
        while text not in seen:
            left_s = begun_s + limit_s - time.perf_counter()
            if left_s <= 0 or not select.select([self._terminal], [], [], left_s)[0]:
                raise RuntimeError(f"the client did not write {text!r} within {limit_s:g} s")
            seen = seen[-200:] + os.read(self._terminal, 65_536)
        return time.perf_counter() - begun_s

    def press(self, key: bytes) -> None:
        """Press a key."""
        os.write(self._terminal, key)

    def drain(self, seconds: float) -> None:
        """Read what is written, as a terminal does all the time."""
        end_s = time.perf_counter() + seconds
        while (left_s := end_s - time.perf_counter()) > 0:
            if select.select([self._terminal], [], [], left_s)[0]:
                os.read(self._terminal, 65_536)

    def type_keys(self) -> Typed:
        """Type, a key now and then, and look how long each takes to be seen."""
        rng = random.Random(1)
        echoes_ms = []
        cpu_before_s, begun_s = self.cpu_s(), time.perf_counter()
        for number in range(KEYS_EACH):
            self.drain(rng.uniform(0.03, 0.12))
            key = KEYS[number % len(KEYS)].to_bytes(1, "big")
            self.press(key)
            echoes_ms.append(self.wait_for(key) * 1000)
            if number % KEYS_A_LINE == KEYS_A_LINE - 1:
                self.press(b"\x15")  # Ctrl-U: an empty line again
        cpu = (self.cpu_s() - cpu_before_s) / (time.perf_counter() - begun_s)
        return Typed(p50_ms=median(echoes_ms), p95_ms=quantiles(echoes_ms, n=20)[-1], cpu=cpu)

    def read(self) -> float:
        """Look on for a while; the client's share of a core meanwhile."""
        before_s = self.cpu_s()
        self.drain(READING_S)
        return (self.cpu_s() - before_s) / READING_S

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self) -> float:
        """Memory that it has now."""
        line = next(
            line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if line.startswith("VmRSS")
        )
        return int(line.split()[1]) / 1024


@contextmanager
def client(server: str) -> Iterator[Client]:
    """A client of `server`, killed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-client-") as home:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("CHAT_CLIENT_", "XDG_"))}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed client is compiled, and this one shall be as well
        environ |= {"HOME": home, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
        argv = [sys.executable, "-m", "client", "--room", "tea", "--nick", "ann", "--server", server]
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(argv[0], argv, environ)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        try:
            yield Client(pid, terminal)
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            with suppress(OSError):
                os.close(terminal)


def first_paint_s() -> float:
    """From the start of the process to the screen; no server answers."""
    with client(NOWHERE) as person:
        return person.wait_for(PROMPT)


def main() -> None:
    """Print the figures; the exit code says whether the targets were met."""
    print(describe())
    first_paint_s()  # compiles what is not compiled yet
    paints_s = [first_paint_s() for _ in range(STARTS)]
    with Feed() as feed, client(f"127.0.0.1:{feed.port}") as person:
        person.wait_for(PROMPT)
        feed.wait_for_client()
        person.drain(2.0)
        idle = person.type_keys()
        print(f"quiet room              {idle}")
        _load(feed, person)
        loaded = person.type_keys()
        print(f"{LOADED_LINES} lines, quiet     {loaded}")
        feed.rate(200)
        busy = person.type_keys()
        print(f"{LOADED_LINES} lines, 200 a s   {busy}")
        memory_mib = person.rss_mib()
        reading_cpu = person.read()
        print(f"{LOADED_LINES} lines, 200 a s   nobody types: CPU {reading_cpu:5.1%} of a core")
        feed.rate(1000)
        flood = person.type_keys()
        print(f"{LOADED_LINES} lines, 1000 a s  {flood}")
    missed = 0
    for what, value, target, unit in (
        ("first paint, median", median(paints_s), FIRST_PAINT_S, " s"),
        ("p95 at 200 a second : idle", busy.p95_ms / idle.p95_ms, BUSY_RATIO, ""),
        ("p95 at 1000 a second : idle", flood.p95_ms / idle.p95_ms, FLOOD_RATIO, ""),
        ("share of a core at 200 a second", reading_cpu, BUSY_CPU, ""),
        ("memory with all lines", memory_mib, MEMORY_MIB, " MiB"),
    ):
        met = value <= target
        missed += not met
        print(f"{what}: {value:.2f}{unit} (target <= {target:g}{unit}: {'met' if met else 'NOT MET'})")
    sys.exit(missed > 0)


def _load(feed: Feed, person: Client) -> None:
    """Fill the room while the terminal reads."""
    feed.begin_load(LOADED_LINES)
    while not feed.loaded():
        person.drain(0.2)
    person.drain(1.0)


if __name__ == "__main__":
    main()
