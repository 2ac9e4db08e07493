"""One connection to Redis below redis-py: commands of one turn of the loop leave in one write.

redis-py opens the connection (URL, TLS, AUTH, RESP3) and a `Lane` takes its transport over; parsing is
`hiredis.Reader`. Why: docs/adr/0003-lanes-below-redis-py.md.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import hiredis

from gateway.errors import StoreError

__all__ = ["Lane", "OnReply"]

OnReply = Callable[[Any], None]
"""Gets the reply, or a `StoreError` as a value: the command was refused, or its fate is unknown (connection lost)."""

MAX_IN_FLIGHT = 100_000  # commands without a reply; past it the server is not keeping up and the lane is dropped
_INCOMPLETE = object()
_log = logging.getLogger(__name__)


class Lane(asyncio.Protocol):
    """Commands out, replies in the same order, pushes aside.

    A lane is used up once lost: everything in flight is answered with `StoreError`, `lost` is set, and the owner
    opens another.
    """

    def __init__(self, name: str, on_push: Callable[[list[Any]], None] | None = None) -> None:
        self.name = name
        self.lost = asyncio.Event()
        self.observe: Callable[[float], None] | None = None  # gets the seconds each command waited for its reply
        self._loop = asyncio.get_running_loop()
        self._on_push = on_push
        self._on_read_end: Callable[[], None] | None = None
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._waiting: deque[tuple[OnReply, float]] = deque()
        self._outgoing: list[bytes] = []
        self._flush_due = False
        self._transport: asyncio.Transport | None = None
        self._keep: object = None

    def take_over(self, connection: Any) -> None:
        """Take the transport of a connected redis-py connection; it must never go back to its pool."""
        # Kept, because a collected StreamWriter closes the transport.
        self._keep = connection
        transport: asyncio.Transport = connection._writer.transport
        self._transport = transport
        transport.set_protocol(self)
        # The stream reader may have paused reading before the hand-over.
        if not transport.is_reading():
            transport.resume_reading()

    def on_read_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called after the pushes of each read from the socket."""
        self._on_read_end = callback

    def request(self, on_reply: OnReply, *args: str | bytes | int) -> None:
        """Send a command; its reply goes to `on_reply`, called from the loop, always exactly once."""
        if self.lost.is_set():
            self._loop.call_soon(on_reply, StoreError(f"{self.name} lane is down"))
            return
        self._waiting.append((on_reply, self._loop.time()))
        self._write(args)
        if len(self._waiting) > MAX_IN_FLIGHT:
            self.abort("too many commands in flight")

    def call(self, *args: str | bytes | int) -> asyncio.Future[Any]:
        """Send a command and return a future of its reply.

        Raises (from the future):
            StoreError: refused by Redis, or the lane was lost and the command's fate is unknown.
        """
        future: asyncio.Future[Any] = self._loop.create_future()

        def resolve(reply: Any) -> None:
            if future.done():
                return
            if isinstance(reply, StoreError):
                future.set_exception(reply)
            else:
                future.set_result(reply)

        self.request(resolve, *args)
        return future

    def tell(self, *args: str | bytes | int) -> None:
        """Send a command that is answered by a push only (SSUBSCRIBE, SUNSUBSCRIBE)."""
        if not self.lost.is_set():
            self._write(args)

    def abort(self, reason: str) -> None:
        """Give the connection up at once; `lost` follows."""
        if self._transport is not None and not self.lost.is_set():
            _log.warning("redis_lane_dropped", extra={"lane": self.name, "reason": reason})
            self._transport.abort()

    def close(self) -> None:
        """Send what was collected, then close."""
        if self._transport is not None and not self.lost.is_set():
            self.flush()
            self._transport.close()

    def oldest_wait_s(self) -> float:
        """How long the oldest unanswered command has waited; 0 for none."""
        return self._loop.time() - self._waiting[0][1] if self._waiting else 0.0

    def flush(self) -> None:
        """Write what was collected; the loop does it at the end of its turn."""
        self._flush_due = False
        if self._outgoing and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def _write(self, args: tuple[str | bytes | int, ...]) -> None:
        self._outgoing.append(hiredis.pack_command(args))  # type: ignore[arg-type] # its stub wants one element
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def data_received(self, data: bytes) -> None:
        """Feed replies to those who wait, pushes to `on_push`. Source: asyncio.Protocol."""
        self._reader.feed(data)
        gets, pushes = self._reader.gets, False
        now = self._loop.time()
        while (reply := gets()) is not _INCOMPLETE:
            if reply.__class__ is hiredis.PushNotification:
                pushes = True
                if self._on_push is not None:
                    self._on_push(reply)
            elif self._waiting:
                on_reply, asked_at = self._waiting.popleft()
                if self.observe is not None:
                    self.observe(now - asked_at)
                on_reply(self._checked(reply))
            else:
                # Only SSUBSCRIBE goes unawaited: Redis refused one, so this lane would stay deaf in that room.
                self.abort("unexpected reply")
        if pushes and self._on_read_end is not None:
            self._on_read_end()

    def _checked(self, reply: Any) -> Any:
        if not isinstance(reply, hiredis.ReplyError):
            return reply
        code = str(reply).partition(" ")[0]
        if code in {"NOSCRIPT", "READONLY", "LOADING", "MASTERDOWN"}:
            # The scripts were flushed or the server is no master: a new connection loads them, or finds the master.
            self.abort(code)
        return StoreError(code)

    def connection_lost(self, exc: Exception | None) -> None:
        """Answer everything in flight. Source: asyncio.Protocol."""
        self.lost.set()
        while self._waiting:
            on_reply, _ = self._waiting.popleft()
            on_reply(StoreError(f"{self.name} lane was lost"))
