"""Certificates for tests: an authority of their own, and what it signs for 127.0.0.1 and localhost."""

import ssl
from pathlib import Path
from typing import NamedTuple

import trustme

__all__ = ["Pems", "certificate"]


class Pems(NamedTuple):
    """Files in PEM: the authority, and a certificate with its key."""

    ca: Path
    cert: Path
    key: Path

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts this authority only."""
        return ssl.create_default_context(cafile=str(self.ca))


def certificate(folder: Path, *names: str) -> Pems:
    """A new authority with a new certificate for `names`, or for the loopback addresses, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    issued = authority.issue_cert(*(names or ("127.0.0.1", "::1", "localhost")))
    pems = Pems(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(str(pems.ca))
    issued.private_key_pem.write_to_path(str(pems.key))
    pems.cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    return pems
