"""The first look: one command brings up a gateway and a client that talks to it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.deadlines import DEADLINE_FACTOR
from tests.harness.terminal import client_environ

pytestmark = pytest.mark.slow


def test_one_command_is_a_chat(tmp_path: Path) -> None:
    """What is typed comes back from the room, and nothing is left running or lying about."""
    done = subprocess.run(
        [sys.executable, "-m", "client.demo", "--nick=ann"],
        input="hello\nexit\ny\n",
        text=True,
        capture_output=True,
        env=client_environ(
            tmp_path, TMPDIR=str(tmp_path), CHAT_GATEWAY_PORT="0", CHAT_GATEWAY_STATE_DIR=str(tmp_path / "state")
        ),
        timeout=50 * DEADLINE_FACTOR,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " ann: hello" in done.stdout
    assert not list(tmp_path.glob("hubbub-*"))
