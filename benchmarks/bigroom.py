"""A join to a room of 10 000 members: `python -m benchmarks.bigroom [--members N]`.

The members are put into the store as gateways would have put them; one client of a gateway that does not know the room
yet joins it, with the capabilities that make the answer longest, while another client of that gateway sends one PING
after the other. The exit code is 1 when a target is not met.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import describe, own_cpu_s
from gateway.model import GatewayId, Member, Uid
from gateway.store import keys
from gateway.store.codec import encode_member
from gateway.wire.names import RoomKey
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Network
from tests.harness.private_server import PrivateServer

__all__ = ["main"]

ROOM = "#bigroom"
RUNS = 5
CPU_TARGET_S = 0.5  # of gateway and store together, from JOIN to the end of the names
STALL_TARGET_MS = 20.0  # beyond what a PING takes on the idle network, at the median of the runs
CAPS = ("userhost-in-names", "multi-prefix", "extended-join", "away-notify")


@dataclass(frozen=True, slots=True)
class Joining:
    """What one join did."""

    took_s: float
    cpu_s: float
    names: int
    quiet_ms: float  # the slowest of as many PINGs before
    stalled_ms: float  # the slowest PING meanwhile


def fill(store: PrivateServer, room: str, members: int) -> None:
    """A room with so many members, as gateways keep it."""
    log = keys.log_keys(keys.room_log(RoomKey(room)))
    with store.client() as client:
        client.hset(log.state, mapping={"name": room, "modes": "nt", "created": "1"})
        for start in range(0, members, 1000):
            made = (
                Member(
                    Uid(f"uid-{number}".encode()), f"member{number}", f"~user{number % 97}",
                    f"2001:db8::{number:x}", "", f"Member number {number}", GatewayId("elsewhere"), "",
                )
                for number in range(start, start + 1000)
            )  # fmt: skip
            client.hset(log.members, mapping={who.uid: encode_member(who) for who in made})


async def slowest_ping_ms(peer: IrcPeer, until: asyncio.Event) -> float:
    """PINGs one after the other; the longest time to a PONG."""
    slowest = 0.0
    while not until.is_set():
        began_s = time.perf_counter()
        await peer.send("PING x")
        await peer.expect("PONG")
        slowest = max(slowest, (time.perf_counter() - began_s) * 1000)
        await asyncio.sleep(0.001)
    return slowest


async def quiet_ms(peer: IrcPeer, seconds: float) -> float:
    """The slowest PING of an idle network within such a time."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, over.set)
    return await slowest_ping_ms(peer, over)


async def join_once(network: Network, number: int, members: int) -> Joining:
    """One newcomer to a room that its gateway does not know yet."""
    room = f"{ROOM}{number}"
    fill(network.store, room, members)
    gateway = network.gateways[0]
    pids = (gateway.pid, network.store.pid)
    async with (
        await IrcPeer.connect(gateway.host, gateway.port, f"ping{number}") as other,
        await IrcPeer.connect(gateway.host, gateway.port, f"newcomer{number}", caps=CAPS) as newcomer,
    ):
        quiet = await quiet_ms(other, 0.3)
        over = asyncio.Event()
        pinging = asyncio.create_task(slowest_ping_ms(other, over))
        await asyncio.sleep(0.05)
        cpu_s, began_s = sum(map(own_cpu_s, pids)), time.perf_counter()
        await newcomer.send(f"JOIN {room}")
        # Read as bytes and taken apart afterwards: the reader must not be what delays the PINGs.
        answer = await newcomer.read_until(b" 366 ")
        took_s = time.perf_counter() - began_s
        cpu_s = sum(map(own_cpu_s, pids)) - cpu_s
        over.set()
        stalled = await pinging
    lines = answer.decode().split("\r\n")
    names = sum(len(line.partition(" :")[2].split()) for line in lines if " 353 " in line)
    return Joining(took_s, cpu_s, names, quiet, stalled)


async def measure(members: int) -> bool:
    """Run, print, and say whether the targets were met."""
    print(describe(), flush=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        Network.running(Path(directory), 1, limits="off") as network,
    ):
        runs = [await join_once(network, number, members) for number in range(RUNS)]
    print(f"\njoin to a room of {members} members, {RUNS} runs\n")
    print("| run | names | s to the end of the names | CPU s, gateway and store | slowest PING, ms | before it, ms |")
    print("|---|---|---|---|---|---|")
    for index, run in enumerate(runs, 1):
        figures = f"{run.took_s:.2f} | {run.cpu_s:.2f} | {run.stalled_ms:.1f} | {run.quiet_ms:.1f}"
        print(f"| {index} | {run.names} | {figures} |")
    cpu_s = median(run.cpu_s for run in runs)
    stall_ms = median(run.stalled_ms - run.quiet_ms for run in runs)
    complete = all(run.names == members + 1 for run in runs)
    met = cpu_s <= CPU_TARGET_S and stall_ms <= STALL_TARGET_MS and complete
    print(f"\nCPU: {cpu_s:.2f} s, target <= {CPU_TARGET_S:g}; stall: {stall_ms:.1f} ms, target <= {STALL_TARGET_MS:g}")
    print("met" if met else "NOT MET")
    return met


def main() -> None:
    """Parse the command line, run, exit with 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bigroom", description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=10_000, help="already in the room (default: 10000)")
    sys.exit(not asyncio.run(measure(parser.parse_args().members)))


if __name__ == "__main__":
    main()
