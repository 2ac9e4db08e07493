"""TLS that takes any certificate, as event loops see it: real handshakes, and bytes both ways. Source: ADR 21."""

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop

from gateway.net.asking import AskingContext
from tests.harness.certificates import Pems, certificate
from tests.harness.deadlines import DEADLINE_S

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.fixture
def pems(tmp_path: Path) -> Pems:
    """The server's."""
    return certificate(tmp_path / "server")


class Echo(asyncio.Protocol):
    """Sends back what comes, after the fingerprint of who it came from."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        shown = transport.get_extra_info("ssl_object").getpeercert(True)
        self.transport.write((hashlib.sha256(shown).hexdigest() if shown else "nobody").encode() + b"\n")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def conversation(pems: Pems, client: ssl.SSLContext, sent: bytes) -> tuple[str, bytes]:
    """Who the server took us for, and what came back."""
    loop = asyncio.get_running_loop()
    server: Any = await loop.create_server(Echo, "127.0.0.1", 0, ssl=AskingContext(pems.cert, pems.key))
    async with server, asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=client)
        who = (await reader.readline()).decode().strip()
        writer.write(sent)
        back = await reader.readexactly(len(sent))
        writer.close()
        await writer.wait_closed()
    return who, back


@pytest.mark.parametrize("new_loop", LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shows", [True, False])
def test_everything_arrives(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    version: ssl.TLSVersion,
    shows: bool,
    pems: Pems,
    tmp_path: Path,
) -> None:
    """Half a megabyte each way in order, with a certificate of an authority nobody knows or without one."""
    own, client = certificate(tmp_path / "client", "somebody"), pems.trust()
    client.maximum_version = version
    if shows:
        client.load_cert_chain(own.cert, own.key)
    sent = b"".join(b"%07d\n" % number for number in range(65_536))
    with asyncio.Runner(loop_factory=new_loop) as runner:
        who, back = runner.run(conversation(pems, client, sent))
    der = ssl.PEM_cert_to_DER_cert(own.cert.read_text())
    assert who == (hashlib.sha256(der).hexdigest() if shows else "nobody")
    assert back == sent


def test_files_that_are_no_pair_are_told(pems: Pems, tmp_path: Path) -> None:
    """And change nothing, if the context had better ones."""
    other = certificate(tmp_path / "other")
    context = AskingContext(pems.cert, pems.key)
    for cert, key in ((pems.cert, other.key), (pems.key, pems.cert), (Path("/nowhere"), pems.key)):
        with pytest.raises(OSError, match=r"no PEM|No such file"):
            AskingContext(cert, key)
        with pytest.raises(OSError, match=r"no PEM|No such file"):
            context.load(cert, key)
    client = pems.trust()
    with asyncio.Runner() as runner:
        assert runner.run(conversation(pems, client, b"x")) == ("nobody", b"x")
