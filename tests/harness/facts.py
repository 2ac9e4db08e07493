"""Waiting on a fact instead of sleeping."""

import time
from collections.abc import Callable

__all__ = ["wait_for"]

POLL_S = 0.005


def wait_for(fact: Callable[[], bool], *, within_s: float = 5.0) -> float:
    """Block until `fact` holds, and return the seconds it took.

    Raises:
        AssertionError: it did not hold in time.
    """
    start = time.monotonic()
    while not fact():
        assert time.monotonic() < start + within_s, f"not true within {within_s} s"
        time.sleep(POLL_S)
    return time.monotonic() - start
