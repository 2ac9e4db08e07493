"""Claims about nicks, room names and masks."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire.limits import CHANNELLEN, NICKLEN
from gateway.wire.message import Message
from gateway.wire.names import casefold, is_nick, is_room_name, nick_key, room_key, wildcard

NAMES = st.text() | st.lists(st.sampled_from("#aZ[]-_0 ,:\a\n\0é")).map("".join)


@given(NAMES)
def test_what_is_a_name_can_be_said_as_a_middle_parameter(text: str) -> None:
    """No nick or room name can break the line it stands in; lists of them are separated by commas."""
    if is_nick(text) or is_room_name(text):
        assert "," not in text
        assert Message.parse(Message("X", (text, "y")).encode()[:-2]).params == (text, "y")


@given(NAMES)
def test_keys_exist_for_names_alone_and_are_stable(text: str) -> None:
    """A key is the folded name, folding it again changes nothing, and only a name has one."""
    for key, is_name in ((nick_key(text), is_nick(text)), (room_key(text), is_room_name(text))):
        assert key == (casefold(text) if is_name else None)
        assert key is None or casefold(key) == key


@given(st.text())
@example("İK\N{KELVIN SIGN}ß[")
def test_casefold_touches_ascii_letters_only(text: str) -> None:
    """CASEMAPPING=ascii: `[` is not `{`, and no letter beyond ASCII folds. Source: ISUPPORT CASEMAPPING."""
    folded = casefold(text)
    assert folded == re.sub("[A-Z]+", lambda run: run[0].lower(), text)
    assert len(folded.encode("utf-8", "surrogatepass")) == len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("nick", ["a", "A-1", "[x]", "`_^", "{|}\\", "a" * NICKLEN])
def test_nicks(nick: str) -> None:
    """Source: RFC 2812 section 2.3.1, `nickname`."""
    assert is_nick(nick)


@pytest.mark.parametrize("text", ["", "1a", "-a", "a b", "a!b", "a@b", "#a", "a.b", "a\n", "é", "a" * (NICKLEN + 1)])
def test_no_nicks(text: str) -> None:
    """Source: RFC 2812 section 2.3.1, `nickname`; the length is ours."""
    assert not is_nick(text)


@pytest.mark.parametrize("name", ["#a", "#A.b-c", "#é", "##", "#" + "a" * (CHANNELLEN - 1)])
def test_room_names(name: str) -> None:
    """Source: RFC 2812 section 1.3."""
    assert is_room_name(name)


@pytest.mark.parametrize(
    "text", ["", "#", "a", "&a", "#a b", "#a,b", "#a\a", "#a\n", "#a:b", "#" + "é" * (CHANNELLEN // 2)]
)
def test_no_room_names(text: str) -> None:
    """Source: RFC 2812 section 1.3; the length counts bytes."""
    assert not is_room_name(text)


def plain_match(mask: str, text: str) -> bool:
    """Masks by the book: the plainest correct matcher, for short ones."""
    if not mask:
        return not text
    if mask[0] == "*":
        return any(plain_match(mask[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and mask[0] in ("?", text[0]) and plain_match(mask[1:], text[1:])


@given(st.text("*?ab", max_size=8), st.text("ab\n", max_size=8))
@example("*", "")
@example("a*a", "a")
def test_wildcard_agrees_with_the_plainest_matcher(mask: str, text: str) -> None:
    """`*` is any run, `?` any one character. Source: RFC 2812 section 2.5."""
    assert (wildcard(mask).fullmatch(text) is not None) == plain_match(mask, text)


@given(st.text(max_size=10))
def test_all_but_star_and_question_mark_is_literal(text: str) -> None:
    """No character of a mask has a meaning of its own in the pattern made from it."""
    literal = text.replace("*", "").replace("?", "")
    assert wildcard(literal).fullmatch(casefold(literal))
    assert not wildcard(literal).fullmatch(casefold(literal) + "x")


@pytest.mark.timeout(5)
@pytest.mark.parametrize("mask", ["*a" * 60 + "*b", "*a?" * 40 + "*b", "*aab" * 30, "*" * 200 + "b"])
def test_no_mask_can_stop_the_gateway(mask: str) -> None:
    """A mask full of stars ends on a full-length source (with plain `.*` the first takes longer than we live)."""
    assert not wildcard(mask).fullmatch("a" * 120)
