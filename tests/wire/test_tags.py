"""Claims about message tags."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire.tags import escape, format_tags, format_time, is_client_only, parse_tags, parse_time, unescape

MS_OF_YEAR_1 = -62_135_596_800_000
MS_OF_YEAR_10000 = 253_402_300_800_000


@given(st.text())
@example("\\s; \r\n\\")
def test_escape_round_trip(value: str) -> None:
    """Any value survives, and none of its escaped characters can end the value, the tags or the line."""
    assert unescape(escape(value)) == value
    assert not set(escape(value)) & set("; \r\n")


@given(st.dictionaries(st.from_regex(r"\+?[a-z]+(/[a-z]+)?", fullmatch=True), st.text()))
def test_tags_round_trip(tags: dict[str, str]) -> None:
    """What is formatted is read back the same, in the same order."""
    text = format_tags(tags)
    assert list(parse_tags(text.removeprefix("@").removesuffix(" ")).items()) == list(tags.items())
    assert not tags or text.count(" ") == 1


@pytest.mark.parametrize(("value", "read"), [(r"\b", "b"), ("a\\", "a"), ("\\", ""), (r"\\s", r"\s"), (r"a\sb", "a b")])
def test_odd_escapes(value: str, read: str) -> None:
    r"""`\b` reads as `b`, and a lone `\` at the end is dropped. Source: IRCv3 message-tags, "Escaping values"."""
    assert unescape(value) == read


@pytest.mark.parametrize(
    ("text", "tags"),
    [("a=1;a=2", {"a": "2"}), ("a;b=", {"a": "", "b": ""}), (";;a=b=c;", {"a": "b=c"}), ("=x", {}), ("", {})],
)
def test_parse(text: str, tags: dict[str, str]) -> None:
    """Last of equal keys counts, missing and empty values are the same. Source: IRCv3 message-tags, "Rules"."""
    assert parse_tags(text) == tags


def test_client_only_tags_begin_with_a_plus() -> None:
    """Source: IRCv3 message-tags, "Client-only tags"."""
    assert is_client_only("+typing")
    assert not is_client_only("msgid")


@given(st.integers(MS_OF_YEAR_1, MS_OF_YEAR_10000 - 1))
@example(-500)
@example(MS_OF_YEAR_1)
def test_time_round_trip(time_ms: int) -> None:
    """Each millisecond of the years 1 to 9999 is written in full and read back exactly."""
    text = format_time(time_ms)
    assert len(text) == len("2026-11-22T19:00:00.123Z")
    assert parse_time(text) == time_ms


def test_time_is_utc() -> None:
    """Source: IRCv3 server-time, the example of its format."""
    moment = datetime(2012, 6, 30, 23, 59, 59, 419_000, tzinfo=UTC)
    assert parse_time("2012-06-30T23:59:59.419Z") == round(moment.timestamp() * 1000)


@given(st.text() | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z", fullmatch=True))
@example("2012-06-30T23:59:60.419Z")
@example("")
def test_parse_time_never_raises(text: str) -> None:
    """A peer's time is a number of milliseconds or None."""
    assert isinstance(parse_time(text), int | None)
