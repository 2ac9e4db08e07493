"""The server that takes our mail, as `--smtp-url` says it. Pure.

::

    smtps://[user:pass@]host[:465]                  TLS from the first byte
    smtp://[user:pass@]host[:587]                   STARTTLS; without it nothing is sent
    smtp://host[:25]?starttls=off                   plain, for a relay on this machine or its own network

`ssl_ca_certs=FILE` names the authority of a certificate that is not signed by a public one.
Source: RFC 8314 section 3.3; RFC 3207; RFC 6409.
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["SmtpServer", "Transport"]

_OPTIONS = {"starttls", "ssl_ca_certs"}


class Transport(Enum):
    """How a connection is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"


_PORTS = {Transport.TLS: 465, Transport.STARTTLS: 587, Transport.PLAIN: 25}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """One server; `parse` makes it. No secret is in its `repr`."""

    host: str
    port: int
    transport: Transport
    user: str = ""  # empty: nobody logs in
    password: str = field(default="", repr=False)
    ca_certs: str = ""  # PEM; empty: those of the system

    @classmethod
    def parse(cls, text: str) -> "SmtpServer":
        """Read a URL.

        Raises:
            ValueError: the reason, which repeats no part of the URL.
        """
        try:
            url = urlsplit(text)
            host, port = url.hostname, url.port
            options = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)) if url.query else {}
        except ValueError:
            raise ValueError("not a URL such as smtp://host:587") from None
        if url.scheme not in ("smtp", "smtps") or not host or port == 0 or url.path not in ("", "/") or url.fragment:
            raise ValueError("not a URL such as smtps://host:465 or smtp://host:587")
        if not options.keys() <= _OPTIONS or options.get("starttls", "on") not in ("on", "off"):
            raise ValueError("its options are starttls=on or off, and ssl_ca_certs=FILE")
        if "ssl_ca_certs" in options and not Path(options["ssl_ca_certs"]).is_file():
            raise ValueError("ssl_ca_certs names no file")
        transport = Transport.TLS if url.scheme == "smtps" else Transport.STARTTLS
        if options.get("starttls") == "off":
            if transport is Transport.TLS or url.username:
                raise ValueError("starttls=off is for smtp:// without a user: passwords are sent over TLS only")
            transport = Transport.PLAIN
        if url.password and not url.username:
            raise ValueError("a password without a user")
        return cls(
            host,
            port or _PORTS[transport],
            transport,
            unquote(url.username or ""),
            unquote(url.password or ""),
            options.get("ssl_ca_certs", ""),
        )
