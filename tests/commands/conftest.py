"""What the tests of single commands share; gateway and peers are `server` and `connect` of the top conftest."""

from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

import pytest

from tests.harness.irc_peer import IrcPeer

Connect = Callable[..., Coroutine[Any, Any, IrcPeer]]
_numbers = count(1)


@pytest.fixture
def room() -> str:
    """A room nobody else uses."""
    return f"#room{next(_numbers)}"
