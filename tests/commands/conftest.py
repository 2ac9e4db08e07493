"""Peers of one shared gateway: what a single command does needs no gateway of its own."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest

from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

Connect = Callable[..., Coroutine[Any, Any, IrcPeer]]
_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway for the module; tests keep apart by nicks and rooms."""
    process = GatewayProcess(state_dir=tmp_path_factory.mktemp("state")).start()
    yield process
    process.stop()


@pytest.fixture
async def connect(server: GatewayProcess) -> AsyncIterator[Connect]:
    """Connects a registered peer; all are closed after the test."""
    async with AsyncExitStack() as stack:

        async def connect(nick: str, **options: Any) -> IrcPeer:
            return await stack.enter_async_context(await IrcPeer.connect(server.host, server.port, nick, **options))

        yield connect


@pytest.fixture
def room() -> str:
    """A room nobody else uses."""
    return f"#room{next(_numbers)}"
