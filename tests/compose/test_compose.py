"""The stack of docker-compose.yml as a user runs it: real containers, clients through the balancer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.wire.message import Message
from tests.harness.compose import ComposeStack
from tests.harness.container_engine import docker
from tests.harness.deadlines import DEADLINE_FACTOR, eventually
from tests.harness.irc_peer import IrcPeer, Wanted
from tests.harness.stock_clients import StartClient, irssi, weechat

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

HOST = "127.0.0.1"
# Several times what the balancer takes to pass over a gateway that died (2 s for each attempt to connect).
RETURN_S = 20.0 * DEADLINE_FACTOR
CLIENT_S = 30.0 * DEADLINE_FACTOR


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room of the test's own: what another test said would be replayed as history."""
    return f"#{request.node.name.removeprefix('test_')}"


@asynccontextmanager
async def member(stack: ComposeStack, room: str, nick: str, *, until: Wanted = "366") -> AsyncIterator[IrcPeer]:
    """A client that came to the room through the balancer, trying again as clients do; it sees its own lines too."""

    async def arrive() -> IrcPeer | None:
        try:
            return await IrcPeer.connect(HOST, stack.port, nick, caps=["echo-message"])
        except ConnectionError:
            return None

    async with await eventually(arrive, what=f"{nick} is let in", deadline_s=RETURN_S) as peer:
        await peer.send(f"JOIN {room}")
        await peer.expect(until)
        yield peer


async def clients_by_gateway(stack: ComposeStack, *, total: int) -> dict[str, int]:
    """How many clients each gateway has, once they are `total` in all: gateways count twice a second."""

    async def counted() -> dict[str, int] | None:
        connections = stack.connections()
        return connections if sum(connections.values()) == total else None

    return await eventually(counted, what=f"{total} clients are counted")


async def home_of_newest(stack: ComposeStack, before: dict[str, int]) -> str:
    """The gateway that has one client more than before."""
    after = await clients_by_gateway(stack, total=sum(before.values()) + 1)
    (gateway,) = [container for container, number in after.items() if number > before[container]]
    return gateway


def line(message: Message) -> tuple[str, str]:
    """Who said what."""
    return message.source.partition("!")[0], message.params[-1]


async def assert_all_hear_all(room: str, peers: list[IrcPeer], *, lines_each: int) -> None:
    """Everybody speaks at once, and everybody sees the same lines in the same order, their own among them."""
    wanted = {(peer.nick, f"{peer.nick} says {n}") for peer in peers for n in range(lines_each)}
    await asyncio.gather(
        *(peer.send(*(f"PRIVMSG {room} :{peer.nick} says {n}" for n in range(lines_each))) for peer in peers)
    )
    heard = [[line(message) for message in await peer.collect("PRIVMSG", len(wanted))] for peer in peers]
    assert set(heard[0]) == wanted
    assert all(other == heard[0] for other in heard)


async def test_two_gateways_share_a_room(stack: ComposeStack, room: str) -> None:
    """Clients on different gateways see the same lines in the same order."""
    async with member(stack, room, "ann") as ann, member(stack, room, "bob") as bob:
        assert sorted((await clients_by_gateway(stack, total=2)).values()) == [0, 1, 1]
        await assert_all_hear_all(room, [ann, bob], lines_each=10)


async def test_clients_of_a_killed_gateway_come_back(stack: ComposeStack, room: str) -> None:
    """SIGKILL of a gateway ends its clients' connections at once; through the balancer they are back on another."""
    idle = stack.connections()
    async with member(stack, room, "carl") as carl:
        his = await home_of_newest(stack, idle)
        async with member(stack, room, "dora") as dora:
            docker("kill", "--signal", "KILL", his)
            await carl.wait_closed()
            # Another nick: the old one is kept for its owner until the grace time is over.
            async with member(stack, room, "carl2") as carl2:
                await assert_all_hear_all(room, [dora, carl2], lines_each=5)


