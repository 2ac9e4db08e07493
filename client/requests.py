"""What a person may want of the server at once or not at all: nothing of it waits for a connection. Pure."""

from functools import singledispatchmethod

from client import actions
from client.chat import Chat
from client.session import Session

__all__ = ["CannotAskError", "Requests"]


class CannotAskError(Exception):
    """There is nobody to ask, or nothing to ask about; the text is for the person."""


class Requests:
    """Actions to questions and orders to the server; what it answers comes as events."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    @singledispatchmethod
    def make(self, action: actions.Request) -> None:
        """Ask the server what `action` wants.

        Raises:
            CannotAskError: it cannot be asked now.
        """
        raise TypeError(f"no handler for {type(action).__name__}")

    @make.register
    def _(self, action: actions.Invite) -> None:
        room = action.room or self._current
        self._about(room).invite(action.nick, room)

    @make.register
    def _(self, action: actions.Kick) -> None:
        self._about(self._current).kick(self._current, action.nick, action.reason)

    @make.register
    def _(self, action: actions.Mode) -> None:
        self._about(self._current).mode(self._current, action.words)

    @make.register
    def _(self, action: actions.SetTopic) -> None:
        session = self._about(self._current)
        if not action.text:
            self._chat.await_answer("topic", self._current)
        session.topic(self._current, action.text)

    @make.register
    def _(self, action: actions.Rename) -> None:
        self._about(self._current).rename(self._current, action.name, action.reason)

    @make.register
    def _(self, action: actions.Names) -> None:
        room = action.room or self._current
        session = self._about(room)
        self._chat.await_answer("names", room)
        session.names(room)

    @make.register
    def _(self, _action: actions.ListRooms) -> None:
        session = self._session
        self._chat.await_answer("list", "")
        session.list_rooms()

    @make.register
    def _(self, action: actions.Whois) -> None:
        self._session.whois(action.nick)

    @make.register
    def _(self, action: actions.Register) -> None:
        self._session.register(action.email, action.password)

    @make.register
    def _(self, action: actions.Oper) -> None:
        self._session.oper(action.name, action.password)

    @make.register
    def _(self, action: actions.Quote) -> None:
        self._session.quote(action.command, action.params)

    @make.register
    def _(self, action: actions.Verify) -> None:
        session = self._session
        session.verify(action.account or self._chat.heard.unverified or self._chat.nick, action.code)

    @make.register
    def _(self, action: actions.Delete) -> None:
        session = self._session
        timeline = self._chat.transcripts.get(self._current)
        line = timeline.newest_own if timeline is not None else None
        if line is None:
            self._chat.transcripts.note("you have said nothing here")
        elif not session.redact(self._current, line.msgid, action.reason):
            self._chat.transcripts.note("this server cannot delete what was said")

    @property
    def _current(self) -> str:
        return self._chat.transcripts.current

    @property
    def _session(self) -> Session:
        if self._chat.session is None:
            raise CannotAskError("there is no connection now")
        return self._chat.session

    def _about(self, room: str) -> Session:
        """The connection, for what is about `room`."""
        if not room.startswith("#"):
            raise CannotAskError("this is no room")
        return self._session
