"""Any bytes, in any order: no command of a peer fails inside, and none leaves its connection stuck."""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Iterator
from itertools import count

import argon2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.commands.table import COMMANDS
from gateway.wire.limits import MAX_LINE_BYTES
from gateway.wire.message import Message
from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_process import GatewayProcess

pytestmark = pytest.mark.slow

_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway for all examples, without limits: a budget would hide what follows."""
    state, cheap = tmp_path_factory.mktemp("state"), argon2.PasswordHasher(time_cost=1, parallelism=1, memory_cost=64)
    opers = state / "opers.toml"
    opers.write_text(f'root = "{cheap.hash("right")}"\n')
    process = GatewayProcess(
        state_dir=state, limits="off", opers=str(opers), argon2_kib=1024, scram_iterations=4096, grace_s=1
    ).start()
    yield process
    process.stop()
    # No command failed inside, and nobody was left over when all connections were gone.
    assert not [line for line in process.log if " ERROR " in line or "Traceback" in line or "drain_incomplete" in line]


_rooms = st.sampled_from(["#a", "#b", "#a,#b", "#ünï", "#mine", "@#mine", "+#a,@+#b", "@", "0", "#", "a b"])
_nicks = st.sampled_from(["fuzz1", "fuzz2", "me", "[]{}", "n" * 30, "n" * 31, "9", "*"])
_numerals = st.sampled_from(["0", "1", "100", "-1", "302", "9" * 100, "½", "٣"])
_references = st.sampled_from(
    [
        "*",
        "timestamp=2026-11-22T19:00:00.000Z",
        "timestamp=0001-01-01T00:00:00.000Z",
        "timestamp=x",
        "msgid=x",
        "msgid=",
    ]
)
_words = st.sampled_from(
    [
        *("LS", "REQ", "END", "LIST", "LATEST", "BEFORE", "AROUND", "BETWEEN", "echo-message batch"),
        *(
            "+1",
            "-1",
            "draft/multiline",
            "+o",
            "b",
            "-imnst+v",
            "+bbeIklov",
            "-bbkl",
            "+Cms-nt",
            "+iBws-o",
            "m:a:x",
            "*!*@*",
            "k",
            "K",
        ),
    ]
)
_any_text = st.text(max_size=500) | st.sampled_from(["x" * 480, "ß" * 220, "#" + "y" * 470, "\U0001f600" * 100])
_params = st.lists(st.one_of(_rooms, _nicks, _numerals, _references, _words, _any_text), max_size=6)
_tags = st.sampled_from(
    ["", "@label=x ", "@batch=1 ", "@+a=b;label=\\r\\n ", "@time=x;msgid=y ", "@;=;; ", "@label=" + "l" * 65 + " "]
)
_commands = st.sampled_from(sorted(COMMANDS)) | st.sampled_from(["privmsg", "NOSUCH", "001", "É"])


def _line(tags: str, command: str, params: list[str]) -> bytes:
    middle, last = params[:-1], params[-1:]
    text = tags + " ".join([command, *middle, *(f":{param}" for param in last)])
    return text.encode(errors="surrogatepass").replace(b"\r", b"").replace(b"\n", b"")


lines = st.one_of(
    st.builds(_line, _tags, _commands, _params),
    st.builds(_line, _tags, _commands, _params),
    st.binary(max_size=600).map(lambda raw: raw.replace(b"\n", b"")),
)


async def converse(
    server: GatewayProcess, begin: list[bytes], said: list[bytes], *, ends: tuple[bytes, ...] = (b"QUIT", b"WEBIRC")
) -> None:
    """Say it all, then PING: the answer comes, or the end of a connection that asked for it by one of `ends`."""
    token = f"fuzz-{next(_numbers)}"
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"\r\n".join([*begin, *said, b"", f"PING {token}".encode(), b""]))
    try:
        async with asyncio.timeout(2 * DEADLINE_S):
            while True:
                line = await reader.readline()
                if not line:
                    assert any(end in one.upper() for one in said for end in ends), "closed without being asked"
                    return
                check(line)
                if line.startswith(b":hubbub.local PONG ") and line.rstrip().endswith(token.encode()):
                    return
    finally:
        writer.close()
        await asyncio.wait_for(_closed(writer), DEADLINE_S)


async def _closed(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):  # the server was first
        await writer.wait_closed()


def check(line: bytes) -> None:
    """What the gateway says is well formed, whatever it was told."""
    assert line.endswith(b"\r\n")
    assert len(line.partition(b" ")[2] if line.startswith(b"@") else line) <= MAX_LINE_BYTES, line
    message = Message.parse(line[:-2])
    assert message.source or message.command in {"ERROR", "BATCH"}  # a netsplit's has none
    assert "Internal error" not in message.params[-1:], line


@settings(max_examples=80, deadline=None)
@given(said=st.lists(lines, max_size=12), caps=st.booleans())
@example(said=[b"TOPIC #mine :" + b"x" * 390, b"TOPIC #mine"], caps=False)
@example(said=[b"MODE #mine +bbbbbb " + b" ".join([b"x" * 80] * 6)], caps=False)
@example(said=[b"MODE #mine +k " + "ß".encode() * 16, b"MODE #mine +l 99", b"MODE #mine"], caps=True)
@example(said=[b"KICK #mine,#mine,#mine me,me,me", b"KICK #mine :" + b"x" * 480, b"INVITE x :" + b"y" * 480], caps=True)
@example(said=[b"CHATHISTORY " + b"x" * 480, b"PRIVMSG " + b"x" * 480 + b" :y", b"PART :" + b"x" * 480], caps=True)
@example(said=[b"PRIVMSG #mine :" + b"x" * 490, b"PART #mine :" + b"x" * 480], caps=True)
async def test_a_member_can_say_anything(server: GatewayProcess, said: list[bytes], caps: bool) -> None:
    """In a room, with and without capabilities."""
    nick = f"f{next(_numbers)}".ljust(30, "x")  # the longest source, so that what does not fit a line shows
    request = b"CAP REQ :message-tags labeled-response batch echo-message server-time standard-replies draft/multiline"
    begin = [request] if caps else []
    begin += [b"NICK " + nick.encode(), b"USER uuuuuuuuuuuuuuuuu 0 * :u", b"CAP END"]
    begin += [b"JOIN #a,#" + nick.encode() * 2]
    mine = b"#" + nick.encode() * 2
    await converse(server, begin, [line.replace(b"#mine", mine) for line in said])


@settings(max_examples=60, deadline=None)
@given(said=st.lists(lines, max_size=8))
async def test_anything_before_registration(server: GatewayProcess, said: list[bytes]) -> None:
    """Half registered, in any order."""
    await converse(server, [], said)


_responses = st.one_of(
    st.sampled_from(["PLAIN", "SCRAM-SHA-256", "EXTERNAL", "+", "*", "", "A" * 400, "A" * 401, "biws", ":+"]),
    st.binary(max_size=300).map(lambda raw: b64encode(raw).decode()),
    st.lists(st.sampled_from(["\0", "fuzz", "acc", "n,,", "n=acc", ",r=abc", ",p=AAAA", "c=biws", "é"]), max_size=6)
    .map("".join)
    .map(lambda text: b64encode(text.encode()).decode()),
    _any_text,
)
_steps = st.one_of(
    _responses.map(lambda text: f"AUTHENTICATE {text}"),
    _responses.map(lambda text: f"AUTHENTICATE {text}"),
    st.sampled_from(
        ["NICK {nick}", "USER u 0 * :u", "CAP END", "CAP REQ -sasl", "CAP REQ sasl", "REGISTER * * secret"]
    ),
    st.sampled_from(["ACCOUNT LOGOUT", "ACCOUNT GROUP", "ACCOUNT DELETE secret", "ACCOUNT PASSWORD secret other"]),
)


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(_steps, max_size=14))
async def test_a_login_of_any_kind(server: GatewayProcess, steps: list[str]) -> None:
    """Mechanisms, responses and everything that may come between, before registration and after."""
    nick = f"sasl{next(_numbers)}"
    said = [step.format(nick=nick) if "{nick}" in step else step for step in steps]
    lines = [line.encode(errors="surrogatepass").replace(b"\r", b"").replace(b"\n", b"") for line in said]
    await converse(server, [b"CAP REQ :sasl standard-replies account-notify"], lines)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=3000))
async def test_any_bytes_at_all(server: GatewayProcess, data: bytes) -> None:
    """Not even lines."""
    await converse(server, [], [data])


_ROLES = {
    "nobody": [],
    "guest": [b"NICK %b", b"USER u 0 * :u"],
    "member": [b"CAP REQ :batch labeled-response message-tags echo-message", b"NICK %b", b"USER u 0 * :u", b"CAP END",
               b"JOIN #mine,#a"],
    "account": [b"CAP REQ :sasl standard-replies draft/chathistory", b"NICK %b", b"USER u 0 * :u", b"CAP END",
                b"REGISTER * * sesame-street", b"JOIN #mine"],
    "operator": [b"NICK %b", b"USER u 0 * :u", b"OPER root right", b"JOIN #mine"],
}  # fmt: skip
# What an operator says may end the connection it says it on, and DIE the gateway that all examples share.
_ENDS = {b"QUIT", b"KILL", b"KLINE", b"WEBIRC"}
_own = st.sampled_from(["{me}", "#mine", "fuzz1", "*"])
_some_params = st.lists(st.one_of(_own, _words, _references, _numerals, _any_text), max_size=5)


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"DIE", "DRAIN"}))
@settings(max_examples=15, deadline=None)
@given(
    role=st.sampled_from(sorted(_ROLES)),
    many=st.lists(st.lists(st.one_of(_own, _words, _references, _numerals, _any_text), max_size=5), max_size=8),
)
async def test_each_command_from_everybody(
    server: GatewayProcess, command: str, role: str, many: list[list[str]]
) -> None:
    """With any parameters, from who has registered, joined, logged in or become operator, and from who has not."""
    me = f"e{next(_numbers)}"
    said = [_line("", command, [param.replace("{me}", me) for param in params]) for params in many]
    begin = [line.replace(b"%b", me.encode()) for line in _ROLES[role]]
    await converse(server, begin, said, ends=tuple(_ENDS))


@settings(max_examples=25, deadline=None)
@given(said=st.lists(lines, min_size=1, max_size=8), cuts=st.lists(st.integers(1, 400), max_size=20))
async def test_borders_of_packets_mean_nothing(server: GatewayProcess, said: list[bytes], cuts: list[int]) -> None:
    """The same lines in pieces of any size, while somebody in the same room is served."""
    me, other = (f"p{next(_numbers)}".encode() for _ in range(2))
    whole = b"\r\n".join([b"NICK " + me, b"USER u 0 * :u", b"JOIN #pieces", *said, b"PING the-end", b""])
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        for size in cuts:
            writer.write(whole[:size])
            whole = whole[size:]
            await writer.drain()
        await converse(server, [b"NICK " + other, b"USER u 0 * :u", b"JOIN #pieces"], [b"PRIVMSG #pieces :meanwhile"])
        writer.write(whole)
        async with asyncio.timeout(2 * DEADLINE_S):
            while line := await reader.readline():
                check(line)
                if b" PONG " in line and line.endswith(b"the-end\r\n"):
                    return
        assert any(b"QUIT" in one.upper() for one in said), "closed without being asked"
    finally:
        writer.close()
        await asyncio.wait_for(_closed(writer), DEADLINE_S)
