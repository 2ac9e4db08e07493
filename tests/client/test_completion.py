"""What Tab offers, best first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.line import Kind, RoomLine
from client.timeline import Timeline
from client.ui.completion import Facts, candidates, listing_wanted, match, recent_speakers

FACTS = Facts(
    speakers=["carol", "bob"],
    members=["alice", "ann", "bob", "Bert", "carol"],
    places=["#lobby", "#dev", "bob"],
    listed=[("#gateway", "41", "Gateway team"), ("#garden", "3", "plants"), ("#big", "900", "")],
    topic="Assam",
    me="ann",
)


@pytest.mark.parametrize(
    ("before", "texts"),
    [
        ("b", ["bob: ", "Bert: "]),
        ("ask b", ["bob ", "Bert "]),
        ("a", ["alice: "]),
        ("/jo", ["/join "]),
        ("/join ga", ["#gateway", "#garden"]),
        ("/join #", ["#big", "#gateway", "#garden"]),
        ("/room d", ["#dev"]),
        ("see #l", ["#lobby "]),
        ("/msg c", ["carol "]),
        ("/topic ", ["Assam"]),
        ("", []),
        ("zz", []),
    ],
)
def test_candidates(before: str, texts: list[str]) -> None:
    """Nicks by who spoke last, rooms by how many are there; our own nick never."""
    assert [candidate.text for candidate in candidates(before, FACTS)] == texts


@given(st.text(alphabet="/#ajbo i", max_size=12))
def test_what_is_replaced_is_what_was_typed(before: str) -> None:
    """A candidate takes the place of the end of the text, and of nothing else; there are never too many."""
    found = candidates(before, FACTS)
    assert len(found) <= 50
    assert all(0 <= candidate.replaces <= len(before) for candidate in found)


def test_match_prefers_beginnings() -> None:
    """Then names that have it in them; `#` may be left out."""
    assert match("de", ["#code", "#dev", "deb"]) == ["#dev", "deb", "#code"]


def test_speakers_are_those_who_spoke() -> None:
    """The last one first, each once; joining is not speaking."""
    timeline = Timeline("#tea")
    for number, (nick, kind) in enumerate(
        [("bob", Kind.MESSAGE), ("carol", Kind.MESSAGE), ("bob", Kind.ACTION), ("eve", Kind.JOIN)]
    ):
        timeline.add(RoomLine(room="#tea", kind=kind, nick=nick, text="", time_ms=number))
    assert recent_speakers(timeline) == ["bob", "carol"]


def test_the_list_of_rooms_is_wanted_for_joining_only() -> None:
    """It is the server's to give, and not for every Tab."""
    assert listing_wanted("/join ga")
    assert not listing_wanted("/room ga")
    assert not listing_wanted("/join #ga key")
