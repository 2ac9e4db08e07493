"""/search: through what is here, what is on disk, and then on the server, until enough is found. Pure.

A server with `soju.im/search` is asked once. Of any other with history older lines are taken page by page and looked
through here; they are not added to the transcript, which would have a gap in front of what is on disk.

Source: IRCv3 draft/chathistory; https://codeberg.org/emersion/soju/src/branch/master/doc/ext/search.md
"""

from collections.abc import Iterable

from client.events import SearchAnswer
from client.ignores import Ignores
from client.line import RoomLine
from client.render import day_of, plain, render
from client.session import Session
from client.transcripts import Transcripts
from gateway.wire.names import casefold

__all__ = ["MAX_FOUND", "MAX_PAGES", "Search"]

MAX_FOUND = 20  # lines that are shown, the newest; when there are so many nothing older is looked at
MAX_PAGES = 50  # of the server's history in one search: 5000 lines


class Search:
    """One search at a time; a new one takes the place of the old one."""

    def __init__(self, transcripts: Transcripts, ignored: Ignores) -> None:
        self._transcripts = transcripts
        self._ignored = ignored
        self._room = ""
        self._words = ""  # of the search that is under way, else empty
        self._found: dict[str, RoomLine] = {}
        self._count = 0
        self._pages = 0
        self._back_to: RoomLine | None = None

    @property
    def running(self) -> bool:
        """Whether the server is being asked."""
        return bool(self._words)

    def begin(self, room: str, words: str, session: Session | None) -> None:
        """Look for `words`, in any case, in what was said in `room`."""
        self._words, self._room = words, room
        self._found, self._pages = {}, 0
        local = [line for line in self._transcripts.find(room, words) if self._wanted(line)]
        self._count = len(local)
        self._take(local)
        self._back_to = self._transcripts.oldest(room)
        if self._count >= MAX_FOUND:
            self._end()
        elif session is None:
            self._end("; the server cannot be asked now")
        elif self._ask(session):
            self._note(f"looking for {words!r} on the server too; /search alone stops")
        else:
            self._end()

    def answered(self, answer: SearchAnswer, session: Session | None) -> None:
        """The server's answer, or a page of it; one that nobody waits for any more is ignored."""
        if not self._words or answer.room != self._room:
            return
        fitting = answer.lines if answer.chosen else self._fitting(answer.lines)
        fresh = [line for line in fitting if line.ident not in self._found and self._wanted(line)]
        self._count += len(fresh)
        self._take(fresh)
        self._back_to = next((line for line in answer.lines if line.msgid), self._back_to)
        if answer.refused:
            self._end(f"; the server did not look further: {answer.refused}")
        elif not answer.more:
            self._end("; nothing older is kept" if not answer.chosen else "")
        elif self._count >= MAX_FOUND or self._pages >= MAX_PAGES or session is None or not self._ask(session):
            self._end(self._how_far())

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise."""
        if casefold(self._room) == casefold(old):
            self._room = new

    def stop(self, why: str = "stopped") -> None:
        """Tell what has been found so far, if a search is under way."""
        if self._words:
            self._end(f"; {why}{self._how_far()}")

    def _ask(self, session: Session) -> bool:
        self._pages += 1
        return self._back_to is not None and session.look_back(self._room, self._words, self._back_to, MAX_FOUND)

    def _fitting(self, lines: Iterable[RoomLine]) -> list[RoomLine]:
        wanted = self._words.casefold()
        return [line for line in lines if line.kind.is_text and wanted in line.text.casefold()]

    def _wanted(self, line: RoomLine) -> bool:
        return line.own or line.nick not in self._ignored

    def _take(self, lines: Iterable[RoomLine]) -> None:
        """Keep the newest of all that fits."""
        found = sorted([*self._found.values(), *lines], key=lambda line: line.time_ms)[-MAX_FOUND:]
        self._found = {line.ident or str(number): line for number, line in enumerate(found)}

    def _how_far(self) -> str:
        return f"; looked back to {day_of(self._back_to.time_ms):%d %b %Y %H:%M}" if self._back_to is not None else ""

    def _end(self, how: str = "") -> None:
        for line in self._found.values():
            self._note(f"{day_of(line.time_ms):%d %b} {plain(render(line, own_nick='', find=self._transcripts.line))}")
        count = self._count
        counted = "1 line has" if count == 1 else f"{count} lines have" if count else "no line here has"
        newest = f"; the newest {MAX_FOUND} are above" if count > MAX_FOUND else ""
        self._note(f"{counted} {self._words!r}{newest}{how}")
        self._words = ""
        self._found = {}

    def _note(self, text: str) -> None:
        self._transcripts.note(text, self._room)
