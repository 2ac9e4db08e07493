"""Whatever a session can tell, and whatever a person can want, is answered by somebody."""

from typing import get_args

import pytest

from client.actions import Action, Request
from client.console import Console
from client.events import Event
from client.hearing import Hearing
from client.requests import Requests


@pytest.mark.parametrize("event", get_args(Event))
def test_each_event_has_its_handler(event: type) -> None:
    """A new one cannot be forgotten until a server sends it."""
    dispatcher = vars(Hearing)["hear"].dispatcher
    assert dispatcher.dispatch(event) is not dispatcher.dispatch(object)


@pytest.mark.parametrize("action", get_args(Action))
def test_each_action_has_its_handler(action: type) -> None:
    """A new command cannot be forgotten until somebody types it."""
    dispatcher = vars(Console)["_do"].dispatcher
    assert dispatcher.dispatch(action) is not dispatcher.dispatch(object)


@pytest.mark.parametrize("request_", get_args(Request))
def test_each_request_has_its_handler(request_: type) -> None:
    """What the console hands on is asked of the server."""
    dispatcher = vars(Requests)["make"].dispatcher
    assert dispatcher.dispatch(request_) is not dispatcher.dispatch(object)
