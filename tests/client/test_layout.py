"""Where the parts of the screen are: they fill it exactly, at every size."""

from hypothesis import given
from hypothesis import strategies as st

from client.ui.cells import cell_width
from client.ui.layout import arrange, assemble
from client.ui.panels import Entry, below_line, people_panel, rooms_panel, state_line, topic_line


def test_breakpoints() -> None:
    """Both panels from 120 columns, rooms from 90, none below; a key may say otherwise."""
    assert [bool(part) for part in (arrange(120, 39).rooms, arrange(120, 39).people)] == [True, True]
    assert [bool(part) for part in (arrange(119, 39).rooms, arrange(119, 39).people)] == [True, False]
    assert [bool(part) for part in (arrange(89, 39).rooms, arrange(89, 39).people)] == [False, False]
    assert arrange(80, 23, people=True).people
    assert not arrange(120, 39, rooms=False).rooms
    assert arrange(49, 9).narrow
    assert not arrange(50, 9).narrow
    assert arrange(20, 4).topic
    assert not arrange(19, 4).topic
    assert not arrange(20, 3).topic


MAYBE = st.none() | st.booleans()


@given(st.integers(0, 200), st.integers(0, 60), MAYBE, MAYBE, st.integers(0, 2), st.integers(0, 1), st.integers(0, 20))
def test_the_parts_fill_the_screen(
    width: int, height: int, rooms: bool | None, people: bool | None, banner: int, below: int, lines: int
) -> None:
    """As many rows as there are, none too wide, whatever is shown and however small it is."""
    areas = arrange(width, height, rooms=rooms, people=people, banner=banner, below=below)
    entries = [Entry("#tea", current=True), Entry("日本", lines=3), Entry("bob", lines=2, mentions=2, draft=True)]
    rows = assemble(
        areas,
        topic=topic_line("#tea", "Assam 日本", 3, width, keys=True),
        rooms=rooms_panel(entries, areas.rooms, areas.middle, unsent=2),
        transcript=[[("", "x" * areas.transcript)]] * min(lines, areas.middle),
        people=people_panel([("@", "日本"), ("", "bob")], 9, "bob", {"bob"}, areas.people, areas.middle),
        below=below_line(27, 2, width),
        banner=["NO CONNECTION"] * banner,
        state=state_line("09:32", ("class:state", "gw-a 12ms"), entries, width, names=True, hint="hint"),
    )
    assert len(rows) == height
    wide = max((sum(cell_width(text) for _, text in row) for row in rows[:-1]), default=0)
    assert wide <= max(width, 0)
