"""What the client is to do: one frozen value, checked once."""

import re
import ssl
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from client.commands import room_name
from client.link import Server
from client.sasl import Login
from gateway.wire.names import casefold, is_nick

__all__ = [
    "ClientConfig",
    "ConfigError",
    "Script",
    "account",
    "nick",
    "number_of_lines",
    "read_file",
    "rooms",
    "seconds",
    "servers",
    "show_certificate",
    "trust",
]

PORT, TLS_PORT = 6667, 6697
MAX_FILE_BYTES = 65_536
MAX_ACCOUNT_BYTES = 64
MAX_TAIL_LINES = 1000
_SERVER = re.compile(
    r"(?:(?P<scheme>ircs?)://)?(?:\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/\[\]]+))(?::(?P<port>\d{1,5}))?/?"
)


class ConfigError(ValueError):
    """A setting has a value that makes no sense; the text says what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a script wants.

    Attributes:
        messages: to be said in each room.
        send: what standard input has is said as well, line by line.
        tail: how many of the last lines of each room are printed.
        follow: what is said from now on is printed, until a signal.
        as_json: one object a line instead of text.
    """

    messages: tuple[str, ...] = ()
    send: bool = False
    tail: int = 0
    follow: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """Attributes: nick: empty when it is to be asked for or made from the login name. script: None for persons."""

    rooms: tuple[str, ...]
    servers: tuple[Server, ...]
    nick: str
    plain: bool
    ascii_only: bool
    timeout_s: float
    state_dir: Path
    data_dir: Path
    script: Script | None = None
    tls: ssl.SSLContext | None = None
    password: str = field(default="", repr=False)
    login: Login | None = field(default=None, repr=False)


def rooms(values: Sequence[str]) -> tuple[str, ...]:
    """Rooms as the wire calls them, each once; a value may hold several, with commas between."""
    found: dict[str, str] = {}
    for text in _split(values):
        name = room_name(text)
        if name is None:
            raise ConfigError("not the name of a room")
        found.setdefault(casefold(name), name)
    return tuple(found.values())


def servers(values: Sequence[str], *, tls: bool) -> tuple[Server, ...]:
    """Servers from `HOST`, `HOST:PORT`, `[IPV6]:PORT`, each also behind `irc://` or `ircs://`; commas between several.

    Args:
        tls: what holds for those that do not say.
    """
    found = []
    for text in _split(values):
        match = _SERVER.fullmatch(text)
        secure = tls if match is None or match["scheme"] is None else match["scheme"] == "ircs"
        port = int(match["port"] or (TLS_PORT if secure else PORT)) if match else 0
        if match is None or not 0 < port < 65536 or not _may_be_host(match["ip6"] or match["host"]):
            raise ConfigError("not HOST:PORT, irc://HOST:PORT or ircs://HOST:PORT")
        found.append(Server(match["ip6"] or match["host"], port, secure))
    return tuple(found)


def _may_be_host(text: str) -> bool:
    """Whether a connection to it can be tried: labels of 1 to 63 octets (RFC 1035 section 2.3.4)."""
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False


def nick(text: str) -> str:
    """A nick that may be one, or the empty string."""
    if text and not is_nick(text):
        raise ConfigError("not a nick")
    return text


def account(text: str) -> str:
    """The name of an account, or the empty string. Source: RFC 4616 section 2, without its controls."""
    if not text.isprintable() or " " in text or len(text.encode()) > MAX_ACCOUNT_BYTES:
        raise ConfigError("not the name of an account")
    return text


def seconds(text: str) -> float:
    """A time in seconds, above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86_400:
        raise ConfigError("not a number of seconds")
    return value


def number_of_lines(text: str) -> int:
    """How many of the last lines are wanted, 0 for none."""
    if not (text.isascii() and text.isdigit()) or int(text[:9]) > MAX_TAIL_LINES:
        raise ConfigError(f"not a number of lines up to {MAX_TAIL_LINES}")
    return int(text)


def trust(path: str) -> ssl.SSLContext | None:
    """A context that trusts the authorities of a PEM file and no others; None, the system's, for no path."""
    if not path:
        return None
    try:
        return ssl.create_default_context(cafile=str(Path(path).expanduser()))
    except OSError as exc:  # ssl.SSLError is one
        raise ConfigError(exc.strerror or "holds no certificate") from exc


def show_certificate(context: ssl.SSLContext | None, certificate: str, key: str) -> ssl.SSLContext | None:
    """`context`, or the system's, with a certificate of ours for who asks for one; as it is for no certificate.

    Args:
        certificate: a PEM file.
        key: a PEM file without a passphrase; empty: it is in the same file.
    """
    if not certificate:
        return context
    context = context if context is not None else ssl.create_default_context()
    key_path = Path(key).expanduser() if key else None
    try:
        # A passphrase that is wrong, or OpenSSL would ask for one at the terminal.
        context.load_cert_chain(Path(certificate).expanduser(), key_path, password=lambda: "")
    except OSError as exc:  # ssl.SSLError is one
        raise ConfigError(exc.strerror or "holds no certificate with its key") from exc
    return context


def read_file(path: Path, names: Iterable[str]) -> Mapping[str, str]:
    """The settings of a TOML file, each as the text it would be in the environment; none for no file.

    Args:
        names: of all settings, as their flags have them without the dashes.
    Raises:
        ConfigError: the file cannot be read, is no TOML, or holds something that is no setting.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ConfigError(exc.strerror or "it cannot be read") from exc
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"it is larger than {MAX_FILE_BYTES} bytes")
    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"it is no TOML: {exc}") from exc
    if unknown := sorted(table.keys() - set(names)):
        raise ConfigError(f"not a setting: {', '.join(unknown)}")
    return {name: _text(name, value) for name, value in table.items()}


def _text(name: str, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(item, str) for item in value):
            return ",".join(value)
    raise ConfigError(f"{name} is neither a text, a number, true or false, nor a list of texts")


def _split(values: Sequence[str]) -> list[str]:
    return [text.strip() for value in values for text in value.split(",") if text.strip()]
