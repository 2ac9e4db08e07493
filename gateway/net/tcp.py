"""Plain TCP to clients: a small transport for each, and one epoll for all of them, watched by the event loop (ADR 25).

A transport of the event loop's own, with its handle, costs an idle connection more memory than everything the chat
needs to know of it. The protocols are the same as on any other transport.
"""

import asyncio
import select
import socket
from collections import deque
from enum import Enum
from itertools import islice
from typing import Any

__all__ = ["AVAILABLE", "Poller", "TcpTransport"]

AVAILABLE = hasattr(select, "epoll")
"""Whether this system has what `Poller` is made of; where it has not, the event loop's own transports serve."""

READS_AT_ONCE = 64  # sockets served in one turn of the loop; it bounds how many commands begin before others go on
READ_BYTES = 16_384  # of one socket in one turn
PARTS_AT_ONCE = 64  # of what waits, in one call; the system takes up to 1024 (IOV_MAX)
DEFAULT_HIGH_BYTES = 65_536
PARTING_S = 1.0  # a peer has to end its side when we have ended ours
_CLOSED = -1  # the descriptor of a closed socket

# By their numbers, so that the module can be read where there is no epoll. Source: epoll_ctl(2).
_IN, _OUT, _TROUBLE = 0x001, 0x004, 0x008 | 0x010


class _State(Enum):
    OPEN = 1
    CLOSING = 2  # nothing is read any more; it ends when everything is written
    PARTING = 3  # that is done, and the protocol hears of it as of the next; what the peer still sends goes nowhere
    ENDED = 4  # the protocol hears of it in the next turn of the loop, or has heard


_NOBODY = asyncio.Protocol()


