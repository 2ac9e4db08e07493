"""Sessions that wait for their clients when Redis loses all it knew: the gateways that had them tell it again.

Real gateways, real servers; the checker judges what those saw who stayed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.harness.court import Court
from tests.harness.deadlines import DEADLINE_FACTOR, DEADLINE_S, eventually, life_after
from tests.harness.facts import wait_for
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.private_server import PrivateServer
from tests.harness.resuming import is_detached
from tests.harness.sights import Kind
from tests.harness.witness import RESIDENT, SessionEndedError, Witness

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180 * DEADLINE_FACTOR)]

ROOM = "#lost"
SETTLING_S = 30.0  # that gateways give each other; see `gateway.rooms.repair`


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    """A server of the test's own."""
    with PrivateServer.running(tmp_path / "server") as server:
        yield server


@asynccontextmanager
async def ann_waits_for_her_client(
    tmp_path: Path,
    server: PrivateServer,
    lose: Callable[[PrivateServer], None] = PrivateServer.flush,
    *,
    grace_s: int = 60,
    goes_first: bool = True,
    old_gateway_dies: bool = False,
) -> AsyncIterator[tuple[Court, Witness, Witness, GatewayProcess]]:
    """Ann, in her grace (if she `goes_first`) when all data are lost; bob, in the same room; and his gateway."""
    async with AsyncExitStack() as stack:
        one, two = stack.enter_context(gateways(tmp_path, server.url, limits="off", drain_s=2, grace_s=grace_s))
        court = await stack.enter_async_context(Court())
        ann, bob = court.call("ann", RESIDENT), court.call("bob", RESIDENT)
        for who, gateway in ((bob, two), (ann, one)):
            await who.connect(gateway.host, gateway.port)
            await who.join(ROOM)
        await bob.barrier()
        if goes_first:
            await ann.drop()
            await asyncio.to_thread(wait_for, lambda: is_detached(server, "ann"))
        if old_gateway_dies:
            one.kill()
        await asyncio.to_thread(lose, server)
        yield court, ann, bob, two


@pytest.mark.parametrize("lose", [PrivateServer.flush, PrivateServer.begin_anew])
async def test_who_waits_for_its_client_comes_back_though_all_data_are_lost(
    tmp_path: Path, server: PrivateServer, lose: Callable[[PrivateServer], None]
) -> None:
    """The gateway it was on tells Redis again: it resumes on another, in its room; nobody saw it leave or come."""
    async with ann_waits_for_her_client(tmp_path, server, lose) as site:
        court, ann, bob, two = site
        await asyncio.to_thread(wait_for, lambda: is_detached(server, "ann"), within_s=2 * DEADLINE_S)
        await ann.connect(two.host, two.port)
        assert ann.resumed
        assert ann.rooms == {ROOM}
        await asyncio.gather(*(talk_to(one) for one in (bob, ann)))
        await life_after(SETTLING_S + 2)
        report = await court.report()
        assert report.clean, report.details
        assert not await asyncio.to_thread(is_detached, server, "ann")


async def test_who_lost_its_connection_while_redis_was_away_can_come_back_too(
    tmp_path: Path, server: PrivateServer
) -> None:
    """Redis, which has lost all data meanwhile, has never heard of that."""

    def lose(server: PrivateServer) -> None:
        server.kill()
        server.lose_data()

    async with ann_waits_for_her_client(tmp_path, server, lose, goes_first=False) as site:
        court, ann, _, two = site
        await ann.drop()
        await asyncio.to_thread(server.restart)
        await asyncio.to_thread(wait_for, lambda: is_detached(server, "ann"), within_s=2 * DEADLINE_S)
        await ann.connect(two.host, two.port)
        assert ann.rooms == {ROOM}
        await talk_to(ann)
        report = await court.report()
        assert report.clean, report.details


async def test_who_does_not_come_back_after_that_quits_once(tmp_path: Path, server: PrivateServer) -> None:
    """When the rest of its grace is over, and not again when gateways have told each other everything."""
    async with ann_waits_for_her_client(tmp_path, server, grace_s=10) as site:
        court, ann, bob, _ = site
        await ann.drop(for_good=True)

        async def gone() -> bool | None:
            return seen_to_leave(bob, "ann") > 0 or None

        await eventually(gone, what="ann has quit", deadline_s=20 + DEADLINE_S)
        await life_after(SETTLING_S + 2)
        report = await court.report()
        assert report.clean, report.details
        assert seen_to_leave(bob, "ann") == 1


async def test_whose_gateway_died_before_all_data_were_lost_is_gone(tmp_path: Path, server: PrivateServer) -> None:
    """Nobody is left who knows how it proves itself: it cannot come back, and is seen to quit, once."""
    async with ann_waits_for_her_client(tmp_path, server, old_gateway_dies=True) as site:
        court, ann, bob, two = site
        await ann.drop(for_good=True)

        async def gone() -> bool | None:
            return seen_to_leave(bob, "ann") > 0 or None

        await eventually(gone, what="ann has quit", deadline_s=SETTLING_S + 4 * DEADLINE_S)
        with pytest.raises(SessionEndedError, match="INVALID_TOKEN"):
            await ann.connect(two.host, two.port)
        await ann.drop()
        report = await court.report()
        assert report.clean, report.details
        assert seen_to_leave(bob, "ann") == 1


async def talk_to(witness: Witness) -> None:
    """Say something and be acknowledged."""
    witness.say(ROOM, f"{witness.nick} is here")
    await witness.acknowledged()


def seen_to_leave(witness: Witness, nick: str) -> int:
    """How often."""
    return sum(sight.kind is Kind.LEFT and sight.nick == nick for sight in witness.sights)
