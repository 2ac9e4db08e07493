"""The servers the store must work with, and views of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from itertools import count
from typing import cast

import pytest

from gateway.model import GatewayId, LogKey
from gateway.store import keys
from gateway.store.lanes import Lanes, lanes_to
from gateway.store.urls import Durability
from tests.harness.cluster import Cluster
from tests.harness.lanes import opened
from tests.harness.log_site import LogSite, MemorySite, redis_site
from tests.harness.memory_store import MemoryRedis
from tests.harness.sentinels import Sentinels
from tests.harness.session_site import SessionSite, Sites

SERVERS = [
    "embedded",
    pytest.param("container", marks=pytest.mark.containers),
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("sentinel", "replica", "cluster", "cluster replica")),
]
_URL_FIXTURES = {"embedded": "store_url", "container": "redis_container_url"}
OpenSite = Callable[[str], Awaitable[LogSite]]
OpenLanes = Callable[[], Awaitable[Lanes]]
_numbers = count(1)


@pytest.fixture(scope="session")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """URL of a deployment with replicas by its name in `SERVERS`, started when first asked for."""
    urls: dict[str, str] = {}
    with ExitStack() as stack:

        def url(server: str) -> str:
            if server not in urls:
                directory = tmp_path_factory.mktemp(server.replace(" ", "-")) / "all"
                started: Cluster | Sentinels
                if server.startswith("cluster"):
                    started = stack.enter_context(Cluster.running(directory))
                else:
                    started = stack.enter_context(Sentinels.running(directory))
                urls[server] = started.url
            return urls[server]

        yield url


def _deployment(request: pytest.FixtureRequest, server: str) -> tuple[str, Durability]:
    """Where it is, and what to expect of it. It is shared by the session: tests keep apart by the names they use."""
    if server in _URL_FIXTURES:
        return cast(str, request.getfixturevalue(_URL_FIXTURES[server])), Durability.REDIS
    url = request.getfixturevalue("deployments")(server)
    return url, Durability.REPLICA if "replica" in server else Durability.REDIS


@pytest.fixture(params=["memory", *SERVERS])
async def open_site(request: pytest.FixtureRequest) -> AsyncIterator[OpenSite]:
    """Opens the view of a gateway of that name, on memory and on each server."""
    async with AsyncExitStack() as stack:
        memory = MemoryRedis()

        async def open_site(gateway: str) -> LogSite:
            if request.param == "memory":
                return MemorySite(memory, GatewayId(gateway))
            return await stack.enter_async_context(redis_site(*_deployment(request, request.param), gateway))

        yield open_site


@pytest.fixture(params=SERVERS)
async def open_more(request: pytest.FixtureRequest) -> AsyncIterator[OpenLanes]:
    """Opens one more gateway's lanes."""
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(opened(lanes_to(*_deployment(request, request.param))))


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


@pytest.fixture
async def sites(lanes: Lanes, unique: str) -> AsyncIterator[Sites]:
    """Two gateways with a session; they beat no more afterwards, since others count who has stopped."""
    both = SessionSite(lanes, unique, "one"), SessionSite(lanes, unique, "two")
    yield both
    await lanes.commands.call("ZREM", keys.HEARTBEATS, *(site.gateway for site in both))
