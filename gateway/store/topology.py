"""Which master serves which slots of a cluster, as its nodes tell. Source: Redis documentation, CLUSTER SLOTS."""

import asyncio
from typing import Any, NamedTuple

from gateway.store.masters import CONNECT_ERRORS, SHORT_TIMEOUT_S, ask, end, open_connection
from gateway.store.urls import Address, RedisUrl

__all__ = ["SLOTS", "Range", "Topology"]

SLOTS = 16_384


class Range(NamedTuple):
    """Slots `first` to `last` and the master that serves them."""

    first: int
    last: int
    master: Address


class Topology:
    """Asks nodes, one at a time, until one knows."""

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._nodes: list[Address] = list(url.hosts)
        self._epoch = 0

    async def discover(self) -> list[Range] | None:
        """What the first node says that is part of a working cluster; None: no node is.

        A node whose epoch is older than one seen before is not believed: it was cut off from the others.
        """
        for node in tuple(self._nodes):
            # The next search begins with another one.
            self._nodes.append(self._nodes.pop(self._nodes.index(node)))
            if (ranges := await self._ask(node)) is not None:
                return ranges
        return None

    async def _ask(self, node: Address) -> list[Range] | None:
        connection = None
        try:
            async with asyncio.timeout(2 * SHORT_TIMEOUT_S):
                connection = await open_connection(self._url.node(node), SHORT_TIMEOUT_S)
                info = await ask(connection, "CLUSTER", "INFO")
                slots = await ask(connection, "CLUSTER", "SLOTS")
            return self._read(node, info, slots)
        except (*CONNECT_ERRORS, LookupError, ValueError, TypeError):  # away, or what answers is no cluster
            return None
        finally:
            if connection is not None:
                await end(connection)

    def _read(self, node: Address, info: bytes, slots: Any) -> list[Range] | None:
        facts = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
        epoch = int(facts["cluster_current_epoch"])
        if facts["cluster_state"] != "ok" or epoch < self._epoch or not slots:
            return None
        self._epoch = epoch
        ranges = []
        nodes = dict.fromkeys(self._url.hosts)
        for first, last, *servers in slots:
            addresses = [_address(server, node) for server in servers]
            ranges.append(Range(int(first), int(last), addresses[0]))
            nodes.update(dict.fromkeys(addresses))
        # In the order they are asked in, the one that just answered last.
        known = [each for each in self._nodes if each in nodes]
        self._nodes = [each for each in nodes if each not in known] + known
        return ranges


def _address(server: Any, asked: Address) -> Address:
    host, port = server[0], int(server[1])
    # Empty or null: the address the node was asked at; "?": it should have one and has not.
    name = (host or b"").decode()
    if name == "?":
        raise ValueError("a node without a name")
    return name or asked[0], port
