"""Lines on disk until they are acknowledged."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from client.outbox import MAX_OLD_RECORDS, Outbox, OutboxFullError, OutboxLine, open_outbox


def line(key: str, text: str = "hi") -> OutboxLine:
    """A line to #tea."""
    return OutboxLine(key=key, target="#tea", text=text, time_ms=1)


def test_what_is_not_done_is_there_again(tmp_path: Path) -> None:
    """Another run under the same name takes up what the last one left, in order."""
    outbox = open_outbox(tmp_path, "ann")
    outbox.append(line("1"), line("2", "日本 \N{BUG}"), line("3"))
    outbox.done("1")
    outbox.close()
    again = open_outbox(tmp_path, "ann")
    assert [(left.key, left.text) for left in again] == [("2", "日本 \N{BUG}"), ("3", "hi")]
    again.close()


def test_a_killed_client_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL right after `append`: the line is on disk."""
    script = (
        "import os, signal, sys, pathlib\n"
        "from client.outbox import OutboxLine, open_outbox\n"
        "outbox = open_outbox(pathlib.Path(sys.argv[1]), 'ann')\n"
        "outbox.append(OutboxLine(key='1', target='#tea', text='hi', time_ms=1))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=20)
    outbox = open_outbox(tmp_path, "ann")
    assert [left.key for left in outbox] == ["1"]
    outbox.close()


def test_two_clients_of_one_name_do_not_share(tmp_path: Path) -> None:
    """A second client that runs at the same time has an outbox of its own."""
    first, second = open_outbox(tmp_path, "ann"), open_outbox(tmp_path, "ann")
    first.append(line("1"))
    assert len(second) == 0
    first.close()
    second.close()


def test_full_takes_all_or_nothing() -> None:
    """A line of two pieces for which one place is left is refused whole."""
    outbox = Outbox(limit_lines=2)
    outbox.append(line("1"))
    with pytest.raises(OutboxFullError):
        outbox.append(line("2"), line("3"))
    assert [left.key for left in outbox] == ["1"]


def test_files_are_private(tmp_path: Path) -> None:
    """Mode 0600, whatever the umask says."""
    before = os.umask(0)
    try:
        outbox = open_outbox(tmp_path, "ann")
        outbox.append(line("1"))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    outbox.close()


def test_a_broken_journal_costs_only_its_broken_records(tmp_path: Path) -> None:
    """A crash in the middle of a write, a stranger's edit, a line that could not be sent: skipped."""
    (tmp_path / "ann.outbox").write_bytes(
        b'{"key": "1", "target": "#tea", "text": "good", "time_ms": 1}\n'
        b'[]\n{"done": []}\n{"key": "2"}\n\xff\n'
        b'{"key": "3", "target": "#tea", "text": "two\\rlines", "time_ms": 1}\n'
        b'{"key": "4", "target": "#tea", "te'
    )
    outbox = open_outbox(tmp_path, "ann")
    assert [left.key for left in outbox] == ["1"]
    outbox.close()


@pytest.mark.parametrize("position", ["", "msgid=a:b", "timestamp=2026-01-01T00:00:00.000Z"])
def test_a_line_survives_wherever_it_was_typed(tmp_path: Path, position: str) -> None:
    """Where a room's history stood is known by a msgid, which may have colons, or by a time, which has."""
    outbox = open_outbox(tmp_path, "ann")
    outbox.append(replace(line("1"), position=position))
    outbox.close()
    again = open_outbox(tmp_path, "ann")
    assert [left.position for left in again] == [position]
    again.close()


def test_the_journal_does_not_grow_for_ever(tmp_path: Path) -> None:
    """Done records are cleared out while the client runs, and what is left survives that."""
    outbox = open_outbox(tmp_path, "ann")
    outbox.append(line("stays"))
    for number in range(MAX_OLD_RECORDS + 1):
        outbox.append(line(str(number)))
        outbox.done(str(number))
    outbox.close()
    assert (tmp_path / "ann.outbox").read_bytes().count(b"\n") == 1
    again = open_outbox(tmp_path, "ann")
    assert [left.key for left in again] == ["stays"]
    again.close()
