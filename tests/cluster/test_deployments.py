"""Two gateways over a master with Sentinels and over a cluster: chat goes on through every way to lose a master.

With `--durability replica` nothing acknowledged is lost, nothing doubled, and there is one order.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.store import keys
from gateway.store.keys import log_keys, room_log
from gateway.store.lanes import lanes_to
from gateway.store.pair import LanePair
from gateway.wire.names import RoomKey
from tests.harness.cluster import Cluster
from tests.harness.deadlines import eventually
from tests.harness.gateway_process import GatewayProcess
from tests.harness.log_site import opened
from tests.harness.sentinels import Sentinels
from tests.harness.talkers import ROOM, Talkers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

STATE_KEY = log_keys(room_log(RoomKey(ROOM))).state


@contextmanager
def gateways(tmp_path: Path, url: str, durability: str) -> Iterator[Talkers]:
    """Two gateways with that Redis."""
    settings: dict[str, str | int] = {"limits": "off", "drain_s": 2, "durability": durability}
    pair = [GatewayProcess(state_dir=tmp_path / name, redis_url=url, **settings) for name in ("one", "two")]
    for gateway in pair:
        gateway.start()
    try:
        yield Talkers(pair)
    finally:
        for gateway in pair:
            gateway.stop()


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    """A master and two replicas."""
    with Sentinels.running(tmp_path / "servers") as sentinels:
        yield sentinels


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three masters with two replicas each: one may be promoted, the other then confirms."""
    with Cluster.running(tmp_path / "nodes", replicas=2) as cluster:
        yield cluster


def silence_s(stage: Talkers) -> float:
    """The longest time somebody was not acknowledged anything."""
    return max(talker.longest_silence_s for talker in stage.talkers)


def kill(sentinels: Sentinels) -> None:
    """SIGKILL; the old master comes back as a replica."""
    former = sentinels.master()
    former.kill()
    sentinels.wait_for_another(former)
    former.start()
    sentinels.wait_for_replicas(2)


def freeze(sentinels: Sentinels) -> None:
    """SIGSTOP: its connections stay open. It wakes up when another has its place."""
    former = sentinels.master()
    former.freeze()
    sentinels.wait_for_another(former)
    former.thaw()
    sentinels.wait_for_replicas(2)


def plan(sentinels: Sentinels) -> None:
    """SENTINEL FAILOVER COORDINATED: the old master answers all the time."""
    former = sentinels.master()
    sentinels.fail_over("COORDINATED")
    sentinels.wait_for_another(former)
    sentinels.wait_for_replicas(2)


@pytest.mark.parametrize("fault", [kill, freeze, plan], ids=lambda fault: fault.__name__)
async def test_a_master_under_sentinels_is_replaced(
    tmp_path: Path, sentinels: Sentinels, fault: Callable[[Sentinels], None]
) -> None:
    """Under traffic: nothing acknowledged is lost or doubled."""
    with gateways(tmp_path, sentinels.url, "replica") as stage:
        async with stage.talking():
            await asyncio.to_thread(fault, sentinels)


async def test_service_is_back_soon_after_the_sentinels_decided(tmp_path: Path, sentinels: Sentinels) -> None:
    """SIGKILL of the master: below the Sentinels' own detection time and two seconds."""
    with gateways(tmp_path, sentinels.url, "redis") as stage:
        async with stage.talking(judged=False):
            former = sentinels.master()
            former.kill()
            begin = time.monotonic()
            await asyncio.to_thread(sentinels.wait_for_another, former)
            decided_s = time.monotonic() - begin
        assert silence_s(stage) < decided_s + 2


def migrate(cluster: Cluster) -> None:
    """The room's slot goes to another master, key by key."""
    cluster.migrate(STATE_KEY)


def migrate_global(cluster: Cluster) -> None:
    """So does that of the gateways' leases."""
    cluster.migrate(keys.HEARTBEATS)


def take_over(cluster: Cluster) -> None:
    """CLUSTER FAILOVER: a replica takes the master's place by agreement."""
    former = cluster.owner(STATE_KEY)
    cluster.replica_of(former).command("CLUSTER", "FAILOVER")
    cluster.wait_for_owner(STATE_KEY, not_=former)
    cluster.wait_until_whole()


def kill_owner(cluster: Cluster) -> None:
    """SIGKILL of the room's master; it comes back as a replica."""
    former = cluster.owner(STATE_KEY)
    former.kill()
    cluster.wait_for_owner(STATE_KEY, not_=former)
    former.start()
    cluster.wait_until_whole()


def freeze_owner(cluster: Cluster) -> None:
    """SIGSTOP of the room's master, and SIGCONT when another has its place."""
    former = cluster.owner(STATE_KEY)
    former.freeze()
    cluster.wait_for_owner(STATE_KEY, not_=former)
    former.thaw()
    cluster.wait_until_whole()


@pytest.mark.parametrize(
    "fault", [migrate, migrate_global, take_over, kill_owner, freeze_owner], ids=lambda fault: fault.__name__
)
async def test_a_slot_of_a_cluster_goes_elsewhere(
    tmp_path: Path, cluster: Cluster, fault: Callable[[Cluster], None]
) -> None:
    """Under traffic: nothing acknowledged is lost or doubled."""
    with gateways(tmp_path, cluster.url, "replica") as stage:
        async with stage.talking():
            await asyncio.to_thread(fault, cluster)


async def test_lanes_leave_a_master_that_was_replaced_and_still_answers(sentinels: Sentinels) -> None:
    """A plain SENTINEL FAILOVER tells the old master late: both lanes are on the new one as soon as it is named."""
    lanes = lanes_to(sentinels.url)
    assert isinstance(lanes, LanePair)
    async with opened(lanes):
        former = sentinels.master()
        assert lanes.commands.at == lanes.subscriptions.at == former.address
        sentinels.fail_over()
        new = await asyncio.to_thread(sentinels.wait_for_another, former)

        async def moved() -> bool | None:
            return (lanes.up and lanes.commands.at == lanes.subscriptions.at == new.address) or None

        await eventually(moved, what="both lanes are on the new master")
        role = await lanes.commands.call("ROLE")
        assert role[0] == b"master"
