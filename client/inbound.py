"""Obey what the server says: one handler a command. Pure; the tables are the dispatch.

Source: RFC 2812; https://modern.ircdocs.horse/; IRCv3 away-notify, batch, invite-notify, labeled-response, read-marker.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from client import multiline
from client.batches import COLLECTED, Batch
from client.events import (
    Accepted,
    Alive,
    CaughtUp,
    Closing,
    CodeWanted,
    Event,
    OlderCame,
    ReadUpTo,
    Registered,
    RoomRenamed,
    SearchAnswer,
    ServerText,
    TokenGranted,
    Typing,
)
from client.line import RoomLine
from client.members import PREFIXES
from client.registration import LOGIN_CODES
from client.replies import REPLIES, refused, standard_reply
from client.roomlines import ROOM_COMMANDS, consequences, redacted, replayed_lines, room_lines
from client.state import ALIVE, SEARCH, State
from gateway.wire.errors import InvalidUtf8Error, MalformedLineError
from gateway.wire.message import Message, Source
from gateway.wire.names import casefold, is_room_name
from gateway.wire.tags import parse_time

__all__ = ["obey", "read"]

_QUIET: tuple[Event, ...] = ()


def read(line: bytes) -> Message | None:
    """A line as a message; None for what is none. Bytes that are no UTF-8 become U+FFFD: better than losing a line."""
    try:
        try:
            return Message.parse(line)
        except InvalidUtf8Error:
            return Message.parse(line.decode(errors="replace").encode())
    except MalformedLineError:
        return None


def obey(state: State, message: Message) -> Iterable[Event]:
    """Change `state` as `message` says and return what the program should know."""
    if message.command != "BATCH" and state.batches.collect(message):
        return _QUIET
    command = message.command
    if command in ROOM_COMMANDS:
        return list(_room_command(state, message))
    if (handler := _HANDLERS.get(command)) is not None:
        return list(handler(state, message))
    if (reply := REPLIES.get(command)) is not None:
        return list(reply(state, message))
    if len(command) == 3 and command.isascii() and command.isdigit():
        return list(refused(state, message))
    return _QUIET


def _room_command(state: State, message: Message) -> Iterator[Event]:
    """Live lines: what they change holds at once, they themselves wait while the room's history is on its way."""
    # A room that is given back to us was never left: nobody joined.
    given_back = state.resuming and message.command == "JOIN" and state.is_me(Source.parse(message.source).nick)
    lines = [] if given_back else room_lines(state, message)
    yield from consequences(state, message)
    for line in lines:
        catchup = state.catchups.get(casefold(line.room))
        # The echo of our own line is an acknowledgement as well, and that does not wait.
        yield from [line] if catchup is None or line.key else catchup.hold(line)


def _welcome(state: State, message: Message) -> Iterator[Event]:
    if not message.params or state.ready:
        return
    yield from state.registration.welcomed()
    state.ready = True
    state.nick = message.params[0]
    yield Registered(state.nick, resumed=state.resuming)
    if not state.resuming:
        _join_wanted(state)


def _join_wanted(state: State) -> None:
    """Enter the rooms that we want and are not in."""
    for room, position in state.wishes.rooms.items():
        if room not in state.roster:
            state.join(room, position)


def _resume(state: State, message: Message) -> Iterator[Event]:
    match message.params:
        case [word, nick, *_] if word.upper() == "SUCCESS" and not state.ready:
            state.nick = nick
            state.resuming = True
        case [word, token, *_] if word.upper() == "TOKEN":
            yield TokenGranted(token)
        case [word, *_] if word.upper() == "DONE" and state.resuming:
            state.resuming = False
            _join_wanted(state)


def _isupport(state: State, message: Message) -> Iterable[Event]:
    for token in message.params[1:-1]:
        name, _, value = token.partition("=")
        if name in ("CHATHISTORY", "draft/CHATHISTORY") and value.isascii() and value.isdigit():
            state.history_limit = int(value[:6])
    return _QUIET


