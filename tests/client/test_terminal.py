"""The full screen in real terminals: one that does not read, one that goes away, and tmux."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.client.test_process import NOWHERE, welcome
from tests.harness.deadlines import DEADLINE_S
from tests.harness.scripted_server import scripted_server
from tests.harness.terminal import ENTER, Terminal, client_command, client_environ, terminal

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


async def test_a_terminal_that_does_not_read_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Its buffer is full, the screen stands still: the server gets its PONG all the same, SIGTERM ends all."""
    async with scripted_server() as server:
        arguments = ["--room", "tea", "--nick", "ann", "--server", f"127.0.0.1:{server.port}"]
        with terminal(tmp_path, *arguments) as person:
            caller = await server.caller()
            await welcome(caller)
            await asyncio.to_thread(person.sees, "ann joined")
            # From here on nobody reads; a terminal's buffer is a few kilobytes.
            for number in range(400):
                caller.say(f":bob!b@h PRIVMSG #tea :{number} " + "x" * 300)
                await asyncio.sleep(0.005)
            caller.say("PING :still-there")
            await caller.hear("PONG still-there")
            person.child.kill(signal.SIGTERM)
            await caller.hear("QUIT")
            assert await asyncio.to_thread(ended_without_reading, person.child.pid)


def ended_without_reading(pid: int) -> bool:
    """Whether the process comes to its end although nobody reads what it writes."""
    end = time.monotonic() + 4 * DEADLINE_S
    while time.monotonic() < end:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.05)
    return False


def test_a_closed_terminal_costs_nothing_that_was_typed(tmp_path: Path) -> None:
    """The window is closed: the client ends; its unsent lines and the draft are on disk, and the next run has them."""
    with terminal(tmp_path, "--room", "tea", "--nick", "ann", *NOWHERE) as person:
        person.prompts("[ann #tea]")
        person.type("said" + ENTER)
        person.sees("ann | said  (will be sent)")
        person.type("half a thought")
        person.prompts("[ann #tea] half a thought")
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, person.child.fileno())  # hangs up, and leaves pexpect something to close
        os.close(nothing)
        assert ended_without_reading(person.child.pid)
    with terminal(tmp_path, "--room", "tea", "--nick", "ann", *NOWHERE) as person:
        person.sees("ann | said  (will be sent)")
        person.prompts("[ann #tea] half a thought")


def test_the_first_paint_needs_no_server(tmp_path: Path) -> None:
    """Room, state and input stand there while nobody answers, and one can type and leave."""
    with terminal(tmp_path, "--room", "tea", "--nick", "ann", *NOWHERE) as person:
        person.prompts("[ann #tea]")
        person.type("exit" + ENTER)
        person.prompts("Leave chat? [y/N]")
        person.type("y" + ENTER)
        assert person.exit_code() == 0


@pytest.mark.slow
def test_an_editor_and_the_shell_have_the_terminal_for_a_while(tmp_path: Path) -> None:
    """Ctrl-X Ctrl-E gives what is typed to $EDITOR and takes it back, unsent; Ctrl-Z suspends, `fg` returns."""
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho ", edited" >> "$1"\n')
    editor.chmod(0o700)
    environ = client_environ(tmp_path, PS1="shell> ", EDITOR=str(editor))
    child = pexpect.spawn("bash", ["--norc", "-i"], env=environ, dimensions=(24, 80), cwd=str(ROOT))
    child.delaybeforesend = None
    person = Terminal(child)
    try:
        person.prompts("shell>")
        person.type(" ".join(client_command("--room", "tea", "--nick", "ann", *NOWHERE)) + ENTER)
        person.prompts("[ann #tea]")
        person.type("draft")
        person.prompts("[ann #tea] draft")
        person.type("\x18\x05")
        person.prompts("[ann #tea] draft, edited")
        person.type("\x1a")
        person.sees("Stopped")
        person.type("fg" + ENTER)
        # This emulator has no second screen: what the shell said stands in ours until all is drawn again.
        child.setwinsize(24, 79)
        person.prompts("[ann #tea] draft, edited")
    finally:
        child.close(force=True)


@contextmanager
def tmux(home: Path, *arguments: str) -> Iterator[list[str]]:
    """A client in a tmux of its own; the words that begin each command to it."""
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is missing")
        pytest.skip("tmux is not installed")
    command = ["tmux", "-S", str(home / "tmux"), "-f", os.devnull]
    environ = client_environ(home, TERM="xterm-256color", LC_ALL="C.UTF-8", PATH=os.environ["PATH"])
    start = [*command, "new-session", "-d", "-x", "80", "-y", "24", *client_command(*arguments)]
    subprocess.run(start, check=True, env=environ, cwd=ROOT)
    try:
        yield command
    finally:
        subprocess.run([*command, "kill-server"], check=False, env=environ)


def captured(command: list[str], text: str) -> list[str]:
    """The rows of the pane, as soon as one has `text` in it."""
    end = time.monotonic() + 4 * DEADLINE_S
    while True:
        rows = subprocess.run(
            [*command, "capture-pane", "-p", "-S", "-50"], check=True, capture_output=True, text=True
        ).stdout
        if text in rows:
            return rows.splitlines()
        assert time.monotonic() < end, f"never seen: {text}\n{rows}"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_terminal_we_did_not_write(tmp_path: Path) -> None:
    """In tmux: typed text with wide characters stays in its columns, resizing keeps everything, leaving cleans up."""
    with tmux(tmp_path, "--room", "tea", "--nick", "ann", *NOWHERE) as command:
        captured(command, "[ann #tea]")
        subprocess.run([*command, "send-keys", "-l", "日本語 and 🙂 emoji"], check=True)
        subprocess.run([*command, "send-keys", "Enter"], check=True)
        rows = captured(command, "~         ann | 日本語 and 🙂 emoji  (will be sent)")
        assert any(row.startswith("[ann #tea]") for row in rows)
        subprocess.run([*command, "resize-window", "-x", "120", "-y", "40"], check=True)
        captured(command, "F1 help")
        rows = captured(command, " Rooms ")
        bars = {len(row.partition("|")[0]) for row in rows[2:10]}
        assert bars == {16}
        subprocess.run([*command, "set-option", "remain-on-exit", "on"], check=True)
        subprocess.run([*command, "send-keys", "exit", "Enter"], check=True)
        captured(command, "Leave chat? [y/N]")
        subprocess.run([*command, "send-keys", "y", "Enter"], check=True)
        captured(command, "not confirmed: 1; kept")
