"""Lines that answer another. Source: https://ircv3.net/specs/client-tags/reply."""

import json
import sqlite3
from pathlib import Path

import pytest

from client.cache import Cache
from client.outbox import Outbox
from client.render import plain
from client.ui.ascii import plainer
from client.ui.rows import Look
from client.ui.script import _object
from client.ui.viewport import Viewport
from tests.client.play import Play
from tests.harness.screen_inside import Desk, screen_inside

CAP = "draft/message-redaction"
ASKED = "@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea :can you look?"
ANSWERED = "@msgid=m2;time=2026-01-01T00:01:00.000Z;+reply=m1 :eve!e@h PRIVMSG #tea :on it"


def in_tea(*lines: str, cache: Cache | None = None, outbox: Outbox | None = None) -> Play:
    """Ann in #tea, where these lines have come."""
    play = Play(cache=cache, outbox=outbox)
    play.connect(CAP)
    play.enter()
    play.hear(*lines)
    play.said()
    return play


def screen(play: Play, width: int = 60) -> list[str]:
    """What the full screen has of these lines."""
    texts = [plain(row) for row in Viewport(play.chat.transcripts["#tea"]).page(Look("ann", width), 20).rows]
    begun = next(number for number, text in enumerate(texts) if "January 2026" in text)
    return [text.partition(" | ")[2] if width > 50 else text for text in texts[begun + 1 :]]


def test_what_is_answered_stands_above_the_answer() -> None:
    """In one row, cut where it is too long; in narrow windows too; without symbols where there are none."""
    play = in_tea(ASKED, ANSWERED)
    assert screen(play) == ["can you look?", "↳ bob: can you look?", "on it"]
    assert screen(play, 40) == ["bob: can you look?", "  ↳ bob: can you look?", "eve: on it"]
    assert screen(play, 30)[1] == "  ↳ bob: can you look?"
    assert plainer(("", screen(play)[1]))[1].isascii()
    long = in_tea(ASKED.replace("can you look?", "x" * 300), ANSWERED)
    assert len(screen(long)) > 3
    assert [row for row in screen(long) if row.startswith("↳ bob: xxx") and len(row) <= 60 - 22]


@pytest.mark.parametrize("tag", ["+reply", "+draft/reply"])
def test_either_name_of_the_tag(tag: str) -> None:
    """The one that was ratified, and the one before."""
    assert screen(in_tea(ASKED, ANSWERED.replace("+reply", tag)))[1] == "↳ bob: can you look?"


def test_what_is_not_here_is_not_quoted() -> None:
    """Nor a msgid that nobody could keep; once the line has come it is."""
    play = in_tea(ANSWERED, ANSWERED.replace("m2", "m3").replace("=m1", "=" + "m" * 300))
    assert screen(play) == ["↳ an earlier line", "on it", "on it"]
    play.hear(ASKED)
    assert screen(play)[:3] == ["can you look?", "↳ bob: can you look?", "on it"]


def test_what_was_deleted_is_quoted_no_more() -> None:
    """Not even by a screen that has shown it, nor the answer itself when that is deleted."""
    play = in_tea(ASKED, ANSWERED)
    viewport, look = Viewport(play.chat.transcripts["#tea"]), Look("ann", 60)
    assert "can you look?" in plain(viewport.page(look, 20).rows[-2])
    play.hear(":bob!b@h REDACT #tea m1")
    rows = [plain(row) for row in viewport.page(look, 20).rows]
    assert [row for row in rows if row.endswith("↳ a deleted line")]
    assert not any("can you look" in row for row in rows)
    play.hear(":eve!e@h REDACT #tea m2")
    assert not any("↳" in row for row in screen(play))


def test_text_of_others_is_only_text() -> None:
    """Also as a quotation: nothing of it moves the cursor, and it is one row."""
    play = in_tea(ASKED.replace("can you look?", "a\x1b[2J\tb"), ANSWERED)
    assert screen(play)[1] == "↳ bob: a^[[2J b"


def test_in_lines_and_for_scripts() -> None:
    """In brackets in front of the line; as a field of its own in JSON, which no other line has."""
    desk = Desk("#tea")
    desk.connect()
    desk.enter("#tea")
    desk.hear(ASKED, ANSWERED)
    lines = [plain(row).partition(" ")[2] for row in desk.screen.fresh()]
    assert lines[-2:] == ["bob: can you look?", "[bob: can you look?] eve: on it"]
    asked, answered = (desk.chat.transcripts.line("#tea", msgid) for msgid in ("m1", "m2"))
    assert asked is not None
    assert answered is not None
    assert json.loads(_object(answered))["reply_to"] == "m1"
    assert "reply_to" not in json.loads(_object(asked))


def test_it_is_kept_on_disk(tmp_path: Path) -> None:
    """And what a client before this one has kept is there still."""
    cache = Cache(tmp_path / "c.sqlite")
    in_tea(ASKED, ANSWERED, cache=cache)
    cache.close()
    with sqlite3.connect(tmp_path / "c.sqlite") as old:
        old.execute("ALTER TABLE lines DROP COLUMN reply_to")
        old.execute("PRAGMA user_version = 2")
    old.close()
    again = Cache(tmp_path / "c.sqlite")
    assert [line.reply_to for line in again.lines("#tea", 10) if line.nick != "ann"] == ["", ""]
    in_tea(ANSWERED.replace("m2", "m3").replace("00:01", "00:02"), cache=again)
    again.close()
    last = Cache(tmp_path / "c.sqlite")
    assert [line.reply_to for line in last.lines("#tea", 10) if line.nick != "ann"] == ["", "", "m1"]
    last.close()


def test_an_answer_is_sent_as_one(tmp_path: Path) -> None:
    """/reply, to what somebody said last; it waits on disk as any line does, and is sent again as the same answer."""
    outbox = Outbox(tmp_path / "outbox")
    play = in_tea(ASKED, ANSWERED, outbox=outbox)
    play.console.typed("/reply BOB yes, now")
    (sent,) = play.said()
    assert sent.startswith("@")
    assert "+reply=m1" in sent.partition(" ")[0].removeprefix("@").split(";")
    assert sent.endswith(" PRIVMSG #tea :yes, now")
    play.chat.lost()
    outbox.close()
    kept = Outbox(tmp_path / "outbox")
    assert [line.reply_to for line in kept] == ["m1"]
    kept.close()
    play.seen()
    play.console.typed("/reply mallory hm")
    assert play.console.refused
    assert play.seen() == ["-- mallory has said nothing here that can be answered"]


def test_a_server_without_tags() -> None:
    """Gets the text alone."""
    play = Play()
    play.chat.opened("irc:6667")
    play.hear(":irc CAP * LS :echo-message", ":irc CAP ann ACK :echo-message", ":irc 001 ann :Welcome")
    play.hear(":ann!a@h JOIN #tea", ":irc PONG irc history-1-1")
    play.said()
    play.chat.say("yes", reply_to="m1")
    assert play.said()[0] == "PRIVMSG #tea yes"


@pytest.mark.slow
async def test_on_the_screen() -> None:
    """From the key to the row, and back when it is echoed."""
    desk = Desk("#tea")
    desk.connect()
    desk.enter("#tea", "@ann bob")
    desk.hear(desk.line(desk.now_ms - 1, "bob", "can you look?"))
    async with screen_inside(desk) as screen:
        screen.type("/reply b\t")
        await screen.input_is("[ann #tea] /reply bob")
        screen.type("on it\r")
        await screen.sees("~         ann | on it  (sending)")
        desk.echo()
        await screen.sees("| ↳ bob: can you look?")
        await screen.sees("ann | on it")
