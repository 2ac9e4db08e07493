"""What one read from Redis brought is delivered together."""

from collections.abc import Callable

from gateway.rooms.counts import Counts
from gateway.rooms.ports import Render
from gateway.rooms.room import Room

__all__ = ["Deliveries"]


class Deliveries:
    """The rooms with lines for their members."""

    __slots__ = ("_counts", "_on_deserted", "_render", "_rooms")

    def __init__(self, render: Render, counts: Counts, on_deserted: Callable[[Room], None]) -> None:
        """`on_deserted` is told of a room that changed and has nobody here any more."""
        self._render = render
        self._counts = counts
        self._on_deserted = on_deserted
        self._rooms: dict[Room, None] = {}

    def add(self, room: Room) -> None:
        """It has lines, or lost somebody."""
        self._rooms[room] = None

    def flush(self) -> None:
        """Deliver."""
        rooms, self._rooms = self._rooms, {}
        for room in rooms:
            self._counts.deliveries += room.flush(self._render)
            if not room.seats:
                self._on_deserted(room)  # the last one here was thrown out
