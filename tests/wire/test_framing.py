"""Claims about cutting a byte stream into lines."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from irctokens.line import tokenise
from irctokens.stateful import StatefulDecoder

from gateway.wire.framing import LineDecoder, Overlong

LIMIT = 8
STREAM = st.lists(st.sampled_from(b"ab :\r\n")).map(bytes)


def cut(stream: bytes, borders: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(border % (len(stream) + 1) for border in borders)})
    return [stream[start:end] for start, end in pairwise(edges)]


@given(STREAM, st.lists(st.integers(min_value=0)))
def test_chunk_borders_carry_no_meaning(stream: bytes, borders: list[int]) -> None:
    """However TCP cuts a stream, the same lines come out in the same order."""
    decoder = LineDecoder(LIMIT)
    lines = [line for chunk in cut(stream, borders) for line in decoder.feed(chunk)]
    assert lines == LineDecoder(LIMIT).feed(stream)


@given(STREAM, STREAM)
def test_an_idle_decoder_is_as_good_as_a_new_one(before: bytes, after: bytes) -> None:
    """So nobody needs to keep it; one that is not idle has begun a line, or is leaving one out."""
    decoder = LineDecoder(LIMIT)
    decoder.feed(before)
    assert decoder.idle == (before[-1:] in {b"", b"\n"})
    if decoder.idle:
        assert decoder.feed(after) == LineDecoder(LIMIT).feed(after)


@given(STREAM, st.binary(max_size=3))
def test_nothing_that_came_before_hurts_the_next_line(stream: bytes, garbage: bytes) -> None:
    """After any bytes and an LF, a sound line is read as itself."""
    decoder = LineDecoder(LIMIT)
    decoder.feed(stream + garbage + b"\n")
    assert decoder.feed(b"PING x\r\n") == [b"PING x"]


@given(st.lists(st.text(alphabet="ab :é", min_size=1), min_size=1))
def test_agrees_with_irctokens(texts: list[str]) -> None:
    """An independent decoder sees the same lines, where both know what a line is."""
    stream = b"".join(b"X " + text.encode() + b"\r\n" for text in texts)
    theirs = StatefulDecoder().push(stream)
    ours = [tokenise(line) for line in LineDecoder(512).feed(stream) if isinstance(line, bytes)]
    assert ours == theirs


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r\r\n"])
def test_line_endings(ending: bytes) -> None:
    """CR LF ends a line; so does what sloppy clients send instead. Source: modern.ircdocs.horse, "Message Format"."""
    assert LineDecoder(LIMIT).feed(b"PING" + ending + ending + b"PONG" + ending) == [b"PING", b"PONG"]


def test_a_line_at_the_limit_passes_and_one_above_does_not() -> None:
    """The limit counts the line without CR LF."""
    assert LineDecoder(4).feed(b"PING\r\nPINGS\r\nPONG\r\n") == [b"PING", Overlong(4), b"PONG"]


def test_an_overlong_line_is_told_once_and_at_once() -> None:
    """`Overlong` comes as soon as it is certain, not at the end of the line, and its rest is silent."""
    decoder = LineDecoder(4)
    assert decoder.feed(b"PING\r") == []
    assert decoder.feed(b"S") == [Overlong(4)]
    assert decoder.feed(b"TILL MORE\r") == []
    assert decoder.feed(b"\nPONG\n") == [b"PONG"]


@pytest.mark.parametrize("flood", [b"\r", b"x", b"\r\rx"])
def test_a_flood_without_line_end_takes_no_memory(flood: bytes) -> None:
    """No byte, CR included, makes the decoder keep more than its limit and one CR."""
    decoder = LineDecoder(512)
    overlong = [line for _ in range(200) for line in decoder.feed(flood * 100)]
    assert overlong == [Overlong(512)]
    assert len(decoder._buffer) <= 513


def test_single_bytes_cost_what_they_weigh() -> None:
    """One-byte feeds are linear: a line ten times as long costs far less than the hundredfold of a quadratic one."""

    def cost_s(length: int) -> float:
        decoder = LineDecoder(length)
        start = time.process_time()
        for _ in range(length):
            decoder.feed(b"x")
        return time.process_time() - start

    assert min(cost_s(200_000) for _ in range(3)) < 40 * min(cost_s(20_000) for _ in range(3))
