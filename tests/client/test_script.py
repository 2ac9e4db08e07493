"""The client in scripts, against a real gateway."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client.at_gateways import said_in
from tests.harness.deadlines import DEADLINE_FACTOR, DEADLINE_S
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.terminal import client_command, client_environ

pytestmark = pytest.mark.slow

LIMIT_S = 30.0 * DEADLINE_FACTOR


def command(server: GatewayProcess, room: str, *more: str, nick: str) -> list[str]:
    """How a script calls the client."""
    return client_command("--room", room, "--nick", nick, "--server", f"{server.host}:{server.port}", *more)


def run(
    home: Path, server: GatewayProcess, room: str, *more: str, nick: str, text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run it to its end, with `text` on standard input."""
    return subprocess.run(
        command(server, room, *more, nick=nick),
        input=text,
        text=True,
        capture_output=True,
        env=client_environ(home),
        timeout=LIMIT_S,
        check=False,
    )


@contextmanager
def following(home: Path, arguments: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A client that runs on."""
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=client_environ(home),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_lines_are_sent_as_they_stand(server: GatewayProcess, tmp_path: Path) -> None:
    """No command is obeyed, `exit` is a word, empty lines are left out; nothing is printed, 0 means: it is there."""
    done = run(tmp_path, server, "send", "--send", nick="sender", text="one\nexit\ny\n\n/quit\n//two\n tab\tend\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert await said_in(server, "send", "look1") == ["one", "exit", "y", "/quit", "//two", " tab end"]


async def test_messages_of_the_command_line_go_to_every_room(server: GatewayProcess, tmp_path: Path) -> None:
    """-m may be given again; standard input is left alone."""
    done = run(tmp_path, server, "m1,m2", "-m", "build 7", "-m", "is green\nand fine", nick="bot", text="not this")
    assert done.returncode == 0, done.stderr
    for number, room in enumerate(("m1", "m2")):
        assert await said_in(server, room, f"lookm{number}") == ["build 7", "is green", "and fine"]


def test_the_last_lines(server: GatewayProcess, tmp_path: Path) -> None:
    """--tail N: as many as there are up to N, oldest first, without anybody's coming and going."""
    lines = [f"line {number}" for number in range(7)]
    assert run(tmp_path, server, "tail", "--send", nick="t1", text="\n".join(lines)).returncode == 0
    done = run(tmp_path, server, "tail", "--tail", "3", nick="t2")
    assert done.returncode == 0
    assert [row.partition(" ")[2] for row in done.stdout.splitlines()] == [f"t1: {line}" for line in lines[-3:]]
    assert done.stderr == ""
    objects = run(tmp_path, server, "tail", "--tail", "50", "--json", nick="t3").stdout.splitlines()
    found = [json.loads(line) for line in objects]
    assert [item["text"] for item in found] == lines
    assert {(item["room"], item["nick"], item["kind"]) for item in found} == {("#tail", "t1", "message")}
    assert all(item["msgid"] and item["time"].endswith("Z") for item in found)


@pytest.mark.slow
def test_more_last_lines_than_a_server_gives_at_once(server: GatewayProcess, tmp_path: Path) -> None:
    """History is asked for backwards, page by page."""
    lines = [f"line {number}" for number in range(230)]
    assert run(tmp_path, server, "long", "--send", nick="l1", text="\n".join(lines)).returncode == 0
    done = run(tmp_path, server, "long", "--tail", "220", nick="l2")
    assert [row.partition("l1: ")[2] for row in done.stdout.splitlines()] == lines[-220:]


async def test_following(server: GatewayProcess, tmp_path: Path) -> None:
    """--tail with --follow: the last lines, then what happens, as it happens; a signal ends it with 128 + number."""
    assert run(tmp_path, server, "follow", "-m", "before", nick="f1").returncode == 0
    with following(tmp_path, command(server, "follow", "--tail=1", "--follow", "--json", nick="f2")) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["text"] == "before"
        assert json.loads(process.stdout.readline())["kind"] == "join"
        async with await IrcPeer.connect(server.host, server.port, "f3") as peer:
            await peer.send("JOIN #follow", "PRIVMSG #follow :\x1b[2Jnow")
            assert json.loads(process.stdout.readline())["nick"] == "f3"
            line = process.stdout.readline()
            assert json.loads(line)["text"] == "\x1b[2Jnow"
            assert "\x1b" not in line
        process.send_signal(signal.SIGTERM)
        assert process.wait(4 * DEADLINE_S) == 143


async def test_a_follower_whose_reader_is_gone_ends(server: GatewayProcess, tmp_path: Path) -> None:
    """As in `chat-client --follow | head`: 74."""
    with following(tmp_path, command(server, "head", "--follow", nick="h1")) as process:
        assert process.stdout is not None
        assert "joined" in process.stdout.readline()
        process.stdout.close()
        async with await IrcPeer.connect(server.host, server.port, "h2") as peer:
            await peer.send("JOIN #head", "PRIVMSG #head :a", "PRIVMSG #head :b")
            assert process.wait(4 * DEADLINE_S) == 74


def test_nobody_there_ends_with_69_and_says_why(tmp_path: Path) -> None:
    """What the client has to say is on standard error."""
    done = subprocess.run(
        client_command("--room=tea", "--nick=ann", "--server=127.0.0.1:1", "--timeout=0.3", "--tail=1"),
        capture_output=True, text=True, env=client_environ(tmp_path), timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 69
    assert done.stdout == ""
    assert "no connection to 127.0.0.1:1: connection refused" in done.stderr


@pytest.mark.parametrize("arguments", [["--json"], ["--tail", "-1"], ["--tail", "1001"], ["--tail", "all"]])
def test_what_makes_no_sense_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    """Before anything is connected."""
    done = subprocess.run(
        client_command("--room=tea", *arguments),
        capture_output=True, text=True, env=client_environ(tmp_path), timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2