def _cap(state: State, message: Message) -> Iterable[Event]:
    state.registration.cap(message.params)
    return _QUIET


def _account(_state: State, message: Message) -> Iterator[Event]:
    """What comes of REGISTER and VERIFY. Source: IRCv3 draft/account-registration, "Responses"."""
    match message.params:
        case [word, account, *_, text] if word.upper() == "VERIFICATION_REQUIRED":
            yield CodeWanted(account, text)
        case [_, _, *_, text]:
            yield ServerText(text)


def _authenticate(state: State, message: Message) -> Iterator[Event]:
    yield from state.registration.authenticate(message.params[0] if message.params else "")


def _login_answered(state: State, message: Message) -> Iterator[Event]:
    yield from state.registration.login_answered(message.command, message.params)


def _away(state: State, message: Message) -> Iterable[Event]:
    """IRCv3 away-notify: with a text they are away, without one they are back."""
    state.roster.set_away(Source.parse(message.source).nick, bool(message.params and message.params[-1]))
    return _QUIET


def _invite(state: State, message: Message) -> Iterator[Event]:
    """To us; or, by IRCv3 invite-notify, to somebody else."""
    if len(message.params) >= 2:
        by, (nick, room) = Source.parse(message.source).nick, message.params[:2]
        if state.is_me(nick):
            yield ServerText(f"{by} invites you to {room}: /join {room}")
        else:
            yield ServerText(f"{by} invited {nick} to {room}")


def _wallops(_state: State, message: Message) -> Iterator[Event]:
    """Source: RFC 2812 section 4.7."""
    if message.params:
        yield ServerText(f"{Source.parse(message.source).nick} to all: {message.params[-1]}")


def _read_up_to(_state: State, message: Message) -> Iterator[Event]:
    """IRCv3 draft/read-marker."""
    if len(message.params) >= 2:
        room, _, stamp = message.params[0], *message.params[1].partition("=")[1:]
        yield ReadUpTo(room, parse_time(stamp) or 0)


def _renamed(state: State, message: Message) -> Iterator[Event]:
    """Source: IRCv3 draft/channel-rename."""
    if len(message.params) >= 2 and is_room_name(message.params[1]):
        old, new, *rest = message.params
        if state.renamed(old, new):
            yield RoomRenamed(old, new, Source.parse(message.source).nick, "".join(rest[:1]))


def _deleted(state: State, message: Message) -> Iterator[Event]:
    for event in redacted(state, message):
        if (catchup := state.catchups.get(casefold(event.room))) is not None:
            catchup.deleted(event)
        yield event  # at once too: the line may be here


def _tagged(state: State, message: Message) -> Iterator[Event]:
    """TAGMSG. Source: IRCv3 message-tags; https://ircv3.net/specs/client-tags/typing."""
    nick = Source.parse(message.source).nick
    typing = message.tags.get("+typing") or message.tags.get("+draft/typing")
    if typing and message.params and nick and not state.is_me(nick):
        room = nick if state.is_me(message.params[0]) else message.params[0].lstrip(PREFIXES)
        yield Typing(room, nick, typing)


def _ping(state: State, message: Message) -> Iterable[Event]:
    state.send("PONG", message.params[-1] if message.params else "")
    return _QUIET


def _pong(state: State, message: Message) -> Iterator[Event]:
    token = message.params[-1] if message.params else ""
    if token in state.sent:
        yield from _taken_without_echo(state, token)
    if token == ALIVE:
        yield Alive()
    for room, older in list(state.older.items()):
        if older.token == token:
            del state.older[room]
            yield OlderCame(older.room, more=older.size >= older.asked)
    if (looking := state.looking) is not None and looking.token == token:
        state.looking = None
        more = not looking.chosen and (looking.size or 0) >= looking.asked
        refused = looking.refused or ("it did not answer" if looking.size is None else "")
        yield SearchAnswer(looking.room, tuple(looking.lines), looking.chosen, more, refused)
    for room, catchup in list(state.catchups.items()):
        if catchup.label == token:
            events, once_more = catchup.barrier_passed()
            yield from events
            if once_more:
                state.out.extend(catchup.request(labelled=state.labels))
            elif isinstance(events[-1], CaughtUp):
                del state.catchups[room]
                if not state.catchups:
                    state.registration.without_playback()


