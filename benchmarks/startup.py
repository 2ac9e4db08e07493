"""`python -m benchmarks.startup`: from starting a gateway with its private store to its first answer.

Exits with 1 when the median is over the target.
"""

import asyncio
import sys
import time
from statistics import median

from benchmarks import servers
from benchmarks.machine import describe

RUNS = 5
TARGET_S = 0.5


async def first_answer_s() -> float:
    """Seconds from the start of the process to the answer to a PING."""
    began_s = time.monotonic()
    async with servers.hubbub() as server, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        writer.write(b"PING first\r\n")
        assert b"PONG" in await reader.readline()
        took_s = time.monotonic() - began_s
        writer.close()
        await writer.wait_closed()
    return took_s


def main() -> None:
    """Print the figures; the exit code says whether the target was met."""
    took_s = [asyncio.run(first_answer_s()) for _ in range(RUNS)]
    met = median(took_s) <= TARGET_S
    print(describe())
    print(f"first answer after {median(took_s):.2f} s (median of {RUNS}; {min(took_s):.2f} to {max(took_s):.2f})")
    print(f"target <= {TARGET_S} s: {'met' if met else 'NOT MET'}")
    sys.exit(not met)


if __name__ == "__main__":
    main()
