"""The server's side of TLS: a certificate with its key, which can be replaced while the gateway runs."""

import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.net.asking import AskingContext

__all__ = ["Certificates", "server_context"]

_log = logging.getLogger(__name__)


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """A context for a listener, TLS 1.2 or later.

    Args:
        cert: PEM, the server's certificate first, then those that lead to the authority.
        key: PEM, without a passphrase.
    Raises:
        OSError: a file cannot be read, is no PEM, or they do not belong together; `ssl.SSLError` is one.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # Without a password function OpenSSL would ask at the terminal, and a gateway without one would hang.
    context.load_cert_chain(cert, key, password=lambda: b"")
    return context


class Certificates:
    """Two files and the contexts made of them."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Raises: OSError: as `server_context`."""
        self._cert = cert
        self._key = key
        self.context = server_context(cert, key)
        self._asking: AskingContext | None = None

    @property
    def asking(self) -> ssl.SSLContext:
        """The same for listeners where a client may show a certificate of its own."""
        if self._asking is None:
            # It takes 0.1 s to import, which gateways without TLS need not spend.
            from gateway.net.asking import AskingContext  # noqa: PLC0415

            self._asking = AskingContext(self._cert, self._key)
        return self._asking

    def reload(self) -> None:
        """Read the files again, for connections to come; what cannot be used is logged, and the former pair stays."""
        try:
            server_context(self._cert, self._key)  # a wrong pair must not get half-way into the context in use
            if self._asking is not None:
                self._asking.load(self._cert, self._key)
            self.context.load_cert_chain(self._cert, self._key, password=lambda: b"")
        except OSError as exc:
            _log.error("certificate_not_reloaded", extra={"cert": str(self._cert), "why": exc.strerror or str(exc)})
        else:
            _log.info("certificate_reloaded", extra={"cert": str(self._cert)})
