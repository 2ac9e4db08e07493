"""The gateway's configuration: one frozen value, read once from flags and environment.

Each setting is one field of `Config`, declared with its reader, its default and its help. `--ping-interval-s 90` and
`CHAT_GATEWAY_PING_INTERVAL_S=90` say the same; the flag wins.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, NamedTuple

import configargparse
from platformdirs import user_state_path

from gateway import __version__, settings
from gateway.errors import GatewayError
from gateway.mail.letter import DEFAULT_LETTER, Letter
from gateway.mail.server import SmtpServer
from gateway.net.certificates import server_context
from gateway.people import Rate
from gateway.rooms.retention import MAX_ENTRIES
from gateway.store.urls import Durability

__all__ = ["ENV_PREFIX", "FLAGS", "SETTINGS", "Config", "ConfigError", "Setting", "read_config", "using_certificate"]

ENV_PREFIX = "CHAT_GATEWAY_"
MAX_SHOWN = 80  # characters of a refused value in an error


class ConfigError(GatewayError):
    """A setting has a value that cannot be: one line that names the setting and shows the value, if no secret."""


class Setting(NamedTuple):
    """What can be said of one setting."""

    metavar: str
    read: Callable[[str], object]
    default: str | None
    meaning: str
    absent: object
    secret: bool


def _setting(
    metavar: str,
    read: Callable[[str], object],
    default: str | None,
    meaning: str,
    *,
    absent: object = None,
    secret: bool = False,
    in_repr: bool = True,
) -> Any:
    """A field of `Config` with the rule to read it; without text and default it is `absent`.

    A secret is its own text. The text of `--opers` is none, but what is read from that file is: it is not `in_repr`.
    """
    return field(
        repr=in_repr and not secret, metadata={"setting": Setting(metavar, read, default, meaning, absent, secret)}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that can be set, in the units of the names; `read_config` makes it. Secrets are not in its `repr`."""

    host: str = _setting("ADDRESS", settings.host, "127.0.0.1", "where to listen for IRC clients")
    port: int = _setting("N", settings.whole(0, 65535), "6667", "TCP port for IRC clients; 0 takes a free one")
    tls_port: int | None = _setting(
        "N", settings.whole(0, 65535), None, "TCP port for IRC clients over TLS; needs --tls-cert and --tls-key"
    )
    tls_cert: Path | None = _setting("FILE", settings.path, None, "PEM with the certificate and its chain")
    tls_key: Path | None = _setting("FILE", settings.path, None, "PEM with its key; SIGHUP reads both again")
    websocket_port: int | None = _setting(
        "N", settings.whole(0, 65535), None, "TCP port for WebSockets; over TLS if there is a certificate"
    )
    websocket_origins: frozenset[str] | None = _setting(
        "ORIGINS",
        settings.origins,
        None,
        "web pages that may connect, as https://example.org, by commas (default: all)",
    )
    sts_duration: int | None = _setting(
        "SECONDS", settings.whole(0, 10**9), None, "how long clients are to come back over TLS only; 0 ends that"
    )
    sts_port: int | None = _setting(
        "N", settings.whole(1, 65535), None, "TLS port that clients on the plain one are sent to (default: --tls-port)"
    )
    client_certificates: bool = _setting(
        "on|off", settings.switch, "on", "whether clients over TLS are asked for a certificate, for SASL EXTERNAL"
    )
    redis_url: str | None = _setting(
        "URL",
        settings.redis_url,
        None,
        "Redis the gateways share, of Sentinels or a cluster too; else a private one is started",
        secret=True,
    )
    durability: Durability = _setting(
        "redis|replica", settings.durability, "redis", "what has an event before anybody is told of it"
    )
    redis_wait_s: float = _setting(
        "SECONDS", settings.seconds(0, 86_400), "30", "how long a missing Redis is retried at start"
    )
    state_dir: Path = _setting(
        "DIRECTORY", settings.path, None, "where the private Redis lives (default: chat-gateway in XDG_STATE_HOME)"
    )
    server_name: str = _setting(
        "NAME", settings.server_name, "hubbub.local", "name of this server on the wire, with a dot"
    )
    network: str = _setting("NAME", settings.token, "Hubbub", "name of the network, one word")
    network_icon: str = _setting("URL", settings.web_address, None, "picture of the network", absent="")
    admin: str = _setting("TEXT", settings.words(128), None, "who looks after this server, for ADMIN", absent="")
    description: str = _setting("TEXT", settings.words(128), "a hubbub gateway", "what WHOIS tells about this server")
    motd: tuple[str, ...] = _setting("FILE", settings.motd_file, None, "message of the day", absent=())
    password: str | None = _setting(
        "TEXT", settings.password, None, "password of the server; `ps` shows it, a file does not", secret=True
    )
    opers: Mapping[str, str] = _setting(
        "FILE", settings.opers_file, None, "operators in TOML, by hash-password", absent={}, in_repr=False
    )
    http_host: str = _setting(
        "ADDRESS", settings.host, None, "where to serve /healthz, /readyz, /metrics (default: as --host)"
    )
    http_port: int = _setting("N", settings.whole(0, 65535), "8080", "TCP port for those; 0 takes a free one")
    workers: int = _setting("N", settings.whole(1, 64), "1", "processes that share the port")
    max_connections: int = _setting("N", settings.whole(1, 1_000_000), "20000", "clients at once, per process")
    sendq_bytes: int = _setting(
        "BYTES", settings.whole(32_768, 2**30), "1048576", "what may wait for a slow client before it is closed"
    )
    limits: bool = _setting("on|off", settings.switch, "on", "rate limits against floods")
    connection_rate: Rate = _setting(
        "N:N", settings.rate, "200:300", "connections of one address, over all gateways: at once, and per minute"
    )
    login_rate: Rate = _setting(
        "N:N", settings.rate, "10:10", "failed logins of one address, and to one account; new accounts of one address"
    )
    message_rate: Rate = _setting("N:N", settings.rate, "60:480", "messages of one account, over all its sessions")
    address_message_rate: Rate = _setting(
        "N:N", settings.rate, "240:1920", "messages of all guests of one address, over all gateways"
    )
    join_rate: Rate = _setting(
        "N:N", settings.rate, "200:240", "rooms joined by one account, or by all guests of one address"
    )
    trusted: tuple[IPv4Network | IPv6Network, ...] = _setting(
        "NETWORKS", settings.networks, "127.0.0.0/8,::1/128", "addresses without limits of their own, by commas"
    )
    account_registration: frozenset[str] | None = _setting(
        "off|on|KEYS",
        settings.registration,
        "before-connect,custom-account-name",
        "whether clients may register accounts; keys: before-connect, custom-account-name, email-required",
    )
    smtp_url: SmtpServer | None = _setting(
        "URL",
        settings.smtp_server,
        None,
        "server for mail, smtps://user@host or smtp://user@host; the addresses of new accounts are verified then",
        secret=True,
    )
    email_from: str | None = _setting("ADDRESS", settings.mailbox, None, "address that mails come from")
    email_template: Letter = _setting(
        "FILE", settings.letter_file, None, "the mail, with $network, $account and $code in it", absent=DEFAULT_LETTER
    )
    min_password: int = _setting("N", settings.whole(1, 64), "3", "characters an account's password has at least")
    multiclient: bool = _setting(
        "on|off", settings.switch, "off", "several connections of an account share a nick, unless it chooses otherwise"
    )
    max_attachments: int = _setting("N", settings.whole(1, 64), "8", "connections that share one nick; 1: none ever do")
    argon2_kib: int = _setting(
        "KIB", settings.whole(1024, 4_194_304), "19456", "memory that hashing an account's password takes"
    )
    scram_iterations: int = _setting(
        "N", settings.whole(4096, 10_000_000), "100000", "what a login by SCRAM costs the client, for new passwords"
    )
    proxy_from: tuple[IPv4Network | IPv6Network, ...] = _setting(
        "NETWORKS", settings.networks, None, "load balancers that send PROXY headers, by commas", absent=()
    )
    webirc_from: tuple[IPv4Network | IPv6Network, ...] = _setting(
        "NETWORKS", settings.networks, None, "web gateways that are believed, by commas", absent=()
    )
    webirc_password: str | None = _setting(
        "FILE", settings.password_file, None, "file with the password of the web gateways", in_repr=False
    )
    ping_interval_s: float = _setting(
        "SECONDS", settings.seconds(0.05, 86_400), "90", "silence of a client before it is asked"
    )
    ping_timeout_s: float = _setting("SECONDS", settings.seconds(0.05, 86_400), "30", "time it has to answer")
    registration_timeout_s: float = _setting(
        "SECONDS", settings.seconds(0.05, 86_400), "30", "time a client has to register"
    )
    grace_s: float = _setting(
        "SECONDS", settings.seconds(0, 86_400), "60", "how long a session that can be resumed waits for its client"
    )
    drain_rate: float = _setting(
        "PER-SECOND", settings.seconds(1, 1_000_000), "1000", "connections a stop closes each second"
    )
    drain_s: float = _setting("SECONDS", settings.seconds(0, 86_400), "10", "time a stop gives to what is under way")
    history_entries: int = _setting(
        "N", settings.whole(100, MAX_ENTRIES), str(MAX_ENTRIES), "entries kept of each room and conversation, about"
    )
    history_age_s: float = _setting(
        "SECONDS", settings.seconds(0, 315_360_000), "2592000", "how old they become; 0: as old as may be"
    )
    redaction_window_s: float = _setting(
        "SECONDS", settings.seconds(0, 315_360_000), "0", "how long one may take back what one said; 0: always"
    )
    history_lines: int = _setting("N", settings.whole(0, 1000), "50", "messages replayed to who joins a room")
    log_level: int = _setting("LEVEL", settings.log_level, "info", "debug, info, warning or error")
    ignored: tuple[str, ...] = ()
    """Environment variables with our prefix that are no setting: a mistyped name should not go unseen."""


