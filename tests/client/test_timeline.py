"""The transcript of a room: order, duplicates, bounds, our own lines."""

from hypothesis import given
from hypothesis import strategies as st

from client.line import Kind, RoomLine
from client.timeline import Failed, Pending, Timeline


def line(number: int, *, key: str = "", kind: Kind = Kind.MESSAGE, replayed: bool = False) -> RoomLine:
    """The line of the room's minute `number`."""
    return RoomLine(
        room="#tea",
        kind=kind,
        nick="bob",
        text=f"line {number}",
        time_ms=number * 60_000,
        ident=f"id{number}",
        msgid=f"id{number}",
        key=key,
        replayed=replayed,
    )


@given(st.data())
def test_any_interleaving_gives_the_same_transcript(data: st.DataObject) -> None:
    """Live, history and duplicates in any order: the rows are the lines, each once, in the order of time, the newest
    when there are more than the limit."""
    numbers = data.draw(st.lists(st.integers(1, 30), unique=True, max_size=20))
    repeats = data.draw(st.lists(st.sampled_from(numbers), max_size=20)) if numbers else []
    order = data.draw(st.permutations(numbers + repeats))
    limit = data.draw(st.integers(1, 25))
    timeline = Timeline("#tea", limit_rows=limit)
    for number in order:
        timeline.add(line(number))
    assert [row.time_ms // 60_000 for row in timeline.rows] == sorted(numbers)[-limit:]


@given(st.lists(st.integers(1, 12), max_size=40))
def test_add_tells_what_is_new(numbers: list[int]) -> None:
    """`add` is true just for the first copy of a line."""
    timeline = Timeline("#tea")
    assert [timeline.add(line(number)) for number in numbers] == [
        number not in numbers[:index] for index, number in enumerate(numbers)
    ]


def test_lines_of_one_moment_keep_their_order() -> None:
    """Two lines of the same millisecond stand as they came."""
    timeline = Timeline("#tea")
    for ident in ("b", "a"):
        timeline.add(RoomLine(room="#tea", kind=Kind.MESSAGE, nick="x", text=ident, time_ms=5, ident=ident))
    assert [row.text for row in timeline.rows if isinstance(row, RoomLine)] == ["b", "a"]


def test_lines_that_nothing_can_tell_apart_are_all_kept() -> None:
    """Without msgid and server-time a repeated line may be two lines, so it stays."""
    timeline = Timeline("#tea")
    again = RoomLine(room="#tea", kind=Kind.MESSAGE, nick="x", text="hi", time_ms=5)
    assert [timeline.add(again), timeline.add(again)] == [True, True]


def test_own_line_is_pending_until_its_echo() -> None:
    """Pending until the line with its key is here, then a row like any other, where the server put it."""
    timeline = Timeline("#tea")
    timeline.pend(Pending(key="k1", nick="ann", text="line 2", time_ms=0))
    timeline.add(line(3))
    assert [row.key for row in timeline.pending] == ["k1"]
    timeline.add(line(2, key="k1"))
    assert timeline.pending == ()
    assert [row.time_ms for row in timeline.rows] == [120_000, 180_000]


def test_failed_line_becomes_a_row_with_its_reason() -> None:
    """It stands last, once, and is pending no more."""
    timeline = Timeline("#tea")
    timeline.add(line(9))
    timeline.pend(Pending(key="k1", nick="ann", text="hi", time_ms=0))
    failed = timeline.fail("k1", "Cannot send", now_ms=1)
    assert isinstance(failed, Failed)
    assert timeline.rows[-1] is failed
    assert timeline.pending == ()
    assert timeline.fail("k1", "again", now_ms=1) is None


def test_notes_stand_last_whatever_the_clocks_say() -> None:
    """Our clock may be behind the server's."""
    timeline = Timeline("#tea")
    timeline.add(line(9))
    note = timeline.note("connection lost", now_ms=0)
    assert timeline.rows[-1] is note


def test_position_is_the_newest_text() -> None:
    """Joins are not in every server's history, so they are no place to catch up from."""
    timeline = Timeline("#tea")
    assert timeline.position == ""
    timeline.add(line(1, kind=Kind.JOIN))
    assert timeline.position == "timestamp=1970-01-01T00:01:00.000Z"
    timeline.add(line(5))
    timeline.add(line(3))
    timeline.add(line(6, kind=Kind.PART))
    assert timeline.position == "msgid=id5"
