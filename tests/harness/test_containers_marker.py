"""What the `containers` marker does, seen from outside: pytest as a process, with and without an engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NAME = "tests/harness/test_containers_marker.py::test_redis_container_is_redis_8"


def run_without_engine(**env: str) -> subprocess.CompletedProcess[str]:
    """Run the one container test below where the `docker` command reaches no engine."""
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", NAME]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | nowhere | env, capture_output=True, text=True, timeout=30, check=False
    )


def test_without_an_engine_a_container_test_is_reported_by_name() -> None:
    """On a laptop without an engine the run is green and says which test did not run, and why."""
    done = run_without_engine(CI="")
    assert done.returncode == 0, done.stdout
    assert f"SKIPPED {NAME} - " in done.stdout
    assert "no usable container engine" in done.stdout


def test_in_ci_a_missing_engine_fails() -> None:
    """With CI=true nothing is skipped in silence: the same test fails, with the reason."""
    done = run_without_engine(CI="true")
    assert done.returncode == 1, done.stdout
    assert "no usable container engine" in done.stdout


@pytest.mark.containers
def test_redis_container_is_redis_8(redis_container_url: str) -> None:
    """The shared Redis container answers, and is the version we run in production."""
    with redis.Redis.from_url(redis_container_url, decode_responses=True) as client:
        assert client.info("server")["redis_version"].startswith("8.")
