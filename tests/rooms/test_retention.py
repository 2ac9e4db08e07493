"""How much is history: the value of mode `H`, and the narrower of two limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rooms.retention import ALL, MAX_ENTRIES, Kept, read_kept

kept = st.builds(Kept, st.integers(0, MAX_ENTRIES), st.integers(0, 10**7))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("0", Kept(0)),
        ("500", Kept(500)),
        ("10000", Kept(10_000)),
        ("50:90m", Kept(50, 5400)),
        ("50:2h", Kept(50, 7200)),
        ("50:7d", Kept(50, 604_800)),
        ("50:4w", Kept(50, 2_419_200)),
    ],
)
def test_values(text: str, meaning: Kept) -> None:
    """Entries, and an age where there is one."""
    assert read_kept(text) == meaning


@pytest.mark.parametrize(
    "text",
    ["", "x", ":", "5:", ":5d", "5:5", "5:0m", "5:5s", "5:5y", "10001", "-1", "5 :5d", "\u0665", "5:5d:5d", "5:10000d"],
)
def test_what_is_no_value(text: str) -> None:
    """None, and nothing else happens."""
    assert read_kept(text) is None


@given(kept, kept)
def test_the_narrower_of_two(one: Kept, other: Kept) -> None:
    """In either respect, whichever comes first; no age is wider than any."""
    both = one.narrowed(other)
    assert both == other.narrowed(one)
    assert both.entries == min(one.entries, other.entries)
    assert both.oldest_ms(10**12) == max(one.oldest_ms(10**12), other.oldest_ms(10**12))
    assert one.narrowed(None) == one.narrowed(ALL) == one
