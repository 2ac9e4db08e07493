"""Resumption tokens: `attachment.secret`. Only hashes of them are kept, in Redis and in memory. Pure."""

import hashlib

from gateway.model import AttachmentId, FurtherId, Uid

__all__ = ["attachment_of", "further", "hash_of", "make"]

MAX_TOKEN_BYTES = 100
_URL_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")
FURTHER_BYTES = 8  # of a secret: 48 bits, in one session


def further(uid: Uid, secret: str) -> FurtherId:
    """The name of one more attachment of a session."""
    return FurtherId(uid + b"~" + secret[:FURTHER_BYTES].encode())


def make(attachment: AttachmentId, secret: str) -> str:
    """The token of an attachment; `secret` is url-safe and beyond guessing."""
    return f"{attachment.decode()}.{secret}"


def attachment_of(token: str) -> AttachmentId | None:
    """Whose token it claims to be; None: no token looks like this."""
    name, _, secret = token.partition(".")
    if not name or not secret or len(token) > MAX_TOKEN_BYTES or not _URL_SAFE.issuperset(name + secret):
        return None
    return FurtherId(name.encode())


def hash_of(token: str) -> bytes:
    """What is kept of a token: SHA-256 in hex. It has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest().encode()
