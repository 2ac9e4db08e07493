"""The servers the store must work with, and views of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from typing import cast

import pytest

from gateway.model import GatewayId, LogKey
from gateway.store.lanes import Lanes
from tests.harness.log_site import LogSite, MemorySite, opened, redis_site
from tests.harness.memory_store import MemoryRedis

SERVERS = ["embedded", pytest.param("container", marks=pytest.mark.containers)]
OpenSite = Callable[[str], Awaitable[LogSite]]
OpenLanes = Callable[[], Awaitable[Lanes]]
_numbers = count(1)


def _url(request: pytest.FixtureRequest, server: str) -> str:
    return cast(str, request.getfixturevalue("store_url" if server == "embedded" else "redis_container_url"))


@pytest.fixture(params=SERVERS)
def redis_url(request: pytest.FixtureRequest) -> str:
    """URL of a server shared by the session; tests keep apart by the names they use."""
    return _url(request, request.param)


@pytest.fixture(params=["memory", *SERVERS])
async def open_site(request: pytest.FixtureRequest) -> AsyncIterator[OpenSite]:
    """Opens the view of a gateway of that name, on memory and on each server."""
    async with AsyncExitStack() as stack:
        memory = MemoryRedis()

        async def open_site(gateway: str) -> LogSite:
            if request.param == "memory":
                return MemorySite(memory, GatewayId(gateway))
            return await stack.enter_async_context(redis_site(_url(request, request.param), gateway))

        yield open_site


@pytest.fixture
async def open_more(redis_url: str) -> AsyncIterator[OpenLanes]:
    """Opens one more gateway's lanes."""
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(opened(Lanes(redis_url)))


@pytest.fixture
async def lanes(open_more: OpenLanes) -> Lanes:
    """Open lanes."""
    return await open_more()


@pytest.fixture
def log() -> LogKey:
    """A room's log nobody else uses."""
    return LogKey(f"r:#log{next(_numbers)}")


@pytest.fixture
def unique() -> str:
    """A word nobody else uses."""
    return f"w{next(_numbers)}"
