"""The real client logs in to an account of the real gateway."""

import subprocess
from pathlib import Path

import pytest

from gateway.session.capabilities import names
from tests.harness.deadlines import DEADLINE_FACTOR
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.terminal import client_command, client_environ

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("sasl" not in names(-1).split(), reason="the gateway has no accounts"),
]


def say_hi(home: Path, server: GatewayProcess, password: str) -> "subprocess.CompletedProcess[str]":
    """Say `hi` as the account ann."""
    arguments = ["--room=vault", "--nick=clientann", "--account=clientann", "--account-password-from=env:SECRET"]
    return subprocess.run(
        client_command(*arguments, f"--server={server.host}:{server.port}", "-m", "hi"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=client_environ(home, SECRET=password),
        timeout=30 * DEADLINE_FACTOR,
        check=False,
    )


async def test_the_right_and_the_wrong_password(server: GatewayProcess, tmp_path: Path) -> None:
    """The right one speaks for the account; the wrong one ends with 77, and nothing is said."""
    async with await IrcPeer.connect(
        server.host, server.port, "clientann", caps=("draft/account-registration", "standard-replies")
    ) as peer:
        await peer.send("REGISTER clientann * correct-horse-battery")
        await peer.expect("REGISTER")
    done = say_hi(tmp_path, server, "wrong-horse-battery")
    assert done.returncode == 77
    assert "wrong-horse" not in done.stdout + done.stderr
    done = say_hi(tmp_path, server, "correct-horse-battery")
    assert done.returncode == 0, done.stderr
    async with await IrcPeer.connect(
        server.host, server.port, "looker", caps=("account-tag", "message-tags", "batch", "draft/chathistory")
    ) as peer:
        await peer.send("JOIN #vault", "CHATHISTORY LATEST #vault * 10")
        (line,) = [message for message in await peer.barrier() if message.command == "PRIVMSG"]
        assert (line.tags["account"], line.params[1]) == ("clientann", "hi")