class Poller:
    """One epoll for the sockets of all clients. Level-triggered: what a turn leaves undone the next one is told again,
    and each socket has its turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._transports: list[TcpTransport | None] = []  # by descriptor: the system gives the lowest that is free
        self._loop.add_reader(self._epoll.fileno(), self._turn)

    def add(self, accepted: socket.socket, peer: object, protocol: asyncio.Protocol) -> None:
        """Take over a new connection, with the address of its peer, and tell the protocol."""
        accepted.setblocking(False)
        descriptor = accepted.fileno()
        self._transports += [None] * (descriptor + 1 - len(self._transports))
        transport = self._transports[descriptor] = TcpTransport(self, accepted, peer, protocol)
        transport.begin()

    def close(self) -> None:
        """Close every connection at once; no protocol is told."""
        self._loop.remove_reader(self._epoll.fileno())
        for transport in self._transports:
            if transport is not None:
                transport.drop()
        self._epoll.close()

    def watch(self, descriptor: int, events: int, before: int) -> None:
        """Have a transport told of these events instead of those of before."""
        if not before:
            self._epoll.register(descriptor, events)
        elif events:
            self._epoll.modify(descriptor, events)
        else:
            # That a peer has hung up is told whatever one asks for, again and again.
            self._epoll.unregister(descriptor)

    def end_soon(self, transport: "TcpTransport", exc: Exception | None) -> None:
        """Let the protocol know in the next turn: whoever is writing to many must not lose one meanwhile."""
        self._loop.call_soon(transport.end, exc)

    def part_soon(self, transport: "TcpTransport") -> None:
        """The same, and end our side."""
        self._loop.call_soon(transport.part)

    def end_later(self, transport: "TcpTransport") -> None:
        """End a connection of which our side has ended, if its peer does not."""
        self._loop.call_later(PARTING_S, transport.abort)

    def forget(self, descriptor: int) -> None:
        """The connection is gone."""
        self._transports[descriptor] = None

    def _turn(self) -> None:
        for descriptor, events in self._epoll.poll(0, READS_AT_ONCE):
            transport = self._transports[descriptor]
            assert transport is not None
            try:
                transport.ready(events)
            except Exception as exc:  # noqa: BLE001 - the edge: a bug in one protocol must not take the others along
                self._loop.call_exception_handler(
                    {"message": "a protocol failed", "exception": exc, "transport": transport}
                )
                transport.abort()


class TcpTransport(asyncio.Transport):
    """A connection of a `Poller`. What is written leaves at once; what the socket does not take waits, in order."""

    __slots__ = ("_high", "_paused", "_peer", "_poller", "_protocol", "_socket", "_state", "_waiting", "_waiting_bytes",
                 "_watched")  # fmt: skip

    def __init__(self, poller: Poller, connected: socket.socket, peer: object, protocol: asyncio.Protocol) -> None:
        self._poller = poller
        self._socket = connected
        self._peer = peer
        self._protocol = protocol
        self._state = _State.OPEN
        self._watched = 0  # events
        self._waiting: deque[bytes | memoryview] | None = None  # idle connections are many, and an empty one 760 bytes
        self._waiting_bytes = 0
        self._high = DEFAULT_HIGH_BYTES
        self._paused = False  # the protocol was told to pause

    # -- what the poller tells ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Tell the protocol of the connection, then read."""
        try:
            self._protocol.connection_made(self)
        finally:
            # The system forgets it with the connection, and would then be asked in vain; here it would cost 160 bytes.
            self._peer = None
            self.resume_reading()

    def ready(self, events: int) -> None:
        """Some of what was asked for, or trouble, which reading or writing names."""
        if self._waiting and events & (_OUT | _TROUBLE):
            self._flush()
        if self._watched & _IN and events & (_IN | _TROUBLE):
            self._read()

    def end(self, exc: Exception | None) -> None:
        """Tell the protocol that the connection is gone, and let go of both."""
        protocol = self._protocol
        self.drop()
        protocol.connection_lost(exc)

    def part(self) -> None:
        """Tell the protocol that the connection is gone, let go of it, and end our side; in this order, so that whoever
        sees the end can do what it makes possible."""
        protocol, self._protocol = self._protocol, _NOBODY
        try:
            protocol.connection_lost(None)
        finally:
            if self._state is _State.PARTING:
                self._end_our_side()

    def drop(self) -> None:
        """Let go of the protocol and the socket."""
        self._protocol = _NOBODY
        if self._socket.fileno() != _CLOSED:
            self._state = _State.ENDED
            self._poller.forget(self._socket.fileno())
            self._socket.close()

    # -- reading -----------------------------------------------------------------------------------------------------

    def is_reading(self) -> bool:
        """Source: asyncio.ReadTransport."""
        return bool(self._watched & _IN)

    def pause_reading(self) -> None:
        """Source: asyncio.ReadTransport."""
        self._watch(self._watched & ~_IN)

    def resume_reading(self) -> None:
        """Source: asyncio.ReadTransport."""
        if self._state is _State.OPEN:
            self._watch(self._watched | _IN)

    def _read(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as exc:
            self._lose(exc)
            return
        if self._state is _State.PARTING:
            if not data:
                self._lose(None)
        elif data:
            self._protocol.data_received(data)
        else:
            self.pause_reading()  # the end is told again and again
            if not self._protocol.eof_received():
                self.close()

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Source: asyncio.WriteTransport. `connection_lost` is never called before this has returned."""
        if self._state is not _State.OPEN or not data:
            return
        if not self._waiting:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as exc:
                self._lose(exc)
                return
            if sent == len(data):
                return
            self._waiting = deque([memoryview(bytes(data))[sent:]])
            self._waiting_bytes = len(data) - sent
            self._watch(self._watched | _OUT)
        else:
            self._waiting.append(bytes(data))
            self._waiting_bytes += len(data)
        if self._waiting_bytes > self._high and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def _flush(self) -> None:
        assert self._waiting is not None
        try:
            sent = self._socket.sendmsg(list(islice(self._waiting, PARTS_AT_ONCE)))
        except BlockingIOError:
            return
        except OSError as exc:
            self._lose(exc)
            return
        self._waiting_bytes -= sent
        while self._waiting and sent >= len(self._waiting[0]):
            sent -= len(self._waiting.popleft())
        if sent:
            self._waiting[0] = memoryview(self._waiting[0])[sent:]
        if not self._waiting:
            self._waiting = None
            self._watch(self._watched & ~_OUT)
            if self._state is _State.CLOSING:
                self._part()
                return
        if self._paused and self._waiting_bytes <= self._high // 4:
            self._paused = False
            self._protocol.resume_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The low one is a quarter of the high one, whatever is said. Source: asyncio.WriteTransport."""
        self._high = DEFAULT_HIGH_BYTES if high is None else high

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Source: asyncio.WriteTransport."""
        return self._high // 4, self._high

    def get_write_buffer_size(self) -> int:
        """Source: asyncio.WriteTransport."""
        return self._waiting_bytes

    def can_write_eof(self) -> bool:
        """Source: asyncio.WriteTransport."""
        return False

    # -- the end -----------------------------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        """Source: asyncio.BaseTransport."""
        return self._state is not _State.OPEN

    def close(self) -> None:
        """Source: asyncio.BaseTransport."""
        if self._state is not _State.OPEN:
            return
        self._state = _State.CLOSING
        self.pause_reading()
        if not self._waiting:
            self._part()

    def _part(self) -> None:
        self._state = _State.PARTING
        self._poller.part_soon(self)

    def _end_our_side(self) -> None:
        """And read on: a socket that is closed with something unread in it resets the connection, and what was written
        last may never be seen. Source: RFC 1122, section 4.2.2.13."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
            over = not self._socket.recv(READ_BYTES)
        except BlockingIOError:
            over = False
        except OSError:
            over = True
        if over:
            self._lose(None)
        else:
            self._watch(_IN)
            self._poller.end_later(self)

    def abort(self) -> None:
        """Source: asyncio.WriteTransport."""
        self._lose(None)

    def _lose(self, exc: Exception | None) -> None:
        if self._state is _State.ENDED:
            return
        self._state = _State.ENDED
        self._waiting, self._waiting_bytes = None, 0
        self._watch(0)
        self._poller.end_soon(self, exc)

    # -- the rest ----------------------------------------------------------------------------------------------------

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Source: asyncio.BaseTransport."""
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`socket`, and while the protocol is told of the connection `peername`. Source: asyncio.BaseTransport."""
        found = {"socket": self._socket, "peername": self._peer}.get(name)
        return default if found is None else found

    def _watch(self, events: int) -> None:
        if events != self._watched:
            self._poller.watch(self._socket.fileno(), events, self._watched)
            self._watched = events
