"""The command `chat-client`: faces, files and exit codes put together."""

import asyncio
import getpass
import logging
import os
import random
import re
import signal
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import NoReturn

from client.app import App
from client.cache import Cache
from client.catchup import FIRST_LINES
from client.chat import Chat, Identity
from client.config import ClientConfig
from client.disk import Disk
from client.exits import ExitCode, complain
from client.face import Face
from client.ignores import Ignores
from client.options import parse
from client.outbox import Outbox, open_outbox
from client.resumption import Resumption
from client.ui.lines import LinesFace
from client.ui.script import ScriptFace
from gateway.wire.limits import NICKLEN
from gateway.wire.names import casefold, is_nick

__all__ = ["main"]

REALNAME = "hubbub"


def main() -> NoReturn:
    """Run the client on the process's arguments, environment and terminal; exits."""
    settings = parse(sys.argv[1:], os.environ)
    # There is no log, and a warning of a library must not be painted over the prompt.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        code = asyncio.run(_run(settings))
    except KeyboardInterrupt:
        code = ExitCode.SIGNAL + signal.SIGINT
    except Exception:  # noqa: BLE001 - the edge of the program: the terminal is sane again, so say what happened
        traceback.print_exc()
        code = ExitCode.CRASH
    # A flush of standard output at exit could fail once more where nobody reads it any more.
    if code == ExitCode.OUTPUT_GONE:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


async def _run(settings: ClientConfig) -> int:
    interactive = sys.stdin.isatty() and settings.script is None
    state_dir = _private(settings.state_dir)
    script = None
    if settings.script is not None:
        script = ScriptFace(settings.script, settings.rooms, limit_s=settings.timeout_s)
    face = script or _face(settings, state_dir)
    nick, code = (settings.nick, ExitCode.OK) if settings.nick else await _nick(face, ask=interactive)
    if not nick:
        return code
    disk = Disk()
    outbox = _outbox(state_dir, nick, settings, disk)
    own = outbox.path  # what else is this client's alone is called the same, but for the suffix
    # A script's output is what was said while it ran; a person goes on reading.
    data_dir = _private(settings.data_dir) if interactive and own is not None else None
    cache = Cache(data_dir / f"{own.stem}.sqlite" if data_dir is not None and own is not None else None, disk=disk)
    chat = Chat(
        Identity(nick=nick, user=_login_name(), realname=REALNAME, password=settings.password, login=settings.login),
        list(settings.rooms),
        outbox,
        # With the time in front the server finds the line in its log sooner: docs/protocol.md, "Sending again".
        new_key=lambda: f"{time.time_ns() // 1_000_000:x}-{uuid.uuid4().hex}",
        now_ms=lambda: time.time_ns() // 1_000_000,
        first_lines=max(FIRST_LINES, settings.script.tail if settings.script is not None else 0),
        cache=cache,
        ignored=Ignores(state_dir / "ignored" if interactive and state_dir is not None else None, disk),
        resumption=Resumption(own.with_suffix(".session") if own is not None else None, disk),
        disk=disk,
    )
    app = App(
        chat,
        settings.servers,
        face,
        interactive=interactive,
        timeout_s=settings.timeout_s,
        rng=random.random,
        tls=settings.tls,
        drafts=own.with_suffix(".drafts") if interactive and own is not None else None,
    )
    try:
        code = await app.run()
        if script is not None:
            if code == ExitCode.OK and script.unserved:
                code = ExitCode.UNAVAILABLE if chat.rooms else ExitCode.REFUSED
            if code != ExitCode.OK:
                script.confess()
        return code
    finally:
        chat.save()
        cache.close()
        outbox.close()


def _face(settings: ClientConfig, state_dir: Path | None) -> Face:
    """The terminal face where there is a terminal that can move its cursor, and lines everywhere else."""
    person = sys.stdin.isatty() and sys.stdout.isatty()
    if person and not settings.plain and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", ""):
        from client.ui.screen import ScreenFace  # noqa: PLC0415 - a pipe starts twice as fast without prompt_toolkit

        return ScreenFace(state_dir, ascii_only=settings.ascii_only or not _speaks_unicode())
    return LinesFace(prompts=person)


def _speaks_unicode() -> bool:
    """Whether the locale's encoding has more than a few letters; what it lacks a terminal would show as `?`."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


async def _nick(face: Face, *, ask: bool) -> tuple[str, int]:
    """The login name, or what the person says instead; empty, with an exit code, when no answer will come."""
    caught: list[int] = []

    def stop(number: int) -> None:
        caught.append(number)
        face.stop()

    # Handled here already: a signal must not leave the terminal raw. The app takes them over when it runs.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    nick: str | None = _login_name()
    while ask:
        nick = await face.ask("Your nick", _login_name())
        if nick is None or is_nick(nick):
            break
    return nick or "", ExitCode.SIGNAL + caught[0] if caught else ExitCode.OK


def _login_name() -> str:
    """The login name, made fit to be a nick."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""  # a container may run as a number that has no name
    name = re.sub(r"[^A-Za-z0-9_-]", "", name)[:NICKLEN]
    return name if is_nick(name) else f"u{name}"[:NICKLEN] if name else "guest"


def _private(path: Path) -> Path | None:
    """A folder for what outlives a run, private to the user; None, and a word about it, where it cannot be."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as exc:
        complain(f"nothing is kept on disk: {path}: {exc.strerror}")
        return None
    return path


def _outbox(state_dir: Path | None, nick: str, settings: ClientConfig, disk: Disk) -> Outbox:
    """Lines are for the servers and the nick they were typed for; another run with both the same takes them up."""
    if state_dir is None:
        return Outbox()
    server = settings.servers[0]
    name = f"{casefold(nick)}@{server.host}_{server.port}"
    try:
        return open_outbox(state_dir, re.sub(r"[^a-z0-9@._:-]", "+", name), disk)
    except OSError as exc:
        complain(f"unsent lines are not kept: {exc.strerror}")
        return Outbox()
