"""Message tags: escaping, parsing, formatting. Standard library only. Source: IRCv3 message-tags."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

__all__ = ["escape", "format_tags", "format_time", "is_client_only", "parse_tags", "parse_time", "unescape"]

_ESCAPES = str.maketrans({";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


def escape(value: str) -> str:
    """Make a tag value fit for the wire."""
    return value.translate(_ESCAPES)


def unescape(value: str) -> str:
    r"""Undo `escape`. An unknown escape loses its backslash, and so does a lone one at the end ("Escaping values")."""
    if "\\" not in value:
        return value
    out = []
    chars = iter(value)
    for char in chars:
        if char == "\\":
            following = next(chars, "")
            out.append(_UNESCAPES.get(following, following))
        else:
            out.append(char)
    return "".join(out)


def parse_tags(text: str) -> dict[str, str]:
    """Tags of a line, without the `@`. A key without value has the empty one; of equal keys the last one counts."""
    tags = {}
    for item in text.split(";"):
        key, _, value = item.partition("=")
        if key:
            tags[key] = unescape(value)
    return tags


def format_tags(tags: Mapping[str, str]) -> str:
    """`@key=value;key2 ` with the space that ends it, or the empty string for no tags."""
    if not tags:
        return ""
    return "@" + ";".join(f"{key}={escape(value)}" if value else key for key, value in tags.items()) + " "


def is_client_only(key: str) -> bool:
    """True for tags a client may send and a server relays untouched ("Client-only tags")."""
    return key.startswith("+")


def format_time(time_ms: int) -> str:
    """Milliseconds since 1970 as IRCv3 server-time wants them: `2026-11-22T19:00:00.123Z`."""
    seconds, ms = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()}.{ms:03d}Z"


def parse_time(text: str) -> int | None:
    """Undo `format_time`; None for what is no such time."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)
