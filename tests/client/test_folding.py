"""Coming and going in one line."""

from hypothesis import given
from hypothesis import strategies as st

from client.line import Kind, RoomLine
from client.timeline import Note
from client.ui.folding import fold, folds, together

KINDS = {"+": Kind.JOIN, "-": Kind.PART, "q": Kind.QUIT}


def moves(words: str) -> list[RoomLine]:
    """`+eve -bob`: eve joined, then bob left."""
    return [
        RoomLine(room="#tea", kind=KINDS[word[0]], nick=word[1:], text="", time_ms=number)
        for number, word in enumerate(words.split())
    ]


def test_what_they_come_to() -> None:
    """Who is here now that was not, who is not, and who only passed by."""
    told = fold(moves("+eve +frank -mallory +zoe qzoe -bob +bob"))
    assert told.text == "eve and frank joined; mallory left; zoe came and went; bob left and came back"
    assert told.flag == "<->"
    assert fold(moves("+eve")).flag == "-->"
    assert fold(moves("-eve qbob")).flag == "<--"


def test_a_crowd_is_counted() -> None:
    """Five are named, the others counted."""
    assert fold(moves("+a +b +c +d +e +f +g")).text == "a, b, c, d, e and 2 more joined"


def test_one_alone_keeps_their_reason() -> None:
    """Nobody else in the line: there is room for it; and it is text, nothing else."""
    line = RoomLine(room="#tea", kind=Kind.QUIT, nick="eve", text="\x1b[2J", time_ms=0)
    assert fold([line]).text == "eve left (^[[2J)"


def test_what_stands_alone() -> None:
    """Text, our own doings, notes; a long pause; another hour."""
    eve, bob = moves("+eve +bob")
    own = RoomLine(room="#tea", kind=Kind.JOIN, nick="ann", text="", time_ms=0, own=True)
    late = RoomLine(room="#tea", kind=Kind.JOIN, nick="zoe", text="", time_ms=700_000)
    before = RoomLine(room="#tea", kind=Kind.JOIN, nick="zoe", text="", time_ms=3_599_999)
    after = RoomLine(room="#tea", kind=Kind.JOIN, nick="zoe", text="", time_ms=3_600_000)
    assert folds(eve)
    assert together(eve, bob)
    assert not folds(own)
    assert not folds(Note("hi", 0))
    assert not together(eve, late)
    assert not together(before, after)


@given(st.lists(st.tuples(st.sampled_from("+-q"), st.sampled_from("abcd")), min_size=1, max_size=20))
def test_nobody_is_forgotten_and_nobody_is_told_twice(events: list[tuple[str, str]]) -> None:
    """Each nick stands once, under what their first and last move make of it."""
    told = fold(moves(" ".join(f"{move}nick{who}" for move, who in events))).text
    for who in {who for _, who in events}:
        assert told.count(f"nick{who}") == 1
        own = [move == "+" for move, other in events if other == who]
        (part,) = (part for part in told.split("; ") if f"nick{who}" in part)
        ending = {(1, 1): "joined", (0, 0): "left", (1, 0): "came and went", (0, 1): "left and came back"}
        assert part.endswith(ending[own[0], own[-1]])
