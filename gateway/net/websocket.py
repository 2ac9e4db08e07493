"""IRC over WebSocket: a line is a message, everything else is as on any connection.

Source: RFC 6455; IRCv3 websocket, https://ircv3.net/specs/extensions/websocket
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State as Link
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from gateway.net.connection import Connection
from gateway.wire.framing import Overlong

if TYPE_CHECKING:
    from gateway.net.server import Server

__all__ = ["WebSocketConnection"]

BINARY, TEXT = Subprotocol("binary.ircv3.net"), Subprotocol("text.ircv3.net")
MAX_MESSAGE_BYTES = 16_384  # a longer one ends the connection; one that is no line (417) ends at some 4600
REFUSED = b"This is a WebSocket server for IRC.\n"
NORMAL, INVALID_DATA = 1000, 1007  # RFC 6455 section 7.4.1

_DATA = frozenset((Opcode.CONT, Opcode.TEXT, Opcode.BINARY))
# At the level DEBUG it would write down all frames, text and passwords included.
_frames_log = logging.getLogger("gateway.net.websocket.frames")
_frames_log.setLevel(logging.INFO)


def _first_known(protocol: ServerProtocol, wanted: Sequence[Subprotocol]) -> Subprotocol | None:
    """The client's order counts; without one that both know it goes on as clients of before expect."""
    return next((each for each in wanted if each in {BINARY, TEXT}), None)


class WebSocketConnection(Connection):
    """A connection whose lines travel in frames. Begins with a handshake over HTTP."""

    __slots__ = ("_is_text", "_link", "_message", "_unended")

    def __init__(self, server: "Server", origins: frozenset[str] | None) -> None:
        """`origins` are those of web pages that may connect; None: all."""
        super().__init__(server)
        # Who sends no origin is no browser, and could name any.
        allowed = None if origins is None else [None, *map(Origin, sorted(origins))]
        self._link = ServerProtocol(
            origins=allowed,
            subprotocols=[BINARY, TEXT],
            select_subprotocol=_first_known,
            max_size=MAX_MESSAGE_BYTES,
            logger=_frames_log,
        )
        self._is_text = False
        self._message = bytearray()  # of frames that are not the last of theirs
        self._unended = b""  # the beginning of a line whose end was not written yet

    def _writer(self, transport: asyncio.Transport) -> Callable[[bytes], None]:
        return self._write

    def _write(self, data: bytes) -> None:
        """Lines for the peer, each a message without its CR LF."""
        *lines, self._unended = (self._unended + data).split(b"\r\n")
        if self._link.state is not Link.OPEN:
            return
        send = self._link.send_binary if self._link.subprotocol == BINARY else self._link.send_text
        for line in lines:
            send(line)
        self._flush()

    def _flush(self) -> None:
        parts = self._link.data_to_send()
        if data := b"".join(parts):
            self._transport.write(data)
        if b"" in parts:  # the library's mark for "nothing follows"
            self._transport.close()

    def _finish(self) -> None:
        """Say farewell by a frame, after what was written."""
        if self._link.state is Link.OPEN:
            self._link.send_close(NORMAL)
            self._flush()
        self._transport.close()

    def _lines(self, data: bytes) -> list[bytes | Overlong]:
        self._link.receive_data(data)
        lines: list[bytes | Overlong] = []
        for event in self._link.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame) and event.opcode in _DATA:
                lines += self._read(event)
        if not self._transport.is_closing():
            self._flush()  # the handshake's answer, pongs, and the close that answers a close or a mistake
        return lines

    def _shake_hands(self, request: Request) -> None:
        response = self._link.accept(request)
        if response.status_code != 101:
            # Not the library's text, which is an exception's.
            response.body = REFUSED
            for name in ("Content-Length", "Content-Type"):
                if name in response.headers:
                    del response.headers[name]
            response.headers["Content-Length"] = str(len(REFUSED))
            response.headers["Content-Type"] = "text/plain"
        self._link.send_response(response)

    def _read(self, frame: Frame) -> list[bytes | Overlong]:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._message += frame.data
        if not frame.fin:
            return []
        message, self._message = bytes(self._message), bytearray()
        if self._is_text and not _is_utf8(message):
            self._link.fail(INVALID_DATA)  # RFC 6455 section 8.1
            return []
        return super()._lines(message + b"\n")

    def connection_lost(self, exc: Exception | None) -> None:
        """Source: asyncio.Protocol."""
        self._link.receive_eof()  # its parser ends, and with it the last reference to it
        super().connection_lost(exc)


def _is_utf8(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
