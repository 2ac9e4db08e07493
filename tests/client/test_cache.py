"""What was said, kept on disk between runs."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client.cache import MAX_ROOMS, TRIM_EVERY_LINES, Cache
from client.line import Kind, RoomLine
from tests.client.play import Play


def line(number: int, room: str = "#tea", **more: Any) -> RoomLine:
    """A line of bob's, known by its number."""
    fields: dict[str, Any] = {"nick": "bob", "text": f"line {number}", "kind": Kind.MESSAGE, **more}
    return RoomLine(room=room, time_ms=number, ident=f"m{number}", msgid=f"m{number}", **fields)


def test_lines_come_back_in_order_and_as_history(tmp_path: Path) -> None:
    """Each field; the room in any case."""
    cache = Cache(tmp_path / "c.sqlite")
    kick = line(2, kind=Kind.KICK, subject="eve", own=True, text="\x1b[2J spam 日本")
    for item in (kick, line(1), line(1)):
        cache.add(item)
    cache.close()
    again = Cache(tmp_path / "c.sqlite")
    first, second = again.lines("#TEA", 1000)
    assert (first.text, first.replayed) == ("line 1", True)
    assert (second.kind, second.subject, second.own, second.text) == (Kind.KICK, "eve", True, kick.text)
    again.close()


def test_what_cannot_be_told_from_others_is_not_kept(tmp_path: Path) -> None:
    """Without msgid and time a line would be there twice."""
    cache = Cache(tmp_path / "c.sqlite")
    cache.add(RoomLine(room="#tea", kind=Kind.MESSAGE, nick="bob", text="hi", time_ms=1))
    assert cache.lines("#tea", 1000) == []
    cache.close()


def test_it_is_bounded(tmp_path: Path) -> None:
    """The newest lines of a room stay, and the rooms heard last."""
    cache = Cache(tmp_path / "c.sqlite", limit_lines=10)
    for number in range(TRIM_EVERY_LINES + 1):
        cache.add(line(number))
    for number in range(MAX_ROOMS - 1):
        cache.add(line(10_000 + number, room=f"#room{number}"))
    cache.save()
    with sqlite3.connect(tmp_path / "c.sqlite") as database:
        (count,) = database.execute("SELECT count(*) FROM lines WHERE room = '#tea'").fetchone()
    database.close()
    assert count == 10
    assert [item.time_ms for item in cache.lines("#tea", 1000)] == list(
        range(TRIM_EVERY_LINES - 9, TRIM_EVERY_LINES + 1)
    )
    cache.add(line(20_000, room="#one-more"))
    assert cache.lines("#tea", 1000) == [], "the room heard longest ago goes while the client runs"
    cache.close()
    again = Cache(tmp_path / "c.sqlite", limit_lines=10)
    assert again.lines("#tea", 1000) == []
    assert len(again.lines("#room0", 1000)) == 1
    again.close()


def test_private_talks_are_named_newest_last(tmp_path: Path) -> None:
    """The newest few of them."""
    cache = Cache(tmp_path / "c.sqlite")
    for number, nick in enumerate(("Bob", "eve", "dave", "Bob")):
        cache.add(line(number, room=nick))
    cache.add(line(9))
    assert cache.talks(2) == ["dave", "Bob"]
    cache.close()


def test_files_are_private(tmp_path: Path) -> None:
    """Mode 0600 for the file and its log, whatever the umask says."""
    before = os.umask(0)
    try:
        cache = Cache(tmp_path / "c.sqlite")
        cache.add(line(1))
        cache.save()
        assert len(list(tmp_path.iterdir())) > 1
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
        cache.close()
    finally:
        os.umask(before)


@pytest.mark.parametrize("content", [b"this is no database" * 100, b""])
def test_a_broken_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    """It is only a copy."""
    (tmp_path / "c.sqlite").write_bytes(content)
    cache = Cache(tmp_path / "c.sqlite")
    cache.add(line(1))
    assert len(cache.lines("#tea", 1000)) == 1
    cache.close()


def test_a_file_of_another_version_is_begun_anew(tmp_path: Path) -> None:
    """As after going back to an older client."""
    database = sqlite3.connect(tmp_path / "c.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    cache = Cache(tmp_path / "c.sqlite")
    cache.add(line(1))
    assert len(cache.lines("#tea", 1000)) == 1
    cache.close()


def test_no_place_to_keep_it_costs_nothing_else(tmp_path: Path) -> None:
    """A folder that is not there."""
    cache = Cache(tmp_path / "none" / "c.sqlite")
    cache.add(line(1))
    cache.save()
    assert cache.lines("#tea", 1000) == []
    assert cache.talks(5) == []
    cache.close()


def test_a_killed_client_keeps_what_was_saved(tmp_path: Path) -> None:
    """SIGKILL right after `save`."""
    script = (
        "import os, signal, sys, pathlib\n"
        "from client.cache import Cache\n"
        "from tests.client.test_cache import line\n"
        "cache = Cache(pathlib.Path(sys.argv[1]))\n"
        "cache.add(line(1))\n"
        "cache.save()\n"
        "cache.add(line(2))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "c.sqlite")], check=False, timeout=20)
    assert done.returncode == -signal.SIGKILL
    cache = Cache(tmp_path / "c.sqlite")
    assert [item.time_ms for item in cache.lines("#tea", 1000)] == [1]
    cache.close()


def test_a_room_shows_its_transcript_before_there_is_a_network(tmp_path: Path) -> None:
    """And catching up goes on from its last line; what comes twice is one row."""
    caches = [Cache(tmp_path / "c.sqlite")]
    first = Play(cache=caches[0])
    first.connect()
    first.enter("#tea", "@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea hello")
    first.hear("@msgid=m2;time=2026-01-01T00:00:01.000Z :eve!e@h PRIVMSG ann psst")
    first.chat.save()
    caches.append(Cache(tmp_path / "c.sqlite"))
    play = Play(cache=caches[1])
    assert play.seen() == ["eve: psst", "bob: hello"]
    assert "eve" in play.chat.transcripts
    play.connect()
    play.hear(":ann!a@h JOIN #tea")
    assert any("CHATHISTORY AFTER #tea msgid=m1 100" in line for line in play.said())
    play.enter("#tea", "@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea hello", token="history-1-1")
    assert "bob: hello" not in play.seen()
    for cache in caches:
        cache.close()
