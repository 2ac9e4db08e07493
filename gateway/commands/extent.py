"""How far history goes: what is too old, or too much, is never shown, whether it has been trimmed yet or not; nor is
what was taken back, although it was read just before."""

from collections.abc import Iterable

from gateway.commands.reading import LAST, PAGE, Place
from gateway.commands.services import Services
from gateway.events import Entry
from gateway.model import order
from gateway.rooms.retention import Kept, read_kept
from gateway.rooms.room import Room
from gateway.session.session import Session

__all__ = ["kept_in", "oldest_in_room", "oldest_said", "without_taken_back"]


def kept_in(services: Services, room: Room) -> Kept:
    """What is kept of a room's log as history."""
    return services.network.history.narrowed(read_kept(room.replica.history))


def oldest_said(services: Services, kept: Kept | None = None) -> Place:
    """The place before which everything is too old; `kept` is the network's unless given."""
    kept = kept or services.network.history
    return (max(0, kept.oldest_ms(int(services.clock_s() * 1000))), 0)


async def oldest_in_room(services: Services, room: Room) -> Place:
    """The place in a room's log where its history begins. Raises `StoreError`."""
    kept = kept_in(services, room)
    if not kept.entries:
        return LAST
    oldest = oldest_said(services, kept)
    # A short history is exact at once; a long one is as soon as it has been trimmed.
    if kept.entries <= PAGE and room.replica.history:
        log = services.log_of_room(room.key)
        newest = await services.history.read_back(log, b"+", b"-", kept.entries)
        if len(newest) == kept.entries:
            oldest = max(oldest, order(newest[-1].position))
    return oldest


def without_taken_back(session: Session, entries: Iterable[Entry]) -> list[Entry]:
    """The entries but for those of which the peer has been told that they were taken back in one of its rooms: they may
    have been read before that."""
    lately = [room.redactions for room in session.rooms.values() if room.redactions]
    return [entry for entry in entries if not any(entry.event.msgid in redactions for redactions in lately)]
