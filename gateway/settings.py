"""From the text of a setting to its checked value: one reader per kind. Source: the sections named at each.

A reader takes a text that is not empty and holds no control character, and raises ValueError with the reason. The
reason never repeats the text: it may be a secret.
"""

import logging
import re
import tomllib
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from gateway.mail.letter import Letter
from gateway.mail.server import SmtpServer
from gateway.passwords import is_operator_name, is_password_hash
from gateway.people import Rate
from gateway.session.fingerprints import as_fingerprint
from gateway.session.mailboxes import BadMailboxError, parse_mailbox
from gateway.store.urls import Durability, RedisUrl
from gateway.wire.limits import HOSTLEN, MAX_BODY_BYTES, NICKLEN
from gateway.wire.splitting import clip

__all__ = [
    "durability",
    "host",
    "letter_file",
    "log_level",
    "mailbox",
    "motd_file",
    "networks",
    "opers_file",
    "origins",
    "password",
    "password_file",
    "path",
    "rate",
    "redis_url",
    "registration",
    "seconds",
    "server_name",
    "smtp_server",
    "switch",
    "token",
    "web_address",
    "whole",
    "words",
]

MAX_FILE_BYTES = 65_536  # of each file named by a setting
MAX_MOTD_LINES = 500  # each client gets them at registration, all at once
MAX_MOTD_LINE_BYTES = MAX_BODY_BYTES - len(
    f":{'s' * HOSTLEN} 372 {'n' * NICKLEN} :- "
)  # RFC 1459 section 6.2, RPL_MOTD

MAX_WEB_ADDRESS = 150  # it travels in one line with twelve other tokens