@pytest.mark.parametrize("start", [weechat, irssi])
async def test_stock_clients_survive_their_gateway(stack: ComposeStack, tmp_path: Path, start: StartClient) -> None:
    """WeeChat and irssi, as people run them, come through the balancer, read what was said before, talk, and come again
    when their gateway was killed, to read what was said meanwhile."""
    room = f"#{start.__name__}"  # short, so that lines are not wrapped
    async with member(stack, room, "lena") as lena:
        await lena.send(f"PRIVMSG {room} :said before")
        await lena.expect("PRIVMSG")
        before = await clients_by_gateway(stack, total=1)
        with start(tmp_path, [(HOST, stack.port)], "stock", room) as terminal:
            terminal.sees("said before")
            his = await home_of_newest(stack, before)
            await lena.send(f"PRIVMSG {room} :hello stock")
            terminal.sees("hello stock")
            docker("kill", "--signal", "KILL", his)
            await lena.send(f"PRIVMSG {room} :said meanwhile")
            terminal.sees("said meanwhile")
            terminal.type("back again\r")
            said = await lena.collect("PRIVMSG", 3, deadline_s=RETURN_S)
            assert [message.params[-1] for message in said] == ["hello stock", "said meanwhile", "back again"]


async def test_scaling_down_keeps_the_chat(stack: ComposeStack, room: str) -> None:
    """With one gateway left of three, the clients of the other two are told to go, come back, and all talk."""
    async with AsyncExitStack() as cleanup:
        homes: dict[IrcPeer, str] = {}
        for nick in ("emma", "finn", "gina"):
            before = stack.connections()
            peer = await cleanup.enter_async_context(member(stack, room, nick))
            homes[peer] = await home_of_newest(stack, before)
        assert len(set(homes.values())) == 3
        stack.up(gateways=1)
        (remaining,) = stack.containers("gateway")
        present = [peer for peer in homes if homes[peer] == remaining]
        for peer in homes.keys() - present:
            assert "ERROR" in {message.command for message in await peer.wait_closed()}
            present.append(await cleanup.enter_async_context(member(stack, room, f"{peer.nick}2")))
        assert await clients_by_gateway(stack, total=3) == {remaining: 3}
        await assert_all_hear_all(room, present, lines_each=5)


async def test_stopped_gateway_drains(stack: ComposeStack, room: str) -> None:
    """`docker stop` drains: the client gets an ERROR before the end, and the gateway exits with 0."""
    idle = stack.connections()
    async with member(stack, room, "hugo") as hugo:
        his = await home_of_newest(stack, idle)
        stack.compose("stop", "--timeout", "15", "gateway")
        assert "ERROR" in {message.command for message in await hugo.wait_closed()}
        assert docker("inspect", "--format", "{{.State.ExitCode}}", his).strip() == "0"


async def test_client_container_speaks_from_a_pipe(stack: ComposeStack, room: str) -> None:
    """`docker compose run -T client` sends the lines of its standard input, exits with 0, and leaves the rest alone."""
    async with member(stack, room, "ines") as ines:
        args = ("run", "--rm", "--no-TTY", "--env", "CHAT_CLIENT_NICK=jack", "client", "--room", room.removeprefix("#"))
        stack.compose(*args, stdin="hello from a pipe\nand goodbye\n", deadline_s=CLIENT_S)
        heard = [line(message) for message in await ines.collect("PRIVMSG", 2)]
        assert heard == [("jack", "hello from a pipe"), ("jack", "and goodbye")]
    assert len(stack.containers("gateway")) == 3


async def test_rooms_survive_the_death_of_redis(stack: ComposeStack, room: str) -> None:
    """A line that was acknowledged is in the room's history after SIGKILL of Redis, and the chat goes on."""
    async with member(stack, room, "kate") as kate:
        await kate.send(f"PRIVMSG {room} :this must not be lost")
        await kate.expect("PRIVMSG")
        (redis,) = stack.containers("redis")
        docker("kill", "--signal", "KILL", redis)
        stack.up(gateways=3)
        async with member(stack, room, "lars", until=lambda message: line(message)[1] == "this must not be lost"):
            pass


