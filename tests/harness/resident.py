"""Somebody who lives in rooms: talks all the time, and comes back through whatever gateway there is.

Where the server resumes sessions it comes back as itself and sends again what it has no answer to; elsewhere it comes
as a newcomer under another nick, as a plain client would have to, and what had no answer stays without one.
"""

import asyncio
import random
from collections.abc import Callable, Sequence

from tests.harness.court import Court
from tests.harness.deadlines import DEADLINE_FACTOR, DEADLINE_S
from tests.harness.outgoing import IDEM
from tests.harness.witness import RESIDENT, SessionEndedError, Witness

__all__ = ["Address", "Resident"]

Address = tuple[str, int]
WINDOW = 16  # messages without an answer; more are not said
PATIENCE_S = 6.0 * DEADLINE_FACTOR  # of silence with something unanswered; past it another gateway is tried
SAY_AGAIN_S = 0.2  # after a refusal; how exactly the end of an outage is measured
SEND_AGAIN_S = 10.0  # without any answer, where the server knows a message again
CONNECT_S = DEADLINE_S
RECONNECT_S = 0.2  # between attempts
DIRECT = 0.1  # of what is said goes to one person
TOPICS = 0.005  # of what is said; only an operator's has an effect


class Resident:
    """One person; `live` until told to `finish`."""

    def __init__(
        self,
        court: Court,
        name: str,
        rooms: Sequence[str],
        addresses: Callable[[], Sequence[Address]],
        others: Callable[[], Sequence[str]] = tuple,
        *,
        pace_s: float,
        seed: int,
    ) -> None:
        """`others` gives the nicks of those who may be written to."""
        self.name = name
        self.rooms = rooms
        self.witness: Witness = court.call(name, RESIDENT)
        self.address: Address | None = None
        self.patient = False  # silence is no reason to go elsewhere
        self.returns: list[float] = []  # seconds from each lost connection until it was in all its rooms again
        self.resumptions = 0
        self.new_starts = 0  # returns as a newcomer
        self.sessions_lost = 0  # of these, where the server could have kept the session
        self.lives: list[Witness] = [self.witness]
        self._court = court
        self._addresses = addresses
        self._others = others
        self._pace_s = pace_s
        self._random = random.Random(seed)
        self._said = 0
        self._put_off_until_s = 0.0
        self._sent_again_s = 0.0
        self._finish = False

    def finish(self) -> None:
        """Say nothing new; `live` returns once everything has been answered."""
        self._finish = True

    @property
    def at_home(self) -> bool:
        """Connected, and in all its rooms."""
        return self.witness.connected and self.witness.rooms >= set(self.rooms)

    @property
    def acknowledged_until_s(self) -> float:
        """When the message was said that came back last."""
        return self.witness.outgoing.waits[-1][0] if self.witness.outgoing.waits else 0.0

    @property
    def waits(self) -> list[tuple[float, float]]:
        """Of each message that was acknowledged: when it was said, and how long that took; by the first of them."""
        return sorted(wait for life in self.lives for wait in life.outgoing.waits)

    async def live(self) -> None:
        """Arrive, talk, and come back whenever the connection is lost; the last one stays open."""
        lost_s: float | None = None
        while True:
            try:
                await self._arrive()
                await self._enter()
                if lost_s is not None:
                    self.returns.append(asyncio.get_running_loop().time() - lost_s)
                    lost_s = None
                await self._talk()
                return
            except (OSError, TimeoutError):
                if lost_s is None:
                    lost_s = self._lost_at_s()
                    self.witness.outgoing.owe(lost_s)
                await self.witness.drop()
                await asyncio.sleep(RECONNECT_S * self._random.random())

    def _lost_at_s(self) -> float:
        # The end of a connection is heard; one that is given up is lost now.
        return asyncio.get_running_loop().time() if self.witness.connected else self.witness.heard_s

    async def _arrive(self) -> None:
        if self.witness.sights and not self.witness.can_return:
            await self._begin_anew()
        self.address = self._random.choice(self._addresses())
        try:
            async with asyncio.timeout(CONNECT_S):
                await self.witness.connect(*self.address)
        except SessionEndedError:
            self.sessions_lost += self.witness.can_return
            await self._begin_anew()
            raise
        self.resumptions += self.witness.resumed
        if IDEM in self.witness.capabilities:
            self._send_again(self.witness.unacknowledged)
        else:
            await self.witness.barrier()  # what was missed has been read: nothing else will tell
            self.witness.outgoing.abandon()

    async def _begin_anew(self) -> None:
        # Only who cannot resume may be seen to leave: another's departure is one that nobody asked for.
        await self.witness.drop(for_good=not self.witness.can_return)
        self.witness.outgoing.abandon()
        self.new_starts += 1
        former, self.witness = self.witness, self._court.call(f"{self.name}g{self.new_starts}", RESIDENT)
        self.witness.outgoing.owed_since_s = former.outgoing.owed_since_s
        self.lives.append(self.witness)

    async def _enter(self) -> None:
        for room in self.rooms:
            if room not in self.witness.rooms:
                async with asyncio.timeout(CONNECT_S):
                    await self.witness.join(room)

    async def _talk(self) -> None:
        witness = self.witness
        due_s = asyncio.get_running_loop().time()
        while not (self._finish and self.at_home and not witness.unacknowledged):
            # By the clock, not by the sleep: a busy machine must not make the load less. A pause is not made up for.
            due_s = max(due_s, asyncio.get_running_loop().time() - 1.0) + self._pace_s * self._random.uniform(0.5, 1.5)
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            now_s = asyncio.get_running_loop().time()
            if not witness.connected:
                raise ConnectionResetError
            if witness.unacknowledged and not self.patient and now_s - witness.heard_s > PATIENCE_S:
                raise TimeoutError
            await self._enter()
            if now_s < witness.outgoing.not_before_s:
                continue
            self._repeat(now_s)
            if not self._finish and len(witness.unacknowledged) < WINDOW:
                self._say_something()

    def _say_something(self) -> None:
        room, chance = self._random.choice(self.rooms), self._random.random()
        if chance < TOPICS:
            self.witness.send(f"TOPIC {room} :{self.name} {self._said}")
        directly = chance > 1 - DIRECT and (others := self._others())
        target = self._random.choice(others) if directly else room
        if target in {put_off for put_off, _ in self.witness.outgoing.put_off}:
            return  # what is behind a line that waits, waits: a server may have the one it put off from before
        self.witness.say(target, f"{self.name}-{self._said}")
        self._said += 1

    def _repeat(self, now_s: float) -> None:
        witness = self.witness
        if witness.outgoing.put_off and now_s > self._put_off_until_s:
            self._put_off_until_s = now_s + SAY_AGAIN_S
            self._send_again(witness.outgoing.due_again)
        oldest_s = witness.outgoing.oldest_s or now_s
        if IDEM in witness.capabilities and now_s - max(oldest_s, self._sent_again_s) > SEND_AGAIN_S:
            self._send_again(witness.unacknowledged)

    def _send_again(self, messages: Sequence[tuple[str, str]]) -> None:
        self._sent_again_s = asyncio.get_running_loop().time()
        for target, text in messages:
            self.witness.say(target, text)
