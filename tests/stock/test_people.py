"""Clients that people use today work here unchanged, and come back when their gateway dies."""

from pathlib import Path

import pytest

from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.stock_clients import StartClient, irssi, weechat

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Pair = tuple[GatewayProcess, GatewayProcess]


@pytest.mark.parametrize("start", [weechat, irssi])
async def test_it_talks_reads_back_and_survives_its_gateway(
    tmp_path: Path, two_gateways: Pair, start: StartClient
) -> None:
    """History on joining, lines both ways between gateways, NICK, TOPIC and PART shown; after SIGKILL of its gateway it
    is back on the other one, and reads what was said meanwhile."""
    one, two = two_gateways
    async with await IrcPeer.connect(two.host, two.port, "ann", caps=["server-time"]) as ann:
        await ann.send("JOIN #lobby", "TOPIC #lobby :of the day", "PRIVMSG #lobby :said before")
        await ann.barrier()
        with start(tmp_path / "home", [(one.host, one.port), (two.host, two.port)], "stock", "#lobby") as terminal:
            terminal.sees("said before")
            terminal.sees("of the day")
            await ann.expect("JOIN")
            await ann.send("PRIVMSG #lobby :hello stock")
            terminal.sees("hello stock")
            terminal.type("hello from the other gateway\r")
            assert (await ann.expect("PRIVMSG")).params == ("#lobby", "hello from the other gateway")
            await ann.send("NICK anna")
            terminal.sees("anna")
            terminal.type("/msg anna between us\r")
            assert (await ann.expect("PRIVMSG")).params == ("anna", "between us")

            one.kill()
            await ann.send("PRIVMSG #lobby :said while you were away")
            terminal.sees("said while you were away")
            await ann.expect("JOIN")
            await ann.send("PRIVMSG #lobby :welcome back")
            terminal.sees("welcome back")
            terminal.type("good to be back\r")
            assert (await ann.expect("PRIVMSG")).params == ("#lobby", "good to be back")
