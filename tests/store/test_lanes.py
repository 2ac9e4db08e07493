"""The two connections to Redis: every way to lose one, and how each comes back. Real servers, real signals."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gateway.errors import StoreError
from gateway.model import GatewayId, LogKey
from gateway.store.keys import MARK
from gateway.store.lane import Lane
from gateway.store.masters import Server
from gateway.store.pair import SILENCE_LIMIT_S, LanePair
from gateway.store.scripts import SOURCES, sha
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.facts import wait_for
from tests.harness.lanes import opened
from tests.harness.log_site import RedisSite
from tests.harness.private_server import PrivateServer

LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio"), pytest.param(uvloop.new_event_loop, id="uvloop")]
LOG = LogKey("r:#lanes")


def pair_to(url: str, believed_s: float = math.inf) -> LanePair:
    """The lanes to that server."""
    return LanePair(Server(url, believed_s=believed_s), lambda: MARK)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateServer]:
    """A server of this test's own."""
    with PrivateServer.running(tmp_path) as server:
        yield server


class Watched:
    """Open lanes that count what they tell."""

    def __init__(self, url: str, believed_s: float = math.inf) -> None:
        self.lanes = pair_to(url, believed_s)
        self.site = RedisSite(self.lanes, GatewayId("g1"))
        self.commands_up = self.subscriptions_up = 0
        self.lanes.on_commands_up = self._on_commands_up
        self.lanes.on_subscriptions_up = self._on_subscriptions_up

    def _on_commands_up(self) -> None:
        self.commands_up += 1

    def _on_subscriptions_up(self) -> None:
        self.subscriptions_up += 1

    async def ups(self, commands: int, subscriptions: int, *, deadline_s: float = DEADLINE_S) -> None:
        """Wait until both lanes are open and came up so often in all."""

        async def there() -> bool | None:
            came = (self.commands_up, self.subscriptions_up) == (commands, subscriptions)
            return True if came and self.lanes.up else None

        await eventually(there, what=f"lanes came up {commands} and {subscriptions} times", deadline_s=deadline_s)


@pytest.fixture
async def watched(server: PrivateServer) -> AsyncIterator[Watched]:
    """Lanes to that server, running."""
    watched = Watched(server.url)
    async with opened(watched.lanes):
        await watched.ups(1, 1)
        yield watched


async def works(lanes: LanePair) -> None:
    """Commands are answered, scripts are there, announcements are heard."""
    async with asyncio.timeout(DEADLINE_S):
        assert await lanes.commands.call("PING") == b"PONG"
        assert await lanes.subscriptions.call("PING") == b"PONG"
        loaded = await lanes.commands.call("SCRIPT", "EXISTS", *(sha(name) for name in SOURCES))
    assert loaded == [1] * len(SOURCES)


