"""A gateway whose connections to some ports lead to others: `python -m tests.harness.rerouted 1:2,3:4 gateway ARGS...`.

Sentinels and clusters tell gateways where their servers are, so a wire of its own cannot be put into the URL that a
gateway is given. What is changed is `asyncio.open_connection` before the program is imported: redis-py, which opens
every connection of ours to Redis, has no other way.
"""

import asyncio
import runpy
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["Routes", "rerouted"]

Routes = Mapping[int, int]
"""From the port that is asked for to the one that is connected to."""


def rerouted(routes: Routes, module: str) -> list[str]:
    """The words before a program's arguments that have it go these ways."""
    told = ",".join(f"{asked}:{taken}" for asked, taken in routes.items())
    return ["tests.harness.rerouted", told, module]


def _run(told: str, module: str, arguments: list[str]) -> None:
    routes = {int(asked): int(taken) for asked, _, taken in (route.partition(":") for route in told.split(","))}
    straight = asyncio.open_connection

    async def open_connection(host: str | None = None, port: int | None = None, **options: Any) -> Any:
        return await straight(host, port if port is None else routes.get(port, port), **options)

    asyncio.open_connection = open_connection  # type: ignore[assignment] # it passes on what it does not know
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run(sys.argv[1], sys.argv[2], sys.argv[3:])
