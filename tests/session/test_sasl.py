"""SASL as an exchange. Source: IRCv3 sasl-3.1, "The AUTHENTICATE command"; RFC 4616."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.session.sasl import (
    CHUNK_BYTES,
    MAX_RESPONSE_BYTES,
    MECHANISMS,
    Challenge,
    CheckPassword,
    Exchange,
    Mechanism,
    SaslFailedError,
    SaslTooLongError,
    chunks,
)

MAX_BYTES = MAX_RESPONSE_BYTES // 4 * 3


def exchange() -> Exchange:
    """One under way."""
    return Exchange(MECHANISMS["PLAIN"]("nonce"))


def plain(response: bytes, account: str | None) -> str:
    """What PLAIN makes of a response, where that is what the password check says."""
    mechanism: Mechanism = MECHANISMS["PLAIN"]("nonce")
    assert mechanism.send(None) == Challenge(b"")
    asked = mechanism.send(response)
    assert isinstance(asked, CheckPassword)
    assert (asked.name, asked.password) == ("Jilles", "sesame")
    with pytest.raises(StopIteration) as end:
        mechanism.send(account)
    assert isinstance(end.value.value, str)
    return end.value.value


@given(st.binary(max_size=MAX_BYTES - 1))
def test_chunks_are_put_together_again(data: bytes) -> None:
    """ "If the last chunk was exactly 400 bytes long, it must also be followed by AUTHENTICATE +"."""
    parts = chunks(data)
    assert all(len(part) <= CHUNK_BYTES for part in parts)
    under_way = exchange()
    *before, last = [under_way.feed(part) for part in parts]
    assert before == [None] * len(before)
    assert last == data


def test_an_exchange_may_go_on() -> None:
    """What one response took of the limit the next one has again."""
    under_way = exchange()
    for _ in range(5):
        assert [under_way.feed(part) for part in chunks(b"x" * 1000)][-1] == b"x" * 1000
    assert under_way.feed("+") == b""


def test_lines_without_end_are_bounded() -> None:
    """ "The server MAY place a limit on the total length of a response"."""
    under_way = exchange()
    for _ in range(MAX_RESPONSE_BYTES // CHUNK_BYTES):
        assert under_way.feed("A" * CHUNK_BYTES) is None
    with pytest.raises(SaslTooLongError):
        under_way.feed("A" * CHUNK_BYTES)
    with pytest.raises(SaslTooLongError):
        exchange().feed("A" * (CHUNK_BYTES + 1))


@pytest.mark.parametrize("text", ["!", "AAA", "A A=", "é", "=", "AA==AA=="])
def test_what_is_not_base64(text: str) -> None:
    """904, and not a guess at what was meant."""
    with pytest.raises(SaslFailedError):
        exchange().feed(text)


@pytest.mark.parametrize("authzid", [b"", b"jilles", b"Jilles", b"nick"])
def test_plain(authzid: bytes) -> None:
    """No identity to act as, or the proven one; the account's name comes from the check. Source: RFC 4616 section 2."""
    response = authzid + b"\0Jilles\0sesame"
    if authzid == b"nick":
        with pytest.raises(SaslFailedError):
            plain(response, "jilles")
    else:
        assert plain(response, "jilles") == "jilles"


def test_plain_with_a_wrong_password() -> None:
    """The check says None."""
    with pytest.raises(SaslFailedError):
        plain(b"\0Jilles\0sesame", None)


@pytest.mark.parametrize("response", [b"", b"\0\0", b"\0a\0", b"\0\0b", b"a\0b", b"a\0b\0c\0d", b"\0\xff\0b"])
def test_plain_that_is_none(response: bytes) -> None:
    """Too few or too many parts, an empty name or password, no UTF-8: refused before anything is checked."""
    mechanism = MECHANISMS["PLAIN"]("nonce")
    mechanism.send(None)
    with pytest.raises(SaslFailedError):
        mechanism.send(response)


def test_what_we_say_is_chunked_too() -> None:
    """An empty message is `+`; a full last chunk is followed by one."""
    assert chunks(b"") == ["+"]
    assert chunks(b"x" * 300) == [base64.b64encode(b"x" * 300).decode(), "+"]
    assert len(chunks(b"x" * 301)) == 2