SETTINGS: dict[str, Setting] = {
    item.name: item.metadata["setting"] for item in fields(Config) if "setting" in item.metadata
} | {
    "password_file": Setting("FILE", settings.password_file, None, "file with the password of the server", None, False),
    "smtp_password_file": Setting(
        "FILE", settings.password_file, None, "file with the password at the server for mail", None, False
    ),
}
"""Every setting by its name in `Config`, and those that are read into another."""

FLAGS = {name: "--" + name.replace("_", "-") for name in SETTINGS} | {
    "motd": "--motd-file",
    "webirc_password": "--webirc-password-file",
}


def read_config(argv: Sequence[str], environ: Mapping[str, str]) -> Config:
    """Read flags and environment.

    Args:
        argv: without the program's name.
    Raises:
        ConfigError: a value cannot be, or a named file cannot be read or holds something else.
        SystemExit: with 0 after `--help` and `--version`, with 2 for flags that do not exist.
    """
    ours = {name: value for name, value in environ.items() if name.startswith(ENV_PREFIX)}
    parser = _parser()
    options, unknown = parser.parse_known_args(list(argv), env_vars=ours)
    if unknown:
        # Its name alone: what follows a mistyped --password must not end in a log.
        flags = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        parser.error(f"unknown flag {flags[0]}" if flags else "takes flags only")
    from_environment = parser.get_source_to_settings_dict().get("environment_variables", {})
    sources = FLAGS | {action.dest: variable for variable, (action, _) in from_environment.items()}
    values = {name: _read(SETTINGS[name], sources[name], getattr(options, name)) for name in SETTINGS}
    password = values.pop("password_file")
    if password and values["password"]:
        raise ConfigError(f"{sources['password']} and {sources['password_file']}: give one of them")
    values["password"] = values["password"] or password
    values["smtp_url"] = _with_password(values["smtp_url"], values.pop("smtp_password_file"), sources)
    if bool(values["smtp_url"]) != bool(values["email_from"]):
        raise ConfigError(f"{sources['smtp_url']} and {sources['email_from']}: give both or none")
    if values["durability"] is Durability.REPLICA and values["redis_url"] is None:
        raise ConfigError(f"{sources['durability']}: the private Redis has no replica; give {sources['redis_url']}")
    if bool(values["webirc_from"]) != bool(values["webirc_password"]):
        raise ConfigError(f"{sources['webirc_from']} and {sources['webirc_password']}: give both or none")
    ports = values["tls_port"], values["websocket_port"]
    _check_tls(ports, values["tls_cert"], values["tls_key"], sources)
    if values["sts_duration"] is not None and not (values["sts_port"] or values["tls_port"]):
        raise ConfigError(f"{sources['sts_duration']}: say by {sources['sts_port']} where TLS is")
    values["http_host"] = values["http_host"] or values["host"]
    values["state_dir"] = values["state_dir"] or user_state_path("chat-gateway")
    return Config(**values, ignored=tuple(sorted(ours.keys() - {_variable(flag) for flag in FLAGS.values()})))


