"""What a peer's bytes may be, and what a peer may cost: a real gateway process and real sockets."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from ipaddress import ip_address
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

import pytest
import redis

from gateway.commands.dispatch import CHEAP, CLOSE_REASON, obey
from gateway.commands.multiline import OPEN_FOR_S
from gateway.model import AttachmentId, FurtherId, Uid
from gateway.net.connection import MAX_WAITING_LINES
from gateway.session.budget import BURST, JOIN_RATE_PER_S, MAX_DEBT, RATE_PER_S
from gateway.session.session import Session, State
from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_inside import PING_INTERVAL_S, PING_TIMEOUT_S, REGISTRATION_TIMEOUT_S, GatewayInside
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

Connect = Callable[..., Awaitable[IrcPeer]]


@pytest.fixture
async def inside(store_url: str) -> AsyncIterator[GatewayInside]:
    """A gateway in this process, whose clock the test moves."""
    async with GatewayInside.running(store_url) as inside:
        yield inside


async def test_an_overlong_line_is_refused_and_life_goes_on(connect: Connect) -> None:
    """417 once for each, ended or not; the next line counts. Source: https://modern.ircdocs.horse, ERR_INPUTTOOLONG."""
    peer = await connect("longline")
    await peer.send("PRIVMSG longline :" + "x" * 493)
    assert [message.command for message in await peer.barrier()] == ["417"]
    await peer.send("x" * 20_000, "@" + "t" * 4094 + " PING fits", "@" + "t" * 4095 + " PING too-long")
    assert [message.command for message in await peer.barrier()] == ["417", "PONG", "417"]
    await peer.send("PRIVMSG longline :" + "x" * 492)
    assert (await peer.expect("PRIVMSG")).params[0] == "longline"


async def test_what_cannot_be_read_is_refused_and_life_goes_on(connect: Connect) -> None:
    """NUL, a lone CR, no command: 400 for each line."""
    peer = await connect("unreadable")
    await peer.send(b"PRIVMSG x :a\0b", b"PRIVMSG x :a\rb", b":source", b"@tag")
    assert [message.command for message in await peer.barrier()] == ["400"] * 4


async def test_chunks_carry_no_meaning(connect: Connect, server: GatewayProcess) -> None:
    """A line may come byte by byte, several at once, with or without CR."""
    peer = await IrcPeer.connect(server.host, server.port, "chunks", register=False)
    async with peer:
        for byte in b"NICK chunks\nUSER c 0 * :c\r\n\r\n\nPING a\r\n":
            peer._writer.write(bytes([byte]))
            await peer._writer.drain()
        await peer.expect("001")
        await peer.send("PING b\nPING c")
        assert [(await peer.expect("PONG")).params[-1] for _ in range(3)] == ["a", "b", "c"]


async def test_a_flood_is_slowed_and_then_ended(connect: Connect) -> None:
    """Past the burst commands are refused, with a time; who goes on regardless is closed; others see why."""
    witness, flooder = await connect("witness"), await connect("flooder", caps=["standard-replies"])
    for peer in (witness, flooder):
        await peer.send("JOIN #flood")
        await peer.expect("366")
    plain = await connect("floodplain")
    await plain.send(*["VERSION"] * int(BURST + 10))
    assert (await plain.expect("263")).params[1] == "VERSION"
    await plain.send("PING still-answered")
    assert (await plain.expect("PONG")).params[-1] == "still-answered"
    await flooder.send(*["VERSION"] * int(BURST + 10))
    refusal = await flooder.expect("FAIL")
    assert refusal.params[:2] == ("VERSION", "RATE_LIMITED")
    assert int(refusal.params[2]) >= 1
    await flooder.send(*["VERSION"] * int(MAX_DEBT + 100))
    last = (await flooder.wait_closed())[-1]
    assert (last.command, CLOSE_REASON in last.params[0]) == ("ERROR", True)
    assert (await witness.expect("QUIT")).params == (CLOSE_REASON,)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_what_is_never_refused_still_ends_a_flooder(connect: Connect) -> None:
    """PINGs are all answered, until there are far too many; what cannot be read costs like any command."""
    pinging, rubbish = await connect("pinging"), await connect("rubbish")
    # The budget fills up again all the while: enough for a machine that takes half a minute for them.
    await pinging.send(*["PING x"] * int((BURST + MAX_DEBT + 30 * RATE_PER_S) / CHEAP))
    await rubbish.send(*[b"\xff"] * int(BURST + MAX_DEBT + 30 * RATE_PER_S))
    for peer in (pinging, rubbish):
        # The ERROR may be lost: what a flooder has sent and nobody reads resets the connection.
        await peer.wait_closed(deadline_s=4 * DEADLINE_S)


