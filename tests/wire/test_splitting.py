"""Claims about cutting text to bytes."""

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire.splitting import clip


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-3, 40))
@example("abc", -1)
@example("aé", 2)
def test_clip_is_the_longest_beginning_that_fits(text: str, limit_bytes: int) -> None:
    """It is a beginning, it fits, and one character more would not."""
    clipped = clip(text, limit_bytes)
    assert text.startswith(clipped)
    assert len(clipped.encode()) <= max(0, limit_bytes)
    longer = text[: len(clipped) + 1]
    assert clipped == text or len(longer.encode()) > limit_bytes
