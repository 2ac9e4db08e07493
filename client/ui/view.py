"""The full screen as a function of the conversation. Pure: rows of cells out; time comes with the chat.

It knows what only a screen has to know: which panels are shown, and, by `reading`, where a person looks.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo

from client import composing
from client.face import Screen
from client.line import RoomLine
from client.render import mentions, printable
from client.ui import panels
from client.ui.cells import fit
from client.ui.drafts import Drafts
from client.ui.helptext import help_rows
from client.ui.layout import Areas, arrange, assemble
from client.ui.panels import Entry
from client.ui.reading import Reading
from client.ui.rows import NARROW, Cells, Look, clock
from client.ui.state import State, banner, state_words
from gateway.wire.names import casefold

__all__ = ["View"]

PEOPLE_KEPT_MS = 1_000  # a large room is sorted once in so long, not for every redraw


class View:
    """What a person sees, and where they look."""

    def __init__(self, screen: Screen, drafts: Drafts, *, tz: tzinfo | None = None) -> None:
        """Args: tz: the reader's time zone; None: the machine's."""
        self.rooms_shown: bool | None = None  # None: as the width allows
        self.people_shown: bool | None = None
        self.help_shown = False
        self.hint = ""  # a word about the last key
        self.reading = Reading(screen.chat)
        self._screen = screen
        self._drafts = drafts
        self._chat = screen.chat
        self._tz = tz
        self._size = (80, 23)
        self._help_top = 0
        self._people: tuple[str, int, int, list[tuple[str, str]]] = ("", 0, 0, [])

    # Where to look.

    def scroll(self, pages: float) -> bool:
        """Go up by so many screenfuls, down when negative; True: older lines would be welcome."""
        areas = self._areas()
        if self.help_shown:
            self._help_top = max(0, self._help_top - round(pages * areas.middle))
            return False
        rows = max(1, round(abs(pages) * max(1, areas.middle - 2)))
        look = self._look(areas)
        self.reading.here.scroll(rows if pages > 0 else -rows, look, areas.middle)
        return pages > 0 and self.reading.here.page(look, areas.middle).at_start

    def to_end(self) -> None:
        """Close what is open, and show the newest row."""
        self.help_shown = False
        self.reading.here.to_end()

    def to_unread(self) -> None:
        """Show where reading stopped."""
        areas = self._areas()
        if (first := self.reading.here.unread_from) is not None:
            self.reading.here.show(first, self._look(areas), areas.middle)
        else:
            self.hint = "nothing new here"

    def walk_mentions(self, *, up: bool) -> None:
        """Show the next line, up or down, that names us."""
        nick = self._chat.nick
        self._find(lambda line: not line.own and line.kind.is_text and mentions(line.text, nick), up, "no mention")

    def find(self, words: str) -> None:
        """Show the next line, further up, that has `words` in it."""
        wanted = casefold(words)
        self._find(lambda line: wanted in casefold(line.text), True, f"nothing further up has {words!r}")

    def next_unread(self) -> str:
        """The room that most deserves a look, or empty: mentions first, then the order of rooms."""
        waiting = [entry for entry in self.entries() if entry.lines and not entry.current]
        called = [entry for entry in waiting if entry.mentions]
        return (called or waiting)[0].name if waiting else ""

    def neighbour(self, step: int) -> str:
        """The room `step` places further in the list, round and round."""
        places = self._chat.places
        current = self._chat.transcripts.current
        return places[(places.index(current) + step) % len(places)] if current in places else (places or [""])[0]

    def toggle_help(self) -> None:
        """Show what keys and commands there are, or the room again."""
        self.help_shown = not self.help_shown
        self._help_top = 0

    def toggle_rooms(self) -> None:
        """Show or hide the list of rooms."""
        self.rooms_shown = not self._areas().rooms

    def toggle_people(self) -> None:
        """Show or hide who is here."""
        self.people_shown = not self._areas().people

    # What it looks like.

    def entries(self) -> list[Entry]:
        """All rooms and private talks."""
        current = self._chat.transcripts.current
        return [
            Entry(
                name,
                lines=self.reading.unread[name].lines,
                mentions=self.reading.unread[name].mentions,
                current=name == current,
                draft=casefold(name) in self._drafts.rooms,
            )
            for name in self._chat.places
        ]

    def title(self) -> str:
        """For the terminal's title: what waits, and where one is."""
        total = self.reading.unread.total
        count = f"({total.lines}{'!' if total.mentions else ''}) " if total.lines else ""
        return f"{count}{self._chat.transcripts.current or 'chat'}"

    def prompt(self) -> str:
        """Stands before the typed text."""
        if self._screen.question:
            return self._screen.question
        room = self._chat.transcripts.current
        return f"[{self._chat.nick}] " if self._size[0] < NARROW else f"[{self._chat.nick} {room or 'no room'}] "

    def told(self) -> str:
        """All words that time alone changes."""
        now_ms = self._chat.now_ms()
        state = self._state(now_ms)
        return " ".join(
            [clock(now_ms, self._tz), state.words, state.short, self._typing(now_ms), *self._troubles(now_ms)]
        )

    def draw(self, width: int, height: int) -> list[Cells]:
        """All rows above the input, `height` of them."""
        self._size = (width, height)
        chat = self._chat
        room, now_ms = chat.transcripts.current, chat.now_ms()
        troubles = self._troubles(now_ms)
        areas = self._areas(troubles)
        look = self._look(areas)
        page = self.reading.viewport(room).page(look, areas.middle)
        entries = self.entries()
        unsent = len(chat.own_lines)
        people = self._sorted_people(room, now_ms) if areas.people else []
        count = chat.session.member_count(room) if chat.session is not None else 0
        state = self._state(now_ms)
        style_and_words = (state.style, state.short if areas.narrow and not areas.rooms else state.words)
        wide = not areas.narrow or bool(areas.rooms)
        hint = self.hint or self._typing(now_ms) or (self._unread_hint() if areas.rooms else "")
        return assemble(
            areas,
            topic=panels.topic_line(room, chat.topic(room), count, width, keys=width >= 100),
            rooms=panels.rooms_panel(entries, areas.rooms, areas.middle, unsent=unsent) if areas.rooms else [],
            transcript=self._help(areas) if self.help_shown else page.rows,
            people=self._people_rows(people, count, areas) if areas.people else [],
            below=panels.below_line(page.newer, self.reading.unread[room].mentions, width),
            banner=troubles,
            state=panels.state_line(
                clock(now_ms, self._tz) if wide else "",
                style_and_words,
                [] if areas.rooms else entries,
                width,
                names=wide,
                hint=hint,
            ),
        )

    def _areas(self, troubles: Sequence[str] | None = None) -> Areas:
        width, height = self._size
        return arrange(
            width,
            height,
            rooms=self.rooms_shown,
            people=self.people_shown,
            banner=len(self._troubles(self._chat.now_ms()) if troubles is None else troubles),
            below=0 if self.help_shown or self.reading.here.at_end else 1,
        )

    def _look(self, areas: Areas) -> Look:
        waits = "sending"
        if not self._screen.status.online:
            waits = "will be sent"
        elif self._chat.stall.ms:
            waits = "not confirmed yet"
        return Look(self._chat.nick, areas.transcript, self._tz, waits)

    def _find(self, fits: Callable[[RoomLine], bool], up: bool, otherwise: str) -> None:
        areas = self._areas()
        if not self.reading.here.find(fits, up=up, look=self._look(areas), height=areas.middle):
            self.hint = otherwise

    def _state(self, now_ms: int) -> State:
        chat = self._chat
        return state_words(
            self._screen.status,
            now_ms=now_ms,
            lag_ms=chat.heard.lag_ms,
            pinged_ms=chat.heard.pinged_ms,
            refused=chat.heard.read_only or chat.stall.ms > 0,
        )

    def _troubles(self, now_ms: int) -> list[str]:
        chat = self._chat
        unsent = len(chat.own_lines)
        if self._screen.question and (unsent or self._drafts.rooms):
            return [self._kept(unsent)]
        return banner(
            self._screen.status,
            now_ms=now_ms,
            unsent=unsent,
            refused=chat.heard.read_only,
            stalled_ms=chat.stall.ms,
            closing=chat.heard.closing,
        )

    def _kept(self, unsent: int) -> str:
        """What is there again when one comes back."""
        kept = []
        if self._drafts.rooms:
            rooms = [name for name in self._chat.places if casefold(name) in self._drafts.rooms] or ["another room"]
            kept.append(f"{'Drafts' if len(rooms) > 1 else 'Draft'} in {printable(', '.join(rooms))}")
        if unsent:
            kept.append(f"{unsent} unsent {'message' if unsent == 1 else 'messages'}")
        return f"Kept for next time: {'; '.join(kept)}."

    def _typing(self, now_ms: int) -> str:
        """Who is writing in the room that is looked at."""
        return printable(composing.words(self._chat.heard.composing.nicks(self._chat.transcripts.current, now_ms)))

    def _unread_hint(self) -> str:
        name = self.next_unread()
        entry = next((entry for entry in self.entries() if entry.name == name), None)
        return f"next unread: Alt-a ({entry.short} {entry.count})" if entry is not None else ""

    def _sorted_people(self, room: str, now_ms: int) -> list[tuple[str, str]]:
        session = self._chat.session
        if session is None:
            return []
        kept_room, kept_count, kept_ms, people = self._people
        count = session.member_count(room)
        if (kept_room, kept_count) != (room, count) or now_ms - kept_ms > PEOPLE_KEPT_MS:
            people = panels.people_order(session.members(room))
            self._people = (room, count, now_ms, people)
        return people

    def _people_rows(self, people: list[tuple[str, str]], count: int, areas: Areas) -> list[Cells]:
        session = self._chat.session
        away = session.away if session is not None else frozenset[str]()
        return panels.people_panel(people, count, self._chat.nick, away, areas.people, areas.middle)

    def _help(self, areas: Areas) -> list[Cells]:
        rows = help_rows(areas.transcript)
        self._help_top = min(self._help_top, max(0, len(rows) - areas.middle))
        shown = rows[self._help_top : self._help_top + areas.middle]
        return [[(style, fit(text, areas.transcript))] for style, text in shown]
