"""The command `chat-client`: arguments and environment to a configuration, faces, files and exit codes."""

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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

import configargparse
import platformdirs

from client import config
from client.app import App, ExitCode
from client.chat import Chat, Identity
from client.config import ClientConfig, ConfigError
from client.face import Face
from client.outbox import Outbox, open_outbox
from client.ui.lines import LinesFace
from gateway.wire.limits import NICKLEN
from gateway.wire.names import casefold, is_nick

__all__ = ["main"]

ENV_PREFIX = "CHAT_CLIENT_"
REALNAME = "hubbub"
DEFAULT_SERVER = "127.0.0.1:6667"
_T = TypeVar("_T")
_R = TypeVar("_R")


class _Parser(configargparse.ArgumentParser):  # type: ignore[misc]
    def error(self, message: str) -> NoReturn:
        """One line; a variable of the environment is configuration, an argument is usage."""
        code = ExitCode.CONFIG if ENV_PREFIX in message else ExitCode.USAGE
        if code == ExitCode.USAGE:
            self.print_usage(sys.stderr)
        sys.exit(self.exit(code, f"chat-client: {message}\n"))


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


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> ClientConfig:
    """Read the configuration; a bad one ends the process: 2 for an argument, 78 for a variable."""
    parser = _parser()
    arguments = parser.parse_args(list(argv), env_vars=dict(environ))
    known = {str(action.env_var) for action in parser._actions if getattr(action, "env_var", None)}
    if unknown := sorted(name for name in environ if name.startswith(ENV_PREFIX) and name not in known):
        print(f"chat-client: ignored, not a setting: {', '.join(unknown)}", file=sys.stderr)  # noqa: T201
    given = parser.get_source_to_settings_dict().get("environment_variables", {})

    def check(name: str, read: Callable[[_T], _R], value: _T) -> _R:
        try:
            return read(value)
        except ConfigError as exc:
            variable = _variable(name)
            shown = value if isinstance(value, str) else ",".join(value) if isinstance(value, list) else value
            parser.error(f"{variable}={shown!r}: {exc}" if variable in given else f"--{name} {shown!r}: {exc}")

    rooms = check("room", config.rooms, arguments.room or [])
    if not rooms:
        parser.error("--room NAME is needed, once or more")
    return ClientConfig(
        rooms=rooms,
        servers=check("server", config.servers, arguments.server or [DEFAULT_SERVER]),
        nick=check("nick", config.nick, arguments.nick),
        timeout_s=check("timeout", config.seconds, arguments.timeout),
        password=check("password-file", config.read_password, arguments.password_file),
        plain=arguments.plain,
        state_dir=Path(platformdirs.user_state_dir("chat-client", appauthor=False)),
    )


def _parser() -> _Parser:
    parser = _Parser(
        prog="chat-client",
        description="Chat in rooms of an IRCv3 server. Each option may also be given in the environment.",
        auto_env_var_prefix=ENV_PREFIX,
        allow_abbrev=False,
    )
    parser.add_argument("--room", action="append", metavar="NAME", help="a room to enter; may be given again")
    parser.add_argument("--nick", default="", help="your nick; asked for when not given, with the login name offered")
    parser.add_argument(
        "--server",
        action="append",
        metavar="HOST:PORT",
        help=f"a gateway; may be given again, all are tried in turn (default {DEFAULT_SERVER})",
    )
    parser.add_argument("--password-file", default="", metavar="FILE", help="file whose first line is the password")
    parser.add_argument(
        "--plain", action="store_true", help="lines only: no colour, no cursor movement (for screen readers)"
    )
    parser.add_argument(
        "--timeout",
        default="30",
        metavar="SECONDS",
        help="how long to look for a gateway when input is not a terminal (default 30)",
    )
    return parser


def _variable(name: str) -> str:
    return ENV_PREFIX + name.upper().replace("-", "_")


async def _run(settings: ClientConfig) -> int:
    interactive = sys.stdin.isatty()
    state_dir = _state_dir(settings.state_dir)
    face = _face(settings, state_dir)
    nick, code = (settings.nick, ExitCode.OK) if settings.nick else await _nick(face, ask=interactive)
    if not nick:
        return code
    outbox = _outbox(state_dir, nick, settings)
    chat = Chat(
        Identity(nick=nick, user=_login_name(), realname=REALNAME, password=settings.password),
        list(settings.rooms),
        outbox,
        new_key=lambda: uuid.uuid4().hex,
        now_ms=lambda: time.time_ns() // 1_000_000,
    )
    app = App(
        chat,
        settings.servers,
        face,
        interactive=interactive,
        timeout_s=settings.timeout_s,
        rng=random.random,
    )
    try:
        return await app.run()
    finally:
        outbox.close()


def _face(settings: ClientConfig, state_dir: Path | None) -> Face:
    """The terminal face where there is a terminal that can move its cursor, and lines everywhere else."""
    person = sys.stdin.isatty() and sys.stdout.isatty()
    if person and not settings.plain and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", ""):
        # Not before it is needed: a pipe starts twice as fast without prompt_toolkit.
        from client.ui.screen import ScreenFace  # noqa: PLC0415

        return ScreenFace(state_dir)
    return LinesFace(prompts=person)


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


def _state_dir(path: Path) -> Path | None:
    """The folder for what outlives a run, private to the user; None, and a word about it, where it cannot be."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as exc:
        print(f"chat-client: nothing is kept on disk: {path}: {exc.strerror}", file=sys.stderr)  # noqa: T201
        return None
    return path


def _outbox(state_dir: Path | None, nick: str, settings: ClientConfig) -> Outbox:
    """Lines are for the servers and the nick they were typed for; another run with both the same takes them up."""
    if state_dir is None:
        return Outbox()
    server = settings.servers[0]
    name = f"{casefold(nick)}@{server.host}_{server.port}"
    try:
        return open_outbox(state_dir, re.sub(r"[^a-z0-9@._:-]", "+", name))
    except OSError as exc:
        print(f"chat-client: unsent lines are not kept: {exc.strerror}", file=sys.stderr)  # noqa: T201
        return Outbox()
