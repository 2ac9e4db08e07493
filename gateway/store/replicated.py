"""`--durability replica`: nothing is told to anybody before a replica has it.

Each flush of commands ends with a mark, which is a write, and one WAIT. The replies of the flush are held until the
WAIT was answered. WAIT covers the last write of its own connection (measured on Valkey 9.1: a read, a duplicate's
answer does not move it); the mark makes that everything the replies can have seen. Announcements come by another
connection: they are held until a PING that follows them has come through the same gate.

Source: Redis documentation, WAIT.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from gateway.errors import StoreError
from gateway.store.lane import Commands, Lane, OnReply, ignore

__all__ = ["MARK_KEPT_S", "HeldPushes", "ReplicatedLane"]

WAIT_MS = 500
MAX_WAITS = 3  # without a replica, in a row; then the lane is dropped and the master asked for again
MARK_KEPT_S = 60


class ReplicatedLane(Lane):
    """A command lane whose replies are told when a replica has what they tell of."""

    def __init__(self, name: str, mark: str) -> None:
        """`mark` is a key of no other use that this server takes writes for."""
        super().__init__(name)
        self._mark = mark
        self._marked = False  # the last mark was written
        self._held: deque[tuple[OnReply, Any]] = deque()
        self._waits = 0  # under way
        self._failures = 0  # in a row

    def request(self, on_reply: OnReply, *args: str | bytes | int) -> None:
        """As in `Commands`."""
        super().request(partial(self._hold, on_reply), *args)

    def flush(self) -> None:
        """Write what was collected and one WAIT."""
        if self._outgoing:
            self._wait()
        super().flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Answer everything in flight or held: its fate is unknown. Source: asyncio.Protocol."""
        self.lost.set()
        while self._held:
            on_reply, _ = self._held.popleft()
            on_reply(StoreError(f"{self.name} lane was lost"))
        super().connection_lost(exc)

    def _hold(self, on_reply: OnReply, reply: Any) -> None:
        if self.lost.is_set():
            on_reply(reply)
        else:
            self._held.append((on_reply, reply))

    def _wait(self) -> None:
        self._waits += 1
        super().request(self._on_marked, "SET", self._mark, "", "EX", MARK_KEPT_S)
        super().request(self._on_waited, "WAIT", 1, WAIT_MS)

    def _on_marked(self, reply: Any) -> None:
        self._marked = not isinstance(reply, StoreError)

    def _on_waited(self, reply: Any) -> None:
        self._waits -= 1
        if self.lost.is_set():
            return
        if self._marked and isinstance(reply, int) and reply >= 1:
            self._failures = 0
            # Replies come in order: what is held belongs to this flush or to one before.
            for _ in range(len(self._held)):
                on_reply, held = self._held.popleft()
                on_reply(held)
            return
        self._failures += 1
        if self._failures >= MAX_WAITS:
            self.abort("no replica confirms")
        elif not self._waits:
            super().request(ignore, "PING")  # its flush waits again


class HeldPushes:
    """The pushes of a subscription lane, told when a replica has what they announce."""

    def __init__(
        self,
        commands: Callable[[], Commands],
        on_push: Callable[[list[Any]], None],
        on_read_end: Callable[[], None],
        on_unconfirmed: Callable[[], None],
    ) -> None:
        """`on_unconfirmed` is told when pushes were given up: the subscriptions must be made anew."""
        self._commands = commands
        self._on_push = on_push
        self._on_read_end = on_read_end
        self._on_unconfirmed = on_unconfirmed
        self._collected: list[list[Any]] = []

    def pushed(self, push: list[Any]) -> None:
        """Take one."""
        self._collected.append(push)

    def read_ended(self) -> None:
        """All pushes of one read have been taken."""
        batch, self._collected = self._collected, []
        self._commands().request(partial(self._release, batch), "PING")

    def _release(self, batch: list[list[Any]], reply: Any) -> None:
        if isinstance(reply, StoreError):
            self._on_unconfirmed()
            return
        for push in batch:
            self._on_push(push)
        self._on_read_end()
