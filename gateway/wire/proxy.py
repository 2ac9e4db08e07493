"""The PROXY protocol: who is behind a load balancer. Standard library only.

Source: HAProxy's proxy-protocol.txt, sections 2.1 (version 1, text) and 2.2 (version 2, binary).
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from gateway.wire.errors import WireError

__all__ = ["MalformedProxyError", "ProxyDecoder", "ProxyHeader"]

MAX_V1_BYTES = 107  # section 2.1: the worst case, CR LF included
MAX_V2_BYTES = 4096  # ours: the longest address block takes 232, the rest is room for extensions

_V1 = b"PROXY "
_V1_FAMILIES: dict[bytes, type[IPv4Address | IPv6Address]] = {b"TCP4": IPv4Address, b"TCP6": IPv6Address}
_V2 = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED_BYTES = 16
_LOCAL, _PROXY = 0x20, 0x21  # version 2 in the high half
_INET, _INET6, _UNIX = 1, 2, 3
_ADDRESS_BYTES = {_INET: 12, _INET6: 36, _UNIX: 216}
_STREAM, _DGRAM = 1, 2
_SSL, _CLIENT_SSL = 0x20, 0x01  # section 2.2.5: the type of the field, and its bit for a client over TLS
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")


class MalformedProxyError(WireError):
    """The connection does not begin with a PROXY header of version 1 or 2; the section says to drop it."""


class ProxyHeader(NamedTuple):
    """The peer as the proxy saw it.

    `address` is None, and `port` 0, where the header names no TCP peer (a health check, a UNIX socket, an unknown
    protocol): then the addresses of the connection itself count.
    """

    address: IPv4Address | IPv6Address | None = None
    port: int = 0
    secure: bool = False  # the peer speaks TLS to the proxy, as far as version 2 tells


class ProxyDecoder:
    """Incremental: reads the one header that a proxy puts before the peer's own bytes."""

    __slots__ = ("_buffer", "rest")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.rest = b""
        """The peer's own first bytes, those that came in one piece with the end of the header."""

    def feed(self, chunk: bytes) -> ProxyHeader | None:
        """Add bytes from the network; None as long as the header is not complete.

        Args:
            chunk: any number of bytes; borders carry no meaning. After the header there is no further call: the
                bytes behind it are in `rest`.
        Raises:
            MalformedProxyError: as soon as it is certain that this is no header, or one over the limit.
        """
        self._buffer += chunk
        head = bytes(self._buffer)
        if head.startswith(_V2[: len(head)]):
            end = _v2_end(head)
        elif head.startswith(_V1[: len(head)]):
            end = _v1_end(head)
        else:
            raise MalformedProxyError("no PROXY header")
        if not end:
            return None
        self.rest = head[end:]
        return _parse_v1(head[: end - 2]) if head[:1] == _V1[:1] else _parse_v2(head[:end])


def _v1_end(head: bytes) -> int:
    end = head.find(b"\n", 0, MAX_V1_BYTES) + 1
    if end and head[end - 2 : end] != b"\r\n":
        raise MalformedProxyError("LF without CR")
    if not end and len(head) >= MAX_V1_BYTES:
        raise MalformedProxyError(f"no CR LF within {MAX_V1_BYTES} bytes")
    return end


def _v2_end(head: bytes) -> int:
    if len(head) < _V2_FIXED_BYTES:
        return 0
    end = _V2_FIXED_BYTES + int.from_bytes(head[14:16], "big")
    if end > MAX_V2_BYTES:
        raise MalformedProxyError(f"header of {end} bytes, limit {MAX_V2_BYTES}")
    return end if len(head) >= end else 0


def _parse_v1(line: bytes) -> ProxyHeader:
    family, *fields = line[len(_V1) :].split(b" ")
    if family == b"UNKNOWN":
        return ProxyHeader()
    kind = _V1_FAMILIES.get(family)
    if kind is None or len(fields) != 4:
        raise MalformedProxyError("not TCP4, TCP6 or UNKNOWN with two addresses and two ports")
    source, destination, source_port, destination_port = fields
    if b"%" in source or b"%" in destination:
        raise MalformedProxyError("address with a zone")
    try:
        address, _ = kind(source.decode("ascii")), kind(destination.decode("ascii"))
    except ValueError as exc:
        raise MalformedProxyError("address") from exc
    ports = [int(port) for port in (source_port, destination_port) if _PORT.fullmatch(port)]
    if len(ports) != 2 or max(ports) > 0xFFFF:
        raise MalformedProxyError("port")
    return ProxyHeader(address, ports[0])


def _parse_v2(head: bytes) -> ProxyHeader:
    version_command, (family, protocol) = head[12], divmod(head[13], 16)
    if version_command == _LOCAL:
        return ProxyHeader()
    if version_command != _PROXY:
        raise MalformedProxyError(f"version and command 0x{version_command:02x}")
    if family > _UNIX or protocol > _DGRAM:
        raise MalformedProxyError(f"family and protocol 0x{head[13]:02x}")
    body = head[_V2_FIXED_BYTES:]
    if protocol and len(body) < _ADDRESS_BYTES.get(family, 0):
        raise MalformedProxyError(f"{len(body)} bytes of addresses for family {family}")
    if protocol == _STREAM and family == _INET:
        return ProxyHeader(IPv4Address(body[:4]), int.from_bytes(body[8:10], "big"), _is_secure(body[12:]))
    if protocol == _STREAM and family == _INET6:
        return ProxyHeader(IPv6Address(body[:16]), int.from_bytes(body[32:34], "big"), _is_secure(body[36:]))
    return ProxyHeader()


def _is_secure(fields: bytes) -> bool:
    """What the fields behind the addresses say of TLS; what cannot be read says nothing."""
    while len(fields) >= 3:
        kind, end = fields[0], 3 + int.from_bytes(fields[1:3], "big")
        if kind == _SSL:
            return end > 3 and len(fields) >= end and bool(fields[3] & _CLIENT_SSL)
        fields = fields[end:]
    return False
