"""What a fault is: `strike` does it, `heal` undoes it and returns when the site is whole again.

A fault takes what it works on for itself (`claim`), so that several may strike at once.
"""

import random
from abc import ABC, abstractmethod
from typing import ClassVar

from tests.faults.site import Site, Station

__all__ = ["LEASE_S", "Fault", "NotNowError", "OfGateway"]

LEASE_S = 10.0  # of a gateway: docs/architecture.md


class NotNowError(Exception):
    """What the fault would work on is taken by another, or this site has none."""


class Fault(ABC):
    """One of them, about to strike."""

    name: ClassVar[str]
    """As the report calls it."""
    hold_s: ClassVar[tuple[float, float]] = (0.0, 0.5)
    """Between strike and heal, from and to."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self.site = site
        self.chance = chance
        self.own_s = 0.0
        """What the deployment itself took to notice and to act, of the time without service."""
        self._claimed: list[object] = []

    @abstractmethod
    def claim(self) -> None:
        """Take what it works on. Raises `NotNowError`."""

    @abstractmethod
    async def strike(self) -> None:
        """Do it."""

    async def heal(self) -> None:  # noqa: B027 - some are over when they have struck
        """Undo it."""

    def release(self) -> None:
        """Give back what was claimed."""
        self.site.taken.difference_update(self._claimed)

    def take(self, thing: object) -> None:
        if thing in self.site.taken:
            raise NotNowError(self.name)
        self.site.taken.add(thing)
        self._claimed.append(thing)


class OfGateway(Fault):
    """It works on one gateway; one other at least is left alone."""

    station: Station

    def claim(self) -> None:
        free = self.site.free()
        if len(free) < 2:
            raise NotNowError(self.name)
        self.station = self.chance.choice(free)
        self.take(self.station)
