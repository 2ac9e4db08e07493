"""Resumption tokens: `uid.secret`. Only hashes of them are kept, in Redis and in memory. Pure."""

import hashlib

from gateway.model import Uid

__all__ = ["hash_of", "make", "uid_of"]

MAX_TOKEN_BYTES = 100
_URL_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def make(uid: Uid, secret: str) -> str:
    """The token of a session; `secret` is url-safe and beyond guessing."""
    return f"{uid.decode()}.{secret}"


def uid_of(token: str) -> Uid | None:
    """Whose token it claims to be; None: no token looks like this."""
    uid, _, secret = token.partition(".")
    if not uid or not secret or len(token) > MAX_TOKEN_BYTES or not _URL_SAFE.issuperset(uid + secret):
        return None
    return Uid(uid.encode())


def hash_of(token: str) -> bytes:
    """What is kept of a token: SHA-256 in hex. It has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest().encode()