def _taken_without_echo(state: State, key: str) -> Iterator[Event]:
    """A server without echo-message: the line has been taken, and we are the only one who can show it to us."""
    sent = state.sent.pop(key)
    yield RoomLine(
        room=sent.target,
        kind=sent.kind,
        nick=state.nick,
        text=sent.text,
        time_ms=state.now_ms,
        key=key,
        own=True,
    )


def _batch(state: State, message: Message) -> Iterator[Event]:
    ref = message.params[0] if message.params else ""
    if ref.startswith("+"):
        state.batches.open(message)
        return
    batch = state.batches.close(ref) if ref.startswith("-") else None
    if batch is not None and batch.kind == multiline.BATCH:
        if (whole := multiline.combined(batch.opening, batch.lines, batch.parent)) is not None:
            yield from obey(state, whole)
    elif batch is not None and batch.kind in COLLECTED:
        lines = [line for text in batch.lines for line in replayed_lines(state, text)]
        if _is_what_was_looked_for(state, batch, lines):
            return
        catchup = state.catchups.get(casefold(batch.params[0])) if batch.params else None
        deleted = [event for text in batch.lines for event in redacted(state, text)]
        if catchup is not None and (not state.labels or batch.label == catchup.label):
            catchup.answered(lines, [text.tags.get("msgid", "") for text in batch.lines], deleted)
        else:
            older = state.older.get(casefold(batch.params[0])) if batch.params else None
            if older is not None:
                older.size += len(batch.lines)
            yield from lines  # what was asked for, or the server's plain replay
            yield from deleted


def _is_what_was_looked_for(state: State, batch: Batch, lines: Sequence[RoomLine]) -> bool:
    """Keep `lines`, those of `batch`, if they answer a search."""
    looking = state.looking
    if batch.kind == SEARCH and looking is None:
        return True  # an answer that nobody waits for any more
    if looking is None or looking.chosen is not (batch.kind == SEARCH):
        return False
    target = batch.params[0] if batch.params else looking.room
    if batch.label != looking.token if state.labels else casefold(target) != casefold(looking.room):
        return False
    looking.lines += lines
    looking.size = (looking.size or 0) + len(batch.lines)
    return True


def _ack(state: State, message: Message) -> Iterator[Event]:
    """IRCv3 labeled-response: "ACK" when there is nothing else to say."""
    label = message.tags.get("label", "")
    if label in state.sent and "echo-message" in state.enabled:
        del state.sent[label]
        yield Accepted(label)


def _error(state: State, message: Message) -> Iterator[Event]:
    state.ready = False
    if not state.leaving:
        yield Closing(message.params[-1] if message.params else "")


_HANDLERS: dict[str, Callable[[State, Message], Iterable[Event]]] = {
    "001": _welcome,
    "005": _isupport,
    "ACK": _ack,
    "AUTHENTICATE": _authenticate,
    "AWAY": _away,
    "BATCH": _batch,
    "CAP": _cap,
    "ERROR": _error,
    "FAIL": standard_reply,
    "INVITE": _invite,
    "MARKREAD": _read_up_to,
    "NOTE": standard_reply,
    "PING": _ping,
    "PONG": _pong,
    "REDACT": _deleted,
    "REGISTER": _account,
    "RENAME": _renamed,
    "RESUME": _resume,
    "TAGMSG": _tagged,
    "VERIFY": _account,
    "WALLOPS": _wallops,
    "WARN": standard_reply,
    **dict.fromkeys(LOGIN_CODES, _login_answered),
}
