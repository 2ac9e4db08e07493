"""Limits over real gateways: a second one gives a flooder nothing. Source: docs/operating.md, "Limits"."""

import asyncio
import time
from pathlib import Path

import pytest

from gateway.commands.allowances import FREE
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import CHEAP, Network
from tests.harness.sasl_client import authenticate_plain, log_in

NOBODY = "192.0.2.0/24"  # trusted, so that loopback is not
PASSWORD = "sesame-street"
BURST, PER_MINUTE = 15, 60
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("gateways", [1, 2])
async def test_a_flooder_gets_no_more_from_two_gateways(tmp_path: Path, gateways: int) -> None:
    """Two sessions of one account say as much as they can; what the room hears is the account's, not the gateways'."""
    with Network.running(tmp_path, gateways, message_rate=f"{BURST}:{PER_MINUTE}", **CHEAP) as network:
        witness = await network.connect("witness")
        await witness.send("JOIN #flood")
        await witness.expect("366")
        flooders = [await network.connect(f"flooder{index}") for index in range(2)]
        await flooders[0].send(f"REGISTER acc * {PASSWORD}")
        await flooders[0].expect("900")
        await log_in(flooders[1], "acc", PASSWORD)
        start_s = time.monotonic()
        for peer in flooders:
            await peer.send("JOIN #flood", *[f"PRIVMSG #flood :{number}" for number in range(50)])
        for peer in flooders:
            refused = await peer.expect("263")
            assert refused.params[1] == "PRIVMSG"
            await peer.barrier()
        heard = [m for m in await witness.barrier() if m.command == "PRIVMSG"]
        elapsed_s = time.monotonic() - start_s
        assert BURST <= len(heard) <= BURST + gateways * FREE + elapsed_s * PER_MINUTE / 60 + 1
        for peer in (witness, *flooders):
            await peer.close()


async def test_connections_of_one_address(tmp_path: Path) -> None:
    """Counted over all gateways; the next one is told why and how long."""
    with Network.running(tmp_path, 2, connection_rate="4:1", trusted=NOBODY) as network:
        peers = [await network.connect("x", register=False) for _ in range(4)]
        for index, peer in enumerate(peers):
            await peer.send(f"NICK n{index}", "USER u 0 * :U")
            await peer.expect("001")
        fifth = await network.connect("x", register=False)
        assert "Too many connections from your address" in (await fifth.wait_closed())[-1].params[0]
        for peer in (*peers, fifth):
            await peer.close()


async def test_loopback_is_exempt(tmp_path: Path) -> None:
    """By default; and nobody is limited with `--limits off`."""
    for settings in ({}, {"trusted": NOBODY, "limits": "off"}):
        with Network.running(tmp_path / str(len(settings)), 1, connection_rate="1:1", **settings) as network:
            for _ in range(3):
                async with await network.connect("x", register=False) as peer:
                    await peer.send("NICK someone", "USER u 0 * :U")
                    await peer.expect("001")
                    await peer.send("QUIT")
                    await peer.wait_closed()


async def test_behind_a_balancer_the_real_address_counts(tmp_path: Path) -> None:
    """The one in the PROXY header, and not the balancer's."""
    with Network.running(tmp_path, 2, connection_rate="2:1", trusted=NOBODY, proxy_from="127.0.0.1/32") as network:

        async def from_address(address: str) -> IrcPeer:
            peer = await network.connect("x", register=False)
            await peer.send(f"PROXY TCP4 {address} 127.0.0.1 1234 6667", "PING :first")
            await peer.expect(lambda m: m.command in {"PONG", "ERROR"})
            return peer

        peers = [await from_address("198.51.100.7") for _ in range(3)] + [await from_address("198.51.100.8")]
        await peers[2].wait_closed()
        for peer in (peers[0], peers[1], peers[3]):
            assert await peer.barrier() == []
        for peer in peers:
            await peer.close()


@pytest.mark.parametrize("trusted", [NOBODY, "127.0.0.0/8"])
async def test_guessing_is_stopped_before_anything_is_hashed(tmp_path: Path, trusted: str) -> None:
    """Over all gateways: at one account from anywhere, and at any account from one address that is not trusted."""
    with Network.running(tmp_path, 2, login_rate="4:1", trusted=trusted, **CHEAP) as network:
        owner = await network.connect("owner", caps=["sasl"])
        await owner.send(f"REGISTER * * {PASSWORD}")
        await owner.expect("900")
        for _ in range(10):  # those that succeed cost nothing
            assert (await authenticate_plain(owner, "owner", PASSWORD)).command == "903"
        thieves = [await network.connect(f"thief{index}", caps=["sasl"]) for index in range(2)]
        answers = [await authenticate_plain(thieves[index % 2], "owner", f"guess{index}") for index in range(5)]
        assert {answer.command for answer in answers} == {"904"}
        assert [("too many" in answer.params[1]) for answer in answers] == [False] * 4 + [True]
        # Not even the right password tells more now.
        assert "too many" in (await authenticate_plain(thieves[0], "owner", PASSWORD)).params[1]
        elsewhere = await authenticate_plain(thieves[0], "somebody", "guess")
        assert ("too many" in elsewhere.params[1]) == (trusted == NOBODY)
        for peer in (owner, *thieves):
            await peer.close()


async def test_rooms_are_counted(tmp_path: Path) -> None:
    """The rooms an account joins, on whichever gateway."""
    with Network.running(tmp_path, 2, join_rate="4:1", **CHEAP) as network:
        peers = [await network.connect(f"joiner{index}") for index in range(2)]
        await peers[0].send(f"REGISTER acc * {PASSWORD}")
        await peers[0].expect("900")
        await log_in(peers[1], "acc", PASSWORD)
        await peers[0].send("JOIN #a,#b,#c")
        await peers[0].collect("366", 3)
        await peers[1].send("JOIN #a,#b")
        assert (await peers[1].expect("263")).params[1] == "JOIN"
        await peers[1].send("JOIN #a")
        await peers[1].expect("366")
        await asyncio.gather(*(peer.close() for peer in peers))


async def test_new_accounts_of_one_address(tmp_path: Path) -> None:
    """No more than logins may fail."""
    with Network.running(tmp_path, 1, login_rate="2:1", trusted=NOBODY, **CHEAP) as network:
        async with await network.connect("maker") as peer:
            for index in range(2):
                await peer.send(f"REGISTER made{index} * {PASSWORD}", "ACCOUNT LOGOUT")
                await peer.expect("901")
            await peer.send(f"REGISTER made2 * {PASSWORD}")
            assert (await peer.expect("FAIL")).params[:2] == ("REGISTER", "TEMPORARILY_UNAVAILABLE")
