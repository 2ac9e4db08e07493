"""Which server to connect to: one that is given, or the one the Sentinels call master.

redis-py opens every connection; it never repeats a command here, and no wait is longer than the times below.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Protocol

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.errors import StoreError
from gateway.store.urls import Address, RedisUrl

__all__ = ["CONNECT_ERRORS", "Master", "SentinelMaster", "Server", "open_connection"]

CONNECT_TIMEOUT_S = 2.0
SHORT_TIMEOUT_S = 0.7  # where another server may have taken over: a frozen one must not hold the search up
CONNECT_ERRORS = (RedisError, OSError, TimeoutError, StoreError)
Connection = Any  # redis-py's; its methods carry no types


class Master(Protocol):
    """Finds the server that takes writes."""

    heartbeat: tuple[str, ...]
    """The command that shows that a connection is well."""

    async def connect(self) -> tuple[Connection, Address | None]:
        """A new connection to it, and where it is if that may change. Raises one of `CONNECT_ERRORS`."""

    def is_well(self, heartbeat_reply: Any) -> bool:
        """Whether the server that answered so still takes writes."""

    async def find(self) -> Address | None:
        """Where it is now, if that may change and is known."""

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

    def __init__(self, url: str, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._url = url
        self._timeout_s = timeout_s

    async def connect(self) -> tuple[Connection, Address | None]:
        """As in `Master`."""
        return await open_connection(self._url, self._timeout_s), None

    def is_well(self, heartbeat_reply: Any) -> bool:
        """As in `Master`."""
        return True

    async def find(self) -> Address | None:
        """As in `Master`."""
        return None

    async def close(self) -> None:
        """As in `Master`."""


class SentinelMaster:
    """The master of a name. All Sentinels are asked each time, and the newest configuration counts: one that was cut
    off, or has not heard yet, names the old master. Source: Redis Sentinel documentation, "Configuration epochs"."""

    # PING is answered by a master that was made a replica as well.
    heartbeat: tuple[str, ...] = ("ROLE",)

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._sentinels: dict[Address, Connection] = {}
        self._epoch = 0  # of the configuration that was gone by last

    async def connect(self) -> tuple[Connection, Address | None]:
        """As in `Master`."""
        newest = await self._newest()
        if newest is None:
            raise StoreError("no Sentinel knows the master")
        epoch, address = newest
        connection = await open_connection(self._url.node(address), SHORT_TIMEOUT_S)
        try:
            async with asyncio.timeout(SHORT_TIMEOUT_S):
                role = await ask(connection, "ROLE")
            if not self.is_well(role):
                raise StoreError("what the Sentinels call master is none")
        except BaseException:
            await end(connection)
            raise
        self._epoch = epoch
        return connection, address

    def is_well(self, heartbeat_reply: Any) -> bool:
        """As in `Master`."""
        return bool(heartbeat_reply) and heartbeat_reply[0] == b"master"

    async def find(self) -> Address | None:
        """As in `Master`."""
        newest = await self._newest()
        # Who answers now may not have heard of a failover that we know of: that is no reason to go back.
        return newest[1] if newest is not None and newest[0] >= self._epoch else None

    async def _newest(self) -> tuple[int, Address] | None:
        """The epoch of the newest configuration that a Sentinel knows, and the master in it."""
        answers = await asyncio.gather(*(self._ask(sentinel) for sentinel in self._url.hosts))
        return max((answer for answer in answers if answer is not None), default=None)

    async def close(self) -> None:
        """As in `Master`."""
        while self._sentinels:
            await end(self._sentinels.popitem()[1])

    async def _ask(self, sentinel: Address) -> tuple[int, Address] | None:
        """The configuration's epoch and the master in it."""
        connection = self._sentinels.pop(sentinel, None)
        try:
            async with asyncio.timeout(SHORT_TIMEOUT_S):
                if connection is None:
                    connection = await open_connection(self._url.sentinel(sentinel), SHORT_TIMEOUT_S)
                reply = await ask(connection, "SENTINEL", "MASTER", self._url.master)
                # The Sentinel that leads a failover has the new epoch in its MASTER, and until all replicas follow the
                # new master, the old address: another answer of its own tells the right one.
                host, port = await ask(connection, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._url.master)
            fields = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
            found = int(fields[b"config-epoch"]), (host.decode(), int(port))
        except (*CONNECT_ERRORS, LookupError, ValueError, TypeError):  # away, or what answers is no Sentinel
            if connection is not None:
                await end(connection)
            return None
        except BaseException:
            if connection is not None:
                await end(connection)
            raise
        # Both lanes may have asked at once; one connection is kept.
        if self._sentinels.setdefault(sentinel, connection) is not connection:
            await end(connection)
        return found
