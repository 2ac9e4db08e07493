"""`--durability replica` over a real master and replica: nothing is told while the replica does not answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.model import Answer, GatewayId, LogKey, Outcome
from gateway.store.lanes import lanes_to
from gateway.store.urls import Durability
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.events import said
from tests.harness.facts import wait_for
from tests.harness.lanes import opened
from tests.harness.log_site import RedisSite, say
from tests.harness.ports import free_ports
from tests.harness.valkey_node import ValkeyNode

pytestmark = pytest.mark.slow

LOG = LogKey("r:#replicated")


class Servers:
    """A master and its replica."""

    def __init__(self, directory: Path) -> None:
        ports = free_ports(2)
        self.master, self.replica = (
            ValkeyNode(
                directory / f"node{port}", port, ["--port", str(port), "--save", "", "--repl-diskless-sync-delay", "0"]
            )
            for port in ports
        )
        self.replica.command("REPLICAOF", *self.master.address)
        wait_for(lambda: self.confirms(1))
        self.url = f"redis://127.0.0.1:{ports[0]}"

    def confirms(self, number: int) -> bool:
        """Whether so many replicas confirm a write."""
        with self.master.client() as client:
            client.set("probe", "")
            return int(client.wait(1, 100)) == number


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Both, running."""
    servers = Servers(tmp_path)
    yield servers
    for node in (servers.master, servers.replica):
        node.kill()


@pytest.fixture
async def sites(servers: Servers) -> AsyncIterator[tuple[RedisSite, RedisSite]]:
    """One gateway that waits for the replica, and one that does not."""
    async with AsyncExitStack() as stack:
        pair = []
        for name, durability in (("careful", Durability.REPLICA), ("quick", Durability.REDIS)):
            site = RedisSite(lanes_to(servers.url, durability), GatewayId(name))
            await stack.enter_async_context(opened(site.lanes))
            await site.subscribe(LOG)
            pair.append(site)
        yield pair[0], pair[1]


async def test_an_answer_waits_for_the_replica(servers: Servers, sites: tuple[RedisSite, RedisSite]) -> None:
    """The master has executed it and others have heard it; the answer comes when the replica wakes up."""
    careful, quick = sites
    servers.replica.freeze()
    answering = asyncio.create_task(say(careful, LOG, 1, [said("ann", "one")]))

    async def heard() -> bool | None:
        return bool(quick.heard) or None

    await eventually(heard, what="the master has it")
    assert not answering.done()
    servers.replica.thaw()
    assert (await answering).outcome is Outcome.DONE


async def test_an_announcement_waits_for_the_replica(servers: Servers, sites: tuple[RedisSite, RedisSite]) -> None:
    """What another gateway wrote is not told either."""
    careful, quick = sites
    servers.replica.freeze()
    await say(quick, LOG, 1, [said("bob", "one")])
    await quick.settle()
    settling = asyncio.create_task(careful.settle())
    assert (await quick.store.read_before(LOG, None, 1)) != []
    assert (len(quick.heard), careful.heard, settling.done()) == (1, [], False)
    servers.replica.thaw()
    await settling
    assert careful.heard == quick.heard


async def test_without_a_replica_nothing_is_answered(servers: Servers, sites: tuple[RedisSite, RedisSite]) -> None:
    """After three waits the lanes are given up: the fate is unknown. Once there is a replica, the same batch sent
    again is a duplicate, and even that answer waits for the replica, though it wrote nothing."""
    careful, quick = sites
    servers.replica.freeze()
    with pytest.raises(StoreError):
        await say(careful, LOG, 1, [said("ann", "one")])
    assert not careful.store.up
    assert len(await quick.store.read_before(LOG, None, 2)) == 1
    servers.replica.thaw()

    async def answered() -> Answer | None:
        try:
            return await say(careful, LOG, 1, [said("ann", "one")])
        except StoreError:
            return None

    assert (await eventually(answered, what="a replica", deadline_s=2 * DEADLINE_S)).outcome is Outcome.DUPLICATE
    servers.replica.freeze()
    await say(quick, LOG, 1, [said("bob", "two")])
    duplicate = asyncio.create_task(say(careful, LOG, 1, [said("ann", "one")]))
    assert len(await quick.store.read_before(LOG, None, 2)) == 2
    assert not duplicate.done()
    servers.replica.thaw()
    assert (await duplicate).outcome is Outcome.DUPLICATE


async def test_whether_the_replica_has_it_can_be_asked(servers: Servers, sites: tuple[RedisSite, RedisSite]) -> None:
    """By who does not wait for it otherwise, too."""
    for site in sites:
        await site.lanes.reach_replicas()
    _, quick = sites
    servers.replica.freeze()
    with pytest.raises(StoreError):
        await quick.lanes.reach_replicas()
    servers.replica.thaw()

    async def reached() -> bool | None:
        try:
            await quick.lanes.reach_replicas()
        except StoreError:
            return None
        return True

    await eventually(reached, what="the replica has it")