def test_gateway_container_is_closed(stack: ComposeStack) -> None:
    """The root file system is read-only, nothing runs as root, and there is neither compiler nor installer."""
    possible = [attempt for attempt in BREAK_INS if could(stack.containers("gateway")[0], attempt)]
    assert possible == []


BREAK_INS = (
    "touch /opt/hubbub/x",
    "touch /home/hubbub/x",
    "test -w /etc/passwd",
    "test $(id -u) -eq 0",
    "command -v gcc",
    "test -e /opt/hubbub/bin/pip",
    "test -d /root/.cache/pip",
)


def could(container: str, attempt: str) -> bool:
    """Whether a shell command succeeds in a container."""
    said = docker("exec", container, "sh", "-c", f"({attempt}) >/dev/null 2>&1 && echo yes || echo no")
    return said.strip() == "yes"


REDIS_RIGHTS = (
    ("default", "PING", "NOAUTH"),
    ("health", "PING", "PONG"),
    ("health", "GET c1:x", "NOPERM"),
    ("gateway", "GET c1:x", ""),
    ("gateway", "GET x", "NOPERM"),
    ("gateway", "SPUBLISH c1:x y", "0"),
    ("gateway", "SPUBLISH x y", "NOPERM"),
    ("gateway", "KEYS *", "NOPERM"),
    ("gateway", "FLUSHALL", "NOPERM"),
    ("gateway", "CONFIG GET *", "NOPERM"),
    ("gateway", "SCRIPT FLUSH", "NOPERM"),
    ("gateway", "SHUTDOWN", "NOPERM"),
)


def test_redis_allows_what_its_users_need(stack: ComposeStack) -> None:
    """Health checks may PING; a gateway has its own keys and channels, and no administration."""
    answers = [(user, command, redis_says(stack, user, command)) for user, command, _ in REDIS_RIGHTS]
    assert answers == list(REDIS_RIGHTS)


def redis_says(stack: ComposeStack, user: str, command: str) -> str:
    """The first word of Redis' answer to a command of a user."""
    login = [] if user == "default" else ["--user", user, "--pass", stack.password, "--no-auth-warning"]
    said = stack.compose("exec", "-T", "redis", "redis-cli", *login, *command.split())
    return said.partition(" ")[0].strip()


def test_backup_of_a_running_redis_restores(stack: ComposeStack) -> None:
    """The backup script's tar, unpacked into a new volume as the documentation says, has what was written before."""
    assert redis_says(stack, "gateway", "SET c1:proof kept") == "OK"
    backup = stack.compose_bytes("exec", "-T", "redis", "/etc/hubbub/backup.sh")
    stack.down()
    unpack = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "tar", "redis", "-C", "/data", "-x")
    stack.compose_bytes(*unpack, stdin=backup)
    stack.up(gateways=1)
    assert redis_says(stack, "gateway", "GET c1:proof") == "kept"


def test_redis_password_changes_without_an_end(stack: ComposeStack) -> None:
    """While a password is being changed both are accepted, afterwards the new one alone."""
    both = replace(stack, password="a-new-password", old_password=stack.password)
    both.compose("up", "--detach", "--wait", "redis")
    assert redis_says(stack, "gateway", "GET c1:x") == redis_says(both, "gateway", "GET c1:x") == ""
    new = replace(both, old_password="")
    new.compose("up", "--detach", "--wait", "redis")
    assert redis_says(new, "gateway", "GET c1:x") == ""
    assert redis_says(stack, "gateway", "GET c1:x") == "NOAUTH"
    stack.compose("up", "--detach", "--wait", "redis")


def test_down_leaves_nothing(stack: ComposeStack) -> None:
    """`docker compose down --volumes --remove-orphans` leaves no container, network or volume of the project."""
    assert stack.left()
    stack.down()
    assert stack.left() == []
