"""The real client over TLS to the real gateway: certificates are checked, names too."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.certificates import Pems, certificate
from tests.harness.deadlines import DEADLINE_FACTOR
from tests.harness.gateway_process import GatewayProcess
from tests.harness.terminal import client_command, client_environ

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """A certificate for 127.0.0.1."""
    return certificate(tmp_path_factory.mktemp("pems"), "127.0.0.1")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, pems: Pems, store_url: str) -> Iterator[GatewayProcess]:
    """A gateway with that certificate."""
    process = GatewayProcess(
        state_dir=tmp_path_factory.mktemp("state"),
        redis_url=store_url,
        tls_port=0,
        tls_cert=str(pems.cert),
        tls_key=str(pems.key),
    ).start()
    yield process
    process.stop()


def say_hi(home: Path, server: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Say `hi` in #tls."""
    return subprocess.run(
        client_command("--room", "tls", "--nick", "ann", "--server", server, "--timeout", "1.5", *more),
        input="hi\n",
        text=True,
        capture_output=True,
        env=client_environ(home),
        timeout=30 * DEADLINE_FACTOR,
        check=False,
    )


def test_a_trusted_server(secure: GatewayProcess, pems: Pems, tmp_path: Path) -> None:
    """--tls-ca alone means TLS; so does ircs://."""
    for number, server in enumerate((f"127.0.0.1:{secure.tls_port}", f"ircs://127.0.0.1:{secure.tls_port}")):
        done = say_hi(tmp_path / str(number), server, "--tls-ca", str(pems.ca))
        assert done.returncode == 0, done.stdout + done.stderr
        assert " ann: hi" in done.stdout


@pytest.mark.slow
def test_strangers_are_not_trusted(secure: GatewayProcess, pems: Pems, tmp_path: Path) -> None:
    """The system does not know our authority, another authority did not sign, and the name must be the server's."""
    other = certificate(tmp_path / "other")
    here, named = f"ircs://127.0.0.1:{secure.tls_port}", f"ircs://localhost:{secure.tls_port}"
    for server, more in ((here, ()), (here, ("--tls-ca", str(other.ca))), (named, ("--tls-ca", str(pems.ca)))):
        done = say_hi(tmp_path, server, *more)
        assert done.returncode == 69
        assert "its certificate cannot be trusted" in done.stdout


def test_a_plain_port_is_told(secure: GatewayProcess, tmp_path: Path) -> None:
    """No fall back to plain text, ever."""
    done = say_hi(tmp_path, f"ircs://127.0.0.1:{secure.port}")
    assert done.returncode == 69
    assert "it does not speak TLS as it should" in done.stdout
