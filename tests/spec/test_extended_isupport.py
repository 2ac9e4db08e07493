"""ISUPPORT before registration, and in a batch; the network's picture.

Source: https://ircv3.net/specs/extensions/extended-isupport, https://ircv3.net/specs/extensions/network-icon,
https://modern.ircdocs.horse/#feature-advertisement.
"""

import re
from pathlib import Path

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect, Network


async def test_before_registration(network: Network, nick: str) -> None:
    """With the capability "the server MUST accept ISUPPORT commands before connection registration completes", in a
    batch for who knows batches; without it: 451."""
    gateway = network.gateways[-1]
    async with await IrcPeer.connect(gateway.host, gateway.port, nick, register=False) as peer:
        await peer.send("CAP LS 302", "ISUPPORT")
        await peer.expect("451")
        await peer.send("CAP REQ :draft/extended-isupport", "ISUPPORT")
        assert (await peer.expect("005")).params[0] == "*"
        await peer.send("CAP REQ :batch", "ISUPPORT")
        opening = await peer.expect("BATCH")
        assert opening.params[1] == "draft/isupport"
        first = await peer.read()
        assert (first.command, first.tags["batch"]) == ("005", opening.params[0][1:])


async def test_never_outside_a_batch(dial: Connect, nick: str) -> None:
    """ "The server MUST NOT send any unbatched RPL_ISUPPORT message while both of these capabilities are enabled"; also
    where the answer is labelled."""
    peer = await dial(nick, caps=("batch", "labeled-response", "draft/extended-isupport"))
    await peer.send("VERSION", "@label=x ISUPPORT")
    told = await peer.barrier()
    batches = {m.params[0][1:] for m in told if m.command == "BATCH" and m.params[1:] == ("draft/isupport",)}
    assert len(batches) == 2
    assert all(m.tags.get("batch") in batches for m in told if m.command == "005")


async def test_tokens_can_be_read(dial: Connect, nick: str) -> None:
    """At most 13 to a line, `NAME` or `NAME=value`; what holds is there ("Feature Advertisement")."""
    peer = await dial(nick)
    await peer.send("ISUPPORT")
    lines = [m.params[1:-1] for m in await peer.barrier() if m.command == "005"]
    assert all(0 < len(line) <= 13 for line in lines)
    tokens = [token for line in lines for token in line]
    assert all(re.fullmatch(r"[A-Z0-9/a-z]+(=[!-<>-~]*)?", token) for token in tokens)
    assert {"AWAYLEN=200", "ELIST=CMNTU", "HOSTLEN=63", "MONITOR=100", "NAMELEN=128", "SAFELIST", "WHOX"} <= set(tokens)


async def test_the_picture_of_the_network(tmp_path: Path) -> None:
    """`draft/ICON` if there is one; "=" is escaped, as a value cannot hold it."""
    with Network.running(
        tmp_path, 1, network_icon="https://example.org/i.png?size={size}", admin="ann@example.org"
    ) as one:
        gateway = one.gateways[0]
        async with await IrcPeer.connect(gateway.host, gateway.port, "ann") as peer:
            await peer.send("ISUPPORT", "ADMIN")
            told = await peer.barrier()
            assert r"draft/ICON=https://example.org/i.png?size\x3D{size}" in [word for m in told for word in m.params]
            assert [m.command for m in told[-4:]] == ["256", "257", "258", "259"]
            assert told[-1].params[-1] == "ann@example.org"
