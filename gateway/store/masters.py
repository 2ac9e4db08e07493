"""The server to connect to, and connections to it.

redis-py opens every connection; it never repeats a command here, and no wait is longer than the times below.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Protocol

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.errors import StoreError
from gateway.store.urls import Address

__all__ = ["CONNECT_ERRORS", "SHORT_TIMEOUT_S", "Found", "Master", "Server", "ask", "end", "open_connection"]

CONNECT_TIMEOUT_S = 2.0
SHORT_TIMEOUT_S = 0.7  # where another server may have taken over: a frozen one must not hold the search up
CONNECT_ERRORS = (RedisError, OSError, TimeoutError, StoreError)
Connection = Any  # redis-py's; its methods carry no types


class Found(NamedTuple):
    """A new connection to the master."""

    connection: Connection
    alive_s: float  # it was master after that, by the loop's clock
    at: Address | None = None  # where it is, if that may change


class Master(Protocol):
    """Finds the server that takes writes."""

    heartbeat: tuple[str, ...]
    """The command that shows that a connection is well."""

    believed_s: float
    """It has to be silent for at least that long before another takes its place."""

    async def connect(self) -> Found:
        """A new connection to it. Raises one of `CONNECT_ERRORS`."""

    def is_well(self, heartbeat_reply: Any) -> bool:
        """Whether the server that answered so still takes writes."""

    async def is_replaced(self, at: Address) -> bool:
        """Whether it is known that the one there is master no more, or is about to be none."""

    async def close(self) -> None:
        """End what was opened to find it."""


async def open_connection(url: str, timeout_s: float) -> Connection:
    """A connection of redis-py, greeted and authenticated, that belongs to no pool. Raises one of `CONNECT_ERRORS`."""
    pool = ConnectionPool.from_url(
        url,
        protocol=3,
        # Commands here are not idempotent: redis-py must never repeat one by itself.
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=timeout_s,
        socket_timeout=timeout_s,
    )
    connection: Connection = pool.make_connection()  # type: ignore[no-untyped-call] # redis-py has no type for it
    try:
        async with asyncio.timeout(2 * timeout_s), _mended():
            await connection.connect()
    except BaseException:
        await end(connection)
        raise
    return connection


async def ask(connection: Connection, *command: str) -> Any:
    """The reply to one command, as bytes and lists. Raises one of `CONNECT_ERRORS`."""
    async with _mended():
        await connection.send_command(*command)
        return await connection.read_response()


@contextlib.asynccontextmanager
async def _mended() -> AsyncIterator[None]:
    """Two ends of a connection made what they are.

    redis-py sends under `wait_for`, which loses a cancellation that comes when the bytes have just gone: the task would
    live on, and whoever ends it wait for ever. Source: CPython issue 86296, mended in 3.12.

    uvloop raises RuntimeError where something is written to a transport that was just lost; asyncio does not.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    try:
        yield
    except RuntimeError as exc:
        raise ConnectionResetError("lost while it was being written to") from exc
    if task.cancelling() > before:
        raise asyncio.CancelledError


async def end(connection: Connection) -> None:
    """Close a connection, whatever its state."""
    with contextlib.suppress(*CONNECT_ERRORS):
        await connection.disconnect(nowait=True)


class Server:
    """A server with an address of its own: whoever answers there is it."""

    heartbeat: tuple[str, ...] = ("PING",)

    def __init__(self, url: str, timeout_s: float = CONNECT_TIMEOUT_S, believed_s: float = math.inf) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self.believed_s = believed_s

    async def connect(self) -> Found:
        """As in `Master`."""
        alive_s = asyncio.get_running_loop().time()
        return Found(await open_connection(self._url, self._timeout_s), alive_s)

    def is_well(self, heartbeat_reply: Any) -> bool:
        """As in `Master`."""
        return True

    async def is_replaced(self, at: Address) -> bool:
        """As in `Master`."""
        return False

    async def close(self) -> None:
        """As in `Master`."""
