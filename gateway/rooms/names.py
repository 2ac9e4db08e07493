"""The rooms that are open here, by the names that lead to them. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.model import Listed
from gateway.rooms.renaming import aliases, answers_to, lives
from gateway.rooms.room import Room
from gateway.wire.names import RoomKey, casefold

__all__ = ["Names"]


class _Entry(NamedTuple):
    """What is known of one room; the first two are the replica's own, for to be compared at no cost."""

    name: str
    former: dict[RoomKey, Listed]
    displayed: bytes
    others: frozenset[RoomKey]


class Names:
    """Kept by the engine.

    Attributes:
        displayed: the rooms by their present names, as these are displayed.
    """

    __slots__ = ("_entries", "_others", "_rooms", "displayed")

    def __init__(self, rooms: Mapping[RoomKey, Room]) -> None:
        """`rooms` are all by their first names."""
        self.displayed: dict[bytes, Room] = {}
        self._rooms = rooms
        self._others: dict[RoomKey, Room] = {}  # by names that are not their first
        self._entries: dict[Room, _Entry] = {}

    def note(self, room: Room) -> None:
        """It is open, and its names may be others than before."""
        replica, entry = room.replica, self._entries.get(room)
        if entry is not None and entry.name is replica.name and entry.former is replica.former:
            return
        self.drop(room)
        entry = _Entry(replica.name, replica.former, replica.name.encode(), aliases(replica, room.key))
        self._entries[room] = entry
        self.displayed[entry.displayed] = room
        for name in entry.others:
            # A name may be one's present and another's former one where Redis has lost whose it was.
            if name not in self._others or name == casefold(replica.name):
                self._others[name] = room

    def drop(self, room: Room) -> None:
        """It is not open any more."""
        if (entry := self._entries.pop(room, None)) is None:
            return
        if self.displayed.get(entry.displayed) is room:
            del self.displayed[entry.displayed]
        for name in entry.others:
            if self._others.get(name) is room:
                del self._others[name]

    def find(self, name: RoomKey) -> Room | None:
        """The open room that answers to a name, as far as is known here."""
        room = self._rooms.get(name)
        if room is not None and lives(room.replica):
            return room  # no other can have the name
        other = self._others.get(name)
        return other if other is not None and answers_to(other.replica, name) else room
