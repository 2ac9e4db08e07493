"""What time brings about in a running client: a scripted server, real sockets, a wall clock that jumps."""

import asyncio
import time

import pytest

from client.app import App
from client.chat import Chat, Identity
from client.config import Script
from client.link import Server
from client.outbox import Outbox
from client.ui.script import ScriptFace
from tests.client.test_process import welcome
from tests.harness.scripted_server import scripted_server

pytestmark = pytest.mark.slow


async def test_a_machine_that_slept_asks_at_once_whether_the_server_is_there() -> None:
    """The wall clock jumps by a minute: the next thing said is a PING, within a tick and not after 8 s of silence."""
    ahead_ms = 0

    async with scripted_server() as server:
        chat = Chat(
            Identity(nick="ann", user="ann", realname="Ann"),
            ["#tea"],
            Outbox(),
            new_key=lambda: "k",
            now_ms=lambda: ahead_ms + time.monotonic_ns() // 1_000_000,
        )
        face = ScriptFace(Script(follow=True), ("#tea",), limit_s=10)
        app = App(chat, [Server(server.host, server.port)], face, interactive=False, timeout_s=20, rng=lambda: 0.0)
        running = asyncio.create_task(app.run())
        caller = await server.caller()
        await welcome(caller)
        token = (await caller.hear("PING")).removeprefix("PING ")  # the first measurement of the lag
        caller.say(f":irc PONG irc {token}")
        jumped_s = time.monotonic()
        ahead_ms = 60_000
        await caller.hear("PING")
        assert time.monotonic() - jumped_s < 5
        face.stop()
        caller.close()
        server.refuse()
        await asyncio.wait_for(running, 30)
