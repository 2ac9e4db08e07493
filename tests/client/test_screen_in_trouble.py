"""Whole screens while real gateways are closed, frozen, refuse and stay mute, and while somebody types all the time."""

import asyncio
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.client.at_gateways import ann_at, said_in, witness
from tests.harness.deadlines import DEADLINE_FACTOR, DEADLINE_S, eventually
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer
from tests.harness.terminal import ENTER, Terminal, terminal

pytestmark = pytest.mark.slow

Pair = tuple[GatewayProcess, GatewayProcess]
STALL_SHOWN_S = 5.0  # half of it without an answer, the rest for a busy machine
NOTICED_S = 15.0  # issue: a silent server is noticed within


def name(gateway: GatewayProcess) -> str:
    """As the screen calls it."""
    return f"{gateway.host}:{gateway.port}"


def whole(person: Terminal, prompt: str, *parts: str) -> None:
    """Wait for a screen that has all of it at once: topic, `parts`, and the input at the bottom."""

    def fits(rows: list[str]) -> bool:
        text = "\n".join(rows)
        return bool(rows) and rows[0].startswith(" #tea") and rows[-1] == prompt and all(part in text for part in parts)

    person.until(fits, f"{parts} above {prompt}")


async def heard(bob: IrcPeer, last: str) -> list[str]:
    """What ann said to the room, until `last`, and whatever comes right behind it."""
    said: list[str] = []
    while last not in said:
        message = await bob.read(deadline_s=6 * DEADLINE_S)
        if message.command == "PRIVMSG":
            said.append(message.params[1])
    return said + [message.params[1] for message in await bob.barrier() if message.command == "PRIVMSG"]


def without_redis(gateway: GatewayProcess) -> Callable[[], Awaitable[bool | None]]:
    """For `eventually`: whether the gateway knows that it can keep nothing."""

    def asked() -> bool | None:
        try:
            with urllib.request.urlopen(f"http://{gateway.host}:{gateway.http_port}/readyz", timeout=DEADLINE_S):
                return None
        except urllib.error.HTTPError as exc:
            exc.close()
            return True

    return lambda: asyncio.to_thread(asked)


def begin(person: Terminal) -> None:
    """Ann is in the room, has said something, and goes on typing."""
    person.sees("ann joined")
    person.prompts("[ann #tea]")
    person.type("before" + ENTER)
    person.sees("ann | before")
    person.type("half a ")
    whole(person, "[ann #tea] half a", "ann | before")


def go_on(person: Terminal) -> None:
    """What was typed before is finished, and sent."""
    person.type("thought")
    whole(person, "[ann #tea] half a thought", "ann | before")
    person.type(ENTER)


async def test_closed(two_gateways: Pair, tmp_path: Path) -> None:
    """A gateway goes away in order: the other one has the room, and what stood in the input is still there."""
    one, two = two_gateways
    async with witness(two) as bob:
        with terminal(tmp_path, *ann_at(one, two)) as ann:
            await asyncio.to_thread(begin, ann)
            assert await heard(bob, "before") == ["before"]
            await asyncio.to_thread(one.stop)
            await asyncio.to_thread(whole, ann, "[ann #tea] half a", "ann | before", name(two))
            await asyncio.to_thread(go_on, ann)
            assert await heard(bob, "half a thought") == ["half a thought"]


async def test_frozen(two_gateways: Pair, tmp_path: Path) -> None:
    """A gateway that answers nothing any more is left within 15 s; lines typed meanwhile are said once, in order."""
    one, two = two_gateways
    async with witness(two) as bob:
        with terminal(tmp_path, *ann_at(one, two)) as ann:
            await asyncio.to_thread(begin, ann)
            await heard(bob, "before")
            one.send_signal(signal.SIGSTOP)
            begun_s = time.monotonic()
            await asyncio.to_thread(go_on, ann)
            await asyncio.to_thread(whole, ann, "[ann #tea]", "~         ann | half a thought")
            await asyncio.to_thread(ann.type, "and ano")
            await asyncio.to_thread(whole, ann, "[ann #tea] and ano", f"connection to {name(one)} lost", name(two))
            assert time.monotonic() - begun_s < NOTICED_S * DEADLINE_FACTOR
            await asyncio.to_thread(ann.type, "ther" + ENTER)
            assert await heard(bob, "and another") == ["half a thought", "and another"]
            await asyncio.to_thread(
                ann.until, lambda rows: not any("~  " in row for row in rows), "nothing on its way any more"
            )


