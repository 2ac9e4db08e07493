"""Two gateways over a master with Sentinels and over a cluster: chat goes on through every way to lose a master.

With `--durability replica` nothing acknowledged is lost, nothing doubled, and there is one order.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.store import keys
from gateway.store.keys import log_keys, room_log
from gateway.store.lanes import lanes_to
from gateway.store.pair import LanePair
from gateway.store.urls import Durability
from gateway.wire.names import RoomKey
from tests.harness.cluster import Cluster
from tests.harness.deadlines import eventually
from tests.harness.events import said
from tests.harness.gateway_process import gateways
from tests.harness.lanes import opened
from tests.harness.log_site import redis_site
from tests.harness.sentinels import Sentinels
from tests.harness.talkers import ROOM, Talkers
from tests.harness.valkey_node import ValkeyNode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

STATE_KEY = log_keys(room_log(RoomKey(ROOM))).state


@contextmanager
def talkers(tmp_path: Path, url: str, durability: str) -> Iterator[Talkers]:
    """On two gateways with that Redis."""
    with gateways(tmp_path, url, limits="off", drain_s=2, durability=durability) as pair:
        yield Talkers(pair)


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


class Absence(NamedTuple):
    """How a master goes away, and how it comes back when another has its place."""

    begin: Callable[[ValkeyNode], None]
    end: Callable[[ValkeyNode], None]


ABSENCES = {
    "killed": Absence(ValkeyNode.kill, ValkeyNode.start),  # SIGKILL
    "frozen": Absence(ValkeyNode.freeze, ValkeyNode.thaw),  # SIGSTOP, SIGCONT: its connections stay open
}
any_absence = pytest.mark.parametrize("absence", ABSENCES.values(), ids=ABSENCES)


@any_absence
async def test_a_master_under_sentinels_is_replaced(tmp_path: Path, sentinels: Sentinels, absence: Absence) -> None:
    """Under traffic: nothing acknowledged is lost or doubled. The old master comes back as a replica."""

    def replace() -> None:
        former = sentinels.master()
        absence.begin(former)
        sentinels.wait_for_another(former)
        absence.end(former)
        sentinels.wait_for_replicas(2)

    with talkers(tmp_path, sentinels.url, "replica") as stage:
        async with stage.talking():
            await asyncio.to_thread(replace)


async def test_a_planned_failover_of_sentinels(tmp_path: Path, sentinels: Sentinels) -> None:
    """SENTINEL FAILOVER COORDINATED under traffic, the old master answering all the time: nothing lost or doubled."""

    def fail_over() -> None:
        former = sentinels.master()
        ask = partial(sentinels.fail_over, "COORDINATED")
        ask()
        sentinels.wait_for_another(former, ask)
        sentinels.wait_for_replicas(2)

    with talkers(tmp_path, sentinels.url, "replica") as stage:
        async with stage.talking():
            await asyncio.to_thread(fail_over)


async def test_service_is_back_soon_after_the_sentinels_decided(tmp_path: Path, sentinels: Sentinels) -> None:
    """SIGKILL of the master: below the Sentinels' own detection time and two seconds."""
    with talkers(tmp_path, sentinels.url, "redis") as stage:
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


@pytest.mark.parametrize("move", [migrate, migrate_global, take_over], ids=lambda move: move.__name__)
async def test_a_slot_of_a_cluster_goes_elsewhere(
    tmp_path: Path, cluster: Cluster, move: Callable[[Cluster], None]
) -> None:
    """Under traffic: nothing acknowledged is lost or doubled."""
    with talkers(tmp_path, cluster.url, "replica") as stage:
        async with stage.talking():
            await asyncio.to_thread(move, cluster)


@any_absence
async def test_a_master_of_a_cluster_is_replaced(tmp_path: Path, cluster: Cluster, absence: Absence) -> None:
    """The room's, under traffic: nothing acknowledged is lost or doubled. It comes back as a replica."""

    def replace() -> None:
        former = cluster.owner(STATE_KEY)
        absence.begin(former)
        cluster.wait_for_owner(STATE_KEY, not_=former)
        absence.end(former)
        cluster.wait_until_whole()

    with talkers(tmp_path, cluster.url, "replica") as stage:
        async with stage.talking():
            await asyncio.to_thread(replace)


async def test_what_a_former_master_announces_when_it_wakes_is_not_heard(cluster: Cluster) -> None:
    """It carries out what it had been sent, and its shard passes on what it announces: to nobody who has gone to its
    successor, whose log has none of it."""
    log = room_log(RoomKey("#woken"))
    key = log_keys(log).state

    def carried_out() -> int:
        return int(former.command("INFO", "commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    async with redis_site(cluster.url, Durability.REDIS, "reader") as reader:
        await reader.subscribe(log)
        former = cluster.owner(key)
        async with redis_site(cluster.url, Durability.REDIS, "writer") as writer:
            before = carried_out()
            former.freeze()
            writer.logs.append_said(log, 1, None, [said("ann", "late")], lambda answer: None)
        await asyncio.to_thread(cluster.wait_for_owner, key, not_=former)
        await reader.confirmed(log, 2)
        former.thaw()
        await asyncio.to_thread(cluster.wait_until_whole)
        assert carried_out() > before
        await reader.settle()
        assert reader.heard == []


async def test_lanes_leave_a_master_that_was_replaced_and_still_answers(sentinels: Sentinels) -> None:
    """A plain SENTINEL FAILOVER tells the old master late: both lanes are on the new one as soon as it is named."""
    lanes = lanes_to(sentinels.url)
    assert isinstance(lanes, LanePair)
    async with opened(lanes):
        former = sentinels.master()
        assert lanes.commands.at == lanes.subscriptions.at == former.address
        sentinels.fail_over()
        new = await asyncio.to_thread(sentinels.wait_for_another, former, sentinels.fail_over)

        async def moved() -> bool | None:
            return (lanes.up and lanes.commands.at == lanes.subscriptions.at == new.address) or None

        await eventually(moved, what="both lanes are on the new master")
        role = await lanes.commands.call("ROLE")
        assert role[0] == b"master"
