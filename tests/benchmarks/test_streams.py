"""The counting of the load generator: quick as it is, it must see what a slow reader of every line would see."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.streams import Numbered, Reader, RoomStream, Tally, judge

SENT = {0: 3, 1: 2}
ORDER = [Numbered(0, 0), Numbered(1, 0), Numbered(0, 1), Numbered(1, 1), Numbered(0, 2)]


def line(message: Numbered) -> bytes:
    """One message as a server relays it."""
    return b":m0x%d!u@host PRIVMSG #bench0 :s%d %d xxxx\r\n" % (message.sender, message.sender, message.seq)


def cut(wire: bytes, borders: list[int]) -> list[bytes]:
    """The same bytes in pieces."""
    places = sorted({0, len(wire), *(border % (len(wire) + 1) for border in borders)})
    return [wire[start:end] for start, end in pairwise(places)]


def test_a_clean_reader_has_nothing_wrong() -> None:
    """All messages once and in the order of each sender: nothing is counted."""
    assert judge(ORDER, SENT) == Tally(delivered=5)


def test_each_fault_is_counted_as_what_it_is() -> None:
    """One left out, one twice, one late are one loss, one doubling and one reordering."""
    assert judge(ORDER[:-1], SENT) == Tally(delivered=4, lost=1)
    assert judge([*ORDER, ORDER[0]], SENT) == Tally(delivered=6, doubled=1)
    assert judge([ORDER[2], ORDER[0], ORDER[1], ORDER[3], ORDER[4]], SENT) == Tally(delivered=5, reordered=1)


def test_a_loss_does_not_hide_a_doubling() -> None:
    """Counting only how many came would call this run clean."""
    assert judge([*ORDER[:-1], ORDER[0]], SENT) == Tally(delivered=5, lost=1, doubled=1)


@given(
    received=st.lists(st.lists(st.sampled_from(ORDER), max_size=6), min_size=1, max_size=4),
    borders=st.lists(st.integers(0, 2000), max_size=12),
    turns=st.randoms(use_true_random=False),
)
def test_the_quick_way_sees_what_each_reader_got(
    received: list[list[Numbered]], borders: list[int], turns: Random
) -> None:
    """Whatever each reader gets, in whatever pieces and turns, with other lines between: the record is exact."""
    room = RoomStream(len(received))
    readers = [Reader() for _ in received]
    left = [cut(b"PING :x\r\n".join(map(line, got)), borders) for got in received]
    while any(left):
        chosen = turns.choice([index for index, pieces in enumerate(left) if pieces])
        room.feed(readers[chosen], left[chosen].pop(0))
    assert [room.seen_by(reader) for reader in readers] == received


def test_a_message_settles_when_the_last_reader_has_it() -> None:
    """A window opens only for what every reader in step has got, and once."""
    room = RoomStream(2)
    quick, slow = Reader(), Reader()
    room.feed(quick, b"".join(map(line, ORDER)))
    assert room.settled() == []
    room.feed(slow, line(ORDER[0]) + line(ORDER[1])[:9])
    assert room.settled() == ORDER[:1]
    room.feed(slow, line(ORDER[1])[9:])
    assert room.settled() == ORDER[1:2]


def test_a_reader_that_differs_holds_nobody_up() -> None:
    """It is judged alone, and the others' windows go on."""
    room = RoomStream(2)
    right, wrong = Reader(), Reader()
    room.feed(right, b"".join(map(line, ORDER)))
    room.feed(wrong, line(ORDER[1]))
    assert room.settled() == ORDER
    assert judge(room.seen_by(wrong), SENT) == Tally(delivered=1, lost=4)
