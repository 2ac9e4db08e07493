"""The stack of docker-compose.yml as a user runs it: real containers, clients through the balancer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from gateway.wire.message import Message
from tests.harness.compose import ComposeStack
from tests.harness.deadlines import DEADLINE_FACTOR, eventually
from tests.harness.engine import docker
from tests.harness.irc_peer import IrcPeer, Wanted

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

HOST = "127.0.0.1"
ROOM = "#lobby"
# Several times what the balancer takes to pass over a gateway that died (2 s for each attempt to connect).
RETURN_S = 20.0 * DEADLINE_FACTOR


@asynccontextmanager
async def member(stack: ComposeStack, nick: str, *, until: Wanted = "366") -> AsyncIterator[IrcPeer]:
    """A client that came to the room through the balancer, trying again as clients do; it sees its own lines too."""

    async def arrive() -> IrcPeer | None:
        try:
            return await IrcPeer.connect(HOST, stack.port, nick, caps=["echo-message"])
        except ConnectionError:
            return None

    async with await eventually(arrive, what=f"{nick} is let in", deadline_s=RETURN_S) as peer:
        await peer.send(f"JOIN {ROOM}")
        await peer.expect(until)
        yield peer


def home(before: dict[str, int], after: dict[str, int]) -> str:
    """The gateway that has more clients than before."""
    (gateway,) = [container for container, number in after.items() if number > before.get(container, 0)]
    return gateway


def line(message: Message) -> tuple[str, str]:
    """Who said what."""
    return message.source.partition("!")[0], message.params[-1]


async def assert_all_hear_all(peers: list[IrcPeer], *, lines_each: int) -> None:
    """Everybody speaks at once, and everybody sees the same lines in the same order, their own among them."""
    wanted = {(peer.nick, f"{peer.nick} says {n}") for peer in peers for n in range(lines_each)}
    await asyncio.gather(
        *(peer.send(*(f"PRIVMSG {ROOM} :{peer.nick} says {n}" for n in range(lines_each))) for peer in peers)
    )
    heard = [[line(message) for message in await peer.collect("PRIVMSG", len(wanted))] for peer in peers]
    assert set(heard[0]) == wanted
    assert all(other == heard[0] for other in heard)


async def test_two_gateways_share_a_room(stack: ComposeStack) -> None:
    """Clients on different gateways see the same lines in the same order."""
    idle = stack.connections()
    async with member(stack, "ann") as ann:
        with_ann = stack.connections()
        async with member(stack, "bob") as bob:
            assert home(idle, with_ann) != home(with_ann, stack.connections())
            await assert_all_hear_all([ann, bob], lines_each=10)


async def test_clients_of_a_killed_gateway_come_back(stack: ComposeStack) -> None:
    """SIGKILL of a gateway ends its clients' connections at once; through the balancer they are back on another."""
    idle = stack.connections()
    async with member(stack, "carl") as carl:
        his = home(idle, stack.connections())
        async with member(stack, "dora") as dora:
            docker("kill", "--signal", "KILL", his)
            await carl.wait_closed()
            # Another nick: the old one is kept for its owner until the grace time is over.
            async with member(stack, "carl2") as carl2:
                await assert_all_hear_all([dora, carl2], lines_each=5)


async def test_scaling_down_keeps_the_chat(stack: ComposeStack) -> None:
    """With one gateway left of three, the clients of the other two are told to go, come back, and all talk."""
    async with AsyncExitStack() as cleanup:
        homes: dict[IrcPeer, str] = {}
        for nick in ("emma", "finn", "gina"):
            before = stack.connections()
            peer = await cleanup.enter_async_context(member(stack, nick))
            homes[peer] = home(before, stack.connections())
        assert len(set(homes.values())) == 3
        stack.up(gateways=1)
        (remaining,) = stack.containers("gateway")
        present = [peer for peer in homes if homes[peer] == remaining]
        for peer in homes.keys() - present:
            assert "ERROR" in {message.command for message in await peer.wait_closed()}
            present.append(await cleanup.enter_async_context(member(stack, f"{peer.nick}2")))
        assert stack.connections() == {remaining: 3}
        await assert_all_hear_all(present, lines_each=5)


async def test_stopped_gateway_drains(stack: ComposeStack) -> None:
    """`docker stop` drains: the client gets an ERROR before the end, and the gateway exits with 0."""
    idle = stack.connections()
    async with member(stack, "hugo") as hugo:
        his = home(idle, stack.connections())
        stack.compose("stop", "--timeout", "15", "gateway")
        assert "ERROR" in {message.command for message in await hugo.wait_closed()}
        assert docker("inspect", "--format", "{{.State.ExitCode}}", his).strip() == "0"


async def test_client_container_speaks_from_a_pipe(stack: ComposeStack) -> None:
    """`docker compose run -T client` sends the lines of its standard input, and exits with 0 when they are there."""
    async with member(stack, "ines") as ines:
        args = ("run", "--rm", "--no-TTY", "--env", "CHAT_CLIENT_NICK=jack", "client", "--room", "lobby")
        stack.compose(*args, stdin="hello from a pipe\nand goodbye\n")
        heard = [line(message) for message in await ines.collect("PRIVMSG", 2)]
        assert heard == [("jack", "hello from a pipe"), ("jack", "and goodbye")]


async def test_rooms_survive_the_death_of_redis(stack: ComposeStack) -> None:
    """A line that was acknowledged is in the room's history after SIGKILL of Redis, and the chat goes on."""
    async with member(stack, "kate") as kate:
        await kate.send(f"PRIVMSG {ROOM} :this must not be lost")
        await kate.expect("PRIVMSG")
        (redis,) = stack.containers("redis")
        docker("kill", "--signal", "KILL", redis)
        stack.up(gateways=3)
        async with member(stack, "lars", until=lambda message: line(message)[1] == "this must not be lost"):
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
    ("default", "PING", "PONG"),
    ("default", "GET c1:x", "NOPERM"),
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
    assert redis_says(stack, "gateway", "GET c1:x") in {"NOAUTH", "NOPERM"}
    stack.compose("up", "--detach", "--wait", "redis")


def test_down_leaves_nothing(stack: ComposeStack) -> None:
    """`docker compose down --volumes --remove-orphans` leaves no container, network or volume of the project."""
    assert stack.left()
    stack.down()
    assert stack.left() == []
