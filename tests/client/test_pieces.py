"""Cutting long text: nothing is lost, everything fits."""

from hypothesis import given
from hypothesis import strategies as st

from client.pieces import pieces, room_for_text
from gateway.wire.limits import HOSTLEN, MAX_LINE_BYTES, NICKLEN, USERLEN


@given(st.text(alphabet="aé日🎉 ", max_size=120), st.integers(4, 30))
def test_no_character_but_spaces_at_cuts_is_lost(text: str, limit: int) -> None:
    """Without its spaces the text is the pieces without theirs, in order, each piece within the limit."""
    found = pieces(text, limit)
    assert all(len(piece.encode()) <= limit for piece in found)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


def test_cuts_stand_on_word_borders() -> None:
    """A word that fits into a piece is never cut, also when it ends just at the limit."""
    assert pieces("one two three four", 8) == ["one two", "three", "four"]
    assert pieces("abcd efgh", 4) == ["abcd", "efgh"]


def test_a_long_word_is_cut_between_characters() -> None:
    """A word longer than a piece is cut, not dropped, and no character is broken."""
    assert pieces("日本語日本語", 7) == ["日本", "語日", "本語"]


def test_the_longest_relayed_line_fits_512_bytes() -> None:
    """RFC 1459 section 2.3: with the longest prefix a server may put in front, and as an ACTION."""
    text = "x" * room_for_text("#" + "r" * 63, action=True)
    prefix = f":{'n' * NICKLEN}!{'u' * USERLEN}@{'h' * HOSTLEN} "
    line = f"{prefix}PRIVMSG #{'r' * 63} :\x01ACTION {text}\x01\r\n"
    assert len(line) <= MAX_LINE_BYTES
