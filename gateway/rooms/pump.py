"""When writers send: together at the end of a turn of the loop, and into busy rooms at their pace."""

import asyncio
import time

from gateway.rooms.room import Room
from gateway.rooms.writer import Writer

__all__ = ["RETRY_S", "Pump"]

NEW_WAIT_S = 0.5  # for who knows what a failover lost to come and write it: longer than a healthy gateway needs
RETRY_S = 0.25  # between attempts of a catch-up or a batch while Redis refuses


class Pump:
    """Wakes writers."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: dict[Writer, None] = {}  # with something to send at the end of this turn
        self._waiting: set[Writer] = set()  # for a time that a timer ends
        self.up_since_s = 0.0  # when a connection to Redis came back last

    def connected(self) -> None:
        """A connection to Redis has come back."""
        self.up_since_s = self._loop.time()

    def wake(self, writer: Writer) -> None:
        """Have it send what it has, with everything else that members said in this turn: one script call per room."""
        if not self._ready:
            self._loop.call_soon(self._send)
        self._ready[writer] = None

    def wake_later(self, writer: Writer) -> None:
        """Its flight had no answer. Where the connection is well (Redis has no memory left, say) nobody else would have
        it tried again."""
        self._loop.call_later(RETRY_S, self.wake, writer)

    def may_send(self, room: Room) -> bool:
        """What Redis has comes first: after a reconnection it may be another Redis, and some of ours may have a place
        between others' there. Nobody would be shown it before, either."""
        return room.follower.live

    def may_start(self, room: Room) -> bool:
        """A busy room is written to in bursts; who waits here is woken when the next flight may go."""
        return self._waited(room.writer, room.pace.wait_s(time.monotonic(), len(room.seats)))

    def may_add(self, writer: Writer, since_s: float) -> bool:
        """Since then others can write again what Redis has lost: they have heard of it, and we may not have, so what
        is new here comes behind it. Who has to wait is woken."""
        return self._waited(writer, since_s + NEW_WAIT_S - self._loop.time())

    def _waited(self, writer: Writer, wait_s: float) -> bool:
        if wait_s > 0 and writer not in self._waiting:
            self._waiting.add(writer)
            self._loop.call_later(wait_s, self._release, writer)
        return wait_s <= 0

    def _release(self, writer: Writer) -> None:
        self._waiting.discard(writer)
        self.wake(writer)

    def _send(self) -> None:
        ready, self._ready = self._ready, {}
        for writer in ready:
            writer.pump()
