"""What stands around the transcript: topic, rooms, people, state line. Pure: facts in, cells out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from client import wording
from client.members import PREFIXES
from client.render import Fragment, nick_style, printable
from client.ui.cells import cell_width, clip, fit
from client.ui.rows import Cells
from gateway.wire.names import casefold

__all__ = ["Entry", "below_line", "people_order", "people_panel", "rooms_panel", "state_line", "topic_line"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A room or private talk, as lists of them show it. `draft`: something is typed there that was not sent."""

    name: str
    lines: int = 0
    mentions: int = 0
    current: bool = False
    draft: bool = False

    @property
    def short(self) -> str:
        """The name without its `#`."""
        return printable(self.name.removeprefix("#"))

    @property
    def count(self) -> str:
        """`@2` when two lines are for us, else how many there are, else nothing."""
        return f"@{self.mentions}" if self.mentions else str(self.lines) if self.lines else ""

    @property
    def style(self) -> str:
        """By what deserves a look first."""
        if self.current:
            return "class:room.current"
        return "class:room.mention" if self.mentions else "class:room.unread" if self.lines else "class:room.quiet"


def topic_line(room: str, topic: str, people: int, width: int, *, keys: bool) -> Cells:
    """The room, what it is about, and how many people there are."""
    tail = " F1 help F2 rooms F3 people " if keys else ""
    if people:
        tail = f" {wording.people(people)} {tail}".rstrip() + " "
    if len(tail) > width - 12:
        tail = ""
    name = f" {printable(room) or 'no room'} "
    words = fit(f"{name} {printable(topic)}" if topic else name, width - len(tail))
    return [("class:bar.topic", words + tail)]


def rooms_panel(entries: Sequence[Entry], width: int, height: int, *, unsent: int) -> list[Cells]:
    """Rooms, then private talks, with their numbers and counts; then how many of our lines wait."""
    rows: list[Cells] = [[("class:panel.title", fit(" Rooms", width))]]
    talks = False
    for number, entry in enumerate(entries, 1):
        if not talks and not entry.name.startswith("#"):
            talks = True
            rows += [[("", " " * width)], [("class:panel.title", fit(" People", width))]]
        mark = ">" if entry.current else "+" if entry.draft else " "
        count = f" {entry.count}" if entry.count else ""
        name = f"{number:>2}{mark}{printable(entry.name)}" if number < 100 else f"  {mark}{printable(entry.name)}"
        rows.append([(entry.style, fit(name, width - len(count)) + count)])
    if unsent:
        rows += [[("", " " * width)], [("class:pending", fit(f" Unsent: {unsent}", width))]]
    return _filled(rows, width, height)


def people_order(members: Mapping[str, str]) -> list[tuple[str, str]]:
    """(prefix, nick): those with a rank first, each group by name."""

    def place(member: tuple[str, str]) -> tuple[int, str]:
        return (PREFIXES.index(member[0]) if member[0] else len(PREFIXES), casefold(member[1]))

    return sorted(((prefixes[:1], nick) for nick, prefixes in members.items()), key=place)


def people_panel(
    people: Sequence[tuple[str, str]], count: int, me: str, away: Collection[str], width: int, height: int
) -> list[Cells]:
    """Who is in the room: at most `height` rows, the last of which counts the others.

    Args:
        away: casefolded nicks; their people are not here now.
    """
    rows: list[Cells] = [[("class:panel.title", fit(f" People {count}" if count else " People", width))]]
    room = height - 1
    shown = people if len(people) <= room else people[: max(0, room - 1)]
    for prefix, nick in shown:
        name = f"{prefix or ' '}{printable(nick)}"
        mine = casefold(nick) == casefold(me)
        gone = casefold(nick) in away
        about = " (you)" if mine else " (away)" if gone else ""
        name = clip(name, width - 1 - len(about)) if gone else name
        words = fit(f" {name}{about}" if cell_width(name) + 1 + len(about) <= width else f" {name}", width)
        rows.append([("class:own" if mine else "class:room.quiet" if gone else nick_style(nick), words)])
    if count > len(shown) and room > 0:
        rows.append([("class:note", fit(f"  and {count - len(shown)} more", width))])
    return _filled(rows, width, height)


def below_line(newer: int, mentions: int, width: int) -> Cells:
    """Stands below a transcript that is scrolled up: what is further down, and how to get there."""
    for_us = f", {mentions} mention you" if mentions else ""
    words = f"--- {newer} newer below{for_us} ---"
    keys = " Esc: to the end, Alt-n: mention" if mentions else " Esc: to the end"
    if len(words) + len(keys) > width:
        return [("class:below", fit(words, width))]
    return [("class:below", words + "-" * (width - len(words) - len(keys)) + keys)]


def state_line(clock: str, state: Fragment, entries: Sequence[Entry], width: int, *, names: bool, hint: str) -> Cells:
    """Time and connection, the rooms or what is unread in them, and a word at the right end.

    Args:
        names: rooms are named; else only their numbers stand here, and only of those that want something.
    """
    cells: Cells = [("class:bar", f"{clock} " if clock else " "), state, ("class:bar", "  ")]
    left = width - sum(cell_width(text) for _, text in cells)
    for number, entry in enumerate(entries, 1):
        if not (names or entry.current or entry.count):
            continue
        label = f"{number} {entry.short}" if names else str(number)
        if entry.current:
            label = f"[{label}]"
        elif entry.count:
            label += f" {entry.count}" if names else entry.count if entry.mentions else f"+{entry.count}"
        words = f"{label}  " if names else f"{label} "
        if cell_width(words) > left:
            break
        cells.append((f"class:bar {entry.style}", words))
        left -= cell_width(words)
    hint = clip(hint, max(0, left - 1)) if left > 8 else ""
    cells.append(("class:bar", " " * (left - cell_width(hint)) + hint))
    return cells


def _filled(rows: list[Cells], width: int, height: int) -> list[Cells]:
    return [*rows[:height], *([("", " " * width)] for _ in range(height - len(rows)))]
