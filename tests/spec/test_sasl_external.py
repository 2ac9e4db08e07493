"""SASL EXTERNAL and what else a client's certificate is good for.

Source: https://ircv3.net/specs/extensions/sasl-3.2, RFC 4422 appendix A (EXTERNAL),
https://modern.ircdocs.horse/#rplwhoiscertfp-276 and https://modern.ircdocs.horse/#rplwhoissecure-671.
"""

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest

from tests.harness.certificates import Pems, certificate
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import CHEAP
from tests.harness.sasl_client import log_in

Connect = Callable[..., Coroutine[Any, Any, IrcPeer]]
PASSWORD = "correct-horse"
_numbers = count(1)


class Holder:
    """Somebody with a certificate that no authority has signed which the gateway knows."""

    def __init__(self, folder: Path) -> None:
        self.pems = certificate(folder, "somebody.example")
        der = ssl.PEM_cert_to_DER_cert(self.pems.cert.read_text())
        self.fingerprint = hashlib.sha256(der).hexdigest()


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    """Somebody nobody knows."""
    return Holder(tmp_path / "holder")


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """The gateways' certificate."""
    return certificate(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Holder:
    """Who is an operator by certificate."""
    return Holder(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module", params=[1, 2], ids=["one gateway", "two gateways"])
def secured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pems: Pems, root: Holder, store_url: str
) -> Iterator[list[GatewayProcess]]:
    """Gateways with TLS, over one store."""
    folder = tmp_path_factory.mktemp("secured")
    opers = folder / "opers.toml"
    opers.write_text(f'root = "{root.fingerprint.upper()}"\n')
    with gateways(
        folder, store_url, [f"{index}" for index in range(request.param)], tls_port=0, tls_cert=str(pems.cert),
        tls_key=str(pems.key), limits="off", opers=str(opers), **CHEAP,
    ) as started:  # fmt: skip
        yield started


@pytest.fixture
async def come(secured: list[GatewayProcess], pems: Pems) -> AsyncIterator[Connect]:
    """Connects to the next gateway over TLS, showing a holder's certificate if one is given."""
    turn = cycle(secured)
    async with AsyncExitStack() as stack:

        async def come(nick: str, holder: Holder | None = None, *, plain: bool = False, **options: Any) -> IrcPeer:
            gateway, context = next(turn), pems.trust()
            if holder is not None:
                context.load_cert_chain(holder.pems.cert, holder.pems.key)
            port, tls = (gateway.port, None) if plain else (gateway.tls_port, context)
            return await stack.enter_async_context(await IrcPeer.connect(gateway.host, port, nick, tls=tls, **options))

        yield come


@pytest.fixture
def name() -> str:
    """A nick and account nobody else uses."""
    return f"cert{next(_numbers)}x"


async def mechanisms(peer: IrcPeer) -> set[str]:
    """What `CAP LS 302` says of sasl."""
    await peer.send("CAP LS 302")
    words: list[str] = []
    while "*" in (line := await peer.expect("CAP")).params[2:3]:
        words += line.params[-1].split()
    words += line.params[-1].split()
    return set(next(word for word in words if word.startswith("sasl=")).removeprefix("sasl=").split(","))


async def bound(come: Connect, name: str, holder: Holder) -> None:
    """Make an account, and bind the holder's certificate to it."""
    peer = await come(name, holder, caps=["standard-replies", "sasl"])
    await peer.send(f"REGISTER {name} * {PASSWORD}", "ACCOUNT CERT ADD")
    assert (await peer.expect("NOTE")).params[1:3] == ("CERT_ADDED", holder.fingerprint)
    await peer.send("QUIT")
    await peer.wait_closed()


async def external(peer: IrcPeer, authzid: str = "") -> str:
    """Try it; the last numeric."""
    await peer.send("CAP REQ sasl", "AUTHENTICATE EXTERNAL")
    answer = await peer.expect(lambda m: m.command in {"AUTHENTICATE", "904"})
    if answer.command == "904":
        return "904"
    assert answer.params == ("+",)
    await peer.send(f"AUTHENTICATE {base64.b64encode(authzid.encode()).decode() or '+'}")
    return (await peer.expect(lambda m: m.command in {"903", "904"})).command


async def test_it_is_offered_to_who_showed_a_certificate(come: Connect, name: str, holder: Holder) -> None:
    """The value of the capability lists the mechanisms that are available ("sasl-3.2: The value")."""
    assert "EXTERNAL" in await mechanisms(await come(name, holder, register=False))
    for options in ({}, {"plain": True}):
        peer = await come(name, register=False, **options)
        assert "EXTERNAL" not in await mechanisms(peer)
        # A mechanism that is not available: 908 with those that are, and the exchange has failed.
        await peer.send("CAP REQ sasl", "AUTHENTICATE EXTERNAL")
        assert "EXTERNAL" not in (await peer.expect("908")).params[1]
        await peer.expect("904")


@pytest.mark.parametrize("as_name", [True, False])
async def test_a_bound_certificate_logs_in(come: Connect, name: str, holder: Holder, as_name: bool) -> None:
    """With an empty response the identity follows from the certificate; a named one has to be that (RFC 4422 A.1)."""
    await bound(come, name, holder)
    peer = await come(name, holder, register=False)
    assert await external(peer, name if as_name else "") == "903"
    await peer.send("CAP END", f"NICK {name}", "USER x 0 * :x")
    await peer.expect("001")
    await peer.send(f"WHOIS {name}")
    assert (await peer.expect("330")).params[2] == name


async def test_nobody_logs_in_as_somebody_else(come: Connect, name: str, holder: Holder, tmp_path: Path) -> None:
    """Another identity than the certificate's is refused, and so is a certificate that is nobody's."""
    await bound(come, name, holder)
    assert await external(await come(name, holder, register=False), "somebody-else") == "904"
    assert await external(await come(name, Holder(tmp_path / "other"), register=False), name) == "904"


async def test_response_is_no_utf8(come: Connect, name: str, holder: Holder) -> None:
    """An identity that cannot be read is a failure like any other."""
    await bound(come, name, holder)
    peer = await come(name, holder, register=False)
    await peer.send("CAP REQ sasl", "AUTHENTICATE EXTERNAL", f"AUTHENTICATE {base64.b64encode(bytes([255])).decode()}")
    await peer.expect("904")


async def test_certificates_are_added_listed_and_deleted(
    come: Connect, name: str, holder: Holder, tmp_path: Path
) -> None:
    """`ACCOUNT CERT`, docs/protocol.md: by the one shown, or by a fingerprint as OpenSSL prints it; ten at most."""
    other = Holder(tmp_path / "other")
    await bound(come, name, holder)
    peer = await come(name, other, caps=["standard-replies"], register=False)
    assert await external(peer) == "904"
    peer = await come(f"{name}2", other, caps=["standard-replies"])
    await peer.send("ACCOUNT CERT ADD")
    assert (await peer.expect("FAIL")).params[1] == "ACCOUNT_REQUIRED"
    await log_in(peer, name, PASSWORD)
    await peer.send("ACCOUNT CERT", "ACCOUNT CERT NO", "ACCOUNT CERT ADD 12", f"ACCOUNT CERT DEL {'0' * 64}")
    await peer.expect("461")
    codes = [message.params[1] for message in await peer.collect("FAIL", 3)]
    assert codes == ["INVALID_PARAMS", "INVALID_CERT", "CERT_NOT_FOUND"]
    openssl = ":".join(other.fingerprint[start : start + 2].upper() for start in range(0, 64, 2))
    await peer.send(f"ACCOUNT CERT ADD {openssl}", "ACCOUNT CERT LIST", "ACCOUNT CERT DEL", "ACCOUNT CERT LIST")
    notes = [message.params[1:3] for message in await peer.collect("NOTE", 6)]
    assert notes[0] == ("CERT_ADDED", other.fingerprint)
    assert set(notes[1:3]) == {("CERT", holder.fingerprint), ("CERT", other.fingerprint)}
    assert notes[3:] == [("CERT_LISTED", "2"), ("CERT_DELETED", other.fingerprint), ("CERT", holder.fingerprint)]
    assert await external(await come(name, other, register=False)) == "904"
    await peer.send(
        *[f"ACCOUNT CERT ADD {hashlib.sha256(f'{name} {number}'.encode()).hexdigest()}" for number in range(10)]
    )
    assert (await peer.expect("FAIL")).params[1] == "TOO_MANY_CERTS"


async def test_a_certificate_is_one_accounts(come: Connect, name: str, holder: Holder) -> None:
    """Two accounts cannot have the same; when the first is deleted, the other can."""
    await bound(come, name, holder)
    other = await come(f"{name}2", holder, caps=["standard-replies", "sasl"])
    await other.send(f"REGISTER {name}2 * {PASSWORD}", "ACCOUNT CERT ADD")
    assert (await other.expect("FAIL")).params[1] == "CERT_TAKEN"
    owner = await come(f"{name}3", caps=["standard-replies"])
    await log_in(owner, name, PASSWORD)
    await owner.send(f"ACCOUNT DELETE {PASSWORD}")
    await owner.expect("901")
    await other.send("ACCOUNT CERT ADD")
    assert (await other.expect("NOTE")).params[1] == "CERT_ADDED"


async def test_an_operator_by_certificate(come: Connect, name: str, root: Holder, holder: Holder) -> None:
    """OPER needs no password of who shows the certificate, and no password helps who does not."""
    peer = await come(name, root)
    await peer.send("OPER root")
    await peer.expect("381")
    other = await come(f"{name}2", holder)
    await other.send("OPER root", f"OPER root {root.fingerprint}")
    await other.expect("461")
    await other.expect("464")


async def test_whois_tells(come: Connect, name: str, root: Holder, holder: Holder) -> None:
    """671 for who came over TLS, to all; 276 with the fingerprint, to its owner and to operators."""
    peer = await come(name, holder)
    plain = await come(f"{name}2", plain=True)
    operator = await come(f"{name}3", root)
    await operator.send("OPER root")
    await operator.expect("381")

    async def told(asks: IrcPeer, of: str) -> dict[str, str]:
        await asks.send(f"WHOIS {of}")
        lines = {}
        while (line := await asks.read()).command != "318":
            lines[line.command] = line.params[-1]
        return lines

    for asks in (peer, operator):
        assert holder.fingerprint in (await told(asks, name))["276"]
    seen = await told(plain, name)
    assert "671" in seen
    assert "276" not in seen
    assert "671" not in await told(peer, f"{name}2")
