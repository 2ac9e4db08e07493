"""Which master serves which slots of a cluster, and which are about to be replaced, as its nodes tell.

Source: Redis documentation, CLUSTER SLOTS, CLUSTER NODES.
"""

import asyncio
from typing import Any, NamedTuple

from gateway.errors import StoreError
from gateway.store.masters import CONNECT_ERRORS, SHORT_TIMEOUT_S, Found, Server, ask, end, open_connection
from gateway.store.urls import Address, RedisUrl

__all__ = ["NODE_TIMEOUT_S", "SLOTS", "ClusterMaster", "Range", "Topology"]

SLOTS = 16_384
NODE_TIMEOUT_S = 3.0  # of a cluster that does not tell, at least; Redis comes with 15
OPINIONS = 3  # asked for, so that one node that does not answer decides nothing


class Range(NamedTuple):
    """Slots `first` to `last` and the master that serves them."""

    first: int
    last: int
    master: Address
    name: str  # of that node, wherever it is


class Topology:
    """Asks nodes, one at a time, until one knows."""

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._nodes: list[Address] = list(url.hosts)
        self._epoch = 0
        self.node_timeout_s: float | None = None  # not known yet

    async def doubts(self, master: Address) -> bool:
        """Whether another node takes that one for lost, or for no master; False where none of some says so."""
        others = [node for node in self._nodes if node != master][:OPINIONS]
        return any(await asyncio.gather(*(self._doubts(node, master) for node in others)))

    async def _doubts(self, node: Address, master: Address) -> bool:
        replies = await self._ask(node, ("CLUSTER", "INFO"), ("CLUSTER", "NODES"))
        if replies is None or (flags := _flags_of(master, replies[1].decode())) is None:
            return False
        # A node that is cut off from the others takes all of them for lost, but by itself.
        alone = _facts(replies[0]).get("cluster_state") != "ok"
        return "master" not in flags or "fail" in flags or ("fail?" in flags and not alone)

    async def discover(self) -> list[Range] | None:
        """What the first node says that is part of a working cluster; None: no node is.

        A node whose epoch is older than one seen before is not believed: it was cut off from the others.
        """
        for node in tuple(self._nodes):
            # The next search begins with another one.
            self._nodes.append(self._nodes.pop(self._nodes.index(node)))
            replies = await self._ask(node, ("CLUSTER", "INFO"), ("CLUSTER", "SLOTS"))
            try:
                ranges = None if replies is None else self._read(node, *replies)
            except (LookupError, ValueError, TypeError):  # what answers is no cluster
                ranges = None
            if ranges is not None:
                if self.node_timeout_s is None:
                    self.node_timeout_s = await self._node_timeout_s(node)
                return ranges
        return None

    async def _node_timeout_s(self, node: Address) -> float:
        replies = await self._ask(node, ("CONFIG", "GET", "cluster-node-timeout"))
        if not replies:  # it may not be asked for
            return NODE_TIMEOUT_S
        told = replies[0]
        return int(told[b"cluster-node-timeout"] if isinstance(told, dict) else told[1]) / 1000

    async def _ask(self, node: Address, *commands: tuple[str, ...]) -> list[Any] | None:
        """Its replies; None: it is away, or refuses."""
        connection = None
        try:
            async with asyncio.timeout(2 * SHORT_TIMEOUT_S):
                connection = await open_connection(self._url.node(node), SHORT_TIMEOUT_S)
                return [await ask(connection, *command) for command in commands]
        except CONNECT_ERRORS:
            return None
        finally:
            if connection is not None:
                await end(connection)

    def _read(self, node: Address, info: bytes, slots: Any) -> list[Range] | None:
        facts = _facts(info)
        epoch = int(facts["cluster_current_epoch"])
        if facts["cluster_state"] != "ok" or epoch < self._epoch or not slots:
            return None
        self._epoch = epoch
        ranges = []
        nodes = dict.fromkeys(self._url.hosts)
        for first, last, *servers in slots:
            addresses = [_address(server, node) for server in servers]
            ranges.append(Range(int(first), int(last), addresses[0], servers[0][2].decode()))
            nodes.update(dict.fromkeys(addresses))
        # In the order they are asked in, the one that just answered last.
        known = [each for each in self._nodes if each in nodes]
        self._nodes = [each for each in nodes if each not in known] + known
        return ranges


def _flags_of(master: Address, nodes: str) -> list[str] | None:
    """From a reply to CLUSTER NODES; None: that one is not known under its address."""
    for line in nodes.splitlines():
        _, names, flags, *_ = line.split()
        address, *hostnames = names.split(",")
        host, _, port = address.partition("@")[0].rpartition(":")
        if int(port) == master[1] and master[0] in (host, *hostnames):
            return flags.split(",")
    return None


def _facts(info: bytes) -> dict[str, str]:
    return dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)


def _address(server: Any, asked: Address) -> Address:
    host, port = server[0], int(server[1])
    # Empty or null: the address the node was asked at; "?": it should have one and has not.
    name = (host or b"").decode()
    if name == "?":
        raise ValueError("a node without a name")
    return name or asked[0], port


class ClusterMaster(Server):
    """One master of a cluster, gone to while the other nodes do not doubt it."""

    def __init__(self, url: RedisUrl, address: Address, topology: Topology) -> None:
        super().__init__(url.node(address), SHORT_TIMEOUT_S, topology.node_timeout_s or NODE_TIMEOUT_S)
        self._address = address
        self._topology = topology

    async def connect(self) -> Found:
        """As in `Master`."""
        found = await super().connect()
        try:
            # It may have been frozen until it answered: an election that began meanwhile goes on.
            if await self._topology.doubts(self._address):
                raise StoreError("the cluster may choose another master")
        except BaseException:
            await end(found.connection)
            raise
        return found
