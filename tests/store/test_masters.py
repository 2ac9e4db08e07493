"""Which server Sentinels call master, also while they do not agree; and connections that are lost as they begin.

Source: Sentinel documentation, "Sentinel commands" and "Configuration epochs".
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import hiredis
import pytest
import uvloop

from gateway.errors import StoreError
from gateway.store.masters import CONNECT_ERRORS, ask, end, open_connection
from gateway.store.sentinels import SentinelMaster
from gateway.store.topology import ClusterMaster, Topology
from gateway.store.urls import Address, RedisUrl
from tests.harness.cluster import NODE_TIMEOUT_MS, Cluster
from tests.harness.deadlines import DEADLINE_S
from tests.harness.ports import free_ports
from tests.harness.valkey_node import ValkeyNode

OLD, NEW = ("10.0.0.2", 7000), ("10.0.0.1", 6000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ValkeyNode]:
    """A server that calls itself master."""
    (port,) = free_ports(1)
    node = ValkeyNode(tmp_path / "server", port, ["--port", str(port), "--save", ""])
    yield node
    node.kill()


@asynccontextmanager
async def sentinel(answers: Mapping[str, list[str]]) -> AsyncIterator[Address]:
    """A server that knows the two questions, and greets."""

    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader(encoding="utf-8")
        while data := await reader.read(4096):
            parser.feed(data)
            while (command := parser.gets()) is not False:
                if command[0] == "HELLO":
                    writer.write(b"%1\r\n+server\r\n+redis\r\n")
                elif command[0] == "SENTINEL":
                    words: tuple[str | int, ...] = (*answers[command[1]],)
                    writer.write(hiredis.pack_command(words))  # type: ignore[arg-type] # its stub wants one element
                else:
                    writer.write(b"+OK\r\n")
        writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accepted, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(*serving)  # whoever asked has hung up


def says(epoch: int, address: Address, current: Address, **more: str) -> dict[str, list[str]]:
    """What a Sentinel answers: of the master it watches, and which one to go to."""
    host, port = address
    told = {"name": "hub", "ip": host, "port": f"{port}", "config-epoch": f"{epoch}"}
    told |= {name.replace("_", "-"): value for name, value in more.items()}
    return {
        "MASTER": [part for pair in told.items() for part in pair],
        "GET-MASTER-ADDR-BY-NAME": [current[0], f"{current[1]}"],
    }


@asynccontextmanager
async def watching(*answers: Mapping[str, list[str]]) -> AsyncIterator[SentinelMaster]:
    """Who asks Sentinels that say so."""
    async with AsyncExitStack() as stack:
        hosts = [await stack.enter_async_context(sentinel(each)) for each in answers]
        named = ",".join(f"{host}:{port}" for host, port in hosts)
        master = SentinelMaster(RedisUrl.parse(f"redis+sentinel://{named}/hub"))
        stack.push_async_callback(master.close)
        yield master


@pytest.mark.parametrize(
    "answers",
    [
        [says(5, OLD, OLD), says(6, NEW, NEW)],
        [says(6, OLD, NEW), says(6, NEW, NEW)],
        [says(5, OLD, OLD), says(6, OLD, NEW)],
    ],
    ids=["one has not heard", "the leader has not finished", "only the leader knows"],
)
async def test_the_newest_configuration_counts(answers: list[dict[str, list[str]]]) -> None:
    """From the moment in which the leader of a failover tells it."""
    async with watching(*answers) as master:
        assert await master.is_replaced(OLD)
        assert not await master.is_replaced(NEW)


async def test_who_has_not_heard_sends_nobody_back() -> None:
    """The only Sentinel that answers names a master from before: those who know another stay there."""
    async with watching(says(5, OLD, OLD)) as master:
        assert await master.is_replaced(NEW)
        master._epoch = 6  # as after a connection to the master of that configuration
        assert not await master.is_replaced(NEW)


FAILING_OVER = "s_down,o_down,master,failover_in_progress"


@pytest.mark.parametrize(
    ("flags", "replaced"),
    [
        ("master", False),
        ("master,s_down", False),
        ("master,s_down,o_down", True),
        ("master,failover_in_progress,force_failover", True),
        ("master,failover_in_progress,coordinated_failover", False),
    ],
)
async def test_a_master_about_to_be_replaced_is_left(flags: str, replaced: bool) -> None:
    """What it takes from then on is lost; not one that hands over what it has, nor for the word of one Sentinel."""
    async with watching(says(5, OLD, OLD), says(5, OLD, OLD, flags=flags)) as master:
        assert await master.is_replaced(OLD) is replaced


async def test_a_new_master_is_not_doubted_for_what_its_former_was() -> None:
    """Until its replicas follow, the leader of the failover tells the state of the one that was lost."""
    async with watching(says(6, OLD, NEW, flags=FAILING_OVER), says(5, OLD, OLD, flags=FAILING_OVER)) as master:
        assert await master.is_replaced(OLD)
        assert not await master.is_replaced(NEW)


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ({"flags": "master"}, True),
        ({"flags": "master,s_down", "s_down_time": "900"}, False),
        ({"flags": "master,s_down", "s_down_time": "60000"}, True),
        ({"flags": FAILING_OVER}, False),
    ],
    ids=["well", "doubted", "doubted by one for long", "given up"],
)
async def test_nobody_goes_to_a_master_that_is_doubted(store: ValkeyNode, told: dict[str, str], taken: bool) -> None:
    """It answers, but may have been silent for so long that another is being chosen."""
    async with watching(says(5, store.address, store.address), says(5, store.address, store.address, **told)) as master:
        if taken:
            found = await master.connect()
            assert found.at == store.address
            await end(found.connection)
        else:
            with pytest.raises(StoreError):
                await master.connect()


async def test_it_is_believed_for_as_long_as_the_most_hasty_sentinel_waits(store: ValkeyNode) -> None:
    """Before that no other can take its place."""
    address = store.address
    hasty = says(5, address, address, down_after_milliseconds="1500")
    async with watching(says(5, address, address, down_after_milliseconds="30000"), hasty) as master:
        await end((await master.connect()).connection)
        assert master.believed_s == 1.5


@pytest.mark.slow
async def test_a_master_of_a_cluster_that_was_replaced_is_doubted(tmp_path: Path) -> None:
    """Frozen for longer than the node timeout, which the cluster tells: nobody goes there when it answers again."""
    with Cluster.running(tmp_path / "cluster") as cluster:
        topology = Topology(RedisUrl.parse(cluster.url))
        assert await topology.discover() is not None
        assert topology.node_timeout_s == NODE_TIMEOUT_MS / 1000
        former = cluster.owner("key")
        master = ClusterMaster(RedisUrl.parse(cluster.url), former.address, topology)
        await end((await master.connect()).connection)
        former.freeze()
        await asyncio.to_thread(lambda: cluster.wait_for_owner("key", not_=former))
        former.thaw()
        with pytest.raises(StoreError):
            await master.connect()
        assert not await topology.doubts(cluster.owner("key").address)


def test_a_connection_lost_a_moment_ago_is_a_connection_error(store_url: str) -> None:
    """Under uvloop as under asyncio: whoever tries again must see an error that it tries again for."""

    async def lose() -> None:
        connection = await open_connection(store_url, 2.0)
        connection._writer.transport.abort()
        await connection._writer.wait_closed()
        with pytest.raises(CONNECT_ERRORS):
            await ask(connection, "PING")
        await end(connection)

    uvloop.run(lose())
