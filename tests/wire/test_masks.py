"""Masks agree with a plain reading of them, whatever is in them."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.masks import MASKLEN, mask_applies, normalise_mask
from gateway.wire.names import casefold

_part = st.text("abAB*?[]~.", min_size=0, max_size=6)
_word = st.text("abAB[]~.", min_size=1, max_size=6)


def plainly(mask: str, text: str) -> bool:
    """The shell's matching on folded text; its brackets are escaped, since IRC has none."""
    return fnmatchcase(casefold(text), casefold(mask).replace("[", "[[]"))


@given(_part, _part, _part, _word, _word, _word)
def test_a_mask_fits_as_the_reference_says(nick: str, user: str, host: str, n: str, u: str, h: str) -> None:
    """`*` is anything, `?` one character, letters fold as nicks do. Source: RFC 2812 section 2.5."""
    mask = normalise_mask(f"{nick}!{user}@{host}")
    assert mask is not None
    assert mask_applies(mask, f"{n}!{u}@{h}", "") == plainly(mask, f"{n}!{u}@{h}")


@pytest.mark.parametrize(
    ("given_as", "full"),
    [
        ("ann", "ann!*@*"),
        ("ann!~a", "ann!~a@*"),
        ("@host", "*!*@host"),
        ("~a@host", "*!~a@host"),
        ("!@", "*!*@*"),
        ("a:Ann", "a:Ann"),
        ("m:ann", "m:ann!*@*"),
        ("m:a:ann", "m:a:ann"),
    ],
)
def test_a_mask_is_completed(given_as: str, full: str) -> None:
    """What is left out is anything; completing it again changes nothing."""
    assert normalise_mask(given_as) == full
    assert normalise_mask(full) == full


@pytest.mark.parametrize("text", ["", ":x", "a b", "a,b", "a\x01", "a:", "m:", "m:m:x", "m:a:", "x" * (MASKLEN + 1)])
def test_what_is_no_mask(text: str) -> None:
    """Nothing that would not travel as one parameter, no empty account, no mute of a mute."""
    assert normalise_mask(text) is None


@given(st.text(max_size=120))
def test_any_text_is_a_mask_or_none(text: str) -> None:
    """One that fits a line and can be matched, or None; nothing is raised."""
    if (mask := normalise_mask(text)) is not None:
        assert len(mask.encode()) <= MASKLEN + len("!*@*")
        assert " " not in mask
        mask_applies(mask, "n!u@h", "account")


def test_accounts_and_mutes() -> None:
    """`a:` wants the account and ignores the rest; `m:` counts only where one wants to speak."""
    assert mask_applies("a:Ann", "x!y@z", "ann")
    assert not mask_applies("a:ann", "ann!y@z", "")
    assert mask_applies("a:*", "x!y@z", "any")
    assert mask_applies("m:x!*@*", "x!y@z", "")
    assert not mask_applies("m:x!*@*", "x!y@z", "", mutes=False)
    assert mask_applies("m:a:ann", "x!y@z", "ANN")
