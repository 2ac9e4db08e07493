"""How long a test waits for a fact, which is never part of a claim: a slow machine raises TEST_DEADLINE_FACTOR."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

__all__ = ["DEADLINE_FACTOR", "DEADLINE_S", "eventually", "life_after"]

DEADLINE_FACTOR = float(os.environ.get("TEST_DEADLINE_FACTOR", "1"))
DEADLINE_S = 5.0 * DEADLINE_FACTOR
_ASK_EVERY_S = 0.05

T = TypeVar("T")


async def eventually(ask: Callable[[], Awaitable[T | None]], *, what: str, deadline_s: float = DEADLINE_S) -> T:
    """The first answer of `ask` that is not None. For facts nobody announces; where there is an event, wait on it.

    Raises:
        AssertionError: there was none within `deadline_s`; its text names `what`.
    """
    try:
        async with asyncio.timeout(deadline_s):
            while (answer := await ask()) is None:  # noqa: ASYNC110 - there is nobody who could set an event
                await asyncio.sleep(_ASK_EVERY_S)
            return answer
    except TimeoutError:
        raise AssertionError(f"not within {deadline_s:g} s: {what}") from None


async def life_after(seconds: float) -> None:
    """Let so much time pass; it is part of what is tested: something that must not happen for so long."""
    loop = asyncio.get_running_loop()
    begin = loop.time()

    async def over() -> bool | None:
        return loop.time() - begin > seconds or None

    await eventually(over, what="the time is over", deadline_s=seconds + DEADLINE_S)
