"""Two gateways that outlive the tests of a module, and what closes the peers of one test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.private_server import PrivateServer


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GatewayProcess, GatewayProcess]]:
    """Their tests keep apart by nicks and rooms."""
    where = tmp_path_factory.mktemp("pair")
    with PrivateServer.running(where / "store") as store, gateways(where, store.url) as (one, two):
        yield one, two


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Closes the peers."""
    async with AsyncExitStack() as stack:
        yield stack
