"""The stack that the container tests share."""

from collections.abc import Iterator

import pytest

from tests.harness.compose import ComposeStack


@pytest.fixture(scope="module")
def _project() -> Iterator[ComposeStack]:
    project = ComposeStack()
    try:
        project.build()
        yield project
    finally:
        project.down()


@pytest.fixture
def stack(_project: ComposeStack) -> ComposeStack:
    """The whole stack with three gateways, healthy, whatever the test before did to it."""
    _project.up(gateways=3)
    return _project
