"""Sessions that were detached here, while their clients may come back.

Redis knows them, and all gateways look after their graces. Should Redis lose what it knows, it is told again from here.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.model import AttachmentId, GatewayId
from gateway.people import Detached
from gateway.rooms.engine import Engine
from gateway.rooms.room import Room

__all__ = ["Grace", "Graces"]

MAX_KEPT = 20_000  # some 2 kB each; past it the one that was detached first is Redis's alone to remember


class Grace(NamedTuple):
    """One that runs."""

    lost: Detached
    rooms: Sequence[Room]  # it was in; they stay open, so that it is known what becomes of it in them
    ends_s: float  # monotonic
    over: asyncio.TimerHandle

    def rooms_left(self, gateway: GatewayId) -> list[Room]:
        """Those it is still in, without a connection elsewhere."""
        members = [(room, room.replica.members.get(self.lost.user.uid)) for room in self.rooms]
        return [room for room, member in members if member is not None and member.gateway in ("", gateway)]


class Graces:
    """Those of one gateway."""

    def __init__(self, engine: Engine, now_s: Callable[[], float]) -> None:
        self._engine = engine
        self._now_s = now_s
        self._running: dict[AttachmentId, Grace] = {}
        self.on_forgotten: Callable[[], None] = lambda: None  # Redis does not know one that has just begun

    def begin(self, lost: Detached, rooms: Sequence[Room], grace_s: float) -> Grace:
        """One begins; `rooms` are those that it is in."""
        self.end(lost.attachment)
        if len(self._running) >= MAX_KEPT:
            self.end(next(iter(self._running)))
        over = asyncio.get_running_loop().call_later(grace_s, self.end, lost.attachment)
        grace = self._running[lost.attachment] = Grace(lost, rooms, self._now_s() + grace_s, over)
        for room in rooms:
            room.kept += 1
        self._engine.kept.add(lost.user.uid)
        return grace

    def end(self, attachment: AttachmentId) -> None:
        """Its client is back, or it has ended; does nothing where none runs."""
        if (grace := self._running.pop(attachment, None)) is None:
            return
        grace.over.cancel()
        self._engine.kept.discard(grace.lost.user.uid)
        for room in grace.rooms:
            room.kept -= 1
            self._engine.close_if_empty(room)

    def running(self) -> list[Grace]:
        """All."""
        return list(self._running.values())
