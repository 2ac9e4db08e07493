"""A cluster of three masters and their replicas, on one machine, from the embedded program."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from redis.crc import key_slot

from tests.harness.deadlines import DEADLINE_S
from tests.harness.facts import wait_for
from tests.harness.ports import free_ports
from tests.harness.valkey_node import ValkeyNode, text

__all__ = ["NODE_TIMEOUT_MS", "Cluster"]

MASTERS = 3
SLOTS = 16_384
NODE_TIMEOUT_MS = 2000
KEYS_PER_STEP = 10


class Cluster:
    """All slots are served and every master has its replica."""

    def __init__(self, directory: Path, replicas: int, arguments: Sequence[str]) -> None:
        ports = free_ports(2 * MASTERS * (1 + replicas))
        self.nodes = [
            ValkeyNode(directory / f"node{port}", port, _arguments(port, bus, arguments))
            for port, bus in zip(ports[::2], ports[1::2], strict=True)
        ]
        self._ids = {node.address: text(node.command("CLUSTER", "MYID")) for node in self.nodes}
        masters = self.nodes[:MASTERS]
        for number, master in enumerate(masters):
            first, last = (SLOTS * part // MASTERS for part in (number, number + 1))
            master.command("CLUSTER", "ADDSLOTSRANGE", first, last - 1)
            master.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node, bus in zip(self.nodes, ports[1::2], strict=True):
            self.nodes[0].command("CLUSTER", "MEET", *node.address, bus)
        wait_for(lambda: all(self._knows_all(node) for node in self.nodes), within_s=4 * DEADLINE_S)
        for number, replica in enumerate(self.nodes[MASTERS:]):
            replica.command("CLUSTER", "REPLICATE", self._ids[masters[number % MASTERS].address])
        self.wait_until_whole()

    @classmethod
    @contextmanager
    def running(cls, directory: Path, *, replicas: int = 1, arguments: Sequence[str] = ()) -> Iterator["Cluster"]:
        """Start it, with so many replicas per master; at the end it is gone."""
        directory.mkdir()
        cluster = cls(directory, replicas, arguments)
        try:
            yield cluster
        finally:
            for node in cluster.nodes:
                node.kill()

    @property
    def url(self) -> str:
        """As `--redis-url` takes it; names two of the nodes."""
        hosts = ",".join(f"{host}:{port}" for host, port in (node.address for node in self.nodes[1:3]))
        return f"redis+cluster://{hosts}"

    def owner(self, key: str) -> ValkeyNode:
        """The master that serves the key's slot, as the others see it. Raises LookupError where nobody does."""
        slot = key_slot(key.encode())
        for node in self.nodes:
            if node.running and not node.frozen:
                for first, last, (_, port, *_), *_ in node.command("CLUSTER", "SLOTS"):
                    owner = next(each for each in self.nodes if each.address[1] == port)
                    if first <= slot <= last and owner.running and not owner.frozen:
                        return owner
        raise LookupError(f"nobody serves slot {slot}")

    def wait_for_owner(self, key: str, *, not_: ValkeyNode) -> None:
        """Until another master than that one serves the key's slot."""

        def moved() -> bool:
            try:
                return self.owner(key) is not not_
            except LookupError:
                return False

        wait_for(moved, within_s=4 * DEADLINE_S)

    def other_master(self, than: ValkeyNode) -> ValkeyNode:
        """Some other master."""
        return next(node for node in self.nodes if node is not than and node.role() == "master")

    def replica_of(self, master: ValkeyNode) -> ValkeyNode:
        """One of the master's replicas."""
        port = master.address[1]
        return next(node for node in self.nodes if node.role() == "slave" and node.command("ROLE")[2] == port)

    def migrate(self, key: str) -> tuple[ValkeyNode, ValkeyNode]:
        """Move the slot of the key with all its keys, one by one, to another master. Returns from and to."""
        slot, source = key_slot(key.encode()), self.owner(key)
        target = self.other_master(source)
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", self._ids[source.address])
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", self._ids[target.address])
        while names := source.command("CLUSTER", "GETKEYSINSLOT", slot, KEYS_PER_STEP):
            for name in names:
                source.command("MIGRATE", *target.address, name, 0, 5000)
        for node in (target, source):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", self._ids[target.address])
        return source, target

    def wait_until_whole(self) -> None:
        """Until every running node calls the cluster well, and each master has an online replica."""

        def whole() -> bool:
            running = [node for node in self.nodes if node.running and not node.frozen]
            return all("cluster_state:ok" in text(node.command("CLUSTER", "INFO")) for node in running) and all(
                node.role() != "slave" or b"connected" in node.command("ROLE") for node in running
            )

        wait_for(whole, within_s=6 * DEADLINE_S)

    def _knows_all(self, node: ValkeyNode) -> bool:
        return f"cluster_known_nodes:{len(self.nodes)}" in text(node.command("CLUSTER", "INFO"))


def _arguments(port: int, bus: int, more: Sequence[str]) -> list[str]:
    return [
        *("--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(bus)),
        *("--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--save", "", "--repl-diskless-sync-delay", "0"),
        *("--cluster-allow-replica-migration", "no", *more),
    ]