@pytest.mark.parametrize("new_loop", LOOPS)
@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_connection_of_redis_py_can_be_taken_over(
    server: PrivateServer, kind: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Its private `_writer` has the transport, on both kinds of sockets and loops: this guards the pin of redis-py."""
    url = server.url if kind == "unix" else server.tcp_url()

    async def run() -> None:
        watched = Watched(url)
        lanes = watched.lanes
        async with opened(lanes):
            await works(lanes)
            await watched.site.subscribe(LOG)
            value = bytes(range(256)) * 4096  # a megabyte: read in many pieces
            await lanes.commands.call("SET", "big", value)
            assert await lanes.commands.call("GET", "big") == value
            await lanes.commands.call("SPUBLISH", "c1:{r:#lanes}", b"0-0\n1-0 K x")
            await watched.site.settle()
            assert len(watched.site.heard) == 1

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())


async def test_replies_come_in_the_order_of_commands(watched: Watched) -> None:
    """However many are on their way, each gets its own; a refusal is an error of that command alone."""
    lane = watched.lanes.commands
    replies = [lane.call("ECHO", str(i)) for i in range(500)]
    wrong = lane.call("LPOP", "wrong", "wrong")
    replies.append(lane.call("ECHO", "500"))
    assert await asyncio.gather(*replies) == [b"%d" % i for i in range(501)]
    with pytest.raises(StoreError, match=r"^ERR$"):
        await wrong


@pytest.mark.parametrize(("kind", "ups"), [("normal", (2, 1)), ("pubsub", (1, 2))], ids=["commands", "subscriptions"])
async def test_a_lane_that_redis_closes_comes_back_alone(
    watched: Watched, server: PrivateServer, kind: str, ups: tuple[int, int]
) -> None:
    """CLIENT KILL of one lane leaves the other as it is; the server is the one it was."""
    await watched.site.subscribe(LOG)  # only who has a subscription is of the type `pubsub`
    before = (watched.lanes.commands, watched.lanes.subscriptions)
    await asyncio.to_thread(server.kill_clients, kind, 1)
    await watched.ups(*ups)
    after = (watched.lanes.commands, watched.lanes.subscriptions)
    assert [one is two for one, two in zip(before, after, strict=True)] == [kind != "normal", kind != "pubsub"]
    await works(watched.lanes)
    assert watched.lanes.moved_s(MARK) == -math.inf


async def test_a_killed_and_restarted_server(watched: Watched, server: PrivateServer) -> None:
    """Both lanes are known to be down, and come back by themselves with their scripts; `up` tells so, and `moved_s`
    when commands came to another process."""
    server.kill()
    lanes, killed_s = watched.lanes, asyncio.get_running_loop().time()
    async with asyncio.timeout(DEADLINE_S):
        await lanes.commands.lost.wait()
        await lanes.subscriptions.lost.wait()
    assert not lanes.up
    with pytest.raises(StoreError):
        await lanes.commands.call("PING")
    await asyncio.to_thread(server.restart)
    await watched.ups(2, 2)
    await works(lanes)
    assert killed_s < lanes.moved_s(MARK) <= asyncio.get_running_loop().time()


@pytest.mark.slow
async def test_a_frozen_server_is_noticed(watched: Watched, server: PrivateServer) -> None:
    """SIGSTOP keeps all connections open: silence alone drops the lanes; they are back after SIGCONT."""
    lanes = watched.lanes
    loop = asyncio.get_running_loop()
    server.freeze()
    begin = loop.time()
    unanswered = lanes.commands.call("INCR", "frozen")
    with pytest.raises(StoreError):
        async with asyncio.timeout(2 * SILENCE_LIMIT_S + DEADLINE_S):
            await unanswered
    assert loop.time() - begin > SILENCE_LIMIT_S
    async with asyncio.timeout(DEADLINE_S):
        await lanes.subscriptions.lost.wait()
    assert not lanes.up
    server.thaw()
    await watched.ups(2, 2, deadline_s=2 * DEADLINE_S)
    await works(lanes)


async def test_everything_in_flight_is_answered_once(watched: Watched, server: PrivateServer) -> None:
    """A lost lane answers each command with `StoreError`, and so does a command after it."""
    lane: Lane = watched.lanes.commands
    server.freeze()
    answers: list[Any] = []
    for _ in range(100):
        lane.request(answers.append, "PING")
    await asyncio.sleep(0)
    server.kill()
    async with asyncio.timeout(DEADLINE_S):
        await lane.lost.wait()
    lane.request(answers.append, "PING")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(answers) == 101
    assert all(isinstance(answer, StoreError) for answer in answers)
    assert lane.oldest_wait_s() == 0.0


async def test_flushed_scripts_are_loaded_again_by_themselves(watched: Watched, server: PrivateServer) -> None:
    """SCRIPT FLUSH: the command that notices is refused, the lane that replaces this one has the scripts."""
    logs = watched.site.logs
    with server.client() as client:
        client.script_flush()
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    logs.append_said(LOG, 1, None, [], answer.set_result)
    assert isinstance(await answer, StoreError)
    await watched.ups(2, 1)
    await works(watched.lanes)


async def test_a_room_it_may_not_hear_drops_the_subscription_lane(
    watched: Watched, server: PrivateServer
) -> None:  # fmt: skip
    """A refused SSUBSCRIBE is the only reply nobody waits for: the lane would be deaf there, so it is opened anew."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-ssubscribe")
        watched.site.logs.subscribe(LOG)
        await watched.ups(1, 2)
        client.execute_command("ACL", "SETUSER", "default", "+ssubscribe")
    await works(watched.lanes)


