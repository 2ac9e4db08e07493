"""The TLS listener: real certificates, real handshakes. Source: IRCv3 and modern.ircdocs.horse take TLS as it is."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.certificates import Pems, certificate
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

pytestmark = pytest.mark.slow


@pytest.fixture
def pems(tmp_path: Path) -> Pems:
    """What the gateway of a test presents."""
    return certificate(tmp_path / "pems")


@pytest.fixture
def secure(tmp_path: Path, pems: Pems, store_url: str) -> Iterator[GatewayProcess]:
    """A gateway that listens on both ports."""
    process = GatewayProcess(
        state_dir=tmp_path / "state", redis_url=store_url, tls_port=0, tls_cert=str(pems.cert), tls_key=str(pems.key)
    ).start()
    yield process
    process.stop()


async def presented(gateway: GatewayProcess) -> str:
    """The certificate a newcomer is shown, as PEM."""
    return await asyncio.to_thread(ssl.get_server_certificate, (gateway.host, gateway.tls_port))


async def test_both_ports_are_one_server(secure: GatewayProcess, pems: Pems) -> None:
    """Who comes with TLS talks to who comes without."""
    async with (
        await IrcPeer.connect(secure.host, secure.tls_port, "tlsann", tls=pems.trust()) as ann,
        await IrcPeer.connect(secure.host, secure.port, "plainbob") as bob,
    ):
        for peer in (ann, bob):
            await peer.send("JOIN #tls")
            await peer.expect("366")
        await bob.send("PRIVMSG #tls :hello")
        assert (await ann.expect("PRIVMSG")).params == ("#tls", "hello")
        await ann.send("PRIVMSG #tls :" + "x" * 400)
        assert len((await bob.expect("PRIVMSG")).params[1]) == 400


async def test_old_versions_of_tls_are_refused(secure: GatewayProcess, pems: Pems) -> None:
    """TLS 1.1 and before are deprecated. Source: RFC 8996."""
    old = pems.trust()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)ssl|reset|eof"):
        await IrcPeer.connect(secure.host, secure.tls_port, "old", tls=old)


async def test_a_peer_that_speaks_no_tls_costs_nobody_else(secure: GatewayProcess, pems: Pems) -> None:
    """Plain IRC on the TLS port is closed; the listener goes on."""
    with socket.create_connection((secure.host, secure.tls_port), timeout=DEADLINE_S) as plain:
        plain.sendall(b"NICK a\r\nUSER a 0 * :a\r\n\r\n")
        assert b"001" not in plain.recv(4096)
    await (await IrcPeer.connect(secure.host, secure.tls_port, "after", tls=pems.trust())).close()


async def test_a_hangup_signal_brings_the_new_certificate(secure: GatewayProcess, pems: Pems, tmp_path: Path) -> None:
    """SIGHUP: newcomers see the new one, who is connected stays; a broken pair changes nothing."""
    async with await IrcPeer.connect(secure.host, secure.tls_port, "stays", tls=pems.trust()) as peer:
        before = await presented(secure)
        fresh = certificate(tmp_path / "fresh")
        pems.cert.write_bytes(fresh.cert.read_bytes())
        secure.send_signal(signal.SIGHUP)  # the key is still the old one's

        async def refused() -> bool | None:
            return any("certificate_not_reloaded" in line for line in secure.log) or None

        await eventually(refused, what="the broken pair in the log")
        assert await presented(secure) == before
        pems.key.write_bytes(fresh.key.read_bytes())
        secure.send_signal(signal.SIGHUP)

        async def changed() -> bool | None:
            return await presented(secure) != before or None

        await eventually(changed, what="the new certificate")
        await (await IrcPeer.connect(secure.host, secure.tls_port, "fresh", tls=fresh.trust())).close()
        assert await peer.barrier() == []
