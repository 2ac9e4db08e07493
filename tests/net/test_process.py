"""How a gateway process ends: exit codes and one line for whoever started it. Source: sysexits.h."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.harness.certificates import certificate
from tests.harness.deadlines import DEADLINE_S
from tests.harness.facts import wait_for
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.ports import free_ports
from tests.harness.private_server import PrivateServer

pytestmark = pytest.mark.slow

DRAINED = 5  # clients that are closed one a second: the time there is to look at a gateway that drains


def run(*flags: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a gateway that is to end by itself, with flags and variables; only errors are logged."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_GATEWAY_")} | settings
    return subprocess.run(
        [sys.executable, "-m", "gateway", "--log-level=error", "--http-port=0", *flags],
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE_S,
        env=environ,
        check=False,
    )


@contextmanager
def launched(**settings: Any) -> Iterator[GatewayProcess]:
    """A gateway that may never listen; at the end it is gone."""
    gateway = GatewayProcess(**settings).launch()
    try:
        yield gateway
    finally:
        if gateway.exit_code is None:
            gateway.kill()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("flag", ["--port", "--tls-port", "--websocket-port", "--http-port"])
def test_a_port_in_use(store_url: str, tmp_path: Path, flag: str, workers: int) -> None:
    """69, and one line that names the port that is taken, whichever it is, with its address and the reason."""
    pems = certificate(tmp_path)
    ports = {"--port": 0, "--tls-port": 0, "--websocket-port": 0, "--http-port": 0}
    with socket.socket() as taken:
        # Not one of the system's choice: the second worker's HTTP port is the next one, and others are given those.
        ports[flag] = free_ports(1)[0]
        taken.bind(("127.0.0.1", ports[flag]))
        taken.listen()
        done = run(
            f"--redis-url={store_url}",
            f"--workers={workers}",
            *(f"{each}={port}" for each, port in ports.items()),
            *(f"--tls-cert={pems.cert}", f"--tls-key={pems.key}"),
        )
    assert done.returncode == 69
    reason = os.strerror(errno.EADDRINUSE)
    assert done.stderr == f"chat-gateway: {flag}: cannot listen on 127.0.0.1 port {ports[flag]}: {reason}\n"


def test_a_host_that_is_not_ours(store_url: str) -> None:
    """69, and the host that was asked for; 192.0.2.0/24 is nobody's. Source: RFC 5737."""
    done = run(f"--redis-url={store_url}", "--port=0", "--http-host=192.0.2.1")
    assert done.returncode == 69
    reason = os.strerror(errno.EADDRNOTAVAIL)
    assert done.stderr == f"chat-gateway: --http-port: cannot listen on 192.0.2.1 port 0: {reason}\n"


def test_a_host_without_an_address(store_url: str) -> None:
    """69, and what the resolver says of it; names below `invalid` are nobody's. Source: RFC 6761."""
    done = run(f"--redis-url={store_url}", "--port=0", "--host=nobody.invalid")
    assert done.returncode == 69
    (line,) = done.stderr.splitlines()
    assert line.startswith("chat-gateway: --port: cannot listen on nobody.invalid port 0: ")
    assert "Errno" not in line


@pytest.mark.parametrize("workers", [1, 2])
def test_a_certificate_that_goes_while_it_waits_for_redis(tmp_path: Path, workers: int) -> None:
    """78 as for any certificate that cannot be used, and one line with both flags and files."""
    pems = certificate(tmp_path / "pems")
    settings = {"workers": workers, "tls_port": 0, "tls_cert": pems.cert, "tls_key": pems.key}
    with PrivateServer.running(tmp_path / "store") as server:
        server.kill()
        with launched(state_dir=tmp_path / "gateway", redis_url=server.url, **settings) as gateway:
            wait_for(lambda: len(gateway.logged("redis_unreachable")) == workers, within_s=4 * DEADLINE_S)
            pems.cert.unlink()
            server.restart()
            assert gateway.wait(4 * DEADLINE_S) == 78
    named = f"--tls-cert={str(pems.cert)!r}, --tls-key={str(pems.key)!r}"
    told = f"chat-gateway: {named}: {os.strerror(errno.ENOENT)}"
    wait_for(lambda: told in gateway.log, within_s=DEADLINE_S)
    assert not gateway.logged("Traceback")


def test_a_redis_that_is_not_there(tmp_path: Path) -> None:
    """69 after the wait that was set, and one line that names no secret."""
    done = run(f"--redis-url=unix://:hunter2@{tmp_path}/none.sock", "--redis-wait-s=0.3")
    assert done.returncode == 69
    assert done.stderr == "chat-gateway: Redis could not be reached within 0.3 s\n"


def test_a_redis_that_fails_while_it_begins(tmp_path: Path) -> None:
    """It has been reached, and then it refuses, or is lost: the gateway begins again."""
    with PrivateServer.running(tmp_path) as server, server.client() as client:
        client.execute_command("ACL SETUSER", "default", "-evalsha")
        gateway = GatewayProcess(state_dir=tmp_path / "gateway", redis_url=server.url)
        with ThreadPoolExecutor(1) as threads:
            started = threads.submit(gateway.start)
            wait_for(lambda: any("redis_not_ready error=NOPERM" in line for line in gateway.log), within_s=DEADLINE_S)
            client.execute_command("ACL SETUSER", "default", "+evalsha")
            started.result()
        gateway.stop()
    assert gateway.exit_code == 0


