"""Where Redis is, as `--redis-url` says it, and what must have an event before it is told. Pure.

::

    redis://[user:pass@]host[:port][/db]            one server; rediss:// with TLS
    unix://[user:pass@]/path                        one server on this machine
    redis+sentinel://[...@]host[:port],.../master   the master of that name, as these Sentinels see it
    redis+cluster://[...@]host[:port],...           a cluster; some of its nodes are enough
    rediss+sentinel://, rediss+cluster://           the same with TLS, to the Sentinels too

User and password are those of Redis; Sentinels have their own, as options. Source: redis-py, "Connecting with URLs".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

__all__ = ["Address", "Durability", "Kind", "RedisUrl"]

Address = tuple[str, int]
"""Host and port; an IPv6 address without its brackets."""


class Kind(Enum):
    """How the servers of a deployment belong together."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class Durability(Enum):
    """What must have an event before anybody is told of it; docs/operating.md says what that promises."""

    REDIS = "redis"  # the server that took it, as safe as that server's own log
    REPLICA = "replica"  # one of its replicas as well


MAX_HOSTS = 64
DEFAULT_PORT = {Kind.SINGLE: 6379, Kind.SENTINEL: 26379, Kind.CLUSTER: 6379}
_SCHEMES = {
    "redis": Kind.SINGLE,
    "rediss": Kind.SINGLE,
    "unix": Kind.SINGLE,
    "redis+sentinel": Kind.SENTINEL,
    "rediss+sentinel": Kind.SENTINEL,
    "redis+cluster": Kind.CLUSTER,
    "rediss+cluster": Kind.CLUSTER,
}
_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_TLS_OPTIONS = {*_FILES, "ssl_ca_path", "ssl_password", "ssl_ciphers", "ssl_cert_reqs", "ssl_check_hostname"}
_SENTINEL_OPTIONS = {"sentinel_username", "sentinel_password"}
_CHOICES = {
    "ssl_cert_reqs": {"none", "optional", "required"},
    "ssl_check_hostname": {"true", "false"},
}


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """One deployment; `parse` makes it. No secret is in its `repr`."""

    kind: Kind
    hosts: tuple[Address, ...]  # none for a UNIX socket
    master: str  # the name Sentinels know it by; empty for the other kinds
    _text: str = field(repr=False)
    _scheme: str = field(repr=False)
    _user: str = field(repr=False)  # with the @, or empty
    _options: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "RedisUrl":
        """Read a URL.

        Raises:
            ValueError: the reason, which repeats no part of the URL.
        """
        try:
            url = urlsplit(text)
        except ValueError:
            raise ValueError("not a URL") from None
        kind = _SCHEMES.get(url.scheme)
        if kind is None:
            raise ValueError(f"not a URL such as redis://host:6379/0; schemes are {', '.join(_SCHEMES)}")
        options = _options(url, kind)
        user, at, servers = url.netloc.rpartition("@")
        if url.scheme == "unix":
            if len(url.path) < 2 or servers:
                raise ValueError("not a URL such as unix:///path")
            return cls(kind, (), "", text, "unix", user + at, options)
        hosts = tuple(_address(server, kind) for server in servers.split(","))
        if len(hosts) > (1 if kind is Kind.SINGLE else MAX_HOSTS):
            raise ValueError("too many hosts" if kind is not Kind.SINGLE else "one host only; see redis+sentinel://")
        _check_path(unquote(url.path).removeprefix("/"), kind, options)
        master = unquote(url.path).strip("/") if kind is Kind.SENTINEL else ""
        return cls(kind, hosts, master, text, url.scheme.partition("+")[0], user + at, options)

    def single(self) -> str:
        """The URL of one server, as redis-py takes it."""
        assert self.kind is Kind.SINGLE
        return self._text

    def node(self, address: Address) -> str:
        """The URL of a server the Sentinels or the cluster named, as redis-py takes it."""
        options = {name: value for name, value in self._options.items() if name not in _SENTINEL_OPTIONS}
        return self._url(self._user, address, options)

    def sentinel(self, address: Address) -> str:
        """The URL of one of the Sentinels, as redis-py takes it."""
        user, password = (quote(self._options.get(name, ""), safe="") for name in sorted(_SENTINEL_OPTIONS)[::-1])
        options = {name: value for name, value in self._options.items() if name in _TLS_OPTIONS}
        return self._url(f"{user}:{password}@" if password else "", address, options)

    def _url(self, user: str, address: Address, options: Mapping[str, str]) -> str:
        host, port = address
        name = f"[{host}]" if ":" in host else host
        return f"{self._scheme}://{user}{name}:{port}/?{urlencode(options)}"


def _address(server: str, kind: Kind) -> Address:
    try:
        one = urlsplit(f"//{server}")
        host, port = one.hostname, one.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or server.endswith(":"):
        raise ValueError("a host is missing or has no valid port")
    return host, port or DEFAULT_PORT[kind]


def _check_path(path: str, kind: Kind, options: Mapping[str, str]) -> None:
    if kind is Kind.SENTINEL:
        if not path or "/" in path or not path.isprintable():
            raise ValueError("the name of the master is missing: redis+sentinel://host:26379/NAME")
    elif kind is Kind.CLUSTER:
        if path not in ("", "0") or options.get("db", "0") != "0":
            raise ValueError("a cluster has no databases")
    elif path and not path.isdecimal():
        raise ValueError("the path is not the number of a database")


def _options(url: SplitResult, kind: Kind) -> Mapping[str, str]:
    try:
        options = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)) if url.query else {}
    except ValueError:
        raise ValueError("its options are not of the form name=value&name=value") from None
    known = {"db"}
    known |= _TLS_OPTIONS if url.scheme.startswith("rediss") else set()
    known |= _SENTINEL_OPTIONS if kind is Kind.SENTINEL else set()
    if url.fragment or not options.keys() <= known:
        raise ValueError(f"an option that does not exist here; there are {', '.join(sorted(known))}")
    if not options.get("db", "0").isdecimal():
        raise ValueError("db is not the number of a database")
    for name, values in _CHOICES.items():
        if options.get(name, next(iter(values))) not in values:
            raise ValueError(f"{name} is none of {', '.join(sorted(values))}")
    for name in sorted(_FILES & options.keys()):
        if not Path(options[name]).is_file():
            raise ValueError(f"{name} names no file")
    return options
