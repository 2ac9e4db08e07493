"""Fixtures everybody may use, and what the `containers` marker does where there is no engine."""

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gateway.store.embedded import EmbeddedStore
from tests.harness.container_engine import why_no_engine
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect, Network
from tests.harness.private_server import PrivateServer
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


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway process with its own store."""
    process = GatewayProcess(state_dir=tmp_path / "state").start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an embedded Valkey shared by the session; tests keep apart by the names they use."""
    store = EmbeddedStore.start(tmp_path_factory.mktemp("store"), 10.0)
    yield store.url
    store.stop()


@pytest.fixture
def two_gateways(tmp_path: Path) -> Iterator[tuple[GatewayProcess, GatewayProcess]]:
    """Two gateway processes over one embedded Valkey of their own."""
    with PrivateServer.running(tmp_path / "shared-store") as store, gateways(tmp_path, store.url) as (one, two):
        yield one, two


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway for the module; its tests keep apart by nicks and rooms."""
    process = GatewayProcess(state_dir=tmp_path_factory.mktemp("state")).start()
    yield process
    process.stop()


@pytest.fixture
async def connect(server: GatewayProcess) -> AsyncIterator[Callable[..., Coroutine[Any, Any, IrcPeer]]]:
    """Connects a registered peer; all are closed after the test."""
    async with AsyncExitStack() as stack:

        async def connect(nick: str, **options: Any) -> IrcPeer:
            return await stack.enter_async_context(await IrcPeer.connect(server.host, server.port, nick, **options))

        yield connect


_numbers = count(1)


@pytest.fixture
def room() -> str:
    """A room nobody else uses."""
    return f"#room{next(_numbers)}"


@pytest.fixture
def nick() -> str:
    """A nick nobody else uses, and short enough to be made longer."""
    return f"user{next(_numbers)}x"


@pytest.fixture
async def dial(network: Network) -> AsyncIterator[Connect]:
    """Connects a peer to the next gateway of the `network` of these tests; all are closed after the test."""
    async with AsyncExitStack() as stack:

        async def dial(nick: str, **options: Any) -> IrcPeer:
            return await stack.enter_async_context(await network.connect(nick, **options))

        yield dial
