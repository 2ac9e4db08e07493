"""Fixtures everybody may use, and what the `containers` marker does where there is no engine."""

import os
from collections.abc import Iterator

import pytest

from tests.harness.engine import why_no_engine
from tests.harness.redis_container import redis_container


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Report a container test as not run, with the reason; in CI such a test fails instead of hiding."""
    if item.get_closest_marker("containers") and (reason := why_no_engine()):
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def redis_container_url() -> Iterator[str]:
    """URL of a Redis 8 in a container, shared by the session; for tests marked `containers`."""
    with redis_container() as url:
        yield url
