"""The log: one line per record, `time LEVEL logger event key=value ...`, on standard error. Source: logfmt.

Records are events with fields (`log.info("closed", extra={"reason": "slow"})`), never content. An exception is told by
its type and place (of a group, the first one); its text stays out, because it may quote what somebody wrote.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

__all__ = ["KeyValueFormatter", "set_up_logging"]

MAX_FRAMES = 12  # of an exception, the innermost ones
MAX_VALUE_LENGTH = 500  # characters

_STANDARD = logging.LogRecord("", 0, "", 0, "", None, None).__dict__.keys() | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """Formats a record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without its end. Of a message with several lines only the first one is kept."""
        event = record.getMessage().partition("\n")[0]
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        words = [moment.replace("+00:00", "Z"), record.levelname, record.name, _printable(event)]
        words += (f"{key}={_value(value)}" for key, value in record.__dict__.items() if key not in _STANDARD)
        if record.exc_info and record.exc_info[1] is not None:
            words += _exception_words(record.exc_info[1])
        return " ".join(words)


def set_up_logging(level: int, stream: TextIO | None = None) -> None:
    """Send the log of the whole process to a stream, standard error if none is given, instead of where it went."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _exception_words(error: BaseException) -> list[str]:
    words = []
    if isinstance(error, BaseExceptionGroup):
        words.append(f"group={type(error).__name__}")
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
    words.append(f"error={type(error).__name__}")
    if (cause := error.__cause__ or error.__context__) is not None:
        words.append(f"cause={type(cause).__name__}")
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    places = ",".join(f"{frame.filename}:{frame.lineno}:{frame.name}" for frame in frames)
    return [*words, f"at={_value(places)}"] if places else words


def _value(value: object) -> str:
    text = str(value)
    if len(text) > MAX_VALUE_LENGTH:
        text = text[:MAX_VALUE_LENGTH] + "..."
    if text and text.isprintable() and not set(text) & set(' "=\\'):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _printable(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)
