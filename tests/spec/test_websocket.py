"""IRC over WebSocket. Source: https://ircv3.net/specs/extensions/websocket and RFC 6455."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from itertools import count, cycle
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode
from websockets.typing import Origin, Subprotocol

from gateway.wire.message import Message
from tests.harness.certificates import Pems, certificate
from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer

BINARY, TEXT = Subprotocol("binary.ircv3.net"), Subprotocol("text.ircv3.net")
PAGE = Origin("https://chat.example.org")
Open = Callable[..., Coroutine[Any, Any, ClientConnection]]
_numbers = count(1)


@pytest.fixture(scope="module", params=[1, 2], ids=["one gateway", "two gateways"])
def webbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, store_url: str
) -> Iterator[list[GatewayProcess]]:
    """Gateways with a port for WebSockets of one page."""
    folder = tmp_path_factory.mktemp("webbed")
    names = [f"{index}" for index in range(request.param)]
    with gateways(folder, store_url, names, websocket_port=0, websocket_origins=PAGE, limits="off") as started:
        yield started


@pytest.fixture
async def open_socket(webbed: list[GatewayProcess]) -> AsyncIterator[Open]:
    """Opens a WebSocket to the next gateway."""
    turn = cycle(webbed)
    async with AsyncExitStack() as stack:

        async def open_socket(*subprotocols: Subprotocol, **options: Any) -> ClientConnection:
            gateway = next(turn)
            opening = connect(
                f"ws://{gateway.host}:{gateway.websocket_port}",
                subprotocols=subprotocols or None,
                proxy=None,
                **options,
            )
            return await stack.enter_async_context(opening)

        yield open_socket


@pytest.fixture
def name() -> str:
    """A nick nobody else uses."""
    return f"web{next(_numbers)}x"


async def until(socket: ClientConnection, command: str) -> tuple[Message, str | bytes]:
    """The next line with a command, read, and as it came."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            data = await socket.recv()
            message = Message.parse(data.encode() if isinstance(data, str) else data)
            if message.command == command:
                return message, data


async def registered(socket: ClientConnection, name: str, *, text: bool) -> None:
    """Register, one line a message."""
    for line in (f"NICK {name}", "USER u 0 * :u"):
        await socket.send(line if text else line.encode())
    await until(socket, "001")


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [
        ([BINARY], BINARY),
        ([TEXT], TEXT),
        ([TEXT, BINARY], TEXT),
        ([BINARY, TEXT], BINARY),
        ([Subprotocol("other.example"), BINARY], BINARY),
        ([], None),
    ],
)
async def test_the_clients_order_counts(
    open_socket: Open, name: str, wanted: list[Subprotocol], agreed: Subprotocol | None
) -> None:
    """The server accepts any subprotocol it supports, by the client's preference; binary.ircv3.net it MUST support.
    Messages are of that type, one line each without CR or LF; without agreement, ours are text."""
    socket = await open_socket(*wanted)
    assert socket.subprotocol == agreed
    await registered(socket, name, text=agreed != BINARY)
    await socket.send("PING :ünï" if agreed != BINARY else "PING :ünï".encode())
    message, data = await until(socket, "PONG")
    assert message.params[-1] == "ünï"
    assert isinstance(data, bytes) == (agreed == BINARY)
    assert not set("\r\n") & set(data.decode() if isinstance(data, bytes) else data)


async def test_web_and_tcp_are_one_network(open_socket: Open, webbed: list[GatewayProcess], name: str) -> None:
    """Who comes by WebSocket talks to everybody."""
    socket = await open_socket(TEXT)
    await registered(socket, name, text=True)
    await socket.send(f"JOIN #{name}")
    await until(socket, "366")
    other = await IrcPeer.connect(webbed[-1].host, webbed[-1].port, f"{name}2")
    async with other:
        await other.send(f"JOIN #{name}", f"PRIVMSG #{name} :hello web")
        assert (await until(socket, "PRIVMSG"))[0].params[1] == "hello web"
        await socket.send(f"PRIVMSG #{name} :hello tcp")
        assert (await other.expect("PRIVMSG")).params[1] == "hello tcp"
        await socket.close()
        await other.expect("QUIT")


