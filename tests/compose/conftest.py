"""The stack that the container tests share."""

from collections.abc import Iterator

import pytest

from tests.harness.compose import ComposeStack
from tests.harness.deadlines import DEADLINE_S
from tests.harness.facts import wait_for


@pytest.fixture(scope="module")
def _project() -> Iterator[ComposeStack]:
    project = ComposeStack()
    try:
        project.build()
        yield project
    finally:
        project.end_clients()
        project.down()


@pytest.fixture
def stack(_project: ComposeStack) -> ComposeStack:
    """The whole stack with three gateways, healthy and without clients, whatever the test before did to it."""
    _project.end_clients()
    _project.up(gateways=3)
    wait_for(lambda: not any(_project.connections().values()), within_s=DEADLINE_S)
    return _project
