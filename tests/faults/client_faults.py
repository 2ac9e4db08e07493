"""What happens to people who talk."""

from contextlib import suppress

from gateway.wire.names import casefold
from tests.faults.fault import Fault
from tests.harness.deadlines import DEADLINE_S, eventually

__all__ = ["Kicked", "SlowReader"]


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
