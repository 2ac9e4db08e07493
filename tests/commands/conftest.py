"""What the tests of single commands share; gateway and peers are `server` and `connect` of the top conftest."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from itertools import count, cycle
from typing import Any

import pytest

from gateway.passwords import hash_password
from gateway.store.embedded import EmbeddedStore
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

Connect = Callable[..., Coroutine[Any, Any, IrcPeer]]
OPERATOR_PASSWORD = "let the tests in"
_numbers = count(1)


@pytest.fixture
def room() -> str:
    """A room nobody else uses."""
    return f"#room{next(_numbers)}"


@pytest.fixture(scope="module", params=["one gateway", "two gateways"])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[GatewayProcess]]:
    """Gateways over one store for the module, where `OPER root` takes `OPERATOR_PASSWORD`."""
    place = tmp_path_factory.mktemp("network")
    opers = place / "opers.toml"
    opers.write_text(f'root = "{hash_password(OPERATOR_PASSWORD)}"\n')
    store = EmbeddedStore.start(place / "store", 10.0)
    names = ["one"] if request.param == "one gateway" else ["one", "two"]
    gateways = [
        GatewayProcess(state_dir=place / name, redis_url=store.url, opers=str(opers), limits="off").start()
        for name in names
    ]
    yield gateways
    for gateway in gateways:
        gateway.stop()
    store.stop()


@pytest.fixture
async def anywhere(network: list[GatewayProcess]) -> AsyncIterator[Connect]:
    """Connects registered peers, to the gateways of the network in turn; all are closed after the test."""
    turns = cycle(network)
    async with AsyncExitStack() as stack:

        async def connect(nick: str, **options: Any) -> IrcPeer:
            gateway = next(turns)
            return await stack.enter_async_context(await IrcPeer.connect(gateway.host, gateway.port, nick, **options))

        yield connect
