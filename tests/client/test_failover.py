"""The real client, real gateways killed under it: nobody sees it go, no line is lost or said twice."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from gateway.session.capabilities import names
from gateway.wire.message import Message, Source
from tests.client.at_gateways import ann_at, witness
from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.terminal import ENTER, client_command, client_environ, terminal

needs_resume = pytest.mark.skipif("hubbub.chat/resume" not in names(-1).split(), reason="the gateway keeps no sessions")
pytestmark = pytest.mark.slow

Pair = tuple[GatewayProcess, GatewayProcess]
LINES = [f"line {number}" for number in range(60)]


def of_ann(messages: list[Message]) -> list[str]:
    """What ann did, one word an act, and what she said."""
    acts = [message for message in messages if Source.parse(message.source).nick in ("ann", "ann_")]
    return [message.params[1] if message.command == "PRIVMSG" else message.command for message in acts]


async def until_said(bob: IrcPeer, text: str) -> list[Message]:
    """Everything bob sees until somebody says `text`."""
    seen: list[Message] = []
    while not (seen and seen[-1].command == "PRIVMSG" and seen[-1].params[1] == text):
        seen.append(await bob.read(deadline_s=6 * DEADLINE_S))
    return seen


async def test_a_gateway_killed_while_lines_are_typed(two_gateways: Pair, tmp_path: Path) -> None:
    """In the middle of a burst: every line once and in order, whoever the client is to the next gateway."""
    one, two = two_gateways
    async with witness(two) as bob:
        process = await asyncio.create_subprocess_exec(
            *client_command(*ann_at(*two_gateways)),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=PIPE,
            env=client_environ(tmp_path),
        )
        assert process.stdin is not None
        process.stdin.write("".join(f"{line}\n" for line in LINES[:30]).encode())
        await until_said(bob, LINES[10])
        one.kill()
        process.stdin.write("".join(f"{line}\n" for line in LINES[30:]).encode())
        process.stdin.close()
        seen = [f"line {number}" for number in range(11)]
        seen += [text for text in of_ann(await until_said(bob, LINES[-1])) if text.startswith("line")]
        assert seen == LINES
        async with asyncio.timeout(6 * DEADLINE_S):
            _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()


@needs_resume
async def test_nobody_sees_a_killed_gateway(two_gateways: Pair, tmp_path: Path) -> None:
    """The client comes back on the other gateway: no QUIT, no JOIN, and what was said meanwhile is there once."""
    one, two = two_gateways
    async with witness(two) as bob:
        with terminal(tmp_path, *ann_at(*two_gateways)) as ann:
            await asyncio.to_thread(ann.sees, "ann joined")
            await asyncio.to_thread(ann.prompts, "[ann #tea]")
            ann.type("before" + ENTER)
            await until_said(bob, "before")
            one.kill()
            await bob.send("PRIVMSG #tea :meanwhile", "PRIVMSG ann :psst")
            ann.type("after" + ENTER)
            assert of_ann(await until_said(bob, "after")) == ["after"]
            await asyncio.to_thread(ann.sees, "back on ")
            await asyncio.to_thread(ann.sees, "ann | after")
            assert sum("bob | meanwhile" in row for row in ann.rows) == 1
            assert sum("ann joined" in row for row in ann.rows) == 1
            ann.type("/query bob" + ENTER)
            await asyncio.to_thread(ann.sees, "bob | psst")
            assert sum("bob | psst" in row for row in ann.rows) == 1
            assert of_ann(await bob.barrier()) == []


@needs_resume
async def test_a_killed_client_comes_back_as_the_same_session(two_gateways: Pair, tmp_path: Path) -> None:
    """SIGKILL of the client, started again within the grace: nobody sees it, and nothing it knew is shown as new."""
    async with witness(two_gateways[1]) as bob:
        with terminal(tmp_path, *ann_at(*two_gateways)) as ann:
            await asyncio.to_thread(ann.prompts, "[ann #tea]")
            ann.type("before" + ENTER)
            await until_said(bob, "before")
            await asyncio.to_thread(ann.sees, "ann | before")
            os.kill(ann.child.pid, signal.SIGKILL)
            ann.exit_code()
        await bob.send("PRIVMSG #tea :meanwhile")
        with terminal(tmp_path, *ann_at(*two_gateways)) as ann:
            await asyncio.to_thread(ann.sees, "bob | meanwhile")
            ann.type("after" + ENTER)
            assert of_ann(await until_said(bob, "after")) == ["after"]
            ann.type("/quit" + ENTER)
            assert await asyncio.to_thread(ann.exit_code) == 0
        assert (await bob.expect("QUIT", deadline_s=2 * DEADLINE_S)).source.startswith("ann!")
