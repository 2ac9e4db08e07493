"""One network for all specifications; their tests keep apart by nicks and rooms."""

from collections.abc import Iterator

import pytest

from tests.harness.network import ONE_AND_TWO, Network


@pytest.fixture(scope="session", params=ONE_AND_TWO)
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """One gateway, and then two that hand out peers by turns; the same tests hold for both."""
    with Network.with_operator(tmp_path_factory.mktemp("network"), request.param) as network:
        yield network
