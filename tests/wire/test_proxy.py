"""Claims about the PROXY protocol. Source of all: HAProxy's proxy-protocol.txt, sections 2.1 and 2.2."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire.proxy import MAX_V1_BYTES, MAX_V2_BYTES, MalformedProxyError, ProxyDecoder, ProxyHeader

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
V1_LONGEST = b"PROXY UNKNOWN " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2 + [b"65535"] * 2) + b"\r\n"


def v2(version_command: int, family_protocol: int, body: bytes) -> bytes:
    return SIGNATURE + bytes([version_command, family_protocol]) + len(body).to_bytes(2, "big") + body


def tcp4(address: IPv4Address, port: int) -> bytes:
    return address.packed + bytes([127, 0, 0, 1]) + port.to_bytes(2, "big") + b"\x1a\x0b"


def tcp6(address: IPv6Address, port: int) -> bytes:
    return address.packed + bytes(16) + port.to_bytes(2, "big") + b"\x1a\x0b"


PORTS = st.integers(0, 65535)
V4, V6 = st.ip_addresses(v=4), st.ip_addresses(v=6)
TLVS = st.binary(max_size=64)
HEADERS = st.one_of(
    st.builds(lambda a, p: (f"PROXY TCP4 {a} 127.0.0.1 {p} 6667\r\n".encode(), ProxyHeader(a, p)), V4, PORTS),
    st.builds(lambda a, p: (f"PROXY TCP6 {a} ::1 {p} 6667\r\n".encode(), ProxyHeader(a, p)), V6, PORTS),
    st.builds(lambda a, p, t: (v2(0x21, 0x11, tcp4(a, p) + t), ProxyHeader(a, p)), V4, PORTS, TLVS),
    st.builds(lambda a, p, t: (v2(0x21, 0x21, tcp6(a, p) + t), ProxyHeader(a, p)), V6, PORTS, TLVS),
    st.builds(lambda t: (v2(0x20, 0x00, t), ProxyHeader()), TLVS),
    st.just((V1_LONGEST, ProxyHeader())),
)


@given(HEADERS, st.binary(max_size=8), st.integers(1, 400))
@example((V1_LONGEST, ProxyHeader()), b"", MAX_V1_BYTES)
def test_chunk_borders_carry_no_meaning(wanted: tuple[bytes, ProxyHeader], peer: bytes, step: int) -> None:
    """Headers of both versions say who the peer is, however they are cut, and no byte of the peer is lost."""
    header_bytes, expected = wanted
    stream = header_bytes + peer
    decoder = ProxyDecoder()
    for start in range(0, len(stream), step):
        header = decoder.feed(stream[start : start + step])
        if header is not None:
            assert header == expected
            assert decoder.rest + stream[start + step :] == peer
            return
    pytest.fail("the header never ended")


@given(HEADERS)
def test_a_header_cut_short_is_waited_for(wanted: tuple[bytes, ProxyHeader]) -> None:
    """Nothing is decided before the last byte of the header."""
    assert ProxyDecoder().feed(wanted[0][:-1]) is None


@pytest.mark.parametrize(
    ("fields", "secure"),
    [
        (b"", False),
        (b"\x20\x00\x05\x01\0\0\0\0", True),
        (b"\x04\x00\x02ab\x20\x00\x05\x07\0\0\0\0\xee\0\0", True),
        (b"\x20\x00\x05\x06\0\0\0\0", False),  # a certificate was shown; not over this connection's TLS
        (b"\x20\x00\x00\x01", False),
        (b"\x20\x00\x05\x01", False),  # cut off
        (b"\x20\x00", False),
    ],
)
@pytest.mark.parametrize(("family", "size"), [(0x11, 12), (0x21, 36)])
def test_tls_between_client_and_proxy(fields: bytes, secure: bool, family: int, size: int) -> None:
    """PP2_TYPE_SSL, whose lowest bit tells that the client connected over TLS. Source: section 2.2.5."""
    header = ProxyDecoder().feed(v2(0x21, family, bytes(size) + fields))
    assert header is not None
    assert header.secure == secure


@given(st.binary() | st.binary().map(lambda tail: SIGNATURE + tail) | st.binary().map(lambda tail: b"PROXY " + tail))
def test_garbage_is_a_header_incomplete_or_malformed(garbage: bytes) -> None:
    """No bytes raise anything else."""
    try:
        ProxyDecoder().feed(garbage)
    except MalformedProxyError:
        return


@pytest.mark.parametrize(
    "header",
    [
        v2(0x20, 0xFF, b"ignored"),  # LOCAL: "discard the protocol block including the family"
        v2(0x21, 0x00, b"ignored"),  # UNSPEC
        v2(0x21, 0x10, b""),  # protocol UNSPEC
        v2(0x21, 0x31, bytes(216)),  # UNIX stream
        v2(0x21, 0x12, bytes(12)),  # UDP: "automatically falls back to the UNSPEC mode"
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN whatever stands here\r\n",
    ],
)
def test_headers_without_a_tcp_peer(header: bytes) -> None:
    """They are accepted, and leave the connection's own addresses in force."""
    assert ProxyDecoder().feed(header) == ProxyHeader(None, 0)


@pytest.mark.parametrize(
    "header",
    [
        b"NICK ann\r\n",
        b"\r\nNICK ann\r\n",
        b"proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
        b"PROXY\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n",
        b"PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        b"PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3 1 1\r\n",
        b"PROXY TCP4 ::1 ::1 1 1\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 -1\r\n",
        b"PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n",
        b"PROXY UNKNOWN " + b"x" * MAX_V1_BYTES,
        v2(0x11, 0x11, bytes(12)),
        v2(0x22, 0x11, bytes(12)),
        v2(0x21, 0x41, bytes(12)),
        v2(0x21, 0x13, bytes(12)),
        v2(0x21, 0x11, bytes(11)),
        v2(0x21, 0x21, bytes(35)),
        v2(0x21, 0x31, bytes(215)),
        v2(0x20, 0x00, bytes(MAX_V2_BYTES)),
    ],
)
def test_malformed(header: bytes) -> None:
    """Any sequence that does not exactly match the protocol is refused."""
    with pytest.raises(MalformedProxyError):
        ProxyDecoder().feed(header)


@pytest.mark.parametrize("beginning", [b"N", b"PROXX", b"\r\n\r\nx", SIGNATURE + b"\x21\x11\xff\xff"])
def test_refused_as_soon_as_it_is_certain(beginning: bytes) -> None:
    """A stock client in the wrong place, or a header over the limit, is not waited for."""
    with pytest.raises(MalformedProxyError):
        ProxyDecoder().feed(beginning)
