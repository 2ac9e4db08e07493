"""Gateways are drained from inside the chat and from outside. Source: docs/operating.md, "Drain"."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.passwords import hash_password
from gateway.store.keys import log_keys, room_log
from gateway.wire.names import RoomKey
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer
from tests.harness.replicated_pair import ReplicatedPair
from tests.harness.resuming import come_back, connect

pytestmark = pytest.mark.slow


def drain(*flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `chat-gateway drain`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_GATEWAY_")}
    return subprocess.run(
        [sys.executable, "-m", "gateway", "drain", *flags],
        capture_output=True, text=True, timeout=4 * DEADLINE_S, env={**clean, **environ}, check=False,
    )  # fmt: skip


async def gateway_id(peer: IrcPeer) -> str:
    """The gateway that answers the peer."""
    await peer.send("VERSION")
    return (await peer.expect("351")).params[-1].removeprefix("gateway ")


async def test_an_operator_drains_the_other_gateway_and_then_this_one(tmp_path: Path) -> None:
    """`DRAIN id` and `DRAIN`: clients with a token come back; a stranger is refused, an unknown id is 402."""
    opers = tmp_path / "opers.toml"
    opers.write_text(f'root = "{hash_password("secret")}"\n')
    with (
        PrivateServer.running(tmp_path / "store") as store,
        gateways(tmp_path, store.url, opers=str(opers)) as (one, two),
    ):
        ann, token = await connect(one, "ann")
        boss = await IrcPeer.connect(two.host, two.port, "boss")
        for peer in (ann, boss):
            await peer.send("JOIN #drain")
            await peer.expect("366")
        await boss.barrier()
        await ann.send("DRAIN")
        await ann.expect("481")
        await boss.send("OPER root secret", "DRAIN no-such-gateway")
        assert (await boss.expect("402")).params[1] == "no-such-gateway"
        await boss.send(f"DRAIN {await gateway_id(ann)}")
        await boss.expect("NOTICE")
        assert (await ann.wait_closed())[-1].command == "ERROR"
        assert await asyncio.to_thread(one.wait) == 0
        back = await come_back(two, token)
        assert [m.command for m in await boss.barrier()] == []
        await boss.send("DRAIN")
        assert (await boss.wait_closed())[-1].command == "ERROR"
        assert await asyncio.to_thread(two.wait) == 0
        for peer in (ann, boss, back.peer):
            await peer.close()


@pytest.mark.slow
async def test_drain_from_outside(two_gateways: tuple[GatewayProcess, GatewayProcess]) -> None:
    """By id, then all that are left; each ends with 0. An unknown id is 68 and one line."""
    one, two = two_gateways
    url = one.redis_url
    peers = [await IrcPeer.connect(gateway.host, gateway.port, f"peer{i}") for i, gateway in enumerate(two_gateways)]
    name = await gateway_id(peers[0])
    done = await asyncio.to_thread(drain, "--gateway", "nobody", "--redis-url", url)
    assert (done.returncode, done.stderr) == (68, "chat-gateway: there is no gateway 'nobody'\n")
    done = await asyncio.to_thread(drain, "--gateway", name, CHAT_GATEWAY_REDIS_URL=url)
    assert (done.returncode, done.stdout) == (0, f"{name} was asked to drain\n")
    assert await asyncio.to_thread(one.wait) == 0
    assert [m.command for m in await peers[1].barrier()] == []
    done = await asyncio.to_thread(drain, "--all", f"--redis-url={url}")
    assert done.returncode == 0
    assert await asyncio.to_thread(two.wait) == 0
    for peer in peers:
        await peer.close()


@pytest.mark.parametrize("room_is_lost", [False, True])
async def test_a_gateway_ends_when_a_replica_has_what_it_acknowledged(tmp_path: Path, *, room_is_lost: bool) -> None:
    """Until then nobody else could write it again: the replica that never got it has it, when it is the master."""
    async with ReplicatedPair.running(tmp_path) as pair:
        with gateways(tmp_path, pair.url, names=("one",)) as (gateway,):
            ann = await IrcPeer.connect(gateway.host, gateway.port, "ann", caps=("echo-message",))
            if room_is_lost:
                pair.lose_from_now()
            await ann.send("JOIN #drain")
            await ann.expect("366")
            pair.lose_from_now()
            await ann.send("PRIVMSG #drain :acknowledged")
            await ann.expect("PRIVMSG")
            gateway.send_signal(signal.SIGTERM)
            await ann.wait_closed()
            await ann.close()

            async def waits() -> bool | None:
                with pair.master.client() as client:
                    return client.info("commandstats").get("cmdstat_wait", {"calls": 0})["calls"] > 1 or None

            await eventually(waits, what="it asks for the replica")
            await pair.fail_over()
            assert await asyncio.to_thread(gateway.wait, 3 * DEADLINE_S) == 0
        with pair.master.client() as client:
            (entry,) = (fields[b"e"] for _, fields in client.xrange(log_keys(room_log(RoomKey("#drain"))).log)
                        if b"PRIVMSG" in fields[b"e"])  # fmt: skip
            assert entry.endswith(b":acknowledged")
        await pair.restore()


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--redis-url=redis://h",), 2),
        (("--all",), 2),
        (("--all", "--gateway", "x", "--redis-url=redis://h"), 2),
        (("--all", "--redis-url=nonsense"), 78),
        (("--all", "--redis-url=redis://:hunter2@/"), 78),
    ],
)
def test_flags_that_cannot_be(flags: tuple[str, ...], code: int) -> None:
    """2 for usage, 78 for a URL that cannot be; no traceback, no secret."""
    done = drain(*flags)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
