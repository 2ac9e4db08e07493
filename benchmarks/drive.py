"""The parent's end of `benchmarks.load`: start it against a server, and measure the server while it runs."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from subprocess import PIPE

from benchmarks.load import SEATING_S, Shape
from benchmarks.servers import Server
from benchmarks.streams import Tally

__all__ = ["Crowd", "LoadFailedError", "seated"]

RUN_S = 600.0
STOP_S = 10.0


class LoadFailedError(Exception):
    """The load ended before its time; its reason stands on standard error."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Members that sit in their rooms."""

    seating_s: float
    _process: asyncio.subprocess.Process

    async def run(self) -> float:
        """Send everything and wait until the receivers have it; wall seconds."""
        return float((await _ask(self._process, b"go\n", RUN_S))["took_s"])

    async def judge(self) -> Tally:
        """The counts, after everyone has everything."""
        return Tally(**{key: int(value) for key, value in (await _ask(self._process, b"judge\n", RUN_S)).items()})


@asynccontextmanager
async def seated(server: Server, shape: Shape) -> AsyncIterator[Crowd]:
    """Register and join the members of `shape`; they leave at the end.

    Raises:
        LoadFailedError: a member was refused.
    """
    argv = ["-m", "benchmarks.load", "--at-once", str(server.at_once)]
    argv += [word for host, port in server.addresses for word in ("--at", f"{host}:{port}")]
    argv += [word for key, value in asdict(shape).items() for word in (f"--{key}", str(value))]
    process = await asyncio.create_subprocess_exec(sys.executable, *argv, stdin=PIPE, stdout=PIPE)
    try:
        yield Crowd(float((await _ask(process, b"", SEATING_S))["took_s"]), process)
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _ask(process: asyncio.subprocess.Process, word: bytes, timeout_s: float) -> dict[str, float]:
    """Say a word, get a line of JSON."""
    if process.stdin is None or process.stdout is None:
        raise LoadFailedError("the load has no pipes")
    process.stdin.write(word)
    async with asyncio.timeout(timeout_s):
        line = await process.stdout.readline()
    if not line:
        raise LoadFailedError("the load ended early")
    facts: dict[str, float] = json.loads(line)
    return facts
