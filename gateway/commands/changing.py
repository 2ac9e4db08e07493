"""A state change of a room on behalf of a session, awaited until it came back through the log."""

import asyncio
from collections.abc import Callable

from gateway.commands.services import Services
from gateway.errors import AliasedError, StoreError
from gateway.model import AttachmentId, MsgId, Outcome, Position
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session.session import Session

__all__ = ["Arrived", "Decide", "change_room"]

Decide = Callable[[Replica, MsgId], Change | None]
Arrived = Callable[[bytes, Position], bytes]


class _Changing:
    """One change under way (`rooms.ports.Proposal`)."""

    __slots__ = ("_arrived", "_decide", "_msgid", "done", "resizes", "seat")

    def __init__(self, seat: AttachmentId, msgid: MsgId, decide: Decide, arrived: Arrived) -> None:
        self.seat = seat
        self._msgid = msgid
        self.resizes = False  # somebody comes or goes
        self._decide = decide
        self._arrived = arrived
        self.done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def propose(self, replica: Replica) -> Change | None:
        change = self._decide(replica, self._msgid)
        if change is None:
            self._finish(applied=False)
        else:
            self.resizes = change.leaves or change.need == "out"
        return change

    def arrived(self, line: bytes, position: Position) -> bytes:
        self._finish(applied=True)
        return self._arrived(line, position)

    def unchanged(self, outcome: Outcome) -> None:
        if outcome is Outcome.ALIASED and not self.done.done():
            self.done.set_exception(AliasedError("the name leads to another room"))
        else:
            self._finish(applied=False)

    def failed(self) -> None:
        if not self.done.done():
            self.done.set_exception(StoreError("too late"))

    def allowed(self, replica: Replica) -> bool:
        return True

    def _finish(self, *, applied: bool) -> None:
        if not self.done.done():
            self.done.set_result(applied)


async def change_room(services: Services, session: Session, room: Room, decide: Decide, arrived: Arrived) -> bool:
    """Append one change and wait until this gateway has applied it.

    Args:
        decide: makes the change from the replica; called again whenever permissions changed before it was appended.
            None refuses, after it told its author.
        arrived: called at the change's place in the log with the author's line; what it returns is written to it.
    Returns:
        False when it was refused, or there was nothing to change.
    Raises:
        AliasedError: somebody would have founded a room whose name leads to another.
        StoreError: Redis is away.
    """
    if not services.history.up:
        raise StoreError("Redis is away")
    msgid = services.new_msgid()
    changing = _Changing(session.attachment, msgid, decide, arrived)
    services.engine.change(room, msgid, changing)
    try:
        applied = await changing.done
    finally:
        room.origins.pop(msgid, None)
    services.resized[room.key] = room.replica
    if applied and changing.resizes:
        services.directory.tell_size(room.key, len(room.replica.members))
    return applied
