"""A row as (style, text) pairs. Pure: the same row gives the same pairs; nothing here writes to a terminal.

Whatever others say is text and nothing else: control characters, bidirectional controls and invisible characters are
spelled out, so that no message can move the cursor, change colours, or look like another one. mIRC's formatting codes
are dropped: they are dress, not words.

Styles are class names; the face that draws knows colours. Meaning never rides on colour alone: `*` marks a line that
names us, `~` one not confirmed yet, `!` one that failed.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

from client.line import Kind, RoomLine
from client.timeline import Failed, Note, Pending, Row
from gateway.wire.names import casefold

__all__ = [
    "Fragment",
    "day_of",
    "day_rule",
    "happened",
    "mentions",
    "nick_style",
    "plain",
    "printable",
    "printable_lines",
    "quoted",
    "render",
]

Fragment = tuple[str, str]

NICK_COLOURS = 6
QUOTED_CHARS = 60  # of a line that is answered
_MIRC = re.compile("\x03(?:\\d{1,2}(?:,\\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6})?|[\x02\x0f\x11\x16\x1d\x1e\x1f]")
# They only join or tint emoji; terminals disagree about the width, so they are left out.
_JOINERS = frozenset("\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
_FIRST_FLAG_LETTER, _LAST_FLAG_LETTER = 0x1F1E6, 0x1F1FF  # pairs of these are flags, on some terminals
_SPELLED = frozenset({"Cf", "Zl", "Zp", "Cs"})  # bidi and invisible controls, line separators, lone surrogates


def printable(text: str) -> str:
    """`text` with everything spelled out that a terminal would obey instead of showing."""
    return "".join(map(_visible, _MIRC.sub("", text)))


def printable_lines(text: str) -> str:
    """The same for text of several lines, which stay lines."""
    return "\n".join(map(printable, text.split("\n"))) if "\n" in text else printable(text)


def _visible(char: str) -> str:
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return char
    if char == "\t":
        return " "
    if code < 0x20 or code == 0x7F:
        return "^" + chr(code ^ 0x40)
    if char in _JOINERS:
        return ""
    if _FIRST_FLAG_LETTER <= code <= _LAST_FLAG_LETTER:
        return chr(code - _FIRST_FLAG_LETTER + ord("A"))
    if code < 0xA0 or unicodedata.category(char) in _SPELLED:
        return f"<U+{code:04X}>"
    return char


def mentions(text: str, nick: str) -> bool:
    """Whether `text` names `nick` as a word of its own, in any case."""
    folded, word = casefold(text), casefold(nick)
    # Nearly every text fails the first test, and it costs a tenth of the second.
    return word in folded and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", folded) is not None


def nick_style(nick: str) -> str:
    """The style that is the nick's own: the same in every room and every run."""
    return f"class:nick{sum(casefold(nick).encode()) % NICK_COLOURS}"


def day_of(time_ms: int, tz: tzinfo | None = None) -> datetime:
    """The moment in the reader's time zone; None: the machine's."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(tz)


def day_rule(time_ms: int, tz: tzinfo | None = None) -> list[Fragment]:
    """The line between two days."""
    return [("class:note", f"-- {day_of(time_ms, tz):%A %d %B %Y}")]


def quoted(line: RoomLine | None) -> str:
    """What is shown of a line that another answers; None: it is not here."""
    if line is None:
        return "an earlier line"
    if line.kind is Kind.REDACTED:
        return "a deleted line"
    first, more, _ = line.text.partition("\n")
    words = printable(first)
    cut = len(words) > QUOTED_CHARS
    return f"{printable(line.nick)}: {words[:QUOTED_CHARS].rstrip() if cut else words}{'...' if cut or more else ''}"


def plain(fragments: Sequence[Fragment]) -> str:
    """The text alone."""
    return "".join(text for _, text in fragments)


def render(
    row: Row | Pending,
    *,
    own_nick: str,
    tag: str = "",
    tz: tzinfo | None = None,
    find: Callable[[str, str], RoomLine | None] = lambda _room, _msgid: None,
) -> list[Fragment]:
    """One row.

    Args:
        find: gives the line of a room with that msgid, for what answers another.
        own_nick: who reads; lines that name this nick are marked.
        tag: the room's name where the row does not stand in its own room, else empty.
        tz: the reader's time zone; None: the machine's.
    """
    head: list[Fragment] = [("class:time", f"{day_of(row.time_ms, tz):%H:%M} ")]
    if tag:
        head.append(("class:room", f"({printable(tag)}) "))
    match row:
        case Note():
            return [*head, ("class:note", f"-- {printable(row.text)}")]
        case Pending():
            reason = [("class:pending", f"  ({printable(row.reason)})")] if row.reason else []
            return [*head, *_speech("class:pending", "~", row.nick, row.text, row.emote), *reason]
        case Failed():
            line = row.line
            said = _speech("class:failed", "!", line.nick, line.text, line.emote)
            return [*head, *said, ("class:failed", f"  (not sent: {printable(row.reason)})")]
        case RoomLine():
            answered = row.reply_to and row.kind.is_text
            answer = [("class:note", f"[{quoted(find(row.room, row.reply_to))}] ")] if answered else []
            return [*head, *answer, *_line(row, own_nick)]


def _line(line: RoomLine, own_nick: str) -> list[Fragment]:
    nick, text = line.nick, line.text
    if line.kind.is_text:
        named = not line.own and mentions(text, own_nick)
        style = "class:own" if line.own else nick_style(nick)
        flag = "*" if named else ""
        if line.kind is Kind.NOTICE:
            return [(style, f"{flag}-{printable(nick)}-"), ("class:mention" if named else "", f" {printable(text)}")]
        said = _speech(style, flag, nick, text, line.kind is Kind.ACTION)
        return [said[0], ("class:mention", said[1][1])] if named else said
    return [("class:note", f"-- {happened(line)}")]


def _speech(style: str, flag: str, nick: str, text: str, emote: bool) -> list[Fragment]:
    head = f"{flag}* {printable(nick)}" if emote else f"{flag}{printable(nick)}:"
    # No line but the first begins where a line of somebody else would.
    words = printable_lines(text).replace("\n", "\n    ")
    return [(style, head), (style if flag in ("~", "!") else "", f" {words}")]


def happened(line: RoomLine) -> str:
    """A line about the room, in words."""
    nick, text = printable(line.nick), printable(line.text)
    because = f" ({text})" if text else ""
    match line.kind:
        case Kind.JOIN:
            return f"{nick} joined"
        case Kind.PART:
            return f"{nick} left{because}"
        case Kind.QUIT:
            return f"{nick} quit{because}"
        case Kind.KICK:
            return f"{nick} threw {printable(line.subject)} out{because}"
        case Kind.NICK:
            return f"{nick} is now {text}"
        case Kind.REDACTED:
            whose = "this line" if line.subject == line.nick else f"a line of {nick}"
            return f"{printable(line.subject)} deleted {whose}{because}"
        case Kind.TOPIC:
            return f"{nick} set the topic: {text}" if text else f"{nick} cleared the topic"
        case _:
            return f"{nick} set mode {text}"
