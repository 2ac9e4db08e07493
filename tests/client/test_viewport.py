"""What of a transcript is on the screen: only the visible, pinned while one reads, and never past its ends."""

from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st

from client.line import Kind, RoomLine
from client.render import plain
from client.timeline import Pending, Timeline
from client.ui.rows import Look
from client.ui.viewport import Viewport

LOOK = Look("ann", 60, UTC)
HEIGHT = 10


def line(number: int, text: str = "", kind: Kind = Kind.MESSAGE) -> RoomLine:
    """The line of minute `number`."""
    return RoomLine(
        room="#tea", kind=kind, nick="bob", text=text or f"line {number}", time_ms=number * 60_000, ident=str(number)
    )


def filled(*numbers: int, text: str = "") -> Timeline:
    """A room with these lines."""
    timeline = Timeline("#tea")
    for number in numbers:
        timeline.add(line(number, text))
    return timeline


def shown(viewport: Viewport, height: int = HEIGHT, look: Look = LOOK) -> list[str]:
    """The rows, without their heads."""
    return [plain(row).partition(" | ")[2] for row in viewport.page(look, height).rows]


def test_the_newest_rows_are_shown_and_followed() -> None:
    """At the end one stays at the end."""
    timeline = filled(*range(50))
    viewport = Viewport(timeline)
    assert shown(viewport) == [f"line {number}" for number in range(40, 50)]
    timeline.add(line(50))
    assert shown(viewport)[-1] == "line 50"


LENGTHS = st.lists(st.sampled_from([1, 30, 90, 200]), min_size=1, max_size=40)


@given(LENGTHS, st.lists(st.integers(-15, 15), max_size=8), LENGTHS, st.integers(1, 12))
@settings(max_examples=150)
def test_scrolling_moves_by_rows_and_new_lines_move_nothing(
    lengths: list[int], steps: list[int], more: list[int], height: int
) -> None:
    """The view is a window on all rows: as if all had been wrapped and one had counted; and it stays when lines come,
    newer ones and older ones."""
    timeline = Timeline("#tea")
    for number, length in enumerate(lengths):
        timeline.add(line(1000 + number, f"{number} " + "x" * length))
    viewport = Viewport(timeline)
    everything = [plain(row) for row in Viewport(timeline).page(LOOK, 10_000).rows]
    up = 0
    limit = max(0, len(everything) - height)
    for step in steps:
        viewport.scroll(step, LOOK, height)
        up = min(max(up + step, 0), limit)
        page = viewport.page(LOOK, height)
        end = len(everything) - up
        texts = [plain(row)[5:] for row in page.rows]
        assert texts == [row[5:] for row in everything[max(0, end - height) : end]]
        assert viewport.at_end == (up == 0)
        assert page.at_start == (end - height <= 0)
    before = [plain(row)[5:] for row in viewport.page(LOOK, height).rows]
    scrolled = not viewport.at_end
    for number, length in enumerate(more):
        timeline.add(line(number, "old " + "y" * length))
        if scrolled:
            timeline.add(line(5000 + number, "new " + "z" * length))
    if scrolled:
        assert [plain(row)[5:] for row in viewport.page(LOOK, height).rows] == before


@given(st.lists(st.booleans(), min_size=12, max_size=40), st.integers(1, 8))
def test_coming_and_going_moves_nothing_either(joins: list[bool], up: int) -> None:
    """A fold that is being read does not grow, and its neighbours stay."""
    timeline = Timeline("#tea")
    for number, join in enumerate(joins):
        timeline.add(line(number, kind=Kind.JOIN if join else Kind.MESSAGE))
    viewport = Viewport(timeline)
    viewport.scroll(up, LOOK, 4)
    if not viewport.at_end:
        before = shown(viewport, 4)
        for number in range(len(joins), len(joins) + 5):
            timeline.add(line(number, kind=Kind.JOIN))
        assert shown(viewport, 4) == before


def test_only_what_is_visible_is_wrapped() -> None:
    """A hundred thousand lines cost what a screenful does."""
    timeline = Timeline("#tea")
    for number in range(100_000):
        timeline.add(line(number))
    viewport = Viewport(timeline)
    viewport.page(LOOK, 40)
    viewport.scroll(1_000, LOOK, 40)
    assert len(viewport._wrapped) <= 1_024


def test_our_own_lines_stand_below_everything() -> None:
    """Until they are confirmed; then where the server put them."""
    timeline = filled(1, 2)
    timeline.pend(Pending(key="k", nick="ann", text="mine", time_ms=0))
    viewport = Viewport(timeline)
    assert shown(viewport) == ["line 1", "line 2", "mine  (sending)"]
    timeline.add(line(3))
    assert shown(viewport)[-1] == "mine  (sending)"
    timeline.add(RoomLine(room="#tea", kind=Kind.MESSAGE, nick="ann", text="mine", time_ms=150_000, key="k", own=True))
    assert shown(viewport) == ["line 1", "line 2", "mine", "line 3"]


def test_rules_and_times() -> None:
    """A rule where a day begins and where reading stopped; the time where the minute changes."""
    timeline = filled(10, 24 * 60 + 1)
    timeline.add(
        RoomLine(room="#tea", kind=Kind.MESSAGE, nick="bob", text="same minute", time_ms=(24 * 60 + 1) * 60_000)
    )
    new = line(24 * 60 + 2)
    timeline.add(new)
    viewport = Viewport(timeline)
    viewport.unread_from = new
    rows = [plain(row) for row in viewport.page(LOOK, HEIGHT).rows]
    assert [row[:5] for row in rows] == ["00:10", "-----", "00:01", "     ", "=====", "00:02"]
    assert "Friday 2 January 1970" in rows[1]
    assert "new messages" in rows[4]


def test_finding_goes_on_where_it_ended() -> None:
    """Upwards through all that fits; at the last one it says so, and stays."""
    timeline = filled(*range(100))
    viewport = Viewport(timeline)

    def find(*, up: bool) -> bool:
        return viewport.find(lambda row: row.text.endswith("5"), up=up, look=LOOK, height=HEIGHT)

    assert find(up=True)
    assert "line 95" in shown(viewport)
    assert find(up=True)
    assert "line 85" in shown(viewport)
    assert find(up=False)
    assert "line 95" in shown(viewport)
    assert not find(up=False)
    assert "line 95" in shown(viewport)


def test_the_place_outlives_the_lines_that_had_to_go() -> None:
    """A room at its limit drops its oldest line for each that comes; what is being read stays as long as it is kept."""
    timeline = Timeline("#tea", limit_rows=60)
    for number in range(60):
        timeline.add(line(number))
    viewport = Viewport(timeline)
    viewport.scroll(30, LOOK, HEIGHT)
    before = shown(viewport)
    for number in range(60, 70):
        timeline.add(line(number))
    assert shown(viewport) == before
    for number in range(70, 200):
        timeline.add(line(number))
    assert shown(viewport)
