"""What a typed line does, and the questions before it: shared by all faces. Pure.

A face gives it lines, Ctrl-C and the end of input; it shows `question` while there is one and ends when `left` is set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatchmethod

from client import actions, commands
from client.chat import Chat
from client.linkstatus import LinkStatus
from client.outbox import OutboxFullError
from client.report import status_lines
from client.requests import CannotAskError, Requests
from gateway.wire.names import casefold

__all__ = ["Console"]

UNASKED_PASTE_LINES = 5  # more lines in one go are asked about first: a paste may be an accident
MAX_PASTE_LINES = 500
_YES = frozenset({"y", "yes"})


@dataclass(frozen=True, slots=True)
class _Question:
    text: str
    yes: Callable[[], None]
    about_text: bool = False  # about what was typed, which a no gives back


class Console:
    """Typed lines to actions, actions to the chat."""

    def __init__(self, chat: Chat, status: LinkStatus) -> None:
        """Args: status: what /status tells."""
        self.left = False
        self.reason = ""  # of leaving, told to others
        self.refused = False  # what was typed last had no effect, and should be there to be put right
        self.wants_room = False  # a list of rooms to choose from; whoever opens it takes it back
        self.connect_now = False  # asked for; whoever does it takes it back
        self._chat = chat
        self._requests = Requests(chat)
        self._status = status
        self._question: _Question | None = None

    @property
    def question(self) -> str:
        """What is asked now; the next typed line is the answer. Empty when nothing is."""
        return self._question.text if self._question is not None else ""

    @property
    def prompt(self) -> str:
        """Where typed text goes, and whether it can be sent now."""
        room = self._chat.transcripts.current or "no room"
        return f"{room}> " if self._chat.session is not None else f"{room} (offline)> "

    def typed(self, text: str) -> None:
        """Obey what was typed; more than one line is a paste, whose lines are all said, never obeyed."""
        self.refused = False
        if self._question is not None:
            question, self._question = self._question, None
            if text.strip().lower() in _YES:
                question.yes()
            else:
                self.refused = question.about_text
            return
        lines = text.strip("\r\n").splitlines()
        if len(lines) > 1:
            self._paste(lines)
        elif (action := commands.parse(text)) is not None:
            self._do(action)
        self._chat.tell_of_disk()

    def say(self, text: str, room: str) -> None:
        """Say a line in `room`, whatever it looks like."""
        if (line := commands.clean(text)).strip():
            self._do(actions.Say(text=line, target=room))

    def ask_to_leave(self) -> None:
        """`exit`, Ctrl-C or Ctrl-D on an empty line. While something is asked it is an answer, and not a yes."""
        if self._question is not None:
            self._question = None
        else:
            self._question = _Question("Leave chat? [y/N] ", self._leave)

    @singledispatchmethod
    def _do(self, action: actions.Action) -> None:
        raise TypeError(f"no handler for {type(action).__name__}")

    @_do.register
    def _(self, action: actions.Say) -> None:
        try:
            self._chat.say(action.text, target=action.target, emote=action.emote)
        except OutboxFullError as exc:
            self._note(f"not taken, {exc}: {action.text}")
            self.refused = True

    @_do.register
    def _(self, action: actions.Reply) -> None:
        timeline = self._chat.transcripts.get(self._chat.transcripts.current)
        line = timeline.newest_of(action.nick) if timeline is not None else None
        if line is None:
            self._do(actions.Invalid(f"{action.nick} has said nothing here that can be answered"))
            return
        try:
            self._chat.say(action.text, reply_to=line.msgid)
        except OutboxFullError as exc:
            self._note(f"not taken, {exc}: {action.text}")
            self.refused = True

    @_do.register
    def _(self, action: actions.Join) -> None:
        self._chat.join(action.room, action.key)

    @_do.register
    def _(self, _action: actions.PickRoom) -> None:
        if self._chat.quiet:
            self.wants_room = True
        else:
            self._do(actions.ListRooms())
            if not self.refused:
                self._note("/join NAME enters one of these rooms, or a new one")

    @_do.register
    def _(self, action: actions.Part) -> None:
        # "/part dev" means the room when we are in it; else the word is the reason.
        named = action.room or self._known(action.reason)
        room = named or self._chat.transcripts.current
        if casefold(room) in {casefold(name) for name in self._chat.rooms}:
            self._chat.part(room, "" if named and not action.room else action.reason)
        else:
            self._note(f"you are not in {room}" if room else "you are in no room")

    @_do.register
    def _(self, action: actions.Switch) -> None:
        rooms = self._chat.transcripts
        if not action.room:
            self._note("you are in: " + (", ".join(self._chat.rooms) or "no room"))
        elif known := self._known(action.room):
            rooms.current = known
        elif action.room.isdecimal() and 0 < int(action.room[:4]) <= len(self._chat.places):
            rooms.current = self._chat.places[int(action.room[:4]) - 1]
        elif action.room in rooms:
            rooms.current = rooms[action.room].room  # a private talk
        else:
            self._note(f"you are not in {action.room}; /join enters a room, /msg begins a private talk")

    @_do.register
    def _(self, action: actions.Query) -> None:
        rooms = self._chat.transcripts
        rooms.current = rooms[action.nick].room

    @_do.register
    def _(self, _action: actions.Resend) -> None:
        room = self._chat.transcripts.current
        try:
            count = self._chat.own_lines.resend(room, self._chat.nick)
        except OutboxFullError as exc:
            self._note(f"not taken, {exc}")
        else:
            if not count:
                self._note("nothing has failed here")

    @_do.register
    def _(self, _action: actions.Discard) -> None:
        count = self._chat.own_lines.discard(self._chat.transcripts.current)
        self._note(f"{count} discarded" if count else "nothing failed or waits here")

    @_do.register
    def _(self, _action: actions.Connect) -> None:
        if self._chat.session is not None:
            self._note("there is a connection")
        self.connect_now = self._chat.session is None

    @_do.register
    def _(self, action: actions.Away) -> None:
        self._chat.be_away(action.reason)
        if self._chat.session is None:
            self._note("you will be away as soon as there is a connection" if action.reason else "you are back")

    @_do.register
    def _(self, action: actions.Request) -> None:
        try:
            self._requests.make(action)
        except CannotAskError as exc:
            self.refused = True
            self._note(str(exc))

    @_do.register
    def _(self, action: actions.ChangeNick) -> None:
        self._chat.change_nick(action.nick)

    @_do.register
    def _(self, action: actions.Ignore) -> None:
        ignored = self._chat.ignored
        if action.nick:
            ignored.add(action.nick)
            self._note(f"{action.nick} is ignored from now on; /unignore {action.nick} takes it back")
        else:
            self._note("ignored: " + (", ".join(ignored.nicks) or "nobody"))

    @_do.register
    def _(self, action: actions.Unignore) -> None:
        known = self._chat.ignored.discard(action.nick)
        self._note(f"{action.nick} is heard again" if known else f"{action.nick} is not ignored")

    @_do.register
    def _(self, action: actions.Search) -> None:
        search = self._chat.search
        if action.words:
            search.begin(self._chat.transcripts.current, action.words, self._chat.session)
        elif search.running:
            search.stop()
        else:
            self._do(actions.Invalid("usage: /search WORDS"))

    @_do.register
    def _(self, _action: actions.Clear) -> None:
        rooms = self._chat.transcripts
        if self._chat.quiet:
            rooms[rooms.current].clear()
        else:
            self._note("lines that are printed cannot be cleared")

    @_do.register
    def _(self, _action: actions.Status) -> None:
        for line in status_lines(self._chat, self._status):
            self._note(line)

    @_do.register
    def _(self, _action: actions.Help) -> None:
        for line in commands.help_lines():
            self._note(line)

    @_do.register
    def _(self, _action: actions.Exit) -> None:
        self.ask_to_leave()

    @_do.register
    def _(self, action: actions.Quit) -> None:
        self.reason = action.reason
        self.left = True

    @_do.register
    def _(self, action: actions.Invalid) -> None:
        self.refused = True
        self._note(action.reason)

    def _paste(self, lines: list[str]) -> None:
        if len(lines) > MAX_PASTE_LINES:
            self._note(f"{len(lines)} lines are too many at once, {MAX_PASTE_LINES} are the limit; nothing was sent")
            self.refused = True
        elif len(lines) > UNASKED_PASTE_LINES:
            room = self._chat.transcripts.current
            self._question = _Question(
                f"Send {len(lines)} lines to {room}? [y/N] ", lambda: self._say_all(lines), about_text=True
            )
        else:
            self._say_all(lines)

    def _say_all(self, lines: list[str]) -> None:
        text = "\n".join(map(commands.clean, lines))
        if text.strip():
            self._do(actions.Say(text=text))

    def _known(self, name: str) -> str:
        """The room of ours that `name` names, with `#` or without, as it is spelled; else empty."""
        keys = {casefold(name), casefold(f"#{name}")}
        return next((room for room in self._chat.rooms if casefold(room) in keys), "")

    def _leave(self) -> None:
        self.left = True

    def _note(self, text: str) -> None:
        self._chat.transcripts.note(text)
