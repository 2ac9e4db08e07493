"""Nobody is closed by what they ask for: long answers wait for the reader. The send queue is the least that may be set,
and each answer is more than ten times that."""

import socket
from collections.abc import AsyncIterator

import pytest

from gateway.wire.message import Message
from tests.harness.deadlines import eventually
from tests.harness.gateway_inside import PING_INTERVAL_S, GatewayInside
from tests.harness.irc_peer import IrcPeer
from tests.harness.resuming import RESUME, token_of
from tests.harness.steps import join

pytestmark = pytest.mark.slow

SENDQ_BYTES = 32_768
MESSAGES, LINES = 30, 40
LINE = "x" * 180
BATCHES = ("batch", "message-tags", "server-time", "draft/chathistory", "soju.im/search")


@pytest.fixture
async def inside(store_url: str) -> AsyncIterator[GatewayInside]:
    """A gateway."""
    async with GatewayInside.running(store_url, sendq_bytes=SENDQ_BYTES) as inside:
        yield inside


async def dial(inside: GatewayInside, nick: str, *caps: str) -> IrcPeer:
    """A peer to whose connection the kernel lends hardly any memory: what was not read yet waits at the gateway."""
    before = set(inside.server.connections)
    peer = await IrcPeer.connect(inside.host, inside.port, nick, register=False)
    await peer.send("CAP LS 302", f"CAP REQ :{' '.join(caps)}")
    await peer.expect("CAP")
    (connection,) = set(inside.server.connections) - before
    connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    await peer.send(f"NICK {nick}", f"USER {nick} 0 * :x")
    return peer


async def registered(inside: GatewayInside, nick: str, *caps: str) -> IrcPeer:
    """The same, when it was welcomed."""
    peer = await dial(inside, nick, *caps)
    await peer.send("CAP END")
    await peer.expect("422")
    return peer


async def talk(inside: GatewayInside, nick: str, target: str, messages: int = MESSAGES) -> IrcPeer:
    """Have everything said to a target."""
    author = await IrcPeer.connect(inside.host, inside.port, nick, caps=["batch", "message-tags", "draft/multiline"])
    if target.startswith("#"):
        await join(target, author)
    for number in range(messages):
        lines = [f"@batch=1 PRIVMSG {target} :{number} {LINE}" for _ in range(LINES)]
        await author.send(f"BATCH +1 draft/multiline {target}", *lines, "BATCH -1")
        await author.barrier()
    return author


def is_complete(messages: list[Message]) -> bool:
    """Whether these have all messages with all their lines, in order."""
    said = [int(m.params[1].partition(" ")[0]) for m in messages if m.command == "PRIVMSG" and LINE in m.params[1]]
    return said == [number for number in range(MESSAGES) for _ in range(LINES)]


@pytest.mark.parametrize("several", [(), ("draft/multiline",)])
@pytest.mark.parametrize("label", ["", "@label=L "])
@pytest.mark.parametrize("asked", ["CHATHISTORY LATEST {room} * 100", "SEARCH in={room}"])
async def test_an_answer(
    inside: GatewayInside, nick: str, room: str, label: str, asked: str, several: tuple[str, ...]
) -> None:
    """Whole, in its batch, and labelled; what is said meanwhile comes in between, outside of it."""
    async with (
        await talk(inside, nick, room) as ann,
        await registered(inside, f"{nick}b", *BATCHES, *several, "labeled-response") as bob,
    ):
        await join(room, bob)
        await bob.send(f"{label}{asked.format(room=room)}")
        begun = await bob.expect("BATCH")
        assert begun.tags.get("label", "") == ("L" if label else "")
        await ann.send(*(f"PRIVMSG {room} :meanwhile" for _ in range(10)))
        messages = [begun, *await bob.barrier()]
        assert is_complete(messages)
        assert [m.params[0] for m in messages if m.command == "BATCH"][-1] == f"-{begun.params[0][1:]}"
        meanwhile = [m for m in messages if m.params[-1] == "meanwhile"]
        assert len(meanwhile) == 10
        assert all("batch" not in m.tags for m in meanwhile)


async def test_the_replay_on_join(inside: GatewayInside, nick: str, room: str) -> None:
    """For a client that knows no batches too: all of it before what is said from then on."""
    async with await talk(inside, nick, room) as ann, await registered(inside, f"{nick}b", "server-time") as bob:
        await bob.send(f"JOIN {room}")
        await bob.expect("JOIN")
        await ann.send(*(f"PRIVMSG {room} :meanwhile" for _ in range(10)))
        await ann.barrier()
        messages: list[Message] = []
        while not messages or messages[-1].params[-1] != "meanwhile":
            messages.append(await bob.expect("PRIVMSG"))
        assert is_complete(messages[:-1])
        assert {m.params[-1] for m in await bob.collect("PRIVMSG", 9)} == {"meanwhile"}


async def test_who_is_being_told_is_asked_whether_it_is_there(inside: GatewayInside, nick: str, room: str) -> None:
    """The server's PING does not wait behind the replay, or a reader would time out before it is reached."""
    async with await talk(inside, nick, room, 50), await registered(inside, f"{nick}b", "server-time") as bob:
        bob._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        (connection,) = [one for one in inside.server.connections if one.session.nick == bob.nick]
        await bob.send(f"JOIN {room}")
        await bob.expect("JOIN")
        inside.now_s += PING_INTERVAL_S + 1

        async def asked() -> bool | None:
            return connection.asked_at_s == inside.now_s or None

        async def answered() -> bool | None:
            return connection.heard_at_s == inside.now_s or None

        await eventually(asked, what="the server has asked")
        await bob.collect("PRIVMSG", 25 * LINES)
        await eventually(answered, what="the peer has answered")


async def test_what_was_missed(inside: GatewayInside, nick: str) -> None:
    """Direct messages that waited for who was away, on its return."""
    bob = await IrcPeer.connect(inside.host, inside.port, f"{nick}b", caps=[RESUME, "batch", "message-tags"])
    token = await token_of(bob)
    await bob.close()
    async with (
        await talk(inside, nick, f"{nick}b"),
        await dial(inside, "again", RESUME, "batch", "message-tags") as back,
    ):
        await back.send(f"RESUME {token}", "CAP END")
        messages: list[Message] = []
        while not messages or (messages[-1].command, messages[-1].params[0]) != ("RESUME", "DONE"):
            messages.append(await back.read())
        assert is_complete(messages)
