"""From a room's name, as a peer typed it, to the room: the one place where that is decided.

A room that was renamed is found by its new name and, while it lives, by its former ones. Rooms that are open here know
their names; of others an alias in the slot of the name tells.
"""

from typing import NamedTuple

from gateway.commands.services import Services
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session.session import Session
from gateway.wire.names import RoomKey, room_key

__all__ = ["Found", "current_room", "own_room", "room_named"]


class Found(NamedTuple):
    """A room with members, here or not."""

    room: RoomKey
    replica: Replica


def own_room(services: Services, session: Session, name: str) -> Room | None:
    """The room of that name that the peer is in."""
    key = room_key(name)
    if key is None:
        return None
    if (room := session.rooms.get(key)) is not None:
        return room  # by its first name, which no other room can have
    found = services.engine.names.find(key)
    return found if found is not None and session.rooms.get(found.key) is found else None


async def room_named(services: Services, name: RoomKey) -> RoomKey:
    """The room that answers to a name, or will if somebody founds it.

    Raises:
        StoreError: Redis is away, or some room is getting that name just now.
    """
    return await services.aliases.find(name) or name


async def current_room(services: Services, name: str) -> Found | None:
    """The state of a room with members, from the replica here or from Redis. Raises `StoreError`."""
    key = room_key(name)
    if key is None:
        return None
    local = services.engine.names.find(key)
    if local is not None and local.follower.live and local.replica.members:
        return Found(local.key, local.replica)
    snapshot = await services.history.snapshot(services.log_of_room(key), name)
    if not snapshot.members and snapshot.aliased:
        key = await room_named(services, key)
        snapshot = await services.history.snapshot(services.log_of_room(key), name)
    if not snapshot.members:
        return None
    replica = Replica(name)
    replica.reset(snapshot)
    return Found(key, replica)
