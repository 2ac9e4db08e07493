"""The server that Sentinels call master, and what they think of it. Source: Redis Sentinel documentation."""

import asyncio
import math
from typing import Any, NamedTuple

from gateway.errors import StoreError
from gateway.store.masters import CONNECT_ERRORS, SHORT_TIMEOUT_S, Connection, Found, ask, end, open_connection
from gateway.store.urls import Address, RedisUrl

__all__ = ["SentinelMaster"]

DOUBTED_S = 5.0  # what a Sentinel has taken for down for longer, and the others have not, is well


class _Told(NamedTuple):
    """What a Sentinel says of the master."""

    epoch: int  # of the configuration
    address: Address
    down_after_s: float
    chooses: bool  # another is being chosen
    doubts: bool  # it takes the master for down since a moment ago

    @classmethod
    def read(cls, reply: Any, host: bytes, port: bytes) -> "_Told":
        """From the replies to MASTER and GET-MASTER-ADDR-BY-NAME. Raises LookupError, ValueError, TypeError."""
        fields = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
        # The Sentinel that leads a failover has the new epoch in its MASTER, and until all replicas follow the new
        # master, the old address: another answer of its own tells the right one.
        has_chosen = (host, int(port)) != (fields[b"ip"], int(fields[b"port"]))
        flags = () if has_chosen else fields.get(b"flags", b"").split(b",")
        # One that hands over what it has (Valkey 9) takes writes until then, and none after it.
        replaced = b"failover_in_progress" in flags and b"coordinated_failover" not in flags
        return cls(
            int(fields[b"config-epoch"]),
            (host.decode(), int(port)),
            int(fields.get(b"down-after-milliseconds", 0)) / 1000 or math.inf,
            b"o_down" in flags or replaced,
            b"s_down" in flags and int(fields.get(b"s-down-time", 0)) < DOUBTED_S * 1000,
        )


class SentinelMaster:
    """The master of a name. All Sentinels are asked each time, and the newest configuration counts: one that was cut
    off, or has not heard yet, names the old master. Source: Redis Sentinel documentation, "Configuration epochs"."""

    # PING is answered by a master that was made a replica as well.
    heartbeat: tuple[str, ...] = ("ROLE",)

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._sentinels: dict[Address, Connection] = {}
        self._epoch = 0  # of the configuration that was gone by last
        self.believed_s = math.inf  # until a Sentinel has told

    async def connect(self) -> Found:
        """As in `Master`."""
        newest = await self._undoubted()
        connection = await open_connection(self._url.node(newest[1]), SHORT_TIMEOUT_S)
        try:
            alive_s = asyncio.get_running_loop().time()
            async with asyncio.timeout(SHORT_TIMEOUT_S):
                role = await ask(connection, "ROLE")
            if not self.is_well(role):
                raise StoreError("what the Sentinels call master is none")
            # Asked again, since it may have been frozen until it answered: a failover that began meanwhile goes on.
            if await self._undoubted() != newest:
                raise StoreError("the Sentinels have chosen another master")
        except BaseException:
            await end(connection)
            raise
        self._epoch, at = newest
        return Found(connection, alive_s, at)

    def is_well(self, heartbeat_reply: Any) -> bool:
        """As in `Master`."""
        return bool(heartbeat_reply) and heartbeat_reply[0] == b"master"

    async def is_replaced(self, at: Address) -> bool:
        """As in `Master`."""
        newest = await self._newest()
        # Who answers now may not have heard of a failover that we know of: that is no reason to go back.
        if not newest or newest[0].epoch < self._epoch:
            return False
        return newest[0].address != at or any(each.chooses for each in newest)

    async def _undoubted(self) -> tuple[int, Address]:
        """Epoch and master of the newest configuration, if none of those who know it may be about to change it.

        Raises:
            StoreError: one is, or no Sentinel answers.
        """
        newest = await self._newest()
        if not newest:
            raise StoreError("no Sentinel knows the master")
        if any(each.chooses or each.doubts for each in newest):
            raise StoreError("the Sentinels may choose another master")
        return newest[0][:2]

    async def _newest(self) -> list[_Told]:
        """What the Sentinels say that have the newest configuration."""
        answers = await asyncio.gather(*(self._ask(sentinel) for sentinel in self._url.hosts))
        told = [answer for answer in answers if answer is not None]
        if told:
            self.believed_s = min(each.down_after_s for each in told)
        known = max((each[:2] for each in told), default=None)
        return [each for each in told if each[:2] == known]

    async def close(self) -> None:
        """As in `Master`."""
        while self._sentinels:
            await end(self._sentinels.popitem()[1])

    async def _ask(self, sentinel: Address) -> _Told | None:
        """What it says; None: nothing, or it is no Sentinel."""
        connection = self._sentinels.pop(sentinel, None)
        try:
            async with asyncio.timeout(SHORT_TIMEOUT_S):
                if connection is None:
                    connection = await open_connection(self._url.sentinel(sentinel), SHORT_TIMEOUT_S)
                reply = await ask(connection, "SENTINEL", "MASTER", self._url.master)
                host, port = await ask(connection, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._url.master)
            found = _Told.read(reply, host, port)
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
