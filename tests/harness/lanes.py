"""Lanes to Redis for as long as a test needs them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.store.lanes import Lanes
from tests.harness.deadlines import DEADLINE_S

__all__ = ["opened"]


@asynccontextmanager
async def opened(lanes: Lanes) -> AsyncIterator[Lanes]:
    """Both lanes, kept open by their own `run`, and closed at the end."""
    await lanes.open(DEADLINE_S)
    running = asyncio.create_task(lanes.run())
    await asyncio.sleep(0)  # a task that is cancelled before it begins closes nothing
    try:
        yield lanes
    finally:
        running.cancel()
        await asyncio.wait([running], timeout=DEADLINE_S)
