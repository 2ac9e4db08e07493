"""Two networks for all specifications, each started once; their tests keep apart by nicks and rooms."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.harness.network import ONE_AND_TWO, Network


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Network]]:
    """Networks by their number of gateways: they go on while tests alternate, for starting one takes seconds."""
    with ExitStack() as stack:

        @cache
        def of(number: int) -> Network:
            return stack.enter_context(Network.with_operator(tmp_path_factory.mktemp("network"), number))

        yield of


@pytest.fixture(scope="session", params=ONE_AND_TWO)
def network(request: pytest.FixtureRequest, networks: Callable[[int], Network]) -> Network:
    """One gateway, and then two that hand out peers by turns; the same tests hold for both."""
    return networks(request.param)
