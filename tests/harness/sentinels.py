"""A master, its replicas and three Sentinels, each a process of the embedded program."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import redis
import redis.asyncio

from tests.harness.deadlines import DEADLINE_S
from tests.harness.facts import wait_for
from tests.harness.ports import free_ports
from tests.harness.valkey_node import ValkeyNode, text

__all__ = ["DOWN_AFTER_S", "Sentinels"]

NAME = "hub"
DOWN_AFTER_S = 1.0  # silence after which a Sentinel takes the master for down
STEPS = ("+sdown", "+odown", "+switch-master")
SERVER = ("--save", "", "--repl-diskless-sync-delay", "0", "--repl-timeout", "10")


class Sentinels:
    """The deployment, ready to fail over."""

    def __init__(self, directory: Path, replicas: int, arguments: Sequence[str]) -> None:
        ports = free_ports(1 + replicas + 3)
        master, *others = ports[: 1 + replicas]
        self.servers = [
            ValkeyNode(directory / f"server{port}", port, ["--port", str(port), *SERVER, *arguments])
            for port in (master, *others)
        ]
        for server in self.servers[1:]:
            server.command("REPLICAOF", "127.0.0.1", master)
        wait_for(lambda: _replicas(self.servers[0]) == replicas)
        self.sentinels = [_sentinel(directory, port, master) for port in ports[1 + replicas :]]
        wait_for(lambda: all(self._knows_all(sentinel) for sentinel in self.sentinels), within_s=4 * DEADLINE_S)

    @classmethod
    @contextmanager
    def running(cls, directory: Path, *, replicas: int = 2, arguments: Sequence[str] = ()) -> Iterator["Sentinels"]:
        """Start everything; at the end it is gone."""
        directory.mkdir()
        deployment = cls(directory, replicas, arguments)
        try:
            yield deployment
        finally:
            for node in (*deployment.sentinels, *deployment.servers):
                node.kill()

    @property
    def url(self) -> str:
        """As `--redis-url` takes it."""
        hosts = ",".join(f"{host}:{port}" for host, port in (node.address for node in self.sentinels))
        return f"redis+sentinel://{hosts}/{NAME}"

    def master(self) -> ValkeyNode:
        """The server the first Sentinel calls master."""
        reply = self.sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        address = (text(reply[0]), int(reply[1]))
        return next(server for server in self.servers if server.address == address)

    def wait_for_another(self, former: ValkeyNode, ask_again: Callable[[], None] | None = None) -> ValkeyNode:
        """The master that takes the place of the former one, once it takes writes and all Sentinels name it.

        `ask_again`: for a failover that was asked for, which Sentinels give up for good when it takes too long.
        """

        def there() -> bool:
            if ask_again is not None and self.master() is former and "in_progress" not in self._flags():
                # It began or ended meanwhile, or no replica is ready yet.
                with suppress(redis.ResponseError):
                    ask_again()
            master = self.master()
            return master is not former and master.role() == "master"

        wait_for(there, within_s=18 * DEADLINE_S)  # an election that got no majority is tried again after seconds
        return self.master()

    def wait_until_agreed(self) -> None:
        """Until all Sentinels name one master, which takes writes, know all replicas, and none chooses or doubts."""

        def agreed() -> bool:
            told = [self._told(sentinel) for sentinel in self.sentinels]
            calm = all(each["flags"] == "master" for each in told)
            known = all(int(each["num-slaves"]) == len(self.servers) - 1 for each in told)
            return calm and known and len({each["port"] for each in told}) == 1 and self.master().role() == "master"

        wait_for(agreed, within_s=6 * DEADLINE_S)

    def wait_for_replicas(self, number: int) -> None:
        """Until so many replicas follow the master."""
        wait_for(lambda: _replicas(self.master()) >= number, within_s=6 * DEADLINE_S)

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[dict[str, float]]:
        """When the first Sentinel told of each step of a failover, by the loop's clock, while the block runs.

        The steps are events of Sentinel: `+sdown` (one takes the master for down), `+odown` (enough do), and
        `+switch-master` (another is named). Source: Sentinel documentation, "Pub/Sub messages".
        """
        told: dict[str, float] = {}
        async with AsyncExitStack() as stack:
            hears = [await stack.enter_async_context(_hearing(sentinel, told)) for sentinel in self.sentinels]
            yield told
            for each in hears:
                each.cancel()

    def fail_over(self, *how: str) -> None:
        """A planned failover, as an operator asks for it."""
        self.sentinels[0].command("SENTINEL", "FAILOVER", NAME, *how)

    def _flags(self) -> str:
        return self._told(self.sentinels[0])["flags"]

    def _told(self, sentinel: ValkeyNode) -> dict[str, str]:
        reply = sentinel.command("SENTINEL", "MASTER", NAME)
        if isinstance(reply, list):
            reply = dict(zip(reply[::2], reply[1::2], strict=True))
        return {text(key): text(value) for key, value in reply.items()}

    def _knows_all(self, sentinel: ValkeyNode) -> bool:
        known = self._told(sentinel)
        others = (int(known["num-slaves"]), int(known["num-other-sentinels"]))
        return others == (len(self.servers) - 1, len(self.sentinels) - 1)


@asynccontextmanager
async def _hearing(sentinel: ValkeyNode, told: dict[str, float]) -> AsyncIterator["asyncio.Task[None]"]:
    loop = asyncio.get_running_loop()
    host, port = sentinel.address
    async with redis.asyncio.Redis(host=host, port=port) as client, client.pubsub() as events:
        await events.subscribe(*STEPS)

        async def hear() -> None:
            async for message in events.listen():
                about_master = message["data"] if isinstance(message["data"], bytes) else b""
                if about_master.startswith((b"master ", NAME.encode())):
                    told.setdefault(text(message["channel"]), loop.time())

        task = asyncio.create_task(hear(), name="hears a Sentinel")
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


def _sentinel(directory: Path, port: int, master: int) -> ValkeyNode:
    conf = directory / f"sentinel{port}.conf"
    conf.write_text(
        f"port {port}\n"
        f"sentinel monitor {NAME} 127.0.0.1 {master} 2\n"
        f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_S * 1000:.0f}\n"
        f"sentinel failover-timeout {NAME} 3000\n"
        f"sentinel parallel-syncs {NAME} 2\n"
    )
    return ValkeyNode(directory / f"sentinel{port}", port, [str(conf), "--sentinel"])


def _replicas(server: ValkeyNode) -> int:
    with server.client() as client:
        facts = client.info("replication")
    return sum(facts.get(f"slave{i}", {}).get("state") == "online" for i in range(int(facts["connected_slaves"])))
