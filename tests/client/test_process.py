"""The client process without a gateway, or with one that a test plays: settings, exit codes, questions, imports."""

import asyncio
import signal
import subprocess
import sys
import termios
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from client.outbox import open_outbox
from tests.harness.deadlines import DEADLINE_S
from tests.harness.scripted_server import Caller, scripted_server
from tests.harness.terminal import CTRL_C, CTRL_D, ENTER, Terminal, client_command, client_environ, terminal

pytestmark = pytest.mark.slow

NOWHERE = ["--server", "127.0.0.1:1"]  # the port of tcpmux, where nothing listens


def run(home: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run the client with an empty standard input."""
    return subprocess.run(
        client_command(*arguments),
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        env=client_environ(home, **environ),
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [[], ["--room", "a b"], ["--room", "tea", "--nick", "1st"], ["--room", "tea", "--server", "host:x"], ["--frob"]],
)
def test_bad_arguments_end_with_2(tmp_path: Path, arguments: list[str]) -> None:
    """sysexits: usage; the last line says what is wrong."""
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("chat-client: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [("NICK", "1st"), ("SERVER", "host:0"), ("TIMEOUT", "soon"), ("PLAIN", "maybe"), ("TLS_CA", "/nowhere")],
)
def test_bad_environment_ends_with_78(tmp_path: Path, name: str, value: str) -> None:
    """One line with the variable's name and value."""
    done = run(tmp_path, "--room", "tea", **{f"CHAT_CLIENT_{name}": value})
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert f"CHAT_CLIENT_{name}" in line
    assert value in line


def test_settings_come_from_the_environment_and_unknown_ones_are_told(tmp_path: Path) -> None:
    """Each flag has its variable; one that means nothing is named once and ignored."""
    done = run(
        tmp_path,
        CHAT_CLIENT_ROOM="tea,ops",
        CHAT_CLIENT_SERVER="127.0.0.1:1",
        CHAT_CLIENT_TIMEOUT="0.2",
        CHAT_CLIENT_COLOUR="red",
    )
    assert done.returncode == 69
    assert "connecting to 127.0.0.1:1" in done.stdout
    assert done.stderr.splitlines() == ["chat-client: ignored, not a setting: CHAT_CLIENT_COLOUR"]


def test_no_gateway_ends_with_69(tmp_path: Path) -> None:
    """Not interactive: after the time limit, with the tries told."""
    done = run(tmp_path, "--room", "tea", "--timeout", "0.3", *NOWHERE)
    assert done.returncode == 69
    assert "try 1: no connection to 127.0.0.1:1: connection refused" in done.stdout


def test_a_pipe_that_never_ends_ends_with_69_too(tmp_path: Path) -> None:
    """More lines than may be ahead of the server, and no server: the time limit counts all the same."""
    process = subprocess.Popen(
        client_command("--room", "tea", "--timeout", "0.5", *NOWHERE),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=client_environ(tmp_path),
    )
    assert process.stdin is not None
    with process.stdin as lines:
        lines.write(b"line\n" * 500)
        lines.flush()
        assert process.wait(20) == 69


def test_the_nick_is_asked_for(tmp_path: Path) -> None:
    """None given: the login name is offered, nonsense is asked again, Ctrl-C leaves."""
    with terminal(tmp_path, "--room", "tea", *NOWHERE) as person:
        person.prompts("Your nick: login")
        person.type(" no nick" + ENTER)
        person.prompts("Your nick: login")
        person.type("2" + ENTER)
        person.sees("connecting to 127.0.0.1:1")
        person.type("hi" + ENTER)
        person.sees("login2 | hi  (will be sent)")
    with terminal(tmp_path, "--room", "tea", *NOWHERE) as person:
        person.prompts("Your nick: login")
        person.type(CTRL_C)
        assert person.exit_code() == 0


def test_a_signal_at_the_first_question_leaves_a_sane_terminal(tmp_path: Path) -> None:
    """The terminal echoes again, and the exit code tells the signal."""
    with terminal(tmp_path, "--room", "tea", *NOWHERE) as person:
        before = termios.tcgetattr(person.child.fileno())[3]
        person.prompts("Your nick: login")
        person.child.kill(signal.SIGTERM)
        assert person.exit_code() == 143
        assert termios.tcgetattr(person.child.fileno())[3] == before


async def welcome(caller: Caller, *caps: str) -> None:
    """Register the client that called and let it into #tea, with no history."""
    await caller.hear("CAP LS")
    caller.say(f":irc CAP * LS :{' '.join(caps)}")
    if caps:
        await caller.hear("CAP REQ")
        caller.say(f":irc CAP ann ACK :{' '.join(caps)}")
    await caller.hear("CAP END")
    caller.say(":irc 001 ann :Welcome")
    await caller.hear("JOIN #tea")
    caller.say(":ann!a@h JOIN #tea")
    token = await caller.hear("PING")
    caller.say(f":irc PONG irc {token.removeprefix('PING ')}")


async def piped(home: Path, port: int, text: str) -> asyncio.subprocess.Process:
    """Start the client of a scripted server with `text` piped in."""
    arguments = ["--room", "tea", "--nick", "ann", "--server", f"127.0.0.1:{port}"]
    process = await asyncio.create_subprocess_exec(
        *client_command(*arguments), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=client_environ(home)
    )
    assert process.stdin is not None
    process.stdin.write(text.encode())
    process.stdin.close()
    return process


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Its exit code and all it wrote."""
    async with asyncio.timeout(4 * DEADLINE_S):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


async def test_no_key_is_lost_under_traffic(tmp_path: Path) -> None:
    """Rows are drawn without leaving raw mode: Ctrl-D always asks, and Ctrl-C never kills."""

    def press(person: Terminal) -> None:
        for key in (CTRL_C, CTRL_D) * 5:
            person.type(key)
            person.prompts("Leave chat? [y/N]")
            person.type("n" + ENTER)
            person.prompts("[ann #tea]")

    async def talk(caller: Caller) -> None:
        while True:
            caller.say(":bob!b@h PRIVMSG #tea :and so on")
            await asyncio.sleep(0.005)

    async with scripted_server() as server:
        arguments = ["--room", "tea", "--nick", "ann", "--server", f"127.0.0.1:{server.port}"]
        with terminal(tmp_path, *arguments) as person:
            caller = await server.caller()
            await welcome(caller)
            async with asyncio.TaskGroup() as tasks:
                talking = tasks.create_task(talk(caller))
                await asyncio.to_thread(person.sees, "bob | and so on")
                await asyncio.to_thread(press, person)
                talking.cancel()


async def test_a_refused_line_ends_with_65(tmp_path: Path) -> None:
    """No room has it, and the reason is in the output."""
    async with scripted_server() as server:
        process = await piped(tmp_path, server.port, "hi\n")
        caller = await server.caller()
        await welcome(caller, "echo-message", "labeled-response", "batch", "message-tags")
        sent = await caller.hear("PRIVMSG #tea hi")
        label = sent.split(";")[0].removeprefix("@label=")
        caller.say(f"@label={label} :irc 404 ann #tea :Cannot send to channel")
        code, written = await ended(process)
        assert code == 65
        assert "(not sent: Cannot send to channel)" in written


async def test_a_wrong_password_ends_with_77(tmp_path: Path) -> None:
    """Trying again would not help, so the client says why and ends."""
    async with scripted_server() as server:
        process = await piped(tmp_path, server.port, "hi\n")
        caller = await server.caller()
        await caller.hear("CAP LS")
        caller.say(":irc 464 * :Password incorrect")
        code, written = await ended(process)
        assert code == 77
        assert "Password incorrect" in written
    left = open_outbox(tmp_path / "state" / "chat-client", f"ann@127.0.0.1_{server.port}")
    assert len(left) == 0  # who called knows, and would say it twice
    left.close()


async def test_a_connection_lost_before_the_echo_is_settled_by_the_next(tmp_path: Path) -> None:
    """The line is sent again under the same key, for no history shows it."""
    async with scripted_server() as server:
        process = await piped(tmp_path, server.port, "hi\n")
        caps = ("echo-message", "labeled-response", "batch", "message-tags")
        first = await server.caller()
        await welcome(first, *caps)
        sent = await first.hear("PRIVMSG #tea hi")
        first.close()
        second = await server.caller()
        await welcome(second, *caps)
        again = await second.hear("PRIVMSG #tea hi")
        assert again == sent
        second.say(f"{again.split(' ')[0]} :ann!a@h PRIVMSG #tea hi")
        code, written = await ended(process)
        assert code == 0, written


def test_the_client_loads_no_redis_and_a_pipe_no_prompt_toolkit() -> None:
    """Importing the client must not cost what it does not use."""
    script = "import sys, client.cli; print(sorted({'redis', 'hiredis', 'prompt_toolkit'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
