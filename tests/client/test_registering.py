"""/register and /verify. Source: IRCv3 draft/account-registration."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.client.at_gateways import ann_at
from tests.client.play import Play
from tests.harness.gateway_process import GatewayProcess
from tests.harness.screen_inside import Desk, screen_inside
from tests.harness.smtp_server import SmtpSite
from tests.harness.terminal import CTRL_C, ENTER, UP, terminal

SENT = ":irc REGISTER VERIFICATION_REQUIRED ann :A code was mailed to ann@example.org"
SECRET = "sesame-street"


def in_tea() -> Play:
    """Ann, in a room."""
    play = Play()
    play.connect("standard-replies")
    play.enter()
    play.seen()
    play.said()
    return play


def test_an_account_that_is_there_at_once() -> None:
    """It is named as our nick; what the server says of it is told."""
    play = in_tea()
    play.console.typed(f"/register * {SECRET}")
    assert play.said() == [f"REGISTER * * {SECRET}"]
    play.hear(":irc REGISTER SUCCESS ann :Account registered", ":irc 900 ann ann!a@h ann :You are now logged in as ann")
    assert play.seen() == ["-- Account registered", "-- You are now logged in as ann"]


def test_an_account_that_waits_for_its_code() -> None:
    """ "further action is required ... as explained in the human-readable <message>": that, and what to type, are told;
    the code is said for the account that waits, or for one that is named."""
    play = in_tea()
    play.console.typed(f"/register ann@example.org {SECRET}")
    assert play.said() == [f"REGISTER * ann@example.org {SECRET}"]
    play.hear(SENT, ":ann!a@h NICK ann_")
    assert play.seen()[:2] == [
        "-- A code was mailed to ann@example.org",
        "-- the account ann is not made yet: type /verify and the code",
    ]
    for typed, sent in (("/verify ab-cd", "VERIFY ann ab-cd"), ("/verify bob ab-cd", "VERIFY bob ab-cd")):
        play.console.typed(typed)
        assert play.said() == [sent]
    play.seen()
    play.hear(":irc FAIL VERIFY INVALID_CODE ann :It is wrong", ":irc VERIFY SUCCESS ann :Account registered")
    assert play.seen() == ["-- It is wrong", "-- Account registered"]


@pytest.mark.parametrize("line", [f"/register * {SECRET}", "/verify ab-cd"])
def test_without_a_connection(line: str) -> None:
    """Nothing of it waits for one: it is given back to the input, and not shown."""
    play = in_tea()
    play.chat.lost()
    play.seen()
    play.console.typed(line)
    assert play.console.refused
    assert play.seen() == ["-- there is no connection now"]


def files_with_the_secret(folder: Path) -> list[Path]:
    """The files below a folder that have it."""
    return [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "given_back", "before"),
    [
        (f"/register * {SECRET}", False, "said before"),
        (f"/reg {SECRET}", True, "said before"),
        (f"/join #ops {SECRET}", False, f"/join #ops {SECRET}"),
        (f"/mode +k {SECRET}", False, f"/mode +k {SECRET}"),
    ],
)
async def test_a_secret_is_in_no_file(tmp_path: Path, line: str, given_back: bool, before: str) -> None:
    """Neither while it is typed nor after, nor where it is given back; and Up brings no password up again."""
    desk = Desk("#tea")
    desk.connect()
    desk.enter("#tea")
    async with screen_inside(desk, state_dir=tmp_path) as screen:
        screen.type("said before" + ENTER)
        await screen.input_is("[ann #tea]")
        screen.type(line)
        await screen.input_is(f"[ann #tea] {line}")
        screen.ui._line.keep()  # as each second does
        screen.ui._drafts.save()
        assert files_with_the_secret(tmp_path) == []
        screen.type(ENTER)
        if given_back:
            await screen.sees("usage: /register")
            screen.type(CTRL_C)
        await screen.input_is("[ann #tea]")
        screen.type(UP)
        await screen.input_is(f"[ann #tea] {before}")
    assert (tmp_path / "history").exists()
    assert files_with_the_secret(tmp_path) == []


@pytest.mark.slow
async def test_at_a_terminal(tmp_path: Path) -> None:
    """From the command to the mail to the account, with the real gateway and a real mail server; the password is on no
    disk then."""
    async with SmtpSite.running() as site:
        url = f"smtp://127.0.0.1:{site.port}?starttls=off"
        gateway = GatewayProcess(state_dir=tmp_path / "state", smtp_url=url, email_from="chat@example.net")
        await asyncio.to_thread(gateway.start)
        try:
            with terminal(tmp_path / "home", *ann_at(gateway)) as ann:
                await asyncio.to_thread(ann.sees, "ann joined")
                await asyncio.to_thread(ann.type, f"/register ann@example.org {SECRET}" + ENTER)
                await asyncio.to_thread(ann.sees, "the account ann is not made yet: type /verify and the code")
                code = re.search(r"/verify ann \S+", (await site.next_mail()).get_content())
                assert code
                await asyncio.to_thread(ann.type, code[0] + ENTER)
                await asyncio.to_thread(ann.sees, "You are now logged in as ann")
                await asyncio.to_thread(ann.type, "/quit" + ENTER)
                assert await asyncio.to_thread(ann.exit_code) == 0
        finally:
            await asyncio.to_thread(gateway.stop)
    assert files_with_the_secret(tmp_path / "home") == []
