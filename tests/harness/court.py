"""One run of witnesses: they share a clock, and the checker is asked about all of them at the end."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count

from gateway.wire.names import casefold
from tests.harness.checker import Report, check
from tests.harness.sights import Death, Log, Loss, Rivalry, Roster
from tests.harness.witness import CAPABILITIES, Witness

__all__ = ["Court"]

MAX_SIGHTS = 4_000_000  # of one run; more is a mistake in the test


class Court:
    """One run. Its witnesses are closed at the end of `async with`."""

    def __init__(self) -> None:
        self._clock = count()
        self._witnesses: dict[str, Witness] = {}
        self._losses: list[Loss] = []
        self._deaths: list[Death] = []
        self._rivalries: list[Rivalry] = []

    async def __aenter__(self) -> "Court":
        return self

    async def __aexit__(self, *_: object) -> None:
        async with asyncio.TaskGroup() as tasks:
            for witness in self._witnesses.values():
                tasks.create_task(witness.drop())

    def call(self, nick: str, capabilities: Iterable[str] = CAPABILITIES) -> Witness:
        """A new witness, not connected yet."""
        witness = self._witnesses[casefold(nick)] = Witness(nick, self._tick, capabilities)
        return witness

    async def witness(self, nick: str, host: str, port: int) -> Witness:
        """A new witness, registered."""
        witness = self.call(nick)
        await witness.connect(host, port)
        return witness

    async def report(self) -> Report:
        """Ask all connected witnesses for the members of their rooms, and judge the run."""
        return self.judge(await self.rosters())

    async def rosters(self) -> list[Roster]:
        """What all connected witnesses are told by NAMES.

        A barrier on every witness goes first: what the server sent before it has been seen by then.
        """
        connected = [witness for witness in self._witnesses.values() if witness.connected]
        async with asyncio.TaskGroup() as tasks:
            for witness in connected:
                tasks.create_task(witness.barrier())
        return [
            Roster(casefold(witness.nick), room, await witness.names(room))
            for witness in connected
            for room in sorted(witness.rooms)
        ]

    def judge(self, rosters: Iterable[Roster], logs: Mapping[str, Log] | None = None) -> Report:
        """The checker's word about everything seen so far."""
        sights = {nick: witness.sights for nick, witness in self._witnesses.items()}
        return check(sights, rosters, logs, losses=self._losses, deaths=self._deaths, rivalries=self._rivalries)

    @contextmanager
    def losing(self) -> Iterator[None]:
        """What Redis takes meanwhile, the one after it may not have."""
        since = self._tick()
        yield
        self._losses.append(Loss(since, self._tick()))

    @contextmanager
    def rivalling(self) -> Iterator[None]:
        """Two servers may take writes meanwhile."""
        since = self._tick()
        yield
        self._rivalries.append(Rivalry(since, self._tick()))

    def gateway_died(self, host: str, port: int) -> None:
        """It has not said a word before its end, and will not after it."""
        self._deaths.append(Death(f"{host}:{port}", self._tick()))

    def _tick(self) -> int:
        tick = next(self._clock)
        if tick > MAX_SIGHTS:
            raise OverflowError(f"more than {MAX_SIGHTS} sights")
        return tick
