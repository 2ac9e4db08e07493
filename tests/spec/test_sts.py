"""Strict transport security. Source: https://ircv3.net/specs/extensions/sts"""

from collections.abc import Iterator

import pytest

from tests.harness.certificates import Pems, certificate
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """The gateway's certificate."""
    return certificate(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, pems: Pems, store_url: str) -> Iterator[GatewayProcess]:
    """A gateway with a policy."""
    process = GatewayProcess(
        state_dir=tmp_path_factory.mktemp("state"),
        redis_url=store_url,
        tls_port=0,
        tls_cert=str(pems.cert),
        tls_key=str(pems.key),
        sts_duration=86400,
        sts_port=6697,
    ).start()
    yield process
    process.stop()


async def policy(gateway: GatewayProcess, version: str, tls: Pems | None) -> dict[str, str] | None:
    """The keys of the policy that CAP LS tells; None: it tells of none."""
    port, context = (gateway.tls_port, tls.trust()) if tls else (gateway.port, None)
    peer = await IrcPeer.connect(gateway.host, port, "asker", register=False, tls=context)
    async with peer:
        said = await peer.capabilities(version.strip())
        await peer.send("CAP REQ sts")
        assert (await peer.expect("CAP")).params[1] == "NAK"
    values = [word.partition("=")[2] for word in said if word.partition("=")[0] == "sts"]
    return dict(pair.split("=") for pair in values[0].split(",")) if values else None


async def test_a_plain_connection_is_sent_to_the_secure_port(strict: GatewayProcess) -> None:
    """A client on an insecure connection learns the port by which it has to come instead ("The port key"). Asking for
    the capability itself may be refused ("Mechanism"), and is."""
    told = await policy(strict, " 302", None)
    assert told is not None
    assert told["port"] == "6697"


async def test_a_secure_connection_is_told_for_how_long(strict: GatewayProcess, pems: Pems) -> None:
    """To have a policy kept, the server sends the duration to who comes securely ("The duration key")."""
    told = await policy(strict, " 302", pems)
    assert told is not None
    assert told["duration"] == "86400"


async def test_who_knows_no_values_is_told_nothing(strict: GatewayProcess) -> None:
    """The capability has a REQUIRED value ("Details"), which only clients of version 302 can be given."""
    assert await policy(strict, "", None) is None


async def test_there_is_none_unless_it_was_set(dial: Connect, nick: str) -> None:
    """It is a setting, and administrators may have reasons not to use it ("Description")."""
    peer = await dial(nick, register=False)
    await peer.send("CAP LS 302")
    assert " sts" not in (await peer.expect("CAP")).params[-1]
