"""Passwords of operators: argon2id, away from the event loop. Source: RFC 9106 section 4, second recommended option."""

import argparse
import asyncio
import base64
import getpass
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from gateway.errors import FullError

__all__ = [
    "BusyError",
    "PasswordVerifier",
    "hash_password",
    "is_operator_name",
    "is_password_hash",
    "main_hash_password",
]

MAX_AT_ONCE = 2  # each takes 64 MiB, and some 0.1 s of two cores
MAX_WAITING = 8  # verifications, those at work included: the last one waits for about a second
MAX_NAME_LENGTH = 32  # characters of an operator's name

_NAME = re.compile(r"[A-Za-z0-9_-]+")  # what TOML takes as a key without quotes
_HASHER = PasswordHasher()


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
    """Verifies passwords in at most `MAX_AT_ONCE` threads of its own. Belongs to one event loop; `close` ends it."""

    def __init__(self, *, max_waiting: int = MAX_WAITING) -> None:
        self._pool = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="password")
        self._max_waiting = max_waiting
        self._waiting = 0

    async def verify(self, password_hash: str | None, text: str) -> bool:
        """Whether `text` is the password of the hash.

        Args:
            password_hash: one that `is_password_hash` accepts, or None where the name is unknown: that is answered
                with False after the same work, so that time does not tell which names exist.
        Raises:
            BusyError: too many are waiting; nothing was begun.
        """
        if self._waiting >= self._max_waiting:
            raise BusyError(f"{self._waiting} passwords wait for verification")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, _matches, password_hash, text)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Drop those that wait and end the threads; one at work is waited for (some 0.1 s)."""
        self._pool.shutdown(cancel_futures=True)


def _matches(password_hash: str | None, text: str) -> bool:
    try:
        return _HASHER.verify(password_hash or _unmatchable_hash(), text) and password_hash is not None
    except VerifyMismatchError:
        return False


def _unmatchable_hash() -> str:
    """A hash of our own parameters whose digest is all zeros: the work of a verification, and never a match."""
    salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (_HASHER.salt_len, _HASHER.hash_len))
    cost = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
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
