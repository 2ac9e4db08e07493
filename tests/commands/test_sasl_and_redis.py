"""Logging in needs Redis: the capability goes and comes with it. Source: IRCv3 sasl-3.2, cap-notify."""

import pytest

from tests.harness.network import Connect, Network
from tests.harness.sasl_client import log_in

PASSWORD = "sesame-street"
pytestmark = pytest.mark.slow


async def test_sasl_goes_and_comes_with_redis(dial: Connect, network: Network, nick: str) -> None:
    """ "If cap-notify is an active capability, the client will be notified about status changes", and what cannot be
    had is refused. Source: sasl-3.2."""
    owner = await dial(nick)
    await owner.send(f"REGISTER * * {PASSWORD}")
    await owner.expect("900")
    await owner.send("QUIT")
    await owner.wait_closed()
    peer = await dial(nick, register=False)
    await peer.send("CAP LS 302", "CAP REQ sasl")
    await peer.barrier()
    network.store.kill()
    try:
        assert (await peer.expect(lambda m: m.command == "CAP" and m.params[1] == "DEL")).params[2] == "sasl"
        assert not [word for word in await peer.capabilities() if word.startswith("sasl")]
        await peer.send("CAP REQ sasl", "AUTHENTICATE PLAIN")
        assert (await peer.expect("CAP")).params[1] == "NAK"
        assert (await peer.read()).command == "904"
    finally:
        network.store.restart()
    new = await peer.expect(lambda m: m.command == "CAP" and m.params[1] == "NEW", deadline_s=15.0)
    assert new.params[2] == "sasl=PLAIN,SCRAM-SHA-256"
    await log_in(peer, nick, PASSWORD)
