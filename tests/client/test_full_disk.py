"""A disk that takes nothing more: the chat goes on in memory, the person is told once, and what was on disk stays."""

from pathlib import Path

import pexpect
import pytest

from client.cache import Cache
from client.disk import Disk
from client.ignores import Ignores
from client.outbox import Outbox, OutboxLine, open_outbox
from client.resumption import Resumption
from client.ui.drafts import Drafts
from client.ui.history import InputHistory
from tests.client.play import Play
from tests.client.test_cache import line as cached
from tests.client.test_process import NOWHERE
from tests.harness.full_disk import full_disk, without_room
from tests.harness.terminal import ENTER, Terminal, client_command, client_environ, terminal


def line(key: str) -> OutboxLine:
    """A line to #tea."""
    return OutboxLine(key=key, target="#tea", text="hello", time_ms=1)


def kept(folder: Path) -> list[str]:
    """The keys that the next run takes up."""
    outbox = open_outbox(folder, "ann")
    keys = [left.key for left in outbox]
    outbox.close()
    return keys


def test_what_is_typed_is_told_to_be_in_memory_only_and_still_goes_out(tmp_path: Path) -> None:
    """One note for all lines; the server gets them; when there is room again they are on disk, and that is told too."""
    disk = Disk()
    outbox = open_outbox(tmp_path, "ann", disk)
    play = Play(outbox=outbox)
    play.chat.disk = disk
    with full_disk():
        play.console.typed("one")
        play.console.typed("two")
    (told,) = [row for row in play.seen() if "not kept" in row]
    assert told == "-- not kept on disk for now: unsent lines (file too large); the chat goes on"
    assert len(outbox) == 2
    play.chat.save()
    assert "-- kept on disk again: unsent lines" in play.seen()
    play.connect()
    play.enter()
    assert any("PRIVMSG #tea one" in text for text in play.said())
    outbox.close()
    assert kept(tmp_path) == ["k1", "k2"]


@pytest.mark.parametrize("room_bytes", [10, 120, 300])
def test_a_record_that_was_cut_short_spoils_no_other(tmp_path: Path, room_bytes: int) -> None:
    """The disk takes a part of a record: the journal is written anew as soon as that is possible."""
    outbox = open_outbox(tmp_path, "ann")
    outbox.append(line("1"))
    with full_disk((tmp_path / "ann.outbox").stat().st_size + room_bytes):
        for key in ("2", "3", "4"):
            outbox.append(line(key))
    outbox.append(line("5"))
    outbox.close()
    assert kept(tmp_path) == ["1", "2", "3", "4", "5"]


def test_a_start_without_room_has_what_was_left(tmp_path: Path) -> None:
    """The journal cannot be written anew, but it is read, and stays what it was."""
    outbox = open_outbox(tmp_path, "ann")
    outbox.append(line("1"))
    outbox.close()
    with full_disk():
        again = Outbox(tmp_path / "ann.outbox")
        again.append(line("2"))
        assert [left.key for left in again] == ["1", "2"]
        again.close()
    assert kept(tmp_path) == ["1"]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".lock", ".outbox"], "nothing half-written is left"


def test_a_transcript_that_cannot_be_kept_can_still_be_read(tmp_path: Path) -> None:
    """What is on disk stays, is shown and searched; new lines are in memory only, and that is told once."""
    disk = Disk()
    cache = Cache(tmp_path / "c.sqlite", disk=disk)
    for number in range(200):
        cache.add(cached(number))
    cache.save()
    with full_disk((tmp_path / "c.sqlite-wal").stat().st_size):
        for number in range(200, 20_000):
            cache.add(cached(number))
            if number % 1000 == 0:
                cache.save()
        assert disk.news() == ["not kept on disk for now: what is said (its file cannot be written); the chat goes on"]
        assert len(cache.lines("#tea", 200)) == 200
        cache.close()
    again = Cache(tmp_path / "c.sqlite")
    assert {item.time_ms for item in again.lines("#tea", 30_000)} >= set(range(200))
    again.close()


def test_an_existing_transcript_outlives_a_start_without_room(tmp_path: Path) -> None:
    """It is no broken file, so it is not begun anew."""
    cache = Cache(tmp_path / "c.sqlite")
    cache.add(cached(1))
    cache.close()
    with full_disk():
        full = Cache(tmp_path / "c.sqlite", disk=Disk())
        full.add(cached(2))
        full.close()
    again = Cache(tmp_path / "c.sqlite")
    assert cached(1).ident in {item.ident for item in again.lines("#tea", 10)}
    again.close()


def test_drafts_history_ignores_and_the_session_go_on_in_memory(tmp_path: Path) -> None:
    """Each is told once, and each is written as soon as there is room."""
    disk = Disk()
    drafts, history = Drafts(tmp_path / "drafts", disk), InputHistory(tmp_path / "history", disk)
    ignores, session = Ignores(tmp_path / "ignored", disk), Resumption(tmp_path / "session", disk)
    with full_disk():
        for _ in range(2):
            drafts["#tea"] = "half a thought"
            drafts.save()
            history.append_string("typed")
            ignores.add("eve")
            session.granted("token", frozenset())
            session.save()
        ignores.add("mallory")
    assert len(disk.news()) == 4
    assert ignores.nicks == ["eve", "mallory"]
    assert history.get_strings() == ["typed", "typed"]
    drafts.save()
    session.save()
    ignores.discard("mallory")
    assert Drafts(tmp_path / "drafts")["#tea"] == "half a thought"
    assert Ignores(tmp_path / "ignored").nicks == ["eve"]
    ticket = Resumption(tmp_path / "session").ticket
    assert ticket is not None
    assert ticket.token == "token"


def test_a_history_that_cannot_be_trimmed_is_whole(tmp_path: Path) -> None:
    """It is longer than it should be, and nothing of it is lost; with room it is trimmed to the newest."""
    history = InputHistory(tmp_path / "history")
    for number in range(30):
        history.store_string(f"line {number}\nand more")
    short = InputHistory(tmp_path / "history", limit_lines=10)
    with full_disk():
        assert len(list(short.load_history_strings())) == 10
    assert len(list(history.load_history_strings())) == 30
    assert len(list(short.load_history_strings())) == 10
    left = list(history.load_history_strings())
    assert left == [f"line {number}\nand more" for number in range(29, 19, -1)]


@pytest.mark.slow
def test_at_a_terminal_it_is_told_and_typing_goes_on(tmp_path: Path) -> None:
    """The real client on a disk without room: it starts, says so, takes lines, asks before it leaves, ends with 0."""
    with terminal(tmp_path, "--room", "tea", "--nick", "ann", *NOWHERE) as person:  # makes the folders
        person.prompts("[ann #tea]")
    command, *rest = without_room(client_command("--room", "tea", "--nick", "ann", *NOWHERE))
    child = pexpect.spawn(command, rest, env=client_environ(tmp_path), dimensions=(24, 80))
    child.delaybeforesend = None
    try:
        person = Terminal(child)
        person.prompts("[ann #tea]")
        person.type("hello" + ENTER)
        person.sees("not kept on disk for now: unsent lines (file too large)")
        person.sees("ann | hello  (will be sent)")
        person.type("exit" + ENTER)
        person.prompts("Leave chat? [y/N]")
        person.type("y" + ENTER)
        assert person.exit_code() == 0
    finally:
        child.close(force=True)
