"""How often a gateway writes to one room: at once for people, in bursts for floods, never held for longer than one
interval."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.rooms.pace import BURST_WRITES, MAX_BURST, Pace, interval_s

GAPS = st.lists(st.floats(min_value=0.0, max_value=3 * interval_s(1000)), min_size=1, max_size=200)
SEATS = st.integers(min_value=0, max_value=5000)


def starts(pace: Pace, now_s: float, seats: int) -> bool:
    """Whether a flight may start now."""
    return pace.wait_s(now_s, seats) == 0


def test_a_quiet_room_is_never_held() -> None:
    """One flight for each interval goes at once, in a room of any size."""
    for seats in (1, 10, 1000, 50_000):
        pace = Pace()
        assert all(starts(pace, 1000 + n * interval_s(seats) * 1.001, seats) for n in range(500))


def test_a_small_room_has_a_burst_and_a_large_one_has_none() -> None:
    """What goes at once is bounded by the writes it costs."""
    for seats, flights in ((0, MAX_BURST), (10, MAX_BURST), (BURST_WRITES // 2, 2), (BURST_WRITES, 1), (50_000, 1)):
        pace = Pace()
        assert sum(starts(pace, 1000.0, seats) for _ in range(100)) == flights


@given(GAPS, SEATS)
def test_who_waits_as_long_as_told_goes(gaps: list[float], seats: int) -> None:
    """No wait is longer than an interval, and after it the flight starts."""
    pace, now_s = Pace(), 1000.0
    for gap in gaps:
        now_s += gap
        wait_s = pace.wait_s(now_s, seats)
        assert 0 <= wait_s <= interval_s(seats) * 1.0001
        if wait_s:
            now_s += wait_s + 1e-9
            assert starts(pace, now_s, seats)


@given(GAPS, SEATS)
def test_no_room_is_written_to_more_often_than_said(gaps: list[float], seats: int) -> None:
    """In any time: its intervals, and one burst."""
    pace, now_s, started = Pace(), 1000.0, 0
    for gap in gaps:
        now_s += gap
        started += starts(pace, now_s, seats)
        assert started <= (now_s - 1000.0) / interval_s(seats) + MAX_BURST + 1e-6