_WHOLE = re.compile(r"[0-9]{1,18}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 1123 section 2.1
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_WEB_ADDRESS = re.compile(r"https?://[!-~]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_RATE = re.compile(r"([0-9]{1,6}):([0-9]{1,6})")
_REGISTRATION_KEYS = ("before-connect", "custom-account-name", "email-required")  # account-registration, "Capability"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    """A reader of whole numbers in the range, both ends included."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not minimum <= int(text) <= maximum:
            raise ValueError(f"not a whole number from {minimum} to {maximum}")
        return int(text)

    return read


def seconds(minimum: float, maximum: float) -> Callable[[str], float]:
    """A reader of seconds in the range, written as a plain decimal number without a unit."""

    def read(text: str) -> float:
        if not _SECONDS.fullmatch(text) or not minimum <= float(text) <= maximum:
            raise ValueError(f"not a number of seconds from {minimum:g} to {maximum:g}")
        return float(text)

    return read


def words(max_bytes: int) -> Callable[[str], str]:
    """A reader of any text up to a size."""

    def read(text: str) -> str:
        if len(text.encode()) > max_bytes:
            raise ValueError(f"longer than {max_bytes} bytes")
        return text

    return read


password = words(MAX_BODY_BYTES - len("PASS :"))
"""A password that fits into its line. Source: RFC 1459 section 4.1.1."""


def token(text: str) -> str:
    """A name that travels in a list of words, such as the NETWORK of ISUPPORT."""
    if not text.isprintable() or " " in text or len(text.encode()) > HOSTLEN:
        raise ValueError(f"not one word of at most {HOSTLEN} bytes")
    return text


def web_address(text: str) -> str:
    """The URL of a picture. Source: IRCv3 network-icon."""
    if not _WEB_ADDRESS.fullmatch(text) or len(text) > MAX_WEB_ADDRESS:
        raise ValueError(f"not an http or https URL of at most {MAX_WEB_ADDRESS} characters")
    return text


def switch(text: str) -> bool:
    """`on` or `off`."""
    if text not in ("on", "off"):
        raise ValueError("neither on nor off")
    return text == "on"


def rate(text: str) -> Rate:
    """How many at once, and how many a minute."""
    match = _RATE.fullmatch(text)
    numbers = tuple(map(int, match.groups())) if match else (0, 0)
    if not all(numbers):
        raise ValueError("not two positive whole numbers such as 60:480, at once and per minute")
    return Rate(*numbers)


def registration(text: str) -> frozenset[str] | None:
    """`off`, `on`, or what of IRCv3 account-registration is offered, by commas."""
    if text in ("off", "on"):
        return None if text == "off" else frozenset()
    keys = frozenset(text.split(","))
    if not keys <= set(_REGISTRATION_KEYS):
        raise ValueError(f"neither off nor on nor some of {', '.join(_REGISTRATION_KEYS)}")
    return keys


def log_level(text: str) -> int:
    """The number that `logging` has for `debug`, `info`, `warning` or `error`."""
    if text not in _LEVELS:
        raise ValueError(f"none of {', '.join(_LEVELS)}")
    return _LEVELS[text]


def host(text: str) -> str:
    """An address to listen on, or a name that has one."""
    try:
        return str(ip_address(text))
    except ValueError:
        if not _HOST_NAME.fullmatch(text):
            raise ValueError("neither an IP address nor a host name") from None
    return text


def server_name(text: str) -> str:
    """What the gateway is called on the wire; the dot tells it from a nick. Source: RFC 2812 section 2.3.1."""
    if "." not in text or not _HOST_NAME.fullmatch(text) or len(text) > HOSTLEN:
        raise ValueError(f"not a host name with a dot, at most {HOSTLEN} characters")
    return text


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks or single addresses, separated by commas."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError("not a list of networks such as 10.0.0.0/8,fd00::/8") from None


def origins(text: str) -> frozenset[str]:
    """Origins of web pages, separated by commas. Source: RFC 6454 section 6.2."""
    found = frozenset(part.strip().lower() for part in text.split(","))
    if not all(_ORIGIN.fullmatch(origin) for origin in found):
        raise ValueError("not a list of origins such as https://chat.example.org,http://localhost:8000")
    return found


def redis_url(text: str) -> str:
    """The URL of a Redis, of Sentinels or of a cluster; `RedisUrl.parse` says what there is."""
    RedisUrl.parse(text)
    return text


def durability(text: str) -> Durability:
    """What an acknowledgement means."""
    try:
        return Durability(text)
    except ValueError:
        raise ValueError(f"none of {', '.join(each.value for each in Durability)}") from None


def path(text: str) -> Path:
    """A path, made absolute."""
    return Path(text).absolute()


def password_file(text: str) -> str:
    """The password that a file holds on its one line."""
    lines = _file_text(text).splitlines()
    if len(lines) != 1 or not lines[0] or not lines[0].isprintable():
        raise ValueError("the file does not hold a password on one line")
    return password(lines[0])


def motd_file(text: str) -> tuple[str, ...]:
    """The lines of a file, clipped to what fits the wire."""
    content = _file_text(text).replace("\r\n", "\n").removesuffix("\n")
    if "\0" in content or "\r" in content:
        raise ValueError("the file holds a NUL or a lone CR")
    # Not splitlines: it would cut at the control characters that clients read as italics and colours.
    lines = content.split("\n") if content else []
    if len(lines) > MAX_MOTD_LINES:
        raise ValueError(f"the file has more than {MAX_MOTD_LINES} lines")
    return tuple(clip(line, MAX_MOTD_LINE_BYTES) for line in lines)


def smtp_server(text: str) -> SmtpServer:
    """Where mail goes out; `SmtpServer.parse` says what there is."""
    return SmtpServer.parse(text)


def mailbox(text: str) -> str:
    """The address of a mailbox."""
    try:
        return parse_mailbox(text)
    except BadMailboxError:
        raise ValueError("not an address such as chat@example.org") from None


def letter_file(text: str) -> Letter:
    """The template of a mail; `Letter.parse` says what is in it."""
    return Letter.parse(_file_text(text))


def opers_file(text: str) -> dict[str, str]:
    """Operators of a TOML file: name to argon2id hash, as `chat-gateway hash-password` prints them, or to the SHA-256
    fingerprint of a client's certificate, in hex."""
    try:
        table = tomllib.loads(_file_text(text))
    except tomllib.TOMLDecodeError as exc:
        raise ValueError(f"the file is not TOML: {exc}") from None
    for name, password_hash in table.items():
        if not is_operator_name(name):
            raise ValueError(f"{name!r} in the file is no name of an operator")
        if not isinstance(password_hash, str) or not (is_password_hash(password_hash) or as_fingerprint(password_hash)):
            raise ValueError(f"the value of {name} in the file is neither an argon2id hash nor a fingerprint")
    return {name: as_fingerprint(value) or value for name, value in table.items()}


def _file_text(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise ValueError(f"the file cannot be read: {exc.strerror}") from exc
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"the file is larger than {MAX_FILE_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8") from None
