"""TLS that asks the client for a certificate and takes any: who it belongs to is for the accounts to say.

Python's `ssl` refuses a certificate that no authority it was given has signed, and people make theirs themselves. So
the handshake is pyOpenSSL's here, behind the interface of `ssl.SSLObject` that event loops work with (ADR 21).
"""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL

__all__ = ["AskingContext"]

READ_BYTES = 262_144  # what is taken out of OpenSSL at once, more than an event loop ever puts in
_T = TypeVar("_T")


class AskingContext(ssl.SSLContext):
    """A server's context. Event loops take contexts of `ssl` only, and of those use nothing but `wrap_bio`."""

    _openssl: SSL.Context

    def __new__(cls, cert: Path, key: Path) -> "AskingContext":
        """Raises: OSError: the files are no pair; `ssl.SSLError` is one."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context.load(cert, key)
        return context

    def load(self, cert: Path, key: Path) -> None:
        """Use these files for connections to come. Raises: OSError: they are no pair; nothing has changed then."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
        context.set_session_id(b"hubbub")  # without one OpenSSL resumes no session in which it asked for a certificate
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        try:
            context.use_certificate_chain_file(str(cert))
            private = load_pem_private_key(key.read_bytes(), password=None)
            context.use_privatekey(private)  # type: ignore[arg-type]  # raises TypeError for others
            context.check_privatekey()
        except (SSL.Error, ValueError, TypeError, UnsupportedAlgorithm):
            raise ssl.SSLError("no PEM certificate with its key, without a passphrase") from None
        self._openssl = context

    def wrap_bio(  # type: ignore[override]  # the same interface, another class
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> "_Secured":
        """Source: ssl.SSLContext."""
        return _Secured(SSL.Connection(self._openssl), incoming, outgoing)


class _Secured:
    """What event loops use of `ssl.SSLObject`, with its exceptions."""

    def __init__(self, connection: SSL.Connection, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        connection.set_accept_state()
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing

    def do_handshake(self) -> None:
        self._step(self._connection.do_handshake)

    def read(self, size: int = 1024, buffer: Any = None) -> bytes | int:
        try:
            if buffer is None:
                return self._step(self._connection.recv, size)
            return self._step(self._connection.recv_into, buffer, size)
        except SSL.ZeroReturnError:
            return b"" if buffer is None else 0

    def write(self, data: bytes) -> int:
        return self._step(self._connection.send, data)

    def unwrap(self) -> None:
        """Say farewell, and wait for the peer's."""
        try:
            if not self._step(self._connection.shutdown):
                raise ssl.SSLWantReadError
        except SSL.ZeroReturnError:
            pass

    def pending(self) -> int:
        # A loop asks whether it is worth to read; whole records that OpenSSL has and did not look at count too.
        try:
            self._step(self._connection.recv, 1, socket.MSG_PEEK)
        except ssl.SSLWantReadError:
            return 0
        except (SSL.ZeroReturnError, ssl.SSLError):
            return 1  # reading tells
        return self._connection.pending()

    def getpeercert(self, binary_form: bool = False) -> bytes | dict[str, object] | None:
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return None
        return certificate.public_bytes(Encoding.DER) if binary_form else {}  # as `ssl` has it for one not verified

    def cipher(self) -> tuple[str, str, int] | None:
        name, version = self._connection.get_cipher_name(), self._connection.get_cipher_version()
        return (name, version, self._connection.get_cipher_bits() or 0) if name and version else None

    def compression(self) -> None:
        return None

    def _step(self, act: Callable[..., _T], *arguments: object) -> _T:
        if self._incoming.pending:
            self._connection.bio_write(self._incoming.read())
        try:
            return act(*arguments)
        except SSL.WantReadError:
            if self._incoming.eof:
                raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the connection ended without a farewell") from None
            raise ssl.SSLWantReadError from None
        except SSL.ZeroReturnError:
            raise
        except SSL.Error as exc:
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, "TLS failed") from exc
        finally:
            self._flush()

    def _flush(self) -> None:
        try:
            while len(self._take()) == READ_BYTES:
                pass
        except SSL.WantReadError:
            pass  # there is nothing

    def _take(self) -> bytes:
        data = self._connection.bio_read(READ_BYTES)
        self._outgoing.write(data)
        return data