def _with_password(server: SmtpServer | None, password: str | None, sources: Mapping[str, str]) -> SmtpServer | None:
    if password is None:
        return server
    if server is None or not server.user or server.password:
        raise ConfigError(f"{sources['smtp_password_file']}: {sources['smtp_url']} must have a user and no password")
    return replace(server, password=password)


def _check_tls(
    ports: tuple[int | None, int | None], cert: Path | None, key: Path | None, sources: Mapping[str, str]
) -> None:
    """All or none, and files that belong together: better told now than by the first client."""
    tls_port, websocket_port = ports
    if tls_port is None and cert is None and key is None:
        return
    if (tls_port is None and websocket_port is None) or cert is None or key is None:
        raise ConfigError(
            "--tls-port, --tls-cert and --tls-key: give all three or none (--websocket-port is a port too)"
        )
    with using_certificate(cert, key, sources):
        server_context(cert, key)


@contextmanager
def using_certificate(cert: Path, key: Path, sources: Mapping[str, str] = FLAGS) -> Iterator[None]:
    """Around what reads these files; `sources` has the names of settings.

    Raises:
        ConfigError: in place of its OSError.
    """
    try:
        yield
    except OSError as exc:
        named = f"{sources['tls_cert']}={str(cert)!r}, {sources['tls_key']}={str(key)!r}"
        raise ConfigError(
            f"{named}: {exc.strerror or 'no PEM certificate with its key, without a passphrase'}"
        ) from None


