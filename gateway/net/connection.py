"""One peer's TCP connection. No task of its own: lines run as they come, one that has to wait holds the next ones."""

import asyncio
import hashlib
import logging
import re
import socket
from collections import deque
from typing import TYPE_CHECKING, cast

from gateway.commands.departure import depart, detach, let_go
from gateway.commands.dispatch import obey
from gateway.commands.sharing import look
from gateway.session.reply import Reply
from gateway.session.session import NOWHERE, Session, State
from gateway.wire import numerics as n
from gateway.wire.framing import LineDecoder, Overlong
from gateway.wire.hosts import shown_host
from gateway.wire.limits import MAX_BODY_BYTES, MAX_CLIENT_TAGS_BYTES
from gateway.wire.proxy import MalformedProxyError, ProxyDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from gateway.net.server import Server

__all__ = ["Connection"]

MAX_INPUT_BYTES = MAX_CLIENT_TAGS_BYTES + MAX_BODY_BYTES
MAX_WAITING_LINES = 256  # behind a command that has to wait; past it nothing more is read until it is done
_log = logging.getLogger(__name__)


def _discard(_: bytes) -> None:
    """Where bytes for a closed connection go."""


class Connection(asyncio.Protocol):
    """Bytes in, commands in order; everything out goes through the transport, bounded in bytes."""

    __slots__ = ("_busy", "_decoder", "_proxy", "_server", "_transport", "_waiting", "asked_at_s", "began_at_s",
                 "closing_at_s", "heard_at_s", "session")  # fmt: skip

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._decoder: LineDecoder | None = None  # while a line has begun: most connections are idle
        self._proxy: ProxyDecoder | None = None
        self._transport: asyncio.Transport
        self._waiting: deque[bytes | Overlong] | None = None
        self._busy = False
        self.session: Session
        self.began_at_s = self.heard_at_s = server.now_s()
        self.closing_at_s = 0.0  # 0: not closing
        self.asked_at_s = 0.0  # of our PING without an answer

    @property
    def queued_bytes(self) -> int:
        """What waits for the peer to read it."""
        return self._transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Source: asyncio.Protocol."""
        transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self._transport = transport
        # Over the limit is when the transport says "pause": no check per write, and the slow reader alone pays.
        transport.set_write_buffer_limits(high=self._server.sendq_bytes)
        # Not left to the loop: asyncio sets it only on sockets it knows to be TCP, and without it small lines wait.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host = _peer_host(transport.get_extra_info("peername"))
        self.session = Session(self._server.new_uid(), host, self._writer(transport))
        self.session.link = self
        self.session.secure = transport.get_extra_info("sslcontext") is not None
        if (tls := transport.get_extra_info("ssl_object")) is not None:
            self.session.secure = True
            shown = tls.getpeercert(True)
            self.session.certificate = hashlib.sha256(shown).hexdigest() if shown else ""
        if not self._server.add(self):
            self.close("Too many connections")
        elif transport.get_extra_info("sslcontext") is None and self._server.is_proxy(host):
            # A balancer that passes TLS on cannot put its header inside; one that ends TLS comes to the plain port.
            self._proxy = ProxyDecoder()
        else:
            self._server.admit(self)

    def data_received(self, data: bytes) -> None:
        """Source: asyncio.Protocol."""
        self.heard_at_s = self._server.now_s()
        if self._proxy is not None:
            data = self._read_proxy_header(self._proxy, data)
        for line in self._lines(data):
            if self._busy or self._waiting:
                self._wait(line)
            else:
                self._obey(line)

    def _writer(self, transport: asyncio.Transport) -> "Callable[[bytes], None]":
        """What takes bytes for the peer: whole lines in the end, however they are cut."""
        return transport.write

    def _lines(self, data: bytes) -> list[bytes | Overlong]:
        """The lines that these bytes complete."""
        decoder = self._decoder or LineDecoder(MAX_INPUT_BYTES)
        lines = decoder.feed(data)
        self._decoder = None if decoder.idle else decoder
        return lines

    def _read_proxy_header(self, proxy: ProxyDecoder, data: bytes) -> bytes:
        try:
            header = proxy.feed(data)
        except MalformedProxyError:
            self.close("No PROXY header")
            return b""
        if header is None:
            return b""
        self._proxy = None
        if header.address is not None:
            self.session.host = shown_host(str(header.address))
            self.session.secure |= header.secure
            self._server.admit(self)
        return proxy.rest

    def _wait(self, line: bytes | Overlong) -> None:
        if self._waiting is None:
            self._waiting = deque()
        if not self._server.store_up() and isinstance(line, bytes) and line[:5].upper() == b"PING ":
            # What it would wait for may take as long as Redis does; the peer must not take us for dead.
            self._obey(line)
            return
        self._waiting.append(line)
        if len(self._waiting) == MAX_WAITING_LINES:
            self._transport.pause_reading()

    def _obey(self, line: bytes | Overlong) -> None:
        session = self.session
        if session.state is State.CLOSED or self._transport.is_closing():
            return
        if isinstance(line, Overlong):
            if session.draft is not None:
                session.draft.spoil()
            reply = Reply(session, self._server.name)
            reply.numeric(n.ERR_INPUTTOOLONG, "Input line was too long")
            reply.finish()
            return
        try:
            work = obey(self._server.services, session, line)
        except Exception:  # noqa: BLE001 - the edge: a bug in one command must not take the other peers along
            self._failed()
            return
        if work is not None:
            self._busy = True
            self._server.spawn(self._run(work))

    async def _run(self, work: "Coroutine[Any, Any, None]") -> None:
        try:
            await work
        except Exception:  # noqa: BLE001 - the same edge
            self._failed()
        self._busy = False
        while self._waiting and not self._busy:
            if len(self._waiting) == MAX_WAITING_LINES and not self._transport.is_closing():
                self._transport.resume_reading()
            self._obey(self._waiting.popleft())
        if not self._waiting:
            self._waiting = None

    def _failed(self) -> None:
        _log.exception("command_failed", extra={"uid": self.session.uid.decode()})
        reply = Reply(self.session, self._server.name)
        reply.numeric(n.ERR_UNKNOWNERROR, "*", "Internal error; the command may not have been carried out")
        reply.finish()

    def look(self) -> None:
        """Have the session look at what its attachments share: it has changed."""
        look(self._server.services, self.session)

    def ask(self, now_s: float) -> None:
        """Send a PING of ours; any byte is an answer. Past what may hold other lines back: who is being told a long
        history must not be taken for dead."""
        self.asked_at_s = now_s
        self._writer(self._transport)(f":{self._server.name} PING :{self._server.name}\r\n".encode())

    def close(self, reason: str, *, goes_on: bool = False) -> None:
        """Say why, flush what is queued, close. What becomes of the session follows when the connection is gone: it
        departs, unless it `goes_on` and can prove itself."""
        if self._transport.is_closing():
            return
        self.session.quit_reason = reason
        self.session.ending = not goes_on
        self._writer(self._transport)(f"ERROR :Closing link: {reason}\r\n".encode())
        self.session.write = _discard
        self.closing_at_s = self._server.now_s()
        self._finish()

    def _finish(self) -> None:
        """Close once everything is written."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        self.session.write = _discard
        self._transport.abort()

    def pause_writing(self) -> None:
        """The peer does not read: it is closed, the others never wait. Source: asyncio.Protocol."""
        self.session.quit_reason = "SendQ exceeded"
        self._server.counters.slow_closed += 1
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Source: asyncio.Protocol."""
        session = self.session
        session.write = _discard
        session.link = NOWHERE  # no cycle is left: a gone connection is freed at once, and not by some collection
        self._waiting = None
        self._server.remove(self)
        # Only what kind of end it was: the rest of a reason is what somebody wrote.
        kind = re.split(r": | \(", session.quit_reason, maxsplit=1)[0]
        _log.info("connection_ended", extra={"uid": session.uid.decode(), "reason": kind})
        if session.state is State.WELCOMING:
            session.state = State.CLOSED  # the registration under way sees it and cleans up
        elif session.state is State.DETACHED:
            let_go(self._server.services, session)
        elif session.state is State.READY and session.provable and not session.ending and self._server.keeps_sessions:
            self._server.spawn(detach(self._server.services, session))
        elif session.state is State.READY or session.recorded:
            self._server.spawn(depart(self._server.services, session))
        else:
            session.state = State.CLOSED


def _peer_host(peername: object) -> str:
    """Where a connection comes from; a socket without addresses is of this machine."""
    return shown_host(str(peername[0])) if isinstance(peername, tuple) and peername else "localhost"
