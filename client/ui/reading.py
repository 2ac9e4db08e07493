"""What was read, and where each transcript is scrolled to. Pure.

Each decides about the other: what comes while the end of its room is on the screen is read, and what was not read
begins below a rule in the transcript.
"""

from client.chat import Chat
from client.line import RoomLine
from client.renames import move
from client.ui.unread import Unread
from client.ui.viewport import Viewport
from gateway.wire.names import casefold

__all__ = ["Reading"]


class Reading:
    """One person reading the transcripts of a chat."""

    def __init__(self, chat: Chat) -> None:
        self.unread = Unread()
        self._chat = chat
        self._marks: dict[str, int] = {}  # casefolded room -> how far it was read, as taken into account
        self._viewports: dict[str, tuple[object, Viewport]] = {}
        self._room = chat.transcripts.current
        self._renames = chat.transcripts.renames.count

    def viewport(self, room: str) -> Viewport:
        """The place in the transcript of `room`."""
        timeline = self._chat.transcripts[room]
        kept, viewport = self._viewports.get(casefold(room), (None, None))
        if viewport is None or kept is not timeline:
            viewport = Viewport(timeline)
            self._viewports = {key: pair for key, pair in self._viewports.items() if key in self._chat.transcripts}
            self._viewports[casefold(room)] = (timeline, viewport)
        return viewport

    @property
    def here(self) -> Viewport:
        """The place in the room that is looked at."""
        return self.viewport(self._chat.transcripts.current)

    def update(self) -> list[tuple[str, RoomLine]]:
        """Take what came since the last call; the lines among it that call for the person, with their rooms."""
        chat = self._chat
        self._follow_names()
        called = self.unread.add(chat.transcripts.fresh(), nick=chat.nick)
        self.unread.keep(chat.transcripts.names)
        for room in chat.rooms:
            if chat.is_known(room):
                self.unread.begun(room)
        self._take_marks()
        current = chat.transcripts.current
        if current != self._room:
            self._left(self._room)
            self._room = current
        for room in chat.transcripts.names:
            viewport, first = self.viewport(room), self.unread[room].first
            if room == current and viewport.at_end:
                self.unread.read(room)
            if first is not None and viewport.unread_from is None and not (room == current and viewport.at_end):
                viewport.unread_from = first
        return called

    def _follow_names(self) -> None:
        renames = self._chat.transcripts.renames
        for old, new in renames.since(self._renames):
            self.unread.renamed(old, new)
            move(self._marks, old, new)
            move(self._viewports, old, new)
            if casefold(self._room) == casefold(old):
                self._room = new
        self._renames = renames.count

    def _take_marks(self) -> None:
        """What was read at another device is read here too; what was not, begins below the rule."""
        for room in self._chat.transcripts.names:
            mark_ms = self._chat.heard.read_marks[room]
            if mark_ms is not None and mark_ms != self._marks.get(casefold(room)):
                first_time = casefold(room) not in self._marks
                self._marks[casefold(room)] = mark_ms
                self.unread.marked(room, mark_ms, self._chat.transcripts[room], nick=self._chat.nick)
                # What comes into the room one looks at is no news, once one has begun to look.
                if first_time or room != self._room:
                    self.viewport(room).unread_from = self.unread[room].first

    def attended(self) -> None:
        """A key was pressed: whoever sits here sees the room, if its end is on the screen."""
        if self.here.at_end:
            self._chat.seen(self._chat.transcripts.current)

    def enter(self, room: str) -> None:
        """Look at `room`: what was said there meanwhile begins below a rule."""
        self.update()
        self._chat.transcripts.current = room
        self.update()

    def said(self) -> None:
        """Something was said in the room that is looked at: all above it has been read."""
        self.here.unread_from = None
        self.here.to_end()

    def _left(self, room: str) -> None:
        if room in self._chat.transcripts and not self.unread[room].lines:
            self.viewport(room).unread_from = None