def _variable(flag: str) -> str:
    return ENV_PREFIX + flag.removeprefix("--").replace("-", "_").upper()


def _parser() -> Any:
    parser = configargparse.ArgumentParser(
        prog="chat-gateway",
        usage="chat-gateway [flags]\n       chat-gateway hash-password NAME\n"
        "       chat-gateway drain (--gateway ID | --all) --redis-url URL",
        description="Accept IRC clients and share their rooms with other gateways through Redis.",
        auto_env_var_prefix=ENV_PREFIX,
        allow_abbrev=False,
    )
    for name, setting in SETTINGS.items():
        default = "" if setting.default is None else f" (default: {setting.default})"
        parser.add_argument(
            FLAGS[name], dest=name, default=setting.default, metavar=setting.metavar, help=setting.meaning + default
        )
    parser.add_argument("--version", action="version", version=f"chat-gateway {__version__}")
    return parser


def _read(setting: Setting, source: str, text: str | None) -> Any:
    if text is None:
        return setting.absent
    try:
        if not text:
            raise ValueError("empty; leave it out instead")
        if any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text):
            raise ValueError("holds a control character, or is not UTF-8")
        return setting.read(text)
    except ValueError as exc:
        value = "" if setting.secret else f"={text[:MAX_SHOWN]!r}"
        raise ConfigError(f"{source}{value}: {exc}") from None
