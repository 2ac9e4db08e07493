"""SCRAM-SHA-256, the server's side. Pure. Source: RFC 5802, RFC 7677."""

import base64
import binascii
import hashlib
import hmac
from typing import NamedTuple

from gateway.people import ScramVerifier
from gateway.wire.saslprep import prepare

__all__ = ["BadScramError", "ClientFirst", "client_first", "make_verifier", "server_final", "server_first"]

MAX_NONCE = 256  # characters; ours is 24


class BadScramError(Exception):
    """A message of the client is malformed, asks for what we have not, or proves nothing."""


def make_verifier(password: str, salt: bytes, iterations: int) -> ScramVerifier:
    """What the server keeps. Slow on purpose. Source: RFC 5802 section 3."""
    salted = hashlib.pbkdf2_hmac("sha256", prepare(password), salt, iterations)
    stored_key = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    return ScramVerifier(salt, iterations, stored_key, _hmac(salted, b"Server Key"))


class ClientFirst(NamedTuple):
    """What the client said first."""

    authzid: str  # empty: the same as `name`
    name: str
    nonce: str
    header: bytes  # comes back in its last message
    bare: bytes


def client_first(message: bytes) -> ClientFirst:
    """Read it. Raises `BadScramError`. Source: RFC 5802 section 7, "client-first-message"."""
    flag, authzid, bare = _split(message, 3)
    if flag not in {"n", "y"}:
        raise BadScramError("channel binding")  # "p=": no mechanism of ours ends in -PLUS
    if authzid and not authzid.startswith("a="):
        raise BadScramError("authzid")
    name, nonce = _split(bare.encode(), 3, least=2)[:2]
    if not name.startswith("n=") or not nonce.startswith("r="):
        raise BadScramError("name or nonce")  # "m=" in front is an extension that must be understood
    nonce = nonce[2:]
    if not 0 < len(nonce) <= MAX_NONCE or not nonce.isascii() or not nonce.isprintable():
        raise BadScramError("nonce")
    header = message[: len(message) - len(bare.encode())]
    return ClientFirst(_unescaped(authzid[2:]), _unescaped(name[2:]), nonce, header, bare.encode())


def server_first(first: ClientFirst, nonce: str, verifier: ScramVerifier) -> bytes:
    """The challenge; `nonce` is our part of it. Source: RFC 5802 section 7, "server-first-message"."""
    salt = base64.b64encode(verifier.salt).decode()
    return f"r={first.nonce}{nonce},s={salt},i={verifier.iterations}".encode()


def server_final(first: ClientFirst, challenge: bytes, verifier: ScramVerifier, message: bytes) -> bytes:
    """Check the client's proof and return ours. Raises `BadScramError`. Source: RFC 5802 section 3."""
    unproven, comma, proof_text = message.rpartition(b",p=")
    binding, nonce = _split(unproven, 3, least=2)[:2]
    if not comma or binding.encode() != b"c=" + base64.b64encode(first.header):
        raise BadScramError("channel binding")
    if nonce.encode() != challenge.partition(b",")[0]:
        raise BadScramError("nonce")
    try:
        proof = base64.b64decode(proof_text, validate=True)
    except binascii.Error:
        raise BadScramError("proof") from None
    said = b",".join((first.bare, challenge, unproven))
    signature = _hmac(verifier.stored_key, said)
    if len(proof) != len(signature):
        raise BadScramError("proof")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    if not hmac.compare_digest(hashlib.sha256(client_key).digest(), verifier.stored_key):
        raise BadScramError("proof")
    return b"v=" + base64.b64encode(_hmac(verifier.server_key, said))


def _split(message: bytes, parts: int, *, least: int = 0) -> list[str]:
    """The first `parts` comma-separated parts; what is left stays in the last one."""
    try:
        found = message.decode().split(",", parts - 1)
    except UnicodeDecodeError:
        raise BadScramError("not UTF-8") from None
    if len(found) < (least or parts):
        raise BadScramError("too short")
    return found


def _unescaped(name: str) -> str:
    """Undo `=2C` and `=3D`. Source: RFC 5802 section 5.1, "n"."""
    if name.count("=") != name.count("=2C") + name.count("=3D"):
        raise BadScramError("name")
    return name.replace("=2C", ",").replace("=3D", "=")


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
