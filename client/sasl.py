"""Ways to prove an account to a server, the client's side. Pure: the nonce is passed in.

Source: RFC 4616 (PLAIN), RFC 4422 appendix A (EXTERNAL), RFC 5802 and RFC 7677 (SCRAM-SHA-256).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field

from gateway.wire.saslprep import prepare

__all__ = ["Login", "Proof", "UntrueServerError", "mechanisms"]

MIN_ITERATIONS = 4096  # RFC 7677 section 4: fewer would give the password away to who listens
MAX_ITERATIONS = 1_000_000  # half a second; more would be an attack on us
_EXTERNAL, _SCRAM, _PLAIN = "EXTERNAL", "SCRAM-SHA-256", "PLAIN"
_SERVER_FIRST = re.compile(r"r=([^,]+),s=([A-Za-z0-9+/=]+),i=([0-9]{1,9})(?:,.*)?")


class UntrueServerError(Exception):
    """What the server said is no SCRAM, or proves that it does not know the password; the text is for a person."""


@dataclass(frozen=True, slots=True)
class Login:
    """An account, and what proves it.

    Attributes:
        account: empty: the one that the certificate stands for.
        password: empty: there is none.
        certificate: TLS has shown the server a certificate of ours.
    """

    account: str
    password: str = field(default="", repr=False)
    certificate: bool = False


def mechanisms(login: Login, offered: Collection[str] | None) -> list[str]:
    """What to try, the best first.

    A server that offers SCRAM is never told the password, whatever becomes of it.

    Args:
        offered: None: the server does not say.
    """
    if offered is None:
        usable = [_EXTERNAL] if login.certificate else []
        return [*usable, _PLAIN] if login.password else usable
    usable = [_EXTERNAL] if login.certificate and _EXTERNAL in offered else []
    if login.password:
        usable += [name for name in (_SCRAM, _PLAIN) if name in offered][:1]
    return usable


class Proof:
    """One mechanism under way.

    Attributes:
        mutual: the server has proved that it knows the password too, as far as the mechanism asks for that.
    """

    def __init__(self, mechanism: str, login: Login, nonce: str) -> None:
        """Args: nonce: printable ASCII without commas, never used before, not to be guessed."""
        self.mechanism = mechanism
        self.mutual = mechanism != _SCRAM
        self._steps = _STEPS[mechanism](login, nonce)
        self._begun = False

    def answer(self, challenge: bytes) -> bytes:
        """What to say to a challenge.

        Raises:
            UntrueServerError: the exchange is to be aborted.
        """
        try:
            if self._begun:
                return self._steps.send(challenge)
            self._begun = True
            return next(self._steps)
        except StopIteration:
            self.mutual = True
            return b""


_Steps = Generator[bytes, bytes, None]


def _plain(login: Login, _nonce: str) -> _Steps:
    yield f"\0{login.account}\0{login.password}".encode()


def _external(login: Login, _nonce: str) -> _Steps:
    yield login.account.encode()


def _scram(login: Login, nonce: str) -> _Steps:
    name = login.account.replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r={nonce}".encode()
    challenge = yield b"n,," + bare
    theirs, salt, iterations = _server_first(challenge, nonce)
    salted = hashlib.pbkdf2_hmac("sha256", prepare(login.password), salt, iterations)
    unproven = b"c=biws,r=" + theirs.encode()  # biws: base64 of "n,,", we bind no channel
    said = b",".join((bare, challenge, unproven))
    client_key = _hmac(salted, b"Client Key")
    signature = _hmac(hashlib.sha256(client_key).digest(), said)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    final = yield unproven + b",p=" + base64.b64encode(proof)
    expected = b"v=" + base64.b64encode(_hmac(_hmac(salted, b"Server Key"), said))
    if not hmac.compare_digest(final.partition(b",")[0], expected):
        raise UntrueServerError("the server does not know the password: it may be another one than it says")


def _server_first(challenge: bytes, nonce: str) -> tuple[str, bytes, int]:
    """Nonce, salt and iterations of a server-first-message. Source: RFC 5802 section 7."""
    match = _SERVER_FIRST.fullmatch(challenge.decode(errors="replace"))
    if match is None or not match[1].startswith(nonce) or match[1] == nonce or not match[1].isascii():
        raise UntrueServerError("the server does not log in as SCRAM-SHA-256 wants it")
    iterations = int(match[3])
    if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise UntrueServerError(f"the server wants the password hashed {iterations} times")
    try:
        return match[1], base64.b64decode(match[2], validate=True), iterations
    except ValueError:
        raise UntrueServerError("the server does not log in as SCRAM-SHA-256 wants it") from None


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


_STEPS: Mapping[str, Callable[[Login, str], _Steps]] = {_EXTERNAL: _external, _SCRAM: _scram, _PLAIN: _plain}
