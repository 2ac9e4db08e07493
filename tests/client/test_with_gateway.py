"""The real client against the real gateway: at a terminal and through pipes."""

import asyncio
import json
import shutil
import subprocess
import termios
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.client.at_gateways import ann_at, said_in, witness
from tests.harness.deadlines import DEADLINE_FACTOR
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.terminal import CTRL_C, CTRL_D, CTRL_R, ENTER, UP, Terminal, client_command, client_environ, terminal

pytestmark = pytest.mark.slow

PIPE_LIMIT_S = 30.0 * DEADLINE_FACTOR


def at(gateway: GatewayProcess, *more: str, nick: str = "ann") -> list[str]:
    """Arguments for a client of that gateway."""
    return ["--room", "tea", "--nick", nick, "--server", f"{gateway.host}:{gateway.port}", *more]


def piped(home: Path, text: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the client with `text` on its standard input."""
    return subprocess.run(
        client_command(*arguments),
        input=text,
        text=True,
        capture_output=True,
        env=client_environ(home),
        timeout=PIPE_LIMIT_S,
        check=False,
    )


def ready(person: Terminal) -> None:
    """Wait until the person is in the room."""
    person.sees("ann joined")
    person.prompts("[ann #tea]")


def test_a_chat(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Two people talk: text, actions, mentions, topic, leaving; what was said before is shown on entering."""
    piped(tmp_path / "early", "before you came\n", *at(gateway, nick="eve"))
    with terminal(tmp_path / "a", *at(gateway)) as ann, ExitStack() as later:
        ann.sees("eve | before you came")
        ready(ann)
        bob = later.enter_context(terminal(tmp_path / "b", *at(gateway, nick="bob")))
        ann.sees("bob joined")
        bob.sees(" 2 people")
        bob.prompts("[bob #tea]")
        bob.type("hello ann" + ENTER)
        ann.sees("*         bob | hello ann")
        ann.type("/me waves" + ENTER)
        bob.sees("* | ann waves")
        ann.type("/topic Assam" + ENTER)
        bob.sees("ann set the topic: Assam")
        bob.type("/quit lunch" + ENTER)
        assert bob.exit_code() == 0
        ann.sees("bob left")


def test_exit_asks_first(gateway: GatewayProcess, tmp_path: Path) -> None:
    """`exit`, Ctrl-C and Ctrl-D ask; no stays and sends nothing; Ctrl-C clears a line; yes leaves with 0."""
    with terminal(tmp_path, *at(gateway)) as ann:
        ready(ann)
        for ask in ("exit" + ENTER, CTRL_C, CTRL_D):
            ann.type(ask)
            ann.prompts("Leave chat? [y/N]")
            ann.type("n" + ENTER)
            ann.prompts("[ann #tea]")
        ann.type("half a line")
        ann.prompts("[ann #tea] half a line")
        ann.type(CTRL_C)
        ann.prompts("[ann #tea]")
        ann.type("/say exit" + ENTER)
        ann.sees("ann | exit")
        ann.prompts("[ann #tea]")
        assert sum("ann |" in row for row in ann.rows) == 1
        ann.type("exit" + ENTER)
        ann.prompts("Leave chat? [y/N]")
        ann.type("YES" + ENTER)
        assert ann.exit_code() == 0


async def test_a_killed_gateway_costs_no_line_and_doubles_none(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The loss is told at once, typing goes on, and everything typed arrives once, in order, when it is back."""
    with terminal(tmp_path, *at(gateway)) as ann:
        ready(ann)
        ann.type("one" + ENTER)
        ann.sees("ann | one")
        gateway.kill()
        ann.sees(f"connection to {gateway.host}:{gateway.port} lost;")
        ann.sees("NO CONNECTION for")
        for line in ("two", "three"):
            ann.type(line)
            ann.prompts(f"[ann #tea] {line}")
            ann.type(ENTER)
        ann.sees("ann | three  (will be sent)")
        ann.sees("OFFLINE")
        gateway.restart()
        ann.sees("back on ")
        ann.prompts("[ann #tea]")
        assert [row.partition(" | ")[2] for row in ann.rows if " ann | " in row] == ["one", "two", "three"]
    assert await said_in(gateway, "tea", "bob") == ["one", "two", "three"]


async def test_what_was_missed_is_caught_up(
    two_gateways: tuple[GatewayProcess, GatewayProcess], tmp_path: Path
) -> None:
    """One gateway dies: the client moves to the other, shows what was said meanwhile once, and counts it."""
    one, two = two_gateways
    async with await IrcPeer.connect(two.host, two.port, "bob") as bob:
        await bob.send("JOIN #tea")
        with terminal(tmp_path, *ann_at(one, two)) as ann:
            ready(ann)
            await bob.send("PRIVMSG #tea :before")
            ann.sees("bob | before")
            one.kill()
            await bob.send("PRIVMSG #tea :meanwhile")
            await bob.barrier()
            ann.sees(f"back on {two.host}:{two.port}")
            assert sum("bob | meanwhile" in row for row in ann.rows) == 1
            assert sum("bob | before" in row for row in ann.rows) == 1


def test_lines_typed_before_the_first_connection_are_sent(gateway: GatewayProcess, tmp_path: Path) -> None:
    """No gateway yet: typing works, and so does leaving; what was typed is kept and sent by the next run."""
    gateway.kill()
    with terminal(tmp_path, *at(gateway)) as ann:
        ann.sees("NO CONNECTION")
        ann.type("early" + ENTER)
        ann.sees("ann | early  (will be sent)")
        ann.type(CTRL_D)
        ann.prompts("Leave chat? [y/N]")
        ann.type("y" + ENTER)
        assert ann.exit_code() == 0
        ann.sees("not confirmed: 1; kept")
    gateway.restart()
    with terminal(tmp_path, *at(gateway)) as ann:
        ann.sees("ann | early")


def test_history_of_typed_lines_is_private_and_survives(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Up and Ctrl-R bring lines of the run before; the files are 0600 in a folder 0700; answers are not kept."""
    for number in (1, 2):
        with terminal(tmp_path, *at(gateway)) as ann:
            ready(ann)
            if number == 1:
                ann.type("first typed" + ENTER)
                ann.sees("ann | first typed")
                ann.type("second typed" + ENTER)
                ann.sees("ann | second typed")
                ann.type("exit" + ENTER)
                ann.prompts("Leave chat? [y/N]")
                ann.type("y" + ENTER)
                assert ann.exit_code() == 0
            else:
                ann.type(UP + UP)
                ann.prompts("[ann #tea] second typed")
                ann.type(CTRL_C)
                ann.prompts("[ann #tea]")
                ann.type(CTRL_R + "first")
                ann.sees("first typed")
    folder = tmp_path / "state" / "chat-client"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert "+y\n" not in (folder / "history").read_text()


@pytest.mark.parametrize(("signal", "code"), [("TERM", 143), ("HUP", 129), ("INT", 130)])
def test_signals_leave_a_sane_terminal(gateway: GatewayProcess, tmp_path: Path, signal: str, code: int) -> None:
    """The client ends with 128 + number, the terminal echoes and edits lines again, the outbox is on disk."""
    with terminal(tmp_path, *at(gateway)) as ann:
        before = termios.tcgetattr(ann.child.fileno())[3]
        ready(ann)
        gateway.kill()
        ann.sees("OFFLINE")
        ann.type("kept" + ENTER)
        ann.sees("ann | kept  (will be sent)")
        subprocess.run(["kill", f"-{signal}", str(ann.child.pid)], check=True)
        assert ann.exit_code() == code
        after = termios.tcgetattr(ann.child.fileno())[3]
        assert after & (termios.ECHO | termios.ICANON) == before & (termios.ECHO | termios.ICANON)
        assert b"\x1b[?2004l" in ann.written[-200:] or b"\x1b[?2004h" not in ann.written
    (outbox,) = (tmp_path / "state" / "chat-client").glob("*.outbox")
    assert [json.loads(line)["text"] for line in outbox.read_text().splitlines()] == ["kept"]


async def test_text_of_others_cannot_control_the_terminal(gateway: GatewayProcess, tmp_path: Path) -> None:
    """An escape sequence in a message is shown, not obeyed."""
    async with await IrcPeer.connect(gateway.host, gateway.port, "eve") as eve:
        await eve.send("JOIN #tea")
        with terminal(tmp_path, *at(gateway)) as ann:
            ready(ann)
            await eve.send("PRIVMSG #tea :\x1b]0;owned\x07\x1b[2J boo")
            ann.sees("eve | ^[]0;owned^G^[[2J boo")
            assert b"\x1b]0;owned" not in ann.written


def test_no_color_is_honoured(gateway: GatewayProcess, tmp_path: Path) -> None:
    """NO_COLOR: no colour is ever set; without it there is one."""
    for name, environ in (("with", {}), ("without", {"NO_COLOR": "1"})):
        with terminal(tmp_path / name, *at(gateway), **environ) as ann:
            ready(ann)
            coloured = b"\x1b[0;90m" in ann.written
            assert coloured is (name == "with")
            ann.type("/quit" + ENTER)
            ann.exit_code()


@pytest.mark.parametrize("how", ["flag", "dumb"])
def test_plain_is_append_only(gateway: GatewayProcess, tmp_path: Path, how: str) -> None:
    """--plain and TERM=dumb: not one escape sequence, and the same questions."""
    flags, environ = (["--plain"], {}) if how == "flag" else ([], {"TERM": "dumb"})
    with terminal(tmp_path, *at(gateway, *flags), **environ) as ann:
        ann.sees("ann joined")
        ann.type("hello\n")
        ann.sees(" ann: hello")
        for ask in ("exit\n", CTRL_C, CTRL_D):
            ann.type(ask)
            ann.until(lambda rows: rows[-1].endswith("Leave chat? [y/N]"), "the question")
            ann.type("\n")
            ann.until(lambda rows: rows[-1] == "#tea>", "the prompt")
        ann.type("exit\n")
        ann.until(lambda rows: rows[-1].endswith("Leave chat? [y/N]"), "the question")
        ann.type("y\n")
        assert ann.exit_code() == 0
        assert b"\x1b" not in ann.written


@pytest.mark.slow
def test_a_pipe_sends_its_lines_and_ends(gateway: GatewayProcess, tmp_path: Path) -> None:
    """End of input: everything is acknowledged, in order, and the code is 0; the output is plain lines."""
    lines = [
        f"line {number}" for number in range(80)
    ]  # more than the gateway takes at once: some are refused, and tried again
    done = piped(tmp_path / "a", "\n".join(lines), *at(gateway))
    assert done.returncode == 0, done.stdout + done.stderr
    said = [row.partition(" ann: ")[2] for row in done.stdout.splitlines() if " ann: " in row]
    assert said == lines
    assert "\x1b" not in done.stdout


def test_a_pipe_can_exit_like_a_person(gateway: GatewayProcess, tmp_path: Path) -> None:
    """`exit` and a no go on; `exit` and a yes end before the lines behind it."""
    done = piped(tmp_path, "one\nexit\n\ntwo\nexit\ny\nthree\n", *at(gateway))
    assert done.returncode == 0
    assert "Leave chat? [y/N]" in done.stdout
    assert [row.partition(" ann: ")[2] for row in done.stdout.splitlines() if " ann: " in row] == ["one", "two"]


def test_a_long_line_arrives_whole(gateway: GatewayProcess, tmp_path: Path) -> None:
    """It is cut on word borders, and no word is lost."""
    words = [f"word{number}" for number in range(300)]
    done = piped(tmp_path, " ".join(words) + "\n", *at(gateway))
    said = [row.partition(" ann: ")[2] for row in done.stdout.splitlines() if " ann: " in row]
    assert len(said) > 1
    assert " ".join(said).split() == words


def test_a_taken_nick_is_replaced(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The second ann is ann_, and is told so."""
    with terminal(tmp_path / "a", *at(gateway)) as ann:
        ready(ann)
        done = piped(tmp_path / "b", "hi\n", *at(gateway))
        assert done.returncode == 0
        assert "trying ann_" in done.stdout
        ann.sees("ann_ | hi")


def test_a_room_shows_its_transcript_without_a_network(gateway: GatewayProcess, tmp_path: Path) -> None:
    """What an earlier run has seen is there at once; the cache is the user's alone."""
    piped(tmp_path / "early", "said before\n", *at(gateway, nick="eve"))
    with terminal(tmp_path, *at(gateway)) as ann:
        ready(ann)
        ann.type("/quit" + ENTER)
        assert ann.exit_code() == 0
    gateway.kill()
    with terminal(tmp_path, *at(gateway)) as ann:
        ann.sees("eve | said before")
        ann.sees("OFFLINE")
    folder = tmp_path / "data" / "chat-client"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


async def test_a_server_that_knows_nothing_of_before_is_talked_to(tmp_path: Path) -> None:
    """Another network at the same address, or one that has lost its data: the last line seen is not there, and what
    is said from now on is shown all the same."""
    server = GatewayProcess(state_dir=tmp_path / "state").start()
    try:
        with terminal(tmp_path / "ann", *at(server)) as ann:
            await asyncio.to_thread(ready, ann)
            async with witness(server) as bob:
                await bob.send("PRIVMSG #tea :said before")
                await asyncio.to_thread(ann.sees, "bob | said before")
            await asyncio.to_thread(server.kill)
            shutil.rmtree(tmp_path / "state")
            await asyncio.to_thread(server.restart)
            async with witness(server) as bob:
                await asyncio.to_thread(ann.type, "said afterwards" + ENTER)
                await bob.expect("PRIVMSG", deadline_s=20 * DEADLINE_FACTOR)
                await bob.send("PRIVMSG #tea :and answered")
                await asyncio.to_thread(ann.sees, "bob | and answered")
    finally:
        server.stop()


async def test_search_finds_what_is_only_on_the_server(tmp_path: Path) -> None:
    """400 lines, of which the newest 50 are here: the needle near the beginning is found, and nothing moves."""
    server = GatewayProcess(state_dir=tmp_path / "state", limits="off").start()
    try:
        async with await IrcPeer.connect(server.host, server.port, "bob") as bob:
            await bob.send("JOIN #tea")
            await bob.send(*(f"PRIVMSG #tea :{'the needle' if n == 7 else f'hay {n}'}" for n in range(400)))
            await bob.barrier()
            with terminal(tmp_path / "ann", *at(server)) as ann:
                await asyncio.to_thread(ready, ann)
                await asyncio.to_thread(ann.type, "/search needle" + ENTER)
                await asyncio.to_thread(ann.sees, "bob: the needle")
                await asyncio.to_thread(ann.sees, "1 line has 'needle'")
    finally:
        server.stop()


async def test_a_room_gets_another_name(two_gateways: tuple[GatewayProcess, GatewayProcess], tmp_path: Path) -> None:
    """While we look, while our gateway is dead, before we start again: the talk goes on under the new name, with
    all that was said, and what was typed meanwhile arrives."""
    one, two = two_gateways
    async with await IrcPeer.connect(two.host, two.port, "bob") as bob:
        with terminal(tmp_path, *ann_at(one, two)) as ann:
            ready(ann)
            await bob.send("JOIN #tea")
            ann.sees("bob joined")
            await bob.send("PRIVMSG #tea :under the old name")
            ann.sees("bob | under the old name")
            ann.type("/rename coffee no more tea" + ENTER)
            ann.sees("ann renamed #tea to #coffee: no more tea")
            ann.prompts("[ann #coffee]")
            ann.type("/mode +o bob" + ENTER)
            ann.sees("+o bob")
            one.kill()
            ann.sees("lost; trying again")
            ann.type("typed meanwhile" + ENTER)
            await bob.send("RENAME #coffee #water")
            ann.prompts("[ann #water]")  # by RENAME, or by the answer to JOIN where the dead gateway had noted no place
            heard = await bob.expect(lambda m: m.params[-1] == "typed meanwhile")
            assert heard.params[0] in {"#coffee", "#water"}  # it was quicker than bob, or not
            assert sum("bob | under the old name" in row for row in ann.rows) == 1
            ann.type("/quit" + ENTER)
            assert ann.exit_code() == 0
        with terminal(tmp_path, *ann_at(two)) as ann:
            ann.sees("#tea is called #water now")
            ann.prompts("[ann #water]")
            ann.sees("ann | typed meanwhile")
            assert sum("bob | under the old name" in row for row in ann.rows) == 1