async def test_a_join_flood_is_slowed(connect: Connect) -> None:
    """Joins cost more than other commands, however many share a line, and the answer says how long they take."""
    peer = await connect("joiner", caps=["standard-replies"])
    await peer.send("JOIN " + ",".join(f"#j{i}" for i in range(41)))
    assert (await peer.expect("FAIL")).params[:2] == ("JOIN", "RATE_LIMITED")
    await peer.send("JOIN #j1")
    await peer.expect("366")
    await peer.send("JOIN " + ",".join(f"#j{i}" for i in range(2, 36)))
    await peer.send("JOIN " + ",".join(f"#k{i}" for i in range(40)))
    wait_s = int((await peer.expect("FAIL")).params[2])
    assert 1 < wait_s <= 35 / JOIN_RATE_PER_S + 1


async def test_a_slow_reader_is_closed_and_delays_nobody(store_url: str, tmp_path: Path) -> None:
    """Who does not read is closed when its queue is full; the others have every line, in order."""
    gateway = GatewayProcess(state_dir=tmp_path, redis_url=store_url, sendq_bytes=32_768, limits="off").start()
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect((gateway.host, gateway.port))
    narrow.sendall(b"NICK slow\r\nUSER s 0 * :s\r\nJOIN #slow\r\n")
    async with (
        await IrcPeer.connect(gateway.host, gateway.port, "talker") as talker,
        await IrcPeer.connect(gateway.host, gateway.port, "reader") as reader,
    ):
        await reader.send("JOIN #slow")
        await reader.expect("366")
        await talker.send("JOIN #slow")
        await talker.expect("366")
        heard: list[str] = []
        gone: list[str] = []
        # The kernel takes some megabytes before anything waits with us.
        while not gone and len(heard) < 50_000:
            await talker.send(*(f"PRIVMSG #slow :{len(heard) + i} {'x' * 400}" for i in range(500)))
            for _ in range(500):
                while (message := await reader.read()).command != "PRIVMSG":
                    gone += [message.source.partition("!")[0], *message.params] if message.command == "QUIT" else []
                heard.append(message.params[1].partition(" ")[0])
            await talker.barrier()
    narrow.close()
    gateway.stop()
    assert gone == ["slow", "SendQ exceeded"]
    assert heard == [str(i) for i in range(len(heard))]


async def test_more_lines_than_may_wait_are_all_carried_out(connect: Connect) -> None:
    """Behind a command that waits for Redis reading pauses at a limit; afterwards everything is done, in order."""
    peer = await connect("waiting")
    lines = [f"PING {i}" for i in range(3 * MAX_WAITING_LINES)]
    await peer.send("JOIN #waiting", *lines)
    await peer.expect("366")
    pongs = await peer.collect("PONG", len(lines))
    assert [message.params[-1] for message in pongs] == [str(i) for i in range(3 * MAX_WAITING_LINES)]


@pytest.mark.slow
async def test_a_silent_peer_is_asked_and_then_closed(inside: GatewayInside) -> None:
    """PING after the interval; any byte is an answer; without one the link is closed, with the reason."""
    reader, writer = await asyncio.open_connection(inside.host, inside.port)

    async def line(start: bytes) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            while not (line := await reader.readline()).startswith(start):
                assert line, "closed"
            return line

    writer.write(b"NICK silent\r\nUSER s 0 * :s\r\n")
    await line(b":inside.test 422")
    inside.now_s += PING_INTERVAL_S + 1
    await line(b":inside.test PING")
    writer.write(b"PONG x\r\nPING here\r\n")
    await line(b":inside.test PONG")
    inside.now_s += PING_INTERVAL_S + 1
    await line(b":inside.test PING")
    inside.now_s += PING_TIMEOUT_S + 1
    assert b"Ping timeout: " in await line(b"ERROR")
    assert await reader.read() == b""
    writer.close()


