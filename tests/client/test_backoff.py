"""Waits between tries."""

from client.backoff import Backoff


def test_waits_double_up_to_thirty_seconds() -> None:
    """With the worst luck: 0.5, then 1, 2, 4 ... 30 s."""
    backoff = Backoff(lambda: 1.0)
    assert [backoff.next_wait_s() for _ in range(8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_chance_decides_below_the_limit() -> None:
    """Full jitter: the wait is anywhere from zero to the limit."""
    assert Backoff(lambda: 0.0).next_wait_s() == 0.0


def test_reset_begins_anew() -> None:
    """After a connection that proved good the first wait is short again."""
    backoff = Backoff(lambda: 1.0)
    for _ in range(5):
        backoff.next_wait_s()
    backoff.reset()
    assert backoff.next_wait_s() == 0.5