async def test_a_message_in_fragments_is_one_line(open_socket: Open, name: str) -> None:
    """RFC 6455 section 5.4; what a client ends by CR LF all the same is taken too."""
    socket = await open_socket(BINARY)
    await registered(socket, name, text=False)
    await socket.send([b"PING ", b":in pie", b"ces\r\n"])
    assert (await until(socket, "PONG"))[0].params[-1] == "in pieces"


async def test_limits_are_those_of_lines(open_socket: Open, name: str) -> None:
    """510 bytes are a line, since CR and LF are not sent; one more is too long. What is far too long ends the
    connection ("Security considerations")."""
    socket = await open_socket(TEXT)
    await registered(socket, name, text=True)
    for text, answer in (("x" * 504, "PONG"), ("x" * 505, "417"), ("x" * 10_000, "417")):
        await socket.send(f"PING :{text}")
        await until(socket, answer)
    await socket.send("PING :" + "x" * 20_000)
    with pytest.raises(ConnectionClosed) as closed:
        await until(socket, "PONG")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.MESSAGE_TOO_BIG


async def test_text_is_utf8(open_socket: Open, name: str) -> None:
    """A text message that is not ends the connection (RFC 6455 section 8.1); in a binary one the line is refused."""
    socket = await open_socket(BINARY)
    await registered(socket, name, text=False)
    await socket.send(b"PING :\xff")
    await until(socket, "FAIL")
    await socket.send(b"PING :\xff", text=True)
    with pytest.raises(ConnectionClosed) as closed:
        await until(socket, "PONG")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.INVALID_DATA


async def test_pings_are_answered_and_goodbyes_said(open_socket: Open, name: str) -> None:
    """RFC 6455 sections 5.5.2 and 7.1: a pong for each ping; QUIT ends by ERROR and a close frame."""
    socket = await open_socket(TEXT)
    await registered(socket, name, text=True)
    async with asyncio.timeout(DEADLINE_S):
        await (await socket.ping(b"are you there"))
    await socket.send("QUIT :bye")
    assert "bye" in (await until(socket, "ERROR"))[0].params[0]
    with pytest.raises(ConnectionClosed) as closed:
        await until(socket, "PONG")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.NORMAL_CLOSURE


async def test_pages_of_others_are_refused(open_socket: Open) -> None:
    """`--websocket-origins`: 403 for another page's origin; a client without one is no browser (RFC 6455 section
    10.2)."""
    await open_socket(TEXT, origin=PAGE)
    await open_socket(TEXT)
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(TEXT, origin=Origin("https://evil.example"))
    assert refused.value.response.status_code == 403
    assert b"evil" not in refused.value.response.body


async def test_what_is_no_handshake_is_answered_in_http(webbed: list[GatewayProcess]) -> None:
    """A browser that opens the port as a page is told so, and IRC in the clear gets nowhere."""
    for request, answer in (
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 426"),
        (b"NICK x\r\nUSER x\r\n\r\n", b""),
    ):
        reader, writer = await asyncio.open_connection(webbed[0].host, webbed[0].websocket_port)
        writer.write(request)
        async with asyncio.timeout(DEADLINE_S):
            assert (await reader.read()).startswith(answer)
        writer.close()
        await writer.wait_closed()


async def test_over_tls(tmp_path_factory: pytest.TempPathFactory, store_url: str, name: str) -> None:
    """With a certificate the port is one for wss://; the session is secure (671)."""
    pems: Pems = certificate(tmp_path_factory.mktemp("pems"))
    gateway = GatewayProcess(
        state_dir=tmp_path_factory.mktemp("state"),
        redis_url=store_url,
        websocket_port=0,
        tls_cert=str(pems.cert),
        tls_key=str(pems.key),
    ).start()
    try:
        url = f"wss://{gateway.host}:{gateway.websocket_port}"
        async with connect(url, ssl=pems.trust(), subprotocols=[TEXT], proxy=None) as socket:
            await registered(socket, name, text=True)
            await socket.send(f"WHOIS {name}")
            await until(socket, "671")
    finally:
        gateway.stop()