async def test_who_comes_or_goes_does_not_cost_a_walk_over_all(inside: GatewayInside) -> None:
    """How many are here is known without one; attachments of one session count once (LUSERS, ADR 23)."""
    one, other = (Session(Uid(name), "host", lambda data: None) for name in (b"one", b"other"))
    sessions: dict[AttachmentId, Session] = {one.uid: one, FurtherId(b"one~more"): one, other.uid: other}
    inside.services.sessions.update(sessions)
    assert inside.server.figures(True) == (2, 0, 0, 0)
    inside.services.sessions = _Unwalked(sessions)
    assert inside.server.figures(False) == (2, 0, 0, 0)
    inside.services.sessions = {}


async def test_who_quits_has_registered(inside: GatewayInside, store_url: str) -> None:
    """LUSERS of no gateway takes its connection for one that has not, until it is gone. Source: Modern,
    RPL_LUSERUNKNOWN."""
    async with await IrcPeer.connect(inside.host, inside.port, "quitter") as peer:
        with redis.Redis.from_url(store_url, socket_timeout=DEADLINE_S) as client, client.monitor() as monitor:
            await peer.send("QUIT")
            await peer.wait_closed()
            client.echo("nothing after this")
            written = takewhile(
                lambda command: "nothing after this" not in command, (row["command"] for row in monitor.listen())
            )
            share = re.compile(rf" {inside.services.gateway} (\d+) (\d+) ")
            told = {found.groups() for command in written if (found := share.search(command))}
    assert told == {("0", "0")}  # users, and connections that have not registered


class _Unwalked(dict[AttachmentId, Session]):
    """Sessions that may be counted, and not looked at one by one."""

    def __iter__(self) -> Iterator[AttachmentId]:
        raise AssertionError

    def values(self) -> NoReturn:
        raise AssertionError


async def test_who_does_not_register_is_closed(inside: GatewayInside) -> None:
    """After the time for it, however busy it is."""
    async with await IrcPeer.connect(inside.host, inside.port, "late", register=False) as peer:
        await peer.send("NICK late")
        await peer.barrier()
        inside.now_s += REGISTRATION_TIMEOUT_S + 1
        assert [message.params for message in await peer.wait_closed()] == [("Closing link: Registration timeout",)]


async def test_small_lines_do_not_wait_for_more(inside: GatewayInside) -> None:
    """TCP_NODELAY is set on every accepted socket: without it a line may wait 40 ms for the peer's ACK."""
    async with await IrcPeer.connect(inside.host, inside.port, "nodelay"):
        (connection,) = inside.server.connections
        accepted = connection._transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def _v2(address: str, port: int) -> bytes:
    source = ip_address(address)
    family = 0x11 if source.version == 4 else 0x21
    body = source.packed * 2 + port.to_bytes(2, "big") * 2
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, family]) + len(body).to_bytes(2, "big") + body


@pytest.fixture
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that expects PROXY headers from here, and takes two connections."""
    process = GatewayProcess(
        state_dir=tmp_path_factory.mktemp("proxied"), proxy_from="127.0.0.0/8", max_connections=2
    ).start()
    yield process
    process.stop()


async def test_who_is_behind_a_proxy(behind_proxy: GatewayProcess) -> None:
    """The header's address is the host others see, in both versions; without a header the link is closed."""
    headers = {
        b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 6667\r\n": "192.0.2.7",
        b"PROXY TCP6 ::1 ::1 1234 6667\r\n": "0::1",
        b"PROXY UNKNOWN\r\n": "127.0.0.1",
        _v2("192.0.2.9", 1234): "192.0.2.9",
        _v2("2001:db8::9", 1234): "2001:db8::9",
    }
    for number, (header, host) in enumerate(headers.items()):
        nick = f"proxied{number}"
        peer = await IrcPeer.connect(behind_proxy.host, behind_proxy.port, nick, register=False)
        async with peer:
            peer._writer.write(header)
            await peer.send(f"NICK {nick}", "USER u 0 * :u", f"WHOIS {nick}")
            assert (await peer.expect("311")).params[3] == host
            await peer.send("QUIT")
            await peer.wait_closed()
    async with await IrcPeer.connect(behind_proxy.host, behind_proxy.port, "direct", register=False) as peer:
        await peer.send("NICK direct", "USER u 0 * :u")
        assert [message.params for message in await peer.wait_closed()] == [("Closing link: No PROXY header",)]


