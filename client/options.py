"""Arguments, environment and the configuration file, in this order of weight, to one checked configuration."""

import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn, TypeVar

import configargparse
import platformdirs

from client import config
from client.config import ClientConfig, ConfigError, Script
from client.exits import ExitCode, complain
from client.link import Server
from client.passwords import SOURCES, PasswordError, read_password
from client.sasl import Login

__all__ = ["parse"]

ENV_PREFIX = "CHAT_CLIENT_"
DEFAULT_SERVER = "127.0.0.1"
_T = TypeVar("_T")
_R = TypeVar("_R")


class _Parser(configargparse.ArgumentParser):  # type: ignore[misc]  # configargparse has no types
    def error(self, message: str) -> NoReturn:
        """One line; a variable of the environment is configuration, an argument is usage."""
        if ENV_PREFIX in message:
            _end(ExitCode.CONFIG, message)
        self.print_usage(sys.stderr)
        _end(ExitCode.USAGE, message)


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> ClientConfig:
    """Read the configuration; a bad one ends the process: 2 for an argument, 78 for a variable or the file."""
    return _Reading(argv, environ).config()


class _Reading:
    """One reading of all sources; each value is checked with a word about where it came from."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        parser = self._parser = _parser()
        self._environ = environ
        path = parser.parse_args(list(argv), env_vars=dict(environ)).config
        known = {action.env_var for action in parser._actions if getattr(action, "env_var", None)}
        if unknown := sorted(name for name in environ if name.startswith(ENV_PREFIX) and name not in known):
            complain(f"ignored, not a setting: {', '.join(unknown)}")
        self._file = Path(path).expanduser()
        self._from_file = self._read_file({_flag(name) for name in known} - {"config"})
        variables = {_variable(flag): value for flag, value in self._from_file.items()}
        try:
            self._arguments = parser.parse_args(list(argv), env_vars={**variables, **environ})
        except SystemExit:
            # Argparse names the variable; only the file can have brought one that was fine before.
            _end(ExitCode.CONFIG, f"the mistake is in {self._file}")
        self._given = parser.get_source_to_settings_dict().get("environment_variables", {})

    def config(self) -> ClientConfig:
        arguments = self._arguments
        rooms = self._check("room", config.rooms, arguments.room or [])
        if not rooms:
            self._parser.error("--room NAME is needed, once or more")
        tls = self._tls()

        def read_servers(values: Sequence[str]) -> tuple[Server, ...]:
            return config.servers(values, tls=arguments.tls or tls is not None)

        servers = self._check("server", read_servers, arguments.server or [DEFAULT_SERVER])
        account = self._check("account", config.account, arguments.account)
        password = self._password("password-from", arguments.password_from, "password of the server")
        login = self._login(account)
        if password or (login is not None and login.password):
            _warn_of_readers(servers)
        return ClientConfig(
            script=self._script(),
            rooms=rooms,
            servers=servers,
            nick=self._check("nick", config.nick, arguments.nick),
            timeout_s=self._check("timeout", config.seconds, arguments.timeout),
            plain=arguments.plain,
            ascii_only=arguments.ascii,
            state_dir=Path(platformdirs.user_state_dir("chat-client", appauthor=False)),
            data_dir=Path(platformdirs.user_data_dir("chat-client", appauthor=False)),
            tls=tls,
            password=password,
            login=login,
        )

    def _tls(self) -> ssl.SSLContext | None:
        arguments = self._arguments
        if arguments.tls_key and not arguments.tls_cert:
            self._parser.error("--tls-key is for --tls-cert")
        context = self._check("tls-ca", config.trust, arguments.tls_ca)

        def show(path: str) -> ssl.SSLContext | None:
            return config.show_certificate(context, path, arguments.tls_key)

        return self._check("tls-cert", show, arguments.tls_cert)

    def _login(self, account: str) -> Login | None:
        """Whoever has a certificate is asked for no password, unless they say where it is."""
        source = self._arguments.account_password_from
        certificate = bool(self._arguments.tls_cert)
        if not (account or certificate):
            return None
        password = ""
        if account and (source or not certificate):
            password = self._password("account-password-from", source or "prompt", f"password of {account}")
        return Login(account, password, certificate)

    def _script(self) -> Script | None:
        arguments = self._arguments
        tail = self._check("tail", config.number_of_lines, arguments.tail)
        if not (arguments.send or arguments.message or tail or arguments.follow):
            if arguments.json:
                self._parser.error("--json is for --tail and --follow")
            return None
        return Script(
            messages=tuple(arguments.message or ()),
            send=arguments.send,
            tail=tail,
            follow=arguments.follow,
            as_json=arguments.json,
        )

    def _read_file(self, names: set[str]) -> Mapping[str, str]:
        try:
            return config.read_file(self._file, names)
        except ConfigError as exc:
            _end(ExitCode.CONFIG, f"{self._file}: {exc}")

    def _check(self, flag: str, read: Callable[[_T], _R], value: _T) -> _R:
        try:
            return read(value)
        except ConfigError as exc:
            shown = value if isinstance(value, str) else ",".join(value) if isinstance(value, list) else value
            self._refuse(flag, f"={shown!r}", str(exc))

    def _password(self, flag: str, source: str, whose: str) -> str:
        """A password is never shown, nor is what may be one by mistake."""
        if not source:
            return ""
        try:
            return read_password(source, self._environ, whose=whose)
        except PasswordError as exc:
            self._refuse(flag, "", str(exc))

    def _refuse(self, flag: str, shown: str, reason: str) -> NoReturn:
        variable = _variable(flag)
        if variable not in self._given:
            self._parser.error(f"--{flag}{shown}: {reason}")
        if variable not in self._environ:
            _end(ExitCode.CONFIG, f"{self._file}: {flag}{shown}: {reason}")
        _end(ExitCode.CONFIG, f"{variable}{shown}: {reason}")


def _parser() -> _Parser:
    parser = _Parser(
        prog="chat-client",
        description="Chat in rooms of an IRCv3 server. Each option may also be given in the environment, or, without "
        "its dashes, in the configuration file.",
        auto_env_var_prefix=ENV_PREFIX,
        allow_abbrev=False,
    )
    parser.add_argument("--room", action="append", metavar="NAME", help="a room to enter; may be given again")
    parser.add_argument("--nick", default="", help="your nick; asked for when not given, with the login name offered")
    parser.add_argument(
        "--server",
        action="append",
        metavar="HOST:PORT",
        help=f"a gateway, ircs://HOST:PORT with TLS; may be given again, all are tried in turn "
        f"(default {DEFAULT_SERVER}:{config.PORT})",
    )
    parser.add_argument("--tls", action="store_true", help="TLS to servers that are given without irc:// or ircs://")
    parser.add_argument(
        "--tls-ca",
        default="",
        metavar="FILE",
        help="trust the authorities of this PEM file, and no others; means --tls",
    )
    parser.add_argument(
        "--tls-cert", default="", metavar="FILE", help="show this certificate (PEM), and log in with it; means --tls"
    )
    parser.add_argument("--tls-key", default="", metavar="FILE", help="its key, where it is not in the same file")
    parser.add_argument("--account", default="", metavar="NAME", help="log in to this account (SASL)")
    parser.add_argument(
        "--account-password-from", default="", metavar="SOURCE", help=f"its password: {SOURCES} (default prompt)"
    )
    parser.add_argument(
        "--password-from", default="", metavar="SOURCE", help=f"password of the server itself, if it has one: {SOURCES}"
    )
    parser.add_argument(
        "--plain", action="store_true", help="lines only: no colour, no cursor movement (for screen readers)"
    )
    parser.add_argument(
        "--ascii",
        action="store_true",
        help="no symbols beyond ASCII on the screen (what people write keeps its letters)",
    )
    parser.add_argument(
        "--timeout",
        default="30",
        metavar="SECONDS",
        help="how long to look for a gateway when input is not a terminal (default 30)",
    )
    script = parser.add_argument_group("for scripts (no prompt, no commands; the exit code tells what became of it)")
    script.add_argument("--send", action="store_true", help="say each line of standard input in the room, as it stands")
    script.add_argument("-m", "--message", action="append", metavar="TEXT", help="say this; may be given again")
    script.add_argument("--tail", default="0", metavar="N", help="print the last N messages")
    script.add_argument("--follow", action="store_true", help="print what is said from now on, until a signal")
    script.add_argument("--json", action="store_true", help="print one JSON object a line")
    folder = Path(platformdirs.user_config_dir("chat-client", appauthor=False))
    parser.add_argument(
        "--config", default=str(folder / "config.toml"), metavar="FILE", help="TOML (default %(default)s)"
    )
    return parser


def _variable(flag: str) -> str:
    return ENV_PREFIX + flag.upper().replace("-", "_")


def _flag(variable: str) -> str:
    return variable.removeprefix(ENV_PREFIX).lower().replace("_", "-")


def _warn_of_readers(servers: Sequence[Server]) -> None:
    open_hosts = sorted({server.host for server in servers if not server.tls and not _is_loopback(server.host)})
    if open_hosts:
        complain(f"the password goes to {', '.join(open_hosts)} in the clear; --tls protects it")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _end(code: int, message: str) -> NoReturn:
    complain(message)
    sys.exit(code)
