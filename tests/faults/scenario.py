"""The language of the lab: a scenario is turns of faults upon a site where people talk; `run` plays it and judges.

Scenario(seed=7, turns=mixed(7, ALONE), seconds=60)         # seeded, one or two faults at a time
Scenario(seed=7, turns=repeated(GatewayKilled, 100))        # the same one again and again
"""

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.wire.names import casefold
from tests.faults.fault import Fault, NotNowError
from tests.faults.figures import Outcome, Strike
from tests.faults.replicas import disagreements, log_of
from tests.faults.site import Site
from tests.faults.stores import Start, single
from tests.harness.deadlines import DEADLINE_FACTOR
from tests.harness.resident import Resident
from tests.harness.sights import Roster

__all__ = ["Scenario", "each_once", "mixed", "repeated", "run"]

Turn = Sequence[type[Fault]]
RECOVERY_S = 60.0 * DEADLINE_FACTOR  # for everybody to be back after a turn, and answered at the end
GHOSTS_S = 40.0 * DEADLINE_FACTOR  # for those who left to be gone: lease, reaper, and a reaper that died too
LOOK_EVERY_S = 0.1
PAUSE_S = (0.2, 1.0)  # between turns, when all is well


def mixed(seed: int, kinds: Sequence[type[Fault]]) -> Iterator[Turn]:
    """For ever: one fault, or two at once."""
    chance = random.Random(seed)
    while True:
        yield chance.sample(kinds, chance.choice((1, 1, 2)))


def each_once(seed: int, kinds: Sequence[type[Fault]]) -> Iterator[Turn]:
    """Every one of them, in an order of the seed's; mostly two at once."""
    chance = random.Random(seed)
    left = chance.sample(kinds, len(kinds))
    while left:
        together = chance.choice((1, 2, 2))
        turn, left = left[:together], left[together:]
        yield turn


def repeated(kind: type[Fault], times: int) -> Iterator[Turn]:
    """One fault, so many times."""
    return iter([(kind,)] * times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is played. A seed determines who says what where and which faults strike; not what the machine does."""

    seed: int
    turns: Iterable[Turn]
    seconds: float = float("inf")  # no turn begins after this
    gateways: int = 3
    store: Start = single
    residents: int = 12
    rooms: int = 4
    messages_per_s: float = 100.0  # of all residents together


async def run(scenario: Scenario, directory: Path) -> Outcome:
    """Play a scenario in an empty directory."""
    loop = asyncio.get_running_loop()
    async with Site.running(directory, gateways=scenario.gateways, start_store=scenario.store) as site:
        rooms = [f"#lab{number}" for number in range(scenario.rooms)]
        pace_s = scenario.residents / scenario.messages_per_s
        site.settle_in(residents=scenario.residents, rooms=rooms, pace_s=pace_s, seed=scenario.seed)
        start_s = loop.time()
        async with asyncio.TaskGroup() as tasks:
            lives = [tasks.create_task(resident.live(), name=resident.name) for resident in site.residents]
            strikes, fallen, unserved = await _play(scenario, site, start_s + scenario.seconds)
            seconds = loop.time() - start_s
            for resident in site.residents:
                resident.finish()
            _, unsettled = await asyncio.wait(lives, timeout=RECOVERY_S)
            for life in unsettled:
                life.cancel()
        rosters = await _last_rosters(site)
        logs = {room: await asyncio.to_thread(log_of, site.store, room) for room in rooms}
        report = await asyncio.to_thread(site.court.judge, rosters, logs)
        fallen += await site.fallen()
        addresses = {station.name: station.address for station in site.stations}
        return Outcome(
            seed=scenario.seed,
            server=await asyncio.to_thread(site.store.version),
            seconds=seconds,
            strikes=strikes,
            report=report,
            unequal=await disagreements(addresses, rooms, site.store),
            fallen=fallen,
            unserved=[*unserved, *(f"{life.get_name()} did not get back" for life in unsettled)],
            sessions_lost=sum(resident.sessions_lost for resident in site.residents),
            resumptions=sum(resident.resumptions for resident in site.residents),
            new_starts=sum(resident.new_starts for resident in site.residents),
            unanswered=sum(life.outgoing.abandoned for each in site.residents for life in each.lives),
            waits={each.name: each.waits for each in site.residents},
            returns=[seconds for resident in site.residents for seconds in resident.returns],
        )


async def _play(scenario: Scenario, site: Site, until_s: float) -> tuple[list[Strike], list[str], list[str]]:
    """What struck, which gateways ended by themselves, and who was not served again in time."""
    chance = random.Random(scenario.seed)
    strikes: list[Strike] = []
    fallen: list[str] = []
    unserved = await _unserved(site)
    for turn in scenario.turns:
        if asyncio.get_running_loop().time() > until_s:
            break
        # Claimed before any strikes, in the order drawn: the seed decides which, not the machine.
        faults = [kind(site, random.Random(chance.random())) for kind in turn]
        together = [fault for fault in faults if _claim(fault)]
        await _strike_all(together, strikes)
        # What was taken by another a moment ago is free now; what this site does not have strikes never.
        await _strike_all([fault for fault in faults if fault not in together and _claim(fault)], strikes)
        after = " and ".join(fault.name for fault in faults)
        fallen += [f"{what}, after {after}" for what in await site.fallen()]
        unserved += [f"{name} was not served again after {after}" for name in await _unserved(site)]
        await asyncio.sleep(chance.uniform(*PAUSE_S))
    return strikes, fallen, unserved


def _claim(fault: Fault) -> bool:
    try:
        fault.claim()
    except NotNowError:
        fault.release()
        return False
    return True


async def _strike_all(faults: Iterable[Fault], strikes: list[Strike]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for fault in faults:
            tasks.create_task(_strike(fault, strikes), name=fault.name)


async def _strike(fault: Fault, strikes: list[Strike]) -> None:
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    try:
        await fault.strike()
        await asyncio.sleep(fault.chance.uniform(*fault.hold_s))
        await fault.heal()
    finally:
        fault.release()
    strikes.append(Strike(fault.name, start_s, loop.time(), fault.own_s))


async def _unserved(site: Site) -> list[str]:
    """Wait until everybody is in all rooms and was acknowledged something said just now; name those who were not."""
    loop = asyncio.get_running_loop()
    now_s = loop.time()

    def waiting() -> list[Resident]:
        return [each for each in site.residents if not each.at_home or each.acknowledged_until_s < now_s]

    while waiting() and loop.time() < now_s + RECOVERY_S:  # noqa: ASYNC110 - a dozen people, none of them the last
        await asyncio.sleep(LOOK_EVERY_S)
    return [each.name for each in waiting()]


async def _last_rosters(site: Site) -> list[Roster]:
    """What NAMES says once those who left are gone, or at the end of the time they are given."""
    present = {casefold(each.witness.nick): each.rooms for each in site.residents if each.witness.connected}
    expected = {
        room: frozenset(nick for nick, rooms in present.items() if room in rooms)
        for rooms in present.values()
        for room in rooms
    }
    deadline_s = asyncio.get_running_loop().time() + GHOSTS_S
    while True:
        rosters = await site.court.rosters()
        as_expected = all(roster.nicks == expected[roster.room] for roster in rosters)
        if as_expected or asyncio.get_running_loop().time() > deadline_s:
            return rosters
        await asyncio.sleep(LOOK_EVERY_S)
