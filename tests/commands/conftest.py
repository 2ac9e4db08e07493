"""What the tests of single commands share; gateway and peers are `server` and `connect` of the top conftest."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest

from gateway.passwords import hash_password
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Network

Connect = Callable[..., Coroutine[Any, Any, IrcPeer]]
OPERATOR_PASSWORD = "let the tests in"
_numbers = count(1)


@pytest.fixture
def room() -> str:
    """A room nobody else uses."""
    return f"#room{next(_numbers)}"


CHEAP = {"argon2_kib": 1024, "scram_iterations": 4096}  # hashing as fast as may be


@pytest.fixture(scope="module", params=[1, 2], ids=["one gateway", "two gateways"])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """One gateway, and then two that hand out peers by turns; the same tests hold for both. `OPER root` takes
    `OPERATOR_PASSWORD`."""
    place = tmp_path_factory.mktemp("network")
    opers = place / "opers.toml"
    opers.write_text(f'root = "{hash_password(OPERATOR_PASSWORD)}"\n')
    with Network.running(place, request.param, opers=str(opers), limits="off", **CHEAP) as network:
        yield network


@pytest.fixture
async def dial(network: Network) -> AsyncIterator[Connect]:
    """Connects a peer to the next gateway of `network`; all are closed after the test."""
    async with AsyncExitStack() as stack:

        async def dial(nick: str, **options: Any) -> IrcPeer:
            return await stack.enter_async_context(await network.connect(nick, **options))

        yield dial


@pytest.fixture
def nick() -> str:
    """A nick nobody else uses, and short enough to be made longer."""
    return f"user{next(_numbers)}x"
