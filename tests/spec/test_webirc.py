"""Users behind web gateways. Source: https://ircv3.net/specs/extensions/webirc"""

from collections.abc import Iterator

import pytest

from tests.harness.certificates import Pems, certificate
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """The gateway's certificate."""
    return certificate(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory, store_url: str, pems: Pems) -> Iterator[GatewayProcess]:
    """A gateway that believes web gateways on this machine."""
    folder = tmp_path_factory.mktemp("trusting")
    (folder / "password").write_text(PASSWORD + "\n")
    process = GatewayProcess(
        state_dir=folder,
        redis_url=store_url,
        webirc_from="127.0.0.1",
        webirc_password_file=str(folder / "password"),
        connection_rate="5:1",
        tls_port=0,
        tls_cert=str(pems.cert),
        tls_key=str(pems.key),
    ).start()
    yield process
    process.stop()


async def whois(peer: IrcPeer, nick: str) -> dict[str, tuple[str, ...]]:
    """The lines by their numbers."""
    await peer.send(f"WHOIS {nick}")
    lines = {}
    while (line := await peer.read()).command != "318":
        lines[line.command] = line.params
    return lines


async def introduced(gateway: GatewayProcess, nick: str, said: str, tls: Pems | None = None) -> IrcPeer:
    """A user whom a web gateway introduces so."""
    port, context = (gateway.tls_port, tls.trust()) if tls else (gateway.port, None)
    peer = await IrcPeer.connect(gateway.host, port, nick, register=False, tls=context)
    await peer.send(said, f"NICK {nick}", "USER u 0 * :u")
    return peer


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("198.51.100.3", "198.51.100.3"),
        ("2001:db8::7", "2001:db8::7"),
        # An address that would begin with a colon has a zero in front.
        ("0::1:2", "0::1:2"),
    ],
)
async def test_the_users_address_is_shown(trusting: GatewayProcess, address: str, host: str) -> None:
    """The information is used as if the user had connected directly ("Introduction"). The name is nobody's word but
    the gateway's, so it is the address that counts ("Security considerations")."""
    nick = "web" + "".join(filter(str.isalnum, address))
    async with await introduced(trusting, nick, f"WEBIRC {PASSWORD} kiwi name.example {address}") as peer:
        await peer.expect("001")
        assert (await whois(peer, nick))["311"][3] == host


async def test_who_is_not_trusted_is_closed(trusting: GatewayProcess) -> None:
    """A wrong password ends the connection with an ERROR ("Security considerations"), and so does no address."""
    for said in ("WEBIRC wrong kiwi x 198.51.100.3", f"WEBIRC {PASSWORD} kiwi x no-address"):
        async with await introduced(trusting, "nobody", said) as peer:
            assert "Invalid WebIRC" in (await peer.expect("ERROR")).params[0]
            await peer.wait_closed()


async def test_elsewhere_nobody_is_trusted(server: GatewayProcess) -> None:
    """It takes to be configured ("Limitations")."""
    async with await introduced(server, "nobody", f"WEBIRC {PASSWORD} kiwi x 198.51.100.3") as peer:
        assert "Invalid WebIRC" in (await peer.expect("ERROR")).params[0]


async def test_it_comes_first(trusting: GatewayProcess) -> None:
    """It MUST be the first command, before capability negotiation ("Format")."""
    peer = await IrcPeer.connect(trusting.host, trusting.port, "late", register=False)
    async with peer:
        await peer.send("CAP LS 302", f"WEBIRC {PASSWORD} kiwi x 198.51.100.4", "WEBIRC few params")
        await peer.expect("462")
        await peer.expect("461")
        await peer.send("NICK late", "USER u 0 * :u", "CAP END")
        await peer.expect("001")
        assert (await whois(peer, "late"))["311"][3] == "127.0.0.1"


async def test_secure_only_if_both_ways_are(trusting: GatewayProcess, pems: Pems) -> None:
    """`secure` counts only if the gateway's own connection is TLS too, and values of options mean nothing yet
    ("Options")."""
    for number, (option, tls, expected) in enumerate(
        [
            (" secure", None, False),
            (" :secure=x local-port=6697", pems, True),
            (" :local-port=1", pems, False),
            ("", pems, False),
        ]
    ):
        said = f"WEBIRC {PASSWORD} kiwi x 203.0.113.{number}{option}"
        async with await introduced(trusting, f"secure{number}", said, tls) as peer:
            await peer.expect("001")
            assert ("671" in await whois(peer, f"secure{number}")) == expected


async def test_limits_are_the_users(trusting: GatewayProcess) -> None:
    """Connections are counted for the user's address, as anywhere (docs/operating.md, "Limits")."""
    peers = [
        await introduced(trusting, f"many{number}", f"WEBIRC {PASSWORD} kiwi x 198.51.100.77") for number in range(6)
    ]
    for peer in peers[:5]:
        await peer.expect("001")
    assert "Too many connections" in (await peers[5].expect("ERROR")).params[0]
    for peer in peers:
        await peer.close()
