"""What the client is to do: one frozen value, checked once. Standard library, `gateway.wire` and `actions` only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from client.actions import room_name
from client.link import Server
from gateway.wire.names import casefold, is_nick

__all__ = ["ClientConfig", "ConfigError", "nick", "read_password", "rooms", "seconds", "servers"]

DEFAULT_PORT = 6667
MAX_PASSWORD_BYTES = 300
_SERVER = re.compile(r"(?:\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]]+))(?::(?P<port>\d{1,5}))?")


class ConfigError(ValueError):
    """A setting has a value that makes no sense; the text says what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """Attributes: nick: empty when it is to be asked for or made from the login name."""

    rooms: tuple[str, ...]
    servers: tuple[Server, ...]
    nick: str
    plain: bool
    timeout_s: float
    state_dir: Path
    password: str = field(default="", repr=False)


def rooms(values: Sequence[str]) -> tuple[str, ...]:
    """Rooms as the wire calls them, each once; a value may hold several, with commas between."""
    found: dict[str, str] = {}
    for text in _split(values):
        name = room_name(text)
        if name is None:
            raise ConfigError("not the name of a room")
        found.setdefault(casefold(name), name)
    return tuple(found.values())


def servers(values: Sequence[str]) -> tuple[Server, ...]:
    """Servers from `HOST`, `HOST:PORT` or `[IPV6]:PORT`; a value may hold several, with commas between."""
    found = []
    for text in _split(values):
        match = _SERVER.fullmatch(text)
        port = int(match["port"] or DEFAULT_PORT) if match else 0
        if match is None or not 0 < port < 65536:
            raise ConfigError("not HOST:PORT")
        found.append(Server(match["ip6"] or match["host"], port))
    return tuple(found)


def nick(text: str) -> str:
    """A nick that may be one, or the empty string."""
    if text and not is_nick(text):
        raise ConfigError("not a nick")
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


def read_password(path: str) -> str:
    """The first line of the file at `path`; empty for no path."""
    if not path:
        return ""
    try:
        with Path(path).open("rb") as file:
            line = file.readline(MAX_PASSWORD_BYTES + 2).rstrip(b"\r\n")
        text = line.decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"no password could be read ({type(exc).__name__})") from exc
    if not text or len(line) > MAX_PASSWORD_BYTES or "\0" in text:
        raise ConfigError("the file's first line is no password")
    return text


def _split(values: Sequence[str]) -> list[str]:
    return [text.strip() for value in values for text in value.split(",") if text.strip()]
