"""WeeChat and irssi as people run them: in a pseudo-terminal, with settings of the test's own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pexpect
import pytest

from tests.harness.terminal import Terminal

__all__ = ["StartClient", "irssi", "weechat"]

Address = tuple[str, int]


class StartClient(Protocol):
    """Runs a client with a nick, on its way into a room."""

    __name__: str

    def __call__(self, home: Path, servers: list[Address], nick: str, room: str) -> AbstractContextManager[Terminal]:
        """It tries the servers in their order; it ends with the context."""


@contextmanager
def weechat(home: Path, servers: list[Address], nick: str, room: str) -> Iterator[Terminal]:
    """WeeChat with that nick, on its way into the room; it tries the servers in their order."""
    addresses = ",".join(f"{host}/{port}" for host, port in servers)
    setup = [
        f"/server add hub {addresses} -nicks={nick},{nick}2 -autojoin={room}",
        "/set irc.server.hub.autoreconnect_delay 1",
        "/set weechat.look.save_layout_on_exit none",
        "/connect hub",
    ]
    arguments = ["--dir", str(home / "weechat"), *(word for command in setup for word in ("--run-command", command))]
    with _running("weechat", arguments, home) as terminal:
        yield terminal


@contextmanager
def irssi(home: Path, servers: list[Address], nick: str, room: str) -> Iterator[Terminal]:
    """irssi with that nick, on its way into the room, whose window is shown."""
    config = home / "irssi"
    config.mkdir(parents=True)
    entries = ", ".join(
        f'{{ address = "{host}"; port = "{port}"; chatnet = "hub"; autoconnect = "{"no" if number else "yes"}"; }}'
        for number, (host, port) in enumerate(servers)
    )
    core = f'nick = "{nick}"; alternate_nick = "{nick}2"; user_name = "{nick}"; real_name = "{nick}"'
    (config / "config").write_text(
        f"servers = ( {entries} );\n"
        'chatnets = { hub = { type = "IRC"; }; };\n'
        f'channels = ( {{ name = "{room}"; chatnet = "hub"; autojoin = "yes"; }} );\n'
        # It refuses to try again sooner than 10 s after the last attempt, whatever it is told.
        f'settings = {{ core = {{ {core}; server_reconnect_time = "1s"; }}; '
        '"fe-common/core" = { autofocus_new_items = "yes"; }; };\n'
    )
    with _running("irssi", ["--home", str(config)], home) as terminal:
        terminal.sees("Mode change [+i]")  # what it does first; the welcome has scrolled away by then
        terminal.type("/window 2\r")
        yield terminal


@contextmanager
def _running(program: str, arguments: list[str], home: Path) -> Iterator[Terminal]:
    if shutil.which(program) is None:
        reason = f"{program} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    environ = {**os.environ, "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", "TZ": "UTC"}
    child = pexpect.spawn(program, arguments, env=environ, dimensions=(24, 80))
    child.delaybeforesend = None  # pexpect would sleep before every key
    try:
        yield Terminal(child)
    finally:
        child.close(force=True)
