"""What a WebSocket's bytes may be, and what it may cost: a real gateway process and real sockets. Source: RFC 6455."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

pytestmark = pytest.mark.slow

SENDQ_BYTES = 65_536
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: binary.ircv3.net\r\n\r\n"
)


@pytest.fixture(scope="module")
def webbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway without limits, but for what may wait for one reader."""
    process = GatewayProcess(
        state_dir=tmp_path_factory.mktemp("state"), websocket_port=0, limits="off", sendq_bytes=SENDQ_BYTES
    ).start()
    yield process
    process.stop()
    assert not [line for line in process.log if " ERROR " in line or "Traceback" in line or "drain_incomplete" in line]


async def talk(gateway: GatewayProcess, chunks: list[bytes]) -> bytes:
    """Send chunks and no more; what comes until the other side ends it too."""
    reader, writer = await asyncio.open_connection(gateway.host, gateway.websocket_port)
    answer = b""
    with contextlib.suppress(OSError):  # the gateway may be first
        for chunk in chunks:
            writer.write(chunk)
        writer.write_eof()
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(DEADLINE_S):
            answer = await reader.read()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return answer


def frame(opcode: int, data: bytes, *, fin: bool = True, masked: bool = True) -> bytes:
    """A frame, right or wrong; the mask's key is 0, so that what it masks stays as it is (RFC 6455 section 5.2)."""
    size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2)
    return bytes([opcode | 0x80 * fin, size[0] | 0x80 * masked]) + size[1:] + bytes(4 * masked) + data


_frames = st.builds(
    frame,
    st.sampled_from([0, 1, 2, 2, 3, 8, 9, 10]),
    st.sampled_from([b"", b"NICK web", b"USER u 0 * :u", b"PING x", b"CAP LS", b"\xff\xfe", b"a\r\nb\n", b"x" * 5000])
    | st.binary(max_size=125),
    fin=st.booleans(),
    masked=st.sampled_from([True, True, True, False]),
)
_cuts = st.lists(st.integers(1, 50), max_size=5)


def _cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [*chunks, data]


@settings(max_examples=60, deadline=None)
@given(st.lists(_frames | st.binary(max_size=40), max_size=8), _cuts, st.booleans())
def test_any_bytes(webbed: GatewayProcess, parts: list[bytes], cuts: list[int], shakes_hands: bool) -> None:
    """Frames of all kinds, broken ones, none: the connection ends and the gateway does not fail."""
    begin = HANDSHAKE if shakes_hands else b""
    asyncio.run(talk(webbed, _cut(begin + b"".join(parts), cuts)))


async def test_the_example_of_the_rfc(webbed: GatewayProcess) -> None:
    """The accept key of RFC 6455 section 1.3, and a line in a frame built by hand; server frames are not masked."""
    reader, writer = await asyncio.open_connection(webbed.host, webbed.websocket_port)
    writer.write(HANDSHAKE + frame(2, b"PING abc"))
    async with asyncio.timeout(DEADLINE_S):
        answer = await reader.readuntil(b":abc")
    writer.close()
    await writer.wait_closed()
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert rest[0] == 0x82
    assert rest[2 : 2 + rest[1]] == b":hubbub.local PONG hubbub.local :abc"


async def test_a_slow_reader_is_closed(webbed: GatewayProcess) -> None:
    """The same send queue as on any connection (`--sendq-bytes`)."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect((webbed.host, webbed.websocket_port))
    async with await IrcPeer.connect(webbed.host, webbed.port, "witness") as witness:
        await witness.send("JOIN #q")
        narrow.sendall(HANDSHAKE + frame(2, b"NICK slow") + frame(2, b"USER u 0 * :u") + frame(2, b"JOIN #q"))
        await witness.expect(lambda m: m.command == "JOIN" and m.source.startswith("slow!"))
        gone: list[str] = []
        for _ in range(100):  # the kernel takes some megabytes before anything waits with us
            await witness.send(*[f"PRIVMSG #q :{'x' * 400}"] * 500)
            gone += [message.params[0] for message in await witness.barrier() if message.command == "QUIT"]
            if gone:
                break
    narrow.close()
    assert gone == ["SendQ exceeded"]
