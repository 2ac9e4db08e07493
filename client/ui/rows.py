"""One row of a transcript as rows of cells: time, mark, nick and text in columns, wrapped with a hanging indent. Pure.

A wide row is `HH:MM`, a mark, the nick right-aligned in 12 cells, ` | ` and the text. Below 50 columns the nick stands
before the text instead and there is no time. Marks: `*` names us, `~` not confirmed yet, `!` failed.

Fragments are (style, text) as everywhere; a link's style ends in ` url=` and the address it leads to.
"""

import re
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache

from client.line import Kind, RoomLine
from client.render import Fragment, day_of, happened, mentions, nick_style, printable, printable_lines, quoted
from client.timeline import Failed, Note, Pending, Row
from client.ui.cells import cell_width, clip, wrap
from client.ui.folding import Fold

__all__ = ["HEAD_CELLS", "NARROW", "Cells", "Look", "answer_row", "clock", "day", "fold_rows", "message_rows", "rule"]

NARROW = 50  # columns; below it nicks stand in the text
NICK_CELLS = 12
HEAD_CELLS = 5 + 1 + 1 + NICK_CELLS + 3  # time, space, mark, nick, bar
INDENT = "  "
ANSWERS = "\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}"
LEAST_TEXT_CELLS = 8
MAX_URL_CHARS = 2000  # terminals refuse longer ones
_URL = re.compile(r"https?://[^\s<>\"]+")
_URL_TAIL = ".,;:!?'*_"

Cells = list[Fragment]
"""One row of the screen."""


@dataclass(frozen=True, slots=True)
class Look:
    """How rows look: for whom, how wide, in whose time, and what our lines on their way wait for."""

    own_nick: str
    width: int
    tz: tzinfo | None = None
    waits: str = "sending"

    @property
    def narrow(self) -> bool:
        """Whether there are no columns."""
        return self.width < NARROW


@lru_cache(2048)
def _moment(minute: int, tz: tzinfo | None) -> tuple[str, str]:
    moment = day_of(minute * 60_000, tz)
    return f"{moment:%H:%M}", f"{moment:%A} {moment.day} {moment:%B %Y}"


