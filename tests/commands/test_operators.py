"""OPER, and that nobody guesses at it. Source: RFC 2812 section 3.1.4; docs/operating.md, "Limits"."""

from pathlib import Path

import pytest

from gateway.passwords import hash_password
from tests.harness.network import Network

pytestmark = pytest.mark.slow


async def test_guessing_is_stopped_over_all_gateways(tmp_path: Path) -> None:
    """After so many failures not even the right password is looked at; those that succeed cost nothing."""
    opers = tmp_path / "opers.toml"
    opers.write_text(f'ann = "{hash_password("right")}"\n')
    with Network.running(tmp_path, 2, opers=str(opers), login_rate="3:1") as network:
        one, two = [await network.connect(f"peer{index}") for index in range(2)]
        for _ in range(4):
            await one.send("OPER ann right")
            await one.expect("381")
        for peer in (one, two, one):
            await peer.send("OPER ann wrong")
            await peer.expect("464")
        await two.send("OPER ann right")
        assert (await two.expect("263")).params[1] == "OPER"
        await two.send("OPER nobody right")
        await two.expect("464")
        for peer in (one, two):
            await peer.close()