async def test_commands_of_one_turn_travel_together(watched: Watched) -> None:
    """Fifty commands of one turn of the loop reach Redis in one read of its socket, or nearly."""
    lane = watched.lanes.commands

    async def reads() -> int:
        stats: bytes = await lane.call("INFO", "stats")
        return int(stats.partition(b"total_reads_processed:")[2].split()[0])

    before = await reads()
    await asyncio.gather(*(lane.call("PING") for _ in range(50)))
    # One for the fifty, one for INFO; heartbeats may fall between.
    assert await reads() - before <= 6


async def test_a_missing_server_is_told_without_secrets(tmp_path: Path) -> None:
    """`open` gives up at its deadline; the error's text has no part of the URL."""
    lanes = pair_to(f"unix://:hunter2@{tmp_path}/none.sock")
    with pytest.raises(StoreError, match=r"within 0\.2 s") as caught:
        await lanes.open(0.2)
    assert "hunter2" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


async def test_a_wrong_password_is_told_without_it(
    server: PrivateServer, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    """Neither the error nor the log has the password."""
    with server.client() as client:
        client.config_set("requirepass", "right")
        lanes = pair_to(server.url.replace("unix://", "unix://:hunter2@"))
        with caplog.at_level(logging.DEBUG), pytest.raises(StoreError) as caught:
            await lanes.open(0.3)
        client.config_set("requirepass", "")
    assert "hunter2" not in str(caught.value) + caplog.text


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes from here to there, until one of them ends."""
    while chunk := await reader.read(65_536):
        writer.write(chunk)
        await writer.drain()
    await end(writer)


async def end(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until it is: what is collected unclosed after its loop has ended fails some later test."""
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.slow
async def test_a_server_that_falls_silent_after_the_handshake(server: PrivateServer, tmp_path: Path) -> None:
    """Accepted, greeted, and then nothing: the lane that waits for its scripts is given up, and the next one works."""
    path, connections = tmp_path / "relay.sock", 0
    silenced = asyncio.Event()
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        serving.add(asyncio.current_task())
        first = connections == 1
        there_reader, there_writer = await asyncio.open_unix_connection(server.url.removeprefix("unix://"))
        there = asyncio.create_task(relay(there_reader, writer))
        try:
            while chunk := await reader.read(65_536):
                if first and b"LOAD" in chunk:
                    silenced.set()
                    continue
                there_writer.write(chunk)
        finally:
            await end(there_writer)
            await there
            await end(writer)

    async with await asyncio.start_unix_server(serve, path):
        lanes = pair_to(f"unix://{path}")
        async with asyncio.timeout(4 * SILENCE_LIMIT_S + DEADLINE_S):
            await lanes.open(4 * SILENCE_LIMIT_S)
        assert silenced.is_set()
        await works(lanes)
        lanes.close()
        async with asyncio.timeout(DEADLINE_S):
            await lanes.commands.lost.wait()
            await lanes.subscriptions.lost.wait()
            await asyncio.gather(*(task for task in serving if task is not None))


async def test_what_comes_after_too_long_a_silence_is_not_believed(server: PrivateServer) -> None:
    """Another server may be master since then: an answer counts as lost, and the lanes are opened anew."""
    watched = Watched(server.url, believed_s=0.5)
    lanes = watched.lanes
    async with opened(lanes):
        await watched.ups(1, 1)
        server.freeze()
        answer = lanes.commands.call("INCR", "late")
        await asyncio.sleep(0)  # on its way
        # From here to the answer in its socket this process stands still: it cannot find the lane silent before.
        time.sleep(0.6)  # noqa: ASYNC251
        server.thaw()
        with server.client() as client:
            wait_for(lambda: client.get("late") == b"1")
        with pytest.raises(StoreError):
            await answer
        await watched.ups(2, 2)
        await works(lanes)
