"""Files written whole, for their owner alone."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from client.private_files import write_whole


def test_a_file_is_private_and_wholly_new(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask says; nothing of what it was before; nothing is left beside it."""
    path = tmp_path / "ann.session"
    before = os.umask(0)
    try:
        write_whole(path, b"long content")
        write_whole(path, b"short")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"short"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_differ_by_their_suffix_do_not_meet(tmp_path: Path) -> None:
    """Outbox and drafts of one client are written by two threads at once."""

    def write(path: Path) -> None:
        for _ in range(500):
            write_whole(path, path.suffix.encode())

    paths = [tmp_path / "ann.outbox", tmp_path / "ann.drafts"]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, paths))
    assert [path.read_bytes() for path in paths] == [b".outbox", b".drafts"]
