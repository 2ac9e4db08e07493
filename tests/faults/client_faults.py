"""What happens to people who talk."""

import asyncio
from contextlib import suppress

from gateway.wire.names import casefold
from tests.faults.fault import Fault
from tests.harness.deadlines import DEADLINE_S, eventually

__all__ = ["Kicked", "QueueOverflown", "SlowReader"]

PAUSE_S = 0.02  # for the gateway to answer


class SlowReader(Fault):
    """A client reads nothing for a while."""

    name = "client: reads nothing"
    hold_s = (2.0, 6.0)

    def claim(self) -> None:
        self._resident = self.chance.choice(self.site.residents)
        self.take(self._resident)

    async def strike(self) -> None:
        self._resident.patient = True
        self._witness = self._resident.witness
        self._witness.read_nothing()

    async def heal(self) -> None:
        self._witness.read_on()
        self._resident.patient = False


class QueueOverflown(SlowReader):
    """A client asks for more than its queue holds and reads nothing, until its gateway has closed it."""

    name = "client: reads nothing until its queue overflows"
    hold_s = (0.0, 0.5)
    MOST = 20_000  # answers of a kB and more: what kernels and the queue hold is less
    AT_ONCE = 100

    async def strike(self) -> None:
        await super().strike()
        for _ in range(self.MOST // self.AT_ONCE):
            if not self._witness.connected:
                return
            with suppress(ConnectionError):  # another fault may have ended it
                self._witness.send(*["VERSION"] * self.AT_ONCE)
            await asyncio.sleep(PAUSE_S)

    async def heal(self) -> None:
        await super().heal()
        resident = self._resident

        async def is_back() -> bool | None:
            return (resident.witness.connected and resident.at_home) or None

        await eventually(is_back, what="whose queue overflowed is back", deadline_s=6 * DEADLINE_S)


class Kicked(Fault):
    """An operator of a room kicks somebody who is talking there, and who comes back."""

    name = "client: kicked out of a room"

    def claim(self) -> None:
        self._resident = self.chance.choice(self.site.residents)
        self.take(self._resident)

    async def strike(self) -> None:
        victim, room = self._resident, self.chance.choice(self._resident.rooms)
        with suppress(OSError, TimeoutError):  # whoever asks may lose its connection to another fault
            await victim.witness.names(room)
            operators = victim.witness.operators(room)
            for each in self.site.residents:
                if each is not victim and casefold(each.witness.nick) in operators:
                    each.witness.kick(room, victim.witness.nick)
                    await each.witness.barrier()
                    return

    async def heal(self) -> None:
        async def is_back() -> bool | None:
            return self._resident.witness.rooms >= set(self._resident.rooms) or None

        await eventually(is_back, what="who was kicked is back", deadline_s=6 * DEADLINE_S)
