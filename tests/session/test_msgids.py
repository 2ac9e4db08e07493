"""A msgid made of a key is the same wherever it is made, and tells its time where the key does."""

import pytest

from gateway.model import LogKey, SendKey
from gateway.session.msgids import keyed_msgid, made_at_ms

KEY, LOG = SendKey(b"u:ann", b"k1"), LogKey("r:#tea")


def test_said_again_it_is_the_same() -> None:
    """And it can be a tag's value as it is."""
    msgid = keyed_msgid(KEY, LOG, "PRIVMSG", "hello")
    assert msgid == keyed_msgid(SendKey(b"u:ann", b"k1"), LOG, "PRIVMSG", "hello")
    assert msgid.isascii()
    assert not set(b" ;:\\") & set(msgid)


@pytest.mark.parametrize(
    ("key", "log", "command", "text"),
    [
        (SendKey(b"u:bob", b"k1"), LOG, "PRIVMSG", "hello"),
        (SendKey(b"u:ann", b"k2"), LOG, "PRIVMSG", "hello"),
        (KEY, LogKey("r:#coffee"), "PRIVMSG", "hello"),
        (KEY, LOG, "NOTICE", "hello"),
        (KEY, LOG, "PRIVMSG", "hello!"),
        (SendKey(b"u:annk", b"1"), LOG, "PRIVMSG", "hello"),
    ],
    ids=["author", "key", "log", "command", "text", "the same bytes, divided otherwise"],
)
def test_anything_else_is_another(key: SendKey, log: LogKey, command: str, text: str) -> None:
    """Each part counts."""
    assert keyed_msgid(key, log, command, text) != keyed_msgid(KEY, LOG, "PRIVMSG", "hello")


@pytest.mark.parametrize(
    ("key", "ms"),
    [
        (b"18bcfe56800-abc", 1_700_000_000_000),
        (b"18bcfe56800", 0),
        (b"18BCFE56800-abc", 0),
        (b"abc-18bcfe56800", 0),
        (b"18bcfe5680000-abc", 0),
        (b"-", 0),
    ],
)
def test_a_key_that_begins_with_a_time_hands_it_on(key: bytes, ms: int) -> None:
    """As our own msgids do: ms since 1970 in hex, 8 to 12 digits, and a dash."""
    assert made_at_ms(keyed_msgid(SendKey(b"u:ann", key), LOG, "PRIVMSG", "hello")) == ms