async def test_refusing(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Nobody listens any more: since when, why, which try; typing and leaving work all the time."""
    with terminal(tmp_path, *ann_at(gateway)) as ann:
        await asyncio.to_thread(begin, ann)
        gateway.kill()
        await asyncio.to_thread(
            whole, ann, "[ann #tea] half a", "ann | before", "NO CONNECTION for", "refused", ", try ", "OFFLINE"
        )
        await asyncio.to_thread(go_on, ann)
        await asyncio.to_thread(
            whole, ann, "[ann #tea]", "ann | half a thought  (will be sent)", "1 of yours waits and will be sent."
        )
        await asyncio.to_thread(ann.type, "exit" + ENTER)
        await asyncio.to_thread(whole, ann, "Leave chat? [y/N]", "OFFLINE")
        await asyncio.to_thread(ann.type, "n" + ENTER)
        await asyncio.to_thread(whole, ann, "[ann #tea]", "OFFLINE")
        gateway.restart()
        async with witness(gateway) as bob:
            assert (await heard(bob, "half a thought")).count("half a thought") == 1
        await asyncio.to_thread(ann.sees, "back on ")
        await asyncio.to_thread(ann.until, lambda rows: not any("OFFLINE" in row for row in rows), "no OFFLINE")


async def test_mute(two_gateways: Pair, tmp_path: Path) -> None:
    """A gateway that takes the connection and never says a word: the screen is there, and the next one is tried."""
    one, two = two_gateways
    one.send_signal(signal.SIGSTOP)
    async with witness(two) as bob:
        with terminal(tmp_path, *ann_at(one, two)) as ann:
            await asyncio.to_thread(whole, ann, "[ann #tea]", f"connecting to {name(one)}")
            await asyncio.to_thread(ann.type, "first" + ENTER + "half a ")
            await asyncio.to_thread(whole, ann, "[ann #tea] half a", "~         ann | first")
            await asyncio.to_thread(whole, ann, "[ann #tea] half a", "ann joined", name(two))
            await asyncio.to_thread(ann.type, "thought" + ENTER)
            assert await heard(bob, "half a thought") == ["first", "half a thought"]


async def test_read_only(tmp_path: Path) -> None:
    """The gateway answers, its Redis does not: a line without an answer is told within seconds, long before the gateway
    itself knows; then what the gateway says; and nothing any more when it takes lines again."""
    with PrivateServer.running(tmp_path / "store") as redis:
        gateway = GatewayProcess(state_dir=tmp_path / "state", redis_url=redis.url).start()
        try:
            with terminal(tmp_path / "ann", *ann_at(gateway)) as ann:
                await asyncio.to_thread(begin, ann)
                redis.freeze()
                await asyncio.to_thread(go_on, ann)
                begun_s = time.monotonic()
                said = (f"{name(gateway)} has confirmed nothing for", "1 of yours waits.", "(not confirmed yet)")
                await asyncio.to_thread(whole, ann, "[ann #tea]", *said, "READ-ONLY")
                assert time.monotonic() - begun_s < STALL_SHOWN_S * DEADLINE_FACTOR
                await eventually(without_redis(gateway), what="the gateway misses its Redis")
                await asyncio.to_thread(whole, ann, "[ann #tea]", "~         ann | half a thought", "READ-ONLY")
                redis.thaw()
                await asyncio.to_thread(
                    ann.until,
                    lambda rows: not any("READ-ONLY" in row or "~  " in row for row in rows),
                    "no READ-ONLY, and nothing on its way",
                )
                assert await said_in(gateway, "tea", "bob") == ["before", "half a thought"]
        finally:
            gateway.stop()
