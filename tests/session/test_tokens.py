"""Resumption tokens: what a client keeps, and what we keep of it. Source: docs/protocol.md, "hubbub.chat/resume"."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.identity import new_secret, new_uid
from gateway.model import AttachmentId, session_of
from gateway.session.tokens import MAX_TOKEN_BYTES, attachment_of, further, hash_of, make


def test_a_token_names_its_session_and_fits() -> None:
    """At most 100 bytes, no spaces; no two are alike. Those of further attachments name these."""
    uid = new_uid()
    others = [further(uid, new_secret()) for _ in range(100)]
    whose: dict[str, AttachmentId] = {make(other, new_secret()): other for other in others}
    whose |= {make(uid, new_secret()): uid for _ in range(100)}
    assert len(whose) == 200
    assert {session_of(other) for other in others} == {uid}
    for token, of in whose.items():
        assert attachment_of(token) == of
        assert len(token) <= MAX_TOKEN_BYTES
        assert " " not in token


@given(st.text())
@example("a.b")
@example("a.b.c")
@example(".b")
@example("a.")
@example("a" * 200 + ".b")
@example("ä.b")
@example("a}.b")
def test_anything_else_names_none(text: str) -> None:
    """A name that could not be part of a key is no attachment, and nothing raises."""
    uid = attachment_of(text)
    if uid is not None:
        assert len(text) <= MAX_TOKEN_BYTES
        assert all(byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~" for byte in uid)
        assert text.startswith(uid.decode() + ".")


def test_what_is_kept_does_not_tell_the_token() -> None:
    """SHA-256, the same each time, another for another token."""
    assert hash_of("abc") == b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert hash_of("abc") != hash_of("abd")
