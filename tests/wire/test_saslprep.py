"""Passwords as both ends hash them. Source: RFC 4013."""

import pytest

from gateway.wire.saslprep import prepare


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("I\u00adX", b"IX"),
        ("user", b"user"),
        ("USER", b"USER"),
        ("\u00aa", b"a"),
        ("\u2168", b"IX"),
        ("\u0007", b"\x07"),  # prohibited
        ("\u06271", "\u06271".encode()),  # mixes directions
        ("a\u00a0b", b"a b"),
        ("\u0627x\u0627", "\u0627x\u0627".encode()),
        ("\U0001fae0", "\U0001fae0".encode()),  # newer than Unicode 3.2
    ],
)
def test_passwords_are_prepared(password: str, prepared: bytes) -> None:
    """The examples of RFC 4013 section 3, and what it refuses as it is."""
    assert prepare(password) == prepared