async def test_who_only_pretends_to_be_a_proxy(connect: Connect, server: GatewayProcess) -> None:
    """Without --proxy-from a PROXY header is a line like any other: others see where it came from.
    Source: PROXY protocol, section 2, "must not be sent by untrusted sources"."""
    witness = await connect("proxywitness")
    peer = await IrcPeer.connect(server.host, server.port, "pretender", register=False)
    async with peer:
        await peer.send("PROXY TCP4 192.0.2.7 127.0.0.1 1234 6667", "NICK pretender", "USER u 0 * :u")
        await peer.expect("001")
        await witness.send("WHOIS pretender")
        assert (await witness.expect("311")).params[3] == "127.0.0.1"


async def test_too_many_connections(behind_proxy: GatewayProcess) -> None:
    """One too many is told and closed; when another has gone there is room."""
    address = (behind_proxy.host, behind_proxy.port)
    async with (
        await IrcPeer.connect(*address, "a", register=False) as first,
        await IrcPeer.connect(*address, "b", register=False),
    ):
        async with await IrcPeer.connect(*address, "c", register=False) as third:
            assert [message.params for message in await third.wait_closed()] == [
                ("Closing link: Too many connections",)
            ]
        await first.send("PROXY UNKNOWN", "QUIT")
        await first.wait_closed()
        async with await IrcPeer.connect(*address, "d", register=False) as fourth:
            await fourth.send("PROXY UNKNOWN", "PING there")
            assert (await fourth.expect("PONG")).params[-1] == "there"


async def test_a_message_of_several_lines_has_a_minute(inside: GatewayInside) -> None:
    """Left open for longer it is given up and its lines are nothing. Source: IRCv3 client-batch, "TIMEOUT"."""
    peer = await IrcPeer.connect(inside.host, inside.port, "slow", caps=["batch", "draft/multiline", "echo-message"])
    async with peer:
        await peer.send("BATCH +1 draft/multiline slow", "@batch=1 PRIVMSG slow :x")
        await peer.barrier()
        inside.now_s += OPEN_FOR_S + 1
        assert (await peer.expect("FAIL")).params[:3] == ("BATCH", "TIMEOUT", "1")
        await peer.send("@batch=1 PRIVMSG slow :y", "BATCH -1", "PRIVMSG slow :z")
        assert (await peer.expect("PRIVMSG")).params[1] == "z"


async def test_a_message_of_several_lines_costs_each_of_them(connect: Connect) -> None:
    """A flood of batches is slowed as one of messages; a message that lost a line is not said at all."""
    peer = await connect("paster", caps=["batch", "draft/multiline", "echo-message", "labeled-response"])
    lines = [f"@batch=1 PRIVMSG paster :{number}" for number in range(30)]
    for _ in range(3):
        await peer.send("@label=l BATCH +1 draft/multiline paster", *lines, "BATCH -1")
    refused = await peer.expect("FAIL")
    assert refused.params[:2] == ("BATCH", "RATE_LIMITED")
    assert refused.tags["label"] == "l"


@pytest.mark.parametrize("ended", [State.CLOSED, State.DETACHED])
async def test_a_session_that_has_ended_here_is_answered_nothing(inside: GatewayInside, ended: State) -> None:
    """What was on its way when its gateway let it go was not taken: a refusal would keep its client from saying it
    again elsewhere."""
    async with await IrcPeer.connect(inside.host, inside.port, f"ended{ended.value}") as peer:
        (session,) = inside.services.sessions.values()
        written: list[bytes] = []
        session.write, write = written.append, session.write
        session.state = ended
        for line in (b"PRIVMSG #room :x", b"@label=1 PRIVMSG #room :x", b"NICK other", b"nonsense", b"\xff"):
            assert obey(inside.services, session, line) is None
        session.write, session.state = write, State.READY
        assert written == []
        await peer.barrier()
