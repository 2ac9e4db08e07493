"""Claims about the log."""

import io
import logging
import re
from collections.abc import Iterator

import pytest

from gateway.telemetry import set_up_logging

SECRET = "hunter2"
log = logging.getLogger("gateway.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    for handler in handlers:
        root.removeHandler(handler)  # `set_up_logging` closes those it finds, and these are pytest's
    stream = io.StringIO()
    set_up_logging(logging.INFO, stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def line_of(stream: io.StringIO) -> str:
    """The one line that was logged, without its time."""
    text = stream.getvalue()
    assert text.count("\n") == 1
    time, _, rest = text.removesuffix("\n").partition(" ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    return rest


def test_a_record_is_one_line_with_its_fields(stream: io.StringIO) -> None:
    """Time in UTC, level, logger, event, then the fields in the order they were given."""
    log.info("connection_lost", extra={"reason": "slow", "queued_bytes": 12, "room": "#tea"})
    assert line_of(stream) == "INFO gateway.test connection_lost reason=slow queued_bytes=12 room=#tea"


def test_time_is_utc(stream: io.StringIO) -> None:
    """Whatever the time zone of the machine, the log's is UTC."""
    record = logging.makeLogRecord({"name": "x", "msg": "started", "created": 0.25, "levelname": "INFO"})
    logging.getLogger().handlers[0].handle(record)
    assert stream.getvalue() == "1970-01-01T00:00:00.250Z INFO x started\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ('a"b', r'"a\"b"'),
        ("", '""'),
        ("#café", "#café"),
        ("a\nINFO fake", r'"a\nINFO fake"'),
        ("\x1b[2J", r'"\u001b[2J"'),
        ("\x85\u2028", r'"\u0085\u2028"'),
        (None, "None"),
        ("x" * 501, "x" * 500 + "..."),
    ],
)
def test_no_value_can_break_the_line(stream: io.StringIO, value: object, shown: str) -> None:
    """Line ends, terminal controls and quotes in a field (a nick, a peer's reason) stay inside the field."""
    log.info("event", extra={"field": value})
    assert line_of(stream) == f"INFO gateway.test event field={shown}"


def raise_it(error: BaseException) -> None:
    raise error


def test_an_exception_is_told_by_type_and_place(stream: io.StringIO) -> None:
    """Its text may quote a peer and stays out, that of its cause too; type, cause and place are enough to find it."""
    try:
        try:
            raise_it(ValueError(SECRET))
        except ValueError as exc:
            raise RuntimeError(SECRET) from exc
    except RuntimeError:
        log.exception("failed")
    line = line_of(stream)
    assert re.fullmatch(
        r"ERROR gateway\.test failed error=RuntimeError cause=ValueError at=\S+test_logs\.py:\d+:\w+", line
    )
    assert SECRET not in line


def test_of_a_group_the_first_one_is_told(stream: io.StringIO) -> None:
    """What a TaskGroup raises is opened: the first failure inside is the one to look at."""
    try:
        try:
            raise_it(KeyError(SECRET))
        except KeyError as exc:
            raise ExceptionGroup("outer", [ExceptionGroup("inner", [exc]), ValueError()]) from None
    except ExceptionGroup:
        log.exception("failed")
    assert re.search(r"failed group=ExceptionGroup error=KeyError at=\S+:raise_it$", line_of(stream))


def test_only_the_first_line_of_a_message_is_kept(stream: io.StringIO) -> None:
    """asyncio appends values of ours to its messages on lines of their own."""
    log.error("Task exception was never retrieved\nfuture: <Task exception=ValueError('%s')>", SECRET)
    assert line_of(stream) == "ERROR gateway.test Task exception was never retrieved"


def test_the_level_holds(stream: io.StringIO) -> None:
    """What is below the level is not written."""
    log.debug("nothing")
    assert stream.getvalue() == ""
