"""`--workers N`: gateways as processes that share one port."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_process import READY
from tests.harness.irc_peer import IrcPeer


async def next_port(process: asyncio.subprocess.Process) -> int:
    """The port the next worker says it listens on."""
    assert process.stdout is not None
    async with asyncio.timeout(2 * DEADLINE_S):
        while not (line := (await process.stdout.readline()).decode()).startswith(READY):
            assert line, "it ended"
    return int(line.rpartition(":")[2])


async def gateway_of(peer: IrcPeer) -> str:
    """Which gateway a peer is on, as VERSION tells."""
    await peer.send("VERSION")
    return (await peer.expect("351")).params[-1]


@pytest.mark.slow
async def test_two_workers_are_one_network(tmp_path: Path) -> None:
    """Both get connections and share rooms; one that is killed is started again; SIGTERM ends all with 0."""
    flags = ["--port=0", "--http-port=0", "--workers=2", f"--state-dir={tmp_path}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *flags, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        port = await next_port(process)
        assert await next_port(process) == port
        # The kernel spreads by a hash of the addresses: of twenty connections some are on each.
        peers = [await IrcPeer.connect("127.0.0.1", port, f"w{number}") for number in range(20)]
        where = {peer.nick: await gateway_of(peer) for peer in peers}
        assert len(set(where.values())) == 2
        here, there = peers[0], next(peer for peer in peers if where[peer.nick] != where["w0"])
        for peer in (here, there):
            await peer.send("JOIN #shared")
            await peer.expect("366")
        await here.send("PRIVMSG #shared :hello")
        assert (await there.expect("PRIVMSG")).params == ("#shared", "hello")
        os.kill(int(where["w0"].split("-")[-2]), signal.SIGKILL)
        await here.wait_closed()
        assert await next_port(process) == port
        await (await IrcPeer.connect("127.0.0.1", port, "newcomer")).close()
        for peer in peers:
            await peer.close()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
