"""One connection to Redis below redis-py: commands of one turn of the loop leave in one write.

redis-py opens the connection (URL, TLS, AUTH, RESP3) and a `Lane` takes its transport over; parsing is
`hiredis.Reader`. Why: docs/adr/0003-lanes-below-redis-py.md.
"""

import asyncio
import logging
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

import hiredis

from gateway.errors import StoreError

__all__ = ["Commands", "Lane", "OnReply", "RedirectError", "always", "ignore", "nothing"]

OnReply = Callable[[Any], None]
"""Gets the reply, or a `StoreError` as a value: the command was refused, or its fate is unknown (connection lost)."""

MAX_IN_FLIGHT = 100_000  # commands without a reply; past it the server is not keeping up and the lane is dropped
_INCOMPLETE = object()
_log = logging.getLogger(__name__)


class RedirectError(StoreError):
    """A node of a cluster did not carry a command out: another serves its slot. Source: Redis Cluster specification,
    "MOVED Redirection", "ASK redirection"."""

    def __init__(self, code: str, slot: int, host: str, port: int) -> None:
        super().__init__(code)
        self.once = code == "ASK"  # this time only; else from now on
        self.slot = slot
        self.host = host  # empty: the one that was asked
        self.port = port


class Commands(ABC):
    """Where commands go: a lane, or the lanes of a cluster."""

    @abstractmethod
    def request(self, on_reply: OnReply, *args: str | bytes | int) -> None:
        """Send a command; its reply goes to `on_reply`, called from the loop, always exactly once."""

    def call(self, *args: str | bytes | int) -> asyncio.Future[Any]:
        """Send a command and return a future of its reply.

        Raises (from the future):
            StoreError: refused by Redis, or the lane was lost and the command's fate is unknown.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def resolve(reply: Any) -> None:
            if future.done():
                return
            if isinstance(reply, StoreError):
                future.set_exception(reply)
            else:
                future.set_result(reply)

        self.request(resolve, *args)
        return future


class Lane(asyncio.Protocol, Commands):
    """Commands out, replies in the same order, pushes aside.

    A lane is used up once lost: everything in flight is answered with `StoreError`, `lost` is set, and the owner
    opens another.
    """

    def __init__(
        self,
        name: str,
        on_push: Callable[[list[Any]], None] | None = None,
        on_refused: Callable[["Lane", StoreError], None] | None = None,
    ) -> None:
        """`on_refused` hears of an SSUBSCRIBE that was refused; without it the lane is dropped, and not deaf."""
        self.name = name
        self.lost = asyncio.Event()
        self.observe: Callable[[float], None] | None = None  # gets the seconds each command waited for its reply
        self.at: tuple[str, int] | None = None  # where the master was found, if it may move
        self.believed_s = math.inf  # after a longer silence another may be master: what this one says is nothing
        self._loop = asyncio.get_running_loop()
        self._on_push = on_push
        self._on_refused = on_refused
        self._on_read_end: Callable[[], None] | None = None
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._waiting: deque[tuple[OnReply, float]] = deque()
        self._outgoing: list[bytes] = []
        self._flush_due = False
        self._transport: asyncio.Transport | None = None
        self._keep: Any = None
        self._aborted = False
        self._alive_s = 0.0  # the server lived after that: when the last command that it answered was sent

    def take_over(self, connection: Any, alive_s: float) -> None:
        """Take the transport of a connected redis-py connection, whose server lived after `alive_s`, by the loop's
        clock; it must never go back to its pool."""
        self._alive_s = alive_s
        # Kept, because a collected StreamWriter closes the transport; taken away, because a collected connection would
        # close it as well, with a warning.
        self._keep, connection._writer = connection._writer, None
        transport: asyncio.Transport = self._keep.transport
        self._transport = transport
        transport.set_protocol(self)
        # The stream reader may have paused reading before the hand-over.
        if not transport.is_reading():
            transport.resume_reading()

    def on_read_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called after the pushes of each read from the socket."""
        self._on_read_end = callback

    def request(self, on_reply: OnReply, *args: str | bytes | int) -> None:
        """As in `Commands`."""
        if self.lost.is_set():
            self._loop.call_soon(on_reply, StoreError(f"{self.name} lane is down"))
            return
        self._waiting.append((on_reply, self._loop.time()))
        self._write(args)
        if len(self._waiting) > MAX_IN_FLIGHT:
            self.abort("too many commands in flight")

    def tell(self, *args: str | bytes | int) -> None:
        """Send a command that is answered by a push only (SSUBSCRIBE, SUNSUBSCRIBE)."""
        if not self.lost.is_set():
            self._write(args)

    def abort(self, reason: str) -> None:
        """Give the connection up at once; `lost` follows."""
        if self._transport is not None and not self._aborted:
            self._aborted = True
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

    def silent_s(self) -> float:
        """For how long the server may have been silent at most."""
        return self._loop.time() - self._alive_s

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
        now = self._loop.time()
        if now - self._alive_s > self.believed_s:
            # It was frozen, or this process was: while others write to the next master it would bring what it took in
            # their place.
            self.abort("silent for too long to be believed")
            return
        self._reader.feed(data)
        gets, pushes = self._reader.gets, False
        while (reply := gets()) is not _INCOMPLETE:
            if reply.__class__ is hiredis.PushNotification:
                pushes = True
                if self._on_push is not None:
                    self._on_push(reply)
            elif self._on_push is not None and reply.__class__ is hiredis.ReplyError:
                # What else travels on a subscription lane is not refused while the connection is any good.
                self._subscription_refused(reply)
            elif self._waiting:
                on_reply, asked_at = self._waiting.popleft()
                self._alive_s = asked_at
                if self.observe is not None:
                    self.observe(now - asked_at)
                on_reply(self._checked(reply))
            else:
                self.abort("unexpected reply")
        if pushes and self._on_read_end is not None:
            self._on_read_end()

    def _subscription_refused(self, reply: hiredis.ReplyError) -> None:
        error = self._checked(reply)
        if self._on_refused is None:
            self.abort(str(error))
        else:
            self._on_refused(self, error)

    def _checked(self, reply: Any) -> Any:
        if not isinstance(reply, hiredis.ReplyError):
            return reply
        code, _, detail = str(reply).partition(" ")
        if code in {"MOVED", "ASK"}:
            slot, _, address = detail.partition(" ")
            host, _, port = address.rpartition(":")
            return RedirectError(code, int(slot), host.strip("[]"), int(port))
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


def always() -> bool:
    """Whether writing is allowed where there is no lease."""
    return True


def nothing() -> None:
    """The answer to nobody's interest."""


def ignore(_: object) -> None:
    """The answer to a reply nobody needs."""
