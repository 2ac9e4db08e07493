"""What was acknowledged lately: in order, by log, forgotten by age and by size, the oldest first."""

from gateway.model import LogKey
from gateway.rooms.outbox import KEPT_S, MAX_KEPT_BYTES, Batch, Outbox
from gateway.rooms.ports import Change
from gateway.spoken import SaidLines
from tests.harness.events import join, member, said

A, B = LogKey("r:#a"), LogKey("r:#b")


def batch(text: str) -> Batch:
    """One line."""
    return Batch([said("ann", text)], [])


def test_what_redis_lacks_is_taken_back_in_order() -> None:
    """Batches and changes after the number it has; each once, and what is older stays."""
    outbox = Outbox(lambda: 0.0)
    change = join(member("bob"))
    contents: list[Batch | Change] = [batch("1"), change, batch("3")]
    for number, content in enumerate(contents, 1):
        outbox.keep(A, number, content)
    outbox.keep(B, 1, batch("other"))
    assert outbox.take_back(A, 1) == [change, batch("3")]
    assert outbox.take_back(A, 1) == []
    assert outbox.take_back(A, 0) == [batch("1")]
    assert (outbox.holds(A), outbox.holds(B), outbox.logs) == (False, True, [B])


def test_what_is_old_is_forgotten() -> None:
    """After `KEPT_S`, whether it was taken back and kept again under another number or not."""
    now_s = 0.0
    outbox = Outbox(lambda: now_s)
    outbox.keep(A, 7, batch("lost"))
    outbox.keep(B, 1, batch("b"))
    now_s = KEPT_S / 2
    (again,) = outbox.take_back(A, 0)
    outbox.keep(A, 7, again)
    now_s = KEPT_S + 1
    assert outbox.prune() == [B]
    assert outbox.holds(A)
    now_s = 2 * KEPT_S
    assert outbox.prune() == [A]


def test_the_oldest_go_when_it_is_full() -> None:
    """The limit is in bytes, over all logs together."""
    outbox = Outbox(lambda: 0.0)
    big = batch("x" * (MAX_KEPT_BYTES // 4))
    for number in range(1, 7):
        outbox.keep(A if number % 2 else B, number, big)
    assert [len(outbox.take_back(log, 0)) for log in (A, B)] == [1, 2]


def test_all_lines_of_a_message_count() -> None:
    """One of several lines takes the room of all of them."""
    outbox, part = Outbox(lambda: 0.0), MAX_KEPT_BYTES // 8
    first = said("ann", "x")
    long = Batch([SaidLines(*first, ((False, b"x" * part), (True, b"x" * part)))], [])
    for number in range(1, 6):
        outbox.keep(A, number, long)
    assert len(outbox.take_back(A, 0)) == 3
