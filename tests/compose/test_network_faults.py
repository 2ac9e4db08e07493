"""Containers that lose their network for a while, under load: real bridges, real name resolution."""

import asyncio

import pytest

from tests.harness.compose import ComposeStack
from tests.harness.container_engine import docker
from tests.harness.court import Court
from tests.harness.deadlines import DEADLINE_FACTOR, eventually
from tests.harness.resident import Resident

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

AWAY_S = 5.0  # longer than the silence after which a gateway gives a connection up, shorter than its lease
BACK_S = 60.0 * DEADLINE_FACTOR
PACE_S = 0.3  # the stack has its rate limits


@pytest.mark.parametrize("service", ["gateway", "redis"])
async def test_a_container_loses_the_way_between_gateways_and_redis(stack: ComposeStack, service: str) -> None:
    """`docker network disconnect` and `connect`: nothing acknowledged is lost, doubled or out of order, no flap."""
    container = stack.containers(service)[0]
    network = f"{stack.project}_store"
    # Of its own: who was here in the test before is kept as a member for the grace of its session.
    rooms = (f"#{service}0", f"#{service}1")
    async with Court() as court:
        residents = [
            Resident(court, f"{service}{i}", rooms, lambda: [("127.0.0.1", stack.port)], pace_s=PACE_S, seed=i)
            for i in range(6)
        ]

        async def all_served(since_s: float) -> None:
            async def served() -> bool | None:
                return all(any(said_s >= since_s for said_s, _ in each.waits) for each in residents) or None

            await eventually(served, what="everybody is acknowledged", deadline_s=BACK_S)

        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            lives = [tasks.create_task(resident.live()) for resident in residents]
            await all_served(0.0)
            await asyncio.to_thread(docker, "network", "disconnect", network, container)
            await asyncio.sleep(AWAY_S)
            await asyncio.to_thread(docker, "network", "connect", "--alias", service, network, container)
            await all_served(loop.time())
            for resident in residents:
                resident.finish()
            async with asyncio.timeout(BACK_S):
                await asyncio.gather(*lives)
        report = await court.report()
    assert report.clean, report.details
    assert report.acknowledged > 10 * len(residents)
