"""SCRAM-SHA-256, the server's side. Source: RFC 5802, RFC 7677."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.session.scram import (
    BadScramError,
    client_first,
    make_verifier,
    server_final,
    server_first,
)

# The exchange of RFC 7677 section 3.
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
UNPROVEN = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
CLIENT_FINAL = UNPROVEN + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

VERIFIER = make_verifier("pencil", SALT, 4096)
FIRST = client_first(CLIENT_FIRST)


def test_the_exchange_of_the_rfc() -> None:
    """Every byte as in RFC 7677 section 3."""
    assert FIRST.name == "user"
    challenge = server_first(FIRST, SERVER_NONCE, VERIFIER)
    assert challenge == SERVER_FIRST
    assert server_final(FIRST, challenge, VERIFIER, CLIENT_FINAL) == SERVER_FINAL


@pytest.mark.parametrize(
    "final",
    [
        CLIENT_FINAL.replace(b"dHzb", b"dHza"),  # another proof
        CLIENT_FINAL.replace(b"biws", b"eSws"),  # another header than the first message had
        CLIENT_FINAL.replace(b"k0,p", b"k1,p"),  # another nonce
        UNPROVEN,
        UNPROVEN + b",p=",
        UNPROVEN + b",p=!",
        UNPROVEN + b",p=AAAA",
        b"",
        b"\xff,\xff,p=",
    ],
)
def test_what_proves_nothing(final: bytes) -> None:
    """A proof holds for this password, this nonce and this first message alone."""
    with pytest.raises(BadScramError):
        server_final(FIRST, SERVER_FIRST, VERIFIER, final)


def test_another_password_proves_nothing() -> None:
    """The same messages against another password's verifier."""
    with pytest.raises(BadScramError):
        server_final(FIRST, SERVER_FIRST, make_verifier("pencils", SALT, 4096), CLIENT_FINAL)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n,,",
        b"n,,n=user",
        b"p=tls-unique,,n=user,r=x",  # channel binding belongs to mechanisms that end in -PLUS
        b"n,user,n=user,r=x",
        b"n,,m=must,n=user,r=x",  # RFC 5802 section 5.1: "m" is to be refused
        b"n,,n=us=er,r=x",
        b"n,,n=user,r=",
        b"n,,n=user,r=" + b"x" * 257,
        b"n,,n=user,r=\xc3\xa9",
        b"\xff",
    ],
)
def test_first_messages_that_are_none(message: bytes) -> None:
    """Each is refused, none is read as something else."""
    with pytest.raises(BadScramError):
        client_first(message)


def test_names_are_unescaped() -> None:
    """ "The characters ',' or '=' in usernames are sent as '=2C' and '=3D'". Source: RFC 5802 section 5.1."""
    first = client_first(b"y,a=boss,n=a=2Cb=3Dc,r=nonce,ext=1")
    assert (first.authzid, first.name, first.nonce, first.header) == ("boss", "a,b=c", "nonce", b"y,a=boss,")


@given(st.binary(max_size=200) | st.text("n=,ray\0é", max_size=40).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    """Read, or refused; nothing else."""
    for read in (client_first, lambda text: server_final(FIRST, SERVER_FIRST, VERIFIER, text)):
        try:
            read(data)
        except BadScramError:
            continue
        assert read is client_first, "a proof was guessed"
