"""A change of one member in every room it is in, and for who watches its nick: a nick, an account, an absence."""

import asyncio
from collections.abc import Callable

from gateway.commands.services import Services
from gateway.events import Event, Renamed
from gateway.model import Member, MsgId, Outcome, Position
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.session.session import Session

__all__ = ["change_everywhere"]


class _Changing:
    """The change on its way through each of the rooms (`rooms.ports.Proposal`)."""

    __slots__ = ("_alter", "_done", "_event", "_left", "seat")

    def __init__(self, event: Event, alter: Callable[[Member], Member], rooms: int) -> None:
        self.seat = None
        self._event = event
        self._alter = alter
        self._left = rooms
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        await self._done

    def propose(self, replica: Replica) -> Change | None:
        uid = self._event.uid
        member = replica.members.get(uid)
        if member is None:
            self._finished()
            return None
        return Change(
            event=self._event, permissions=replica.permissions, uid=uid, need="in", member=self._alter(member)
        )

    def arrived(self, line: bytes, position: Position) -> bytes:
        self._finished()
        return b""

    def unchanged(self, outcome: Outcome) -> None:
        self._finished()

    def failed(self) -> None:
        self._finished()

    def allowed(self, replica: Replica) -> bool:
        return True

    def _finished(self) -> None:
        self._left -= 1
        if not self._left and not self._done.done():
            self._done.set_result(None)


async def change_everywhere(
    services: Services,
    session: Session,
    event: Callable[[MsgId], Event],
    alter: Callable[[Member], Member],
    *,
    before: Member | None = None,
) -> None:
    """Return when every room has the change, or the session is not in it any more, and who watches its nick was told.

    Args:
        event: makes the event, which is the same in all rooms.
        alter: the member with the change; it is decided on each room's member as it is then.
        before: the session as others know its source; None: as it is.
    Raises:
        StoreError: who watches could not be told; the rooms were.
    """
    rooms = list(session.rooms.values())
    before, msgid = before or session.as_member(services.gateway, ""), services.new_msgid()
    change = event(msgid)
    if rooms:
        changing = _Changing(change, alter, len(rooms))
        for room in rooms:
            services.engine.change(room, msgid, changing)
        await changing.wait()
    if session.ready and not isinstance(change, Renamed):  # of which who watches the nick hears that it is free
        await services.presence.changed(before, change)