def clock(time_ms: int, tz: tzinfo | None) -> str:
    """`HH:MM`."""
    return _moment(time_ms // 60_000, tz)[0]


def day(time_ms: int, tz: tzinfo | None) -> str:
    """`Sunday 22 November 2026`."""
    return _moment(time_ms // 60_000, tz)[1]


def rule(style: str, text: str, width: int, char: str = "-") -> Cells:
    """A line across, with `text` in its middle."""
    text = clip(f" {text} ", width)
    left = (width - cell_width(text)) // 2
    return [(style, char * left + text + char * (width - left - cell_width(text)))]


def message_rows(row: Row | Pending, look: Look) -> list[Cells]:
    """What `row` looks like; the time stands on the first of its rows."""
    match row:
        case Note():
            return _rows(row.time_ms, look, flag="--", text=printable(row.text), style="class:note")
        case Pending():
            reason = printable(row.reason) or look.waits
            return _speech(row, row.time_ms, look, "~", "class:pending", f"  ({reason})")
        case Failed():
            return _speech(row.line, row.time_ms, look, "!", "class:failed", f"  (not sent: {printable(row.reason)})")
        case RoomLine() if row.kind.is_text:
            return _said(row, look)
        case RoomLine():
            return _rows(row.time_ms, look, flag="--", text=happened(row), style="class:note")


def answer_row(line: RoomLine | None, look: Look) -> Cells:
    """Stands above a line that answers another: what that one said, as far as it fits into one row."""
    indent: Fragment = ("", INDENT) if look.narrow else ("class:bar", " " * (HEAD_CELLS - 3) + " | ")
    width = max(look.width - len(indent[1]), LEAST_TEXT_CELLS)
    return [indent, ("class:note", clip(f"{ANSWERS} {quoted(line)}", width))]


def fold_rows(fold: Fold, time_ms: int, look: Look) -> list[Cells]:
    """Coming and going, told in one line."""
    return _rows(time_ms, look, flag=fold.flag, text=fold.text, style="class:note")


def _said(line: RoomLine, look: Look) -> list[Cells]:
    named = not line.own and mentions(line.text, look.own_nick)
    text = printable_lines(line.text)
    nick = printable(line.nick)
    if line.kind is Kind.ACTION:
        nick, text = "*", f"{nick} {text}"
    elif line.kind is Kind.NOTICE:
        nick = f"-{nick}-"
    nick_look = "class:own" if line.own else nick_style(line.nick)
    flag, style = ("*", "class:mention") if named else ("", "")
    return _rows(line.time_ms, look, flag=flag, nick=nick, nick_style=nick_look, text=text, style=style)


def _speech(line: Pending, time_ms: int, look: Look, flag: str, style: str, state: str) -> list[Cells]:
    nick, text = printable(line.nick), printable_lines(line.text)
    if line.emote:
        nick, text = "*", f"{nick} {text}"
    return _rows(time_ms, look, flag=flag, nick=nick, nick_style=style, text=text + state, style=style)


def _rows(
    time_ms: int, look: Look, *, flag: str, text: str, style: str, nick: str = "", nick_style: str = ""
) -> list[Cells]:
    """Head and text, or rather: what stands before the first row, before all others, and how wide the text is."""
    if look.narrow:
        head = flag if not nick else f"{flag}{clip(nick, NICK_CELLS)}" + ("" if nick == "*" else ":")
        text = f"{head} {text}" if head else text
        cuts = _cut(text, max(look.width, 1), max(look.width - len(INDENT), 1))
        rows = [_linked(text, start, end, style) for start, end in cuts]
        if head and nick and rows[0]:
            rows[0] = _dressed(rows[0], len(head), nick_style)
        return [rows[0], *([("", INDENT), *row] for row in rows[1:])]
    name = clip(nick, NICK_CELLS)
    mark = flag + " " * (1 + NICK_CELLS - cell_width(flag) - cell_width(name)) + name
    head_cells: Cells = [("class:time", f"{clock(time_ms, look.tz)} ")]
    if nick and len(flag) < 2:
        head_cells += [("class:mention" if flag == "*" else nick_style, flag or " "), (nick_style, mark[1:])]
    else:
        head_cells.append((style, mark))
    head_cells.append(("class:bar", " | "))
    rest: Cells = [("class:bar", " " * (HEAD_CELLS - 3) + " | ")]
    width = max(look.width - HEAD_CELLS, LEAST_TEXT_CELLS)
    rows = [_linked(text, start, end, style) for start, end in _cut(text, width, width)]
    return [[*head_cells, *rows[0]], *([*rest, *row] for row in rows[1:])]


def _cut(text: str, first: int, others: int) -> list[tuple[int, int]]:
    """Wrap each line of the text; the first row may be wider than the others."""
    line, feed, rest = text.partition("\n")
    cuts = wrap(line, first)
    if first != others and len(cuts) > 1:
        begin = cuts[0][1] + (line[cuts[0][1] : cuts[0][1] + 1] == " ")
        cuts = [cuts[0], *((begin + a, begin + b) for a, b in wrap(line[begin:], others))]
    if not feed:
        return cuts
    begin = len(line) + 1
    return [*cuts, *((begin + a, begin + b) for a, b in _cut(rest, others, others))]


def _dressed(row: Cells, head: int, style: str) -> Cells:
    """The first `head` characters in another style."""
    (first_style, first_text), *others = row
    return [(style, first_text[:head]), (first_style, first_text[head:]), *others]


def _linked(text: str, start: int, end: int, style: str) -> Cells:
    """`text[start:end]`, with the parts of it that belong to an address as links, also where the address is cut."""
    if "://" not in text:
        return [(style, text[start:end])]
    cells: Cells = []
    at = start
    for found in _URL.finditer(text):
        url = found[0].rstrip(_URL_TAIL)
        if url.endswith(")") and "(" not in url:
            url = url.rstrip(")")
        first, last = max(found.start(), at), min(found.start() + len(url), end)
        if first >= last or len(url) > MAX_URL_CHARS:
            continue
        if first > at:
            cells.append((style, text[at:first]))
        cells.append((f"{style} class:link url={url}".strip(), text[first:last]))
        at = last
    if at < end or not cells:
        cells.append((style, text[at:end]))
    return cells
