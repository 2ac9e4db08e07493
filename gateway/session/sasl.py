"""SASL as an exchange of messages: mechanisms are generators, the commands carry out what they ask for. Pure.

A mechanism yields what it needs, gets the answer, and returns the name of the account; it raises `SaslFailedError`.
One more is one more function in `MECHANISMS`. Source: IRCv3 sasl-3.1, sasl-3.2; RFC 4422.
"""

import base64
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from gateway.people import ScramVerifier
from gateway.session import scram
from gateway.wire.names import casefold

__all__ = [
    "MECHANISMS",
    "Challenge",
    "CheckPassword",
    "Exchange",
    "FindOwner",
    "FindVerifier",
    "Found",
    "Mechanism",
    "SaslFailedError",
    "SaslTooLongError",
    "chunks",
    "mechanisms",
]

CHUNK_BYTES = 400  # IRCv3 sasl-3.1, "The AUTHENTICATE command"
MAX_RESPONSE_BYTES = 4 * CHUNK_BYTES  # of one response in base64: names, and a password of 300 bytes, fit twice


class SaslFailedError(Exception):
    """The exchange is over: wrong credentials, or a response that cannot be read (904)."""


class SaslTooLongError(Exception):
    """The exchange is over: a response is longer than we take (905)."""


class Challenge(NamedTuple):
    """Say this to the client; its response is the answer."""

    data: bytes


class CheckPassword(NamedTuple):
    """The answer is the account with this name and password as it is spelt, or None."""

    name: str
    password: str


class FindVerifier(NamedTuple):
    """The answer is `Found`."""

    name: str


class FindOwner(NamedTuple):
    """The answer is the account, as it is spelt, that the certificate of the connection belongs to, or None."""


class Found(NamedTuple):
    """What is known of a name; for an unknown one a verifier that nobody can tell from a real one."""

    account: str  # as it is spelt; empty: there is none
    verifier: ScramVerifier


Mechanism = Generator[Challenge | CheckPassword | FindOwner | FindVerifier, Any, str]


def _plain(nonce: str) -> Mechanism:
    """PLAIN. Source: RFC 4616."""
    response: bytes = yield Challenge(b"")
    try:
        authzid, name, password = response.decode().split("\0")
    except ValueError:
        raise SaslFailedError("malformed") from None
    if not name or not password:
        raise SaslFailedError("empty")
    account: str | None = yield CheckPassword(name, password)
    return _authorized(account, name, authzid)


def _scram_sha_256(nonce: str) -> Mechanism:
    """SCRAM-SHA-256. Source: RFC 7677."""
    response: bytes = yield Challenge(b"")
    try:
        first = scram.client_first(response)
        found: Found = yield FindVerifier(first.name)
        challenge = scram.server_first(first, nonce, found.verifier)
        response = yield Challenge(challenge)
        proof = scram.server_final(first, challenge, found.verifier, response)
    except scram.BadScramError:
        raise SaslFailedError("scram") from None
    account = _authorized(found.account or None, first.name, first.authzid)
    # The client checks us as well; what it answers says nothing.
    yield Challenge(proof)
    return account


def _external(nonce: str) -> Mechanism:
    """EXTERNAL: the certificate that the client showed when TLS began. Source: RFC 4422 appendix A."""
    response: bytes = yield Challenge(b"")
    try:
        authzid = response.decode()
    except ValueError:
        raise SaslFailedError("malformed") from None
    account: str | None = yield FindOwner()
    return _authorized(account, account or "", authzid)


def _authorized(account: str | None, name: str, authzid: str) -> str:
    """Nobody acts for somebody else: the identity to act as is empty or the one that was proven."""
    if account is None or (authzid and casefold(authzid) not in {casefold(account), casefold(name)}):
        raise SaslFailedError("credentials")
    return account


MECHANISMS: dict[str, Callable[[str], Mechanism]] = {
    "EXTERNAL": _external,
    "PLAIN": _plain,
    "SCRAM-SHA-256": _scram_sha_256,
}
"""By name, each begun with a fresh nonce (printable ASCII without commas); EXTERNAL is for who showed a certificate."""


def mechanisms(certificate: str) -> list[str]:
    """What one can log in by over a connection on which this certificate was shown (empty: none)."""
    return [name for name in MECHANISMS if certificate or name != "EXTERNAL"]


class Exchange:
    """A mechanism under way, and the chunks of the response that is coming in."""

    __slots__ = ("_chunks", "_size", "mechanism", "proving")

    def __init__(self, mechanism: Mechanism) -> None:
        self.mechanism = mechanism
        self.proving = ""  # the name that is being proven, once it is known
        self._chunks: list[str] = []
        self._size = 0

    def feed(self, chunk: str) -> bytes | None:
        """Take the parameter of one AUTHENTICATE; the whole response, or None while more of it is to come.

        Raises:
            SaslFailedError: not base64.
            SaslTooLongError: more than one line, or one response, may hold.
        """
        size = len(chunk.encode())
        self._size += size
        if size > CHUNK_BYTES or self._size > MAX_RESPONSE_BYTES:
            raise SaslTooLongError(self._size)
        if chunk != "+":
            self._chunks.append(chunk)
        if size == CHUNK_BYTES:
            return None
        text, self._chunks, self._size = "".join(self._chunks), [], 0
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:  # binascii.Error is one; so is what a text that is not ASCII raises
            raise SaslFailedError("not base64") from None


def chunks(data: bytes) -> list[str]:
    """A message of ours as the parameters of AUTHENTICATE lines; a full last chunk is followed by `+`."""
    text = base64.b64encode(data).decode()
    parts = [text[start : start + CHUNK_BYTES] for start in range(0, len(text), CHUNK_BYTES)]
    return parts if parts and len(parts[-1]) < CHUNK_BYTES else [*parts, "+"]