def test_a_redis_that_refuses_for_good(tmp_path: Path) -> None:
    """69 after the wait that was set, and one line that says what was refused."""
    with PrivateServer.running(tmp_path) as server, server.client() as client:
        client.execute_command("ACL SETUSER", "default", "-evalsha")
        done = run(f"--redis-url={server.url}", "--redis-wait-s=0.6")
    assert done.returncode == 69
    assert done.stderr == "chat-gateway: NOPERM\n"


@pytest.mark.parametrize(
    ("flag", "named"), [("--port=many", "--port='many'"), ("--sendq-bytes=1", "--sendq-bytes='1'")]
)
def test_a_setting_that_cannot_be(flag: str, named: str) -> None:
    """78, and one line with the setting and its value."""
    done = run(flag)
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert named in line


def test_a_variable_that_is_no_setting(tmp_path: Path) -> None:
    """It is named in the log, without its value, and that ends nothing: the rest is tried."""
    missing = f"--redis-url=unix://{tmp_path}/none.sock"
    done = run("--log-level=warning", missing, "--redis-wait-s=0.1", CHAT_GATEWAY_PASWORD="hunter2")
    (line,) = (line for line in done.stderr.splitlines() if " unknown_settings_ignored " in line)
    assert line.endswith(" names=CHAT_GATEWAY_PASWORD")
    assert "hunter2" not in done.stderr
    assert done.returncode == 69


def test_a_private_store_is_told_of(tmp_path: Path) -> None:
    """Without a Redis to share, the log says where the rooms are, and that they are this host's alone."""
    gateway = GatewayProcess(state_dir=tmp_path).start()
    gateway.stop()
    (line,) = gateway.logged("private_store")
    assert f" data={tmp_path / 'store'} " in line
    assert line.endswith(' note="for this host alone"')


def readiness(gateway: GatewayProcess) -> tuple[int, str]:
    """What a balancer is told."""
    connection = HTTPConnection(gateway.host, gateway.http_port, timeout=DEADLINE_S)
    with closing(connection):
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


any_signal = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@any_signal
def test_a_signal_ends_it_well(store_url: str, tmp_path: Path, number: signal.Signals) -> None:
    """0 for both, without a traceback."""
    gateway = GatewayProcess(state_dir=tmp_path, redis_url=store_url).start()
    gateway.send_signal(number)
    assert gateway.wait(4 * DEADLINE_S) == 0
    assert not [line for line in gateway.log if "Traceback" in line or " ERROR " in line]


@any_signal
@pytest.mark.parametrize("scheme", ["redis", "redis+sentinel", "redis+cluster"])
def test_a_signal_ends_the_wait_for_redis(tmp_path: Path, scheme: str, number: signal.Signals) -> None:
    """0 at once, not when the wait is over: it has begun nothing."""
    (port,) = free_ports(1)
    name = "/chat" if scheme == "redis+sentinel" else ""
    url = f"{scheme}://127.0.0.1:{port}{name}"
    with launched(state_dir=tmp_path, redis_url=url, redis_wait_s=3600) as gateway:
        wait_for(lambda: bool(gateway.logged("redis_unreachable")), within_s=4 * DEADLINE_S)
        gateway.send_signal(number)
        assert gateway.wait() == 0
    assert not [line for line in gateway.log if "Traceback" in line or " ERROR " in line]


@any_signal
def test_a_signal_ends_the_start_of_the_private_store(tmp_path: Path, number: signal.Signals) -> None:
    """0, also while the server loads: here it does not come to that, its log is a pipe that nobody reads."""
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    os.mkfifo(store / "valkey.log")
    with launched(state_dir=tmp_path) as gateway:
        wait_for((store / "lock").exists, within_s=4 * DEADLINE_S)
        gateway.send_signal(number)
        assert gateway.wait() == 0
    assert not gateway.logged("Traceback")


async def test_a_gateway_that_drains_takes_nobody(store_url: str, tmp_path: Path) -> None:
    """While its clients go one by one, /readyz says 503 and connections are refused; then it ends with 0."""
    gateway = GatewayProcess(state_dir=tmp_path, redis_url=store_url, drain_rate=1, drain_s=60).start()
    async with AsyncExitStack() as stack:
        peers = [
            await stack.enter_async_context(await IrcPeer.connect(gateway.host, gateway.port, f"drained{number}"))
            for number in range(DRAINED)
        ]
        assert readiness(gateway) == (200, "ok\n")
        gateway.send_signal(signal.SIGTERM)
        await peers[0].wait_closed()
        assert readiness(gateway) == (503, "draining\n")
        with pytest.raises(ConnectionRefusedError):
            await IrcPeer.connect(gateway.host, gateway.port, "newcomer")
        assert await peers[-1].barrier() == []  # it is served until its turn comes
        assert await asyncio.to_thread(gateway.wait, DRAINED + 4 * DEADLINE_S) == 0
