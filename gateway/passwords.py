"""Passwords of operators and accounts: hashed and verified away from the event loop.

Operators' are argon2id by RFC 9106 section 4, second recommended option. Accounts have a setting for the cost, since
all of them log in at once when a gateway was lost; beside argon2id they get a verifier for SCRAM.
"""

import argparse
import asyncio
import base64
import getpass
import os
import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from gateway.errors import FullError
from gateway.people import Credentials, ScramVerifier
from gateway.session.scram import make_verifier
from gateway.wire.saslprep import prepare

__all__ = [
    "BusyError",
    "Cost",
    "PasswordVerifier",
    "hash_password",
    "is_operator_name",
    "is_password_hash",
    "main_hash_password",
]

MAX_AT_ONCE = 2  # each takes 64 MiB, and some 0.1 s of two cores
MAX_WAITING = 8  # verifications, those at work included: the last one waits for about a second
SALT_BYTES = 16  # RFC 9106 section 3.1; RFC 7677 wants no less
PASSES, LANES = 2, 1  # of argon2id for accounts: OWASP's password storage cheat sheet, with 19 MiB
MAX_NAME_LENGTH = 32  # characters of an operator's name

_NAME = re.compile(r"[A-Za-z0-9_-]+")  # what TOML takes as a key without quotes
_HASHER = PasswordHasher()
_T = TypeVar("_T")


class Cost(NamedTuple):
    """What hashing an account's password takes."""

    argon2_kib: int = 19_456  # of memory; some 50 ms
    scram_iterations: int = 100_000  # the client has as much to do; RFC 7677 section 4 wants 4096 at least


class BusyError(FullError):
    """More verifications are wanted than `MAX_WAITING`; the peer is told to try again."""


def hash_password(text: str) -> str:
    """The argon2id hash of a password with a fresh salt, as `$argon2id$...`. Takes some 0.1 s."""
    return _HASHER.hash(text)


def is_operator_name(text: str) -> bool:
    """Whether `text` may be the name of an operator in the operators' file."""
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def is_password_hash(text: str) -> bool:
    """Whether `text` is an argon2id hash that `PasswordVerifier` can verify."""
    try:
        return extract_parameters(text).type is Type.ID
    except InvalidHashError:
        return False


class PasswordVerifier:
    """Hashes and verifies in at most `MAX_AT_ONCE` threads of its own. Belongs to one event loop; `close` ends it."""

    def __init__(self, *, max_waiting: int = MAX_WAITING, cost: Cost | None = None) -> None:
        """With a `cost` it is for accounts, without one for operators."""
        self._pool = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="password")
        self._max_waiting = max_waiting
        self._waiting = 0
        self._iterations = cost.scram_iterations if cost else 0
        self._hasher = (
            PasswordHasher(time_cost=PASSES, parallelism=LANES, memory_cost=cost.argon2_kib) if cost else _HASHER
        )

    async def verify(self, password_hash: str | None, text: str) -> bool:
        """Whether `text` is the password of the hash.

        Args:
            password_hash: one that `is_password_hash` accepts, or None where the name is unknown: that is answered
                with False after the same work, so that time does not tell which names exist.
        Raises:
            BusyError: too many are waiting; nothing was begun.
        """
        return await self._run(lambda: self._matches(password_hash, text.encode()))

    async def verify_account(self, password_hash: str | None, text: str) -> bool:
        """The same for a password of an account, which is prepared first."""
        return await self._run(lambda: self._matches(password_hash, prepare(text)))

    async def make(self, text: str) -> Credentials:
        """What is kept of a new password of an account. Raises `BusyError`."""
        return await self._run(lambda: self._make(text))

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._waiting >= self._max_waiting:
            raise BusyError(f"{self._waiting} passwords wait for verification")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Drop those that wait and end the threads; one at work is waited for (some 0.1 s)."""
        self._pool.shutdown(cancel_futures=True)

    def decoy(self, salt: bytes) -> ScramVerifier:
        """A verifier nobody can satisfy, and nobody can tell from one of an account made now: for unknown names."""
        return ScramVerifier(salt[:SALT_BYTES], self._iterations, bytes(32), bytes(32))

    def _make(self, text: str) -> Credentials:
        scram = make_verifier(text, os.urandom(SALT_BYTES), self._iterations)
        return Credentials(self._hasher.hash(prepare(text)), scram)

    def _matches(self, password_hash: str | None, password: bytes) -> bool:
        try:
            stored = password_hash or _unmatchable_hash(self._hasher)
            return self._hasher.verify(stored, password) and password_hash is not None
        except VerifyMismatchError:
            return False


def _unmatchable_hash(hasher: PasswordHasher) -> str:
    """A hash of the hasher's parameters whose digest is all zeros: the work of a verification, and never a match."""
    salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len))
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


def main_hash_password(argv: Sequence[str]) -> int:
    """`chat-gateway hash-password NAME`: print the line of the operators' file for a password.

    The password comes from the terminal, twice and unseen, or else is the first line of standard input.

    Returns:
        The exit code: 0, or 1 where there is no password or the two differ. A wrong usage exits with 2.
    """
    parser = argparse.ArgumentParser(
        prog="chat-gateway hash-password", description="Print a line for the file that --opers names."
    )
    parser.add_argument("name", metavar="NAME", help="name of the operator, as in OPER NAME password")
    name = parser.parse_args(argv).name
    if not is_operator_name(name):
        parser.error(f"NAME {name!r}: want letters, digits, _ and -, at most {MAX_NAME_LENGTH}")
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Once more: ")
    else:
        password = again = sys.stdin.readline().rstrip("\r\n")
    if not password or password != again:
        sys.stderr.write("hash-password: the passwords differ\n" if password else "hash-password: no password\n")
        return 1
    sys.stdout.write(f'{name} = "{hash_password(password)}"\n')
    return 0
