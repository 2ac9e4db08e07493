"""Commands that make lines in transcripts, and what they change. Pure.

`room_lines` reads a command alike from live and from history; `consequences` changes who is where, for live ones only.

Source: RFC 2812 section 3; IRCv3 server-time, message-ids, reply; CTCP ACTION.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from sys import intern

from client.events import Event, NickChanged, Redacted, RoomEntered, RoomLeft, ServerText
from client.line import Kind, RoomLine
from client.members import PREFIXES
from client.registration import PLAYBACK
from client.state import KEY_TAG, State
from gateway.wire.message import Message, Source
from gateway.wire.names import casefold, is_room_name
from gateway.wire.tags import parse_time

__all__ = ["ROOM_COMMANDS", "consequences", "redacted", "replayed_lines", "room_lines"]

# Command to the least number of parameters that make sense of it.
ROOM_COMMANDS = {
    "JOIN": 1,
    "PART": 1,
    "KICK": 2,
    "QUIT": 0,
    "NICK": 1,
    "TOPIC": 2,
    "MODE": 2,
    "PRIVMSG": 2,
    "NOTICE": 2,
}
MAX_MSGID_CHARS = 200  # of one that is answered: others choose it, and it is kept
_CTCP = "\x01"
_ACTION = "\x01ACTION "


def room_lines(state: State, message: Message, *, replayed: bool = False) -> list[RoomLine]:
    """The lines that `message` adds: none, one, or for QUIT and NICK one in each room that the nick is in."""
    params = message.params
    nick = Source.parse(message.source).nick
    if not nick or len(params) < ROOM_COMMANDS.get(message.command, len(params) + 1):
        return []
    first, last = (params[0], params[-1]) if params else ("", "")
    rooms, text, subject = [first], last, ""
    match message.command:
        case "JOIN":
            rooms, text = first.split(","), ""
        case "PART":
            rooms, text = first.split(","), "".join(params[1:2])
        case "KICK":
            text, subject = "".join(params[2:3]), params[1]
        case "QUIT" | "NICK":
            rooms = state.roster.rooms_of(nick)
        case "MODE":
            # A mode of ourselves is no line of a room.
            rooms, text = [first] if first.startswith("#") else [], " ".join(params[1:])
        case "PRIVMSG" | "NOTICE":
            return list(_said(state, message, nick, replayed))
    kind = Kind[message.command]
    return [_line(state, message, room, kind, text=text, replayed=replayed, subject=subject) for room in rooms]


def replayed_lines(state: State, message: Message) -> list[RoomLine]:
    """The lines that a message of history adds: of events that were asked for with it none, since of a QUIT or NICK it
    could not be told whether it was seen live."""
    if PLAYBACK in state.enabled and message.command not in ("PRIVMSG", "NOTICE"):
        return []
    return room_lines(state, message, replayed=True)


def redacted(state: State, message: Message) -> list[Redacted]:
    """What `message`, if it is REDACT, deletes. Source: IRCv3 draft/message-redaction."""
    if message.command != "REDACT" or len(message.params) < 2:
        return []
    by, (target, msgid) = Source.parse(message.source).nick, message.params[:2]
    room = by if state.is_me(target) else target
    return [Redacted(room, msgid, by, "".join(message.params[2:3]))]


def consequences(state: State, message: Message) -> Iterable[Event]:
    """Apply a live command to `state`, after `room_lines` has been asked; tell what concerns ourselves."""
    source = Source.parse(message.source)
    change = _CHANGES.get(message.command)
    if change is None or not source.nick or len(message.params) < ROOM_COMMANDS[message.command]:
        return ()
    return change(state, source, message.params)


def _join(state: State, source: Source, params: Sequence[str]) -> Iterator[Event]:
    for room in params[0].split(","):
        if state.is_me(source.nick):
            if not is_room_name(room):
                continue  # it could not be named in the request for its history
            state.entered(room)
            yield RoomEntered(room)
        state.roster.add(room, source.nick)


def _part(state: State, source: Source, params: Sequence[str]) -> Iterator[Event]:
    for room in params[0].split(","):
        yield from _gone(state, room, source.nick, RoomLeft(room))


def _kick(state: State, source: Source, params: Sequence[str]) -> Iterator[Event]:
    reason = params[2] if len(params) > 2 else ""
    yield from _gone(state, params[0], params[1], RoomLeft(params[0], source.nick, reason))


def _gone(state: State, room: str, nick: str, ours: RoomLeft) -> Iterator[Event]:
    state.roster.remove(room, nick)
    if state.is_me(nick):
        state.left(room)
        yield ours


def _quit(state: State, source: Source, _params: Sequence[str]) -> Iterable[Event]:
    for room in state.roster.rooms_of(source.nick):
        state.roster.remove(room, source.nick)
    _freed(state, source.nick)
    return ()


def _nick(state: State, source: Source, params: Sequence[str]) -> Iterator[Event]:
    state.roster.rename(source.nick, params[0])
    if state.is_me(source.nick):
        state.nick = params[0]
        yield NickChanged(params[0])
    else:
        _freed(state, source.nick)


def _freed(state: State, nick: str) -> None:
    """Whoever had the nick that we want let go of it: take it."""
    if casefold(nick) == casefold(state.wishes.nick) and not state.is_me(nick):
        state.send("NICK", state.wishes.nick)


def _topic(state: State, source: Source, params: Sequence[str]) -> Iterable[Event]:
    if state.is_me(source.nick):
        state.topics.pop(casefold(params[0]), None)
    return ()


def _notice(_state: State, source: Source, params: Sequence[str]) -> Iterator[Event]:
    if not source.user and not params[0].startswith("#"):
        yield ServerText(params[1])


_CHANGES: dict[str, Callable[[State, Source, Sequence[str]], Iterable[Event]]] = {
    "JOIN": _join,
    "PART": _part,
    "KICK": _kick,
    "QUIT": _quit,
    "NICK": _nick,
    "NOTICE": _notice,
    "TOPIC": _topic,
}


def _said(state: State, message: Message, nick: str, replayed: bool) -> Iterator[RoomLine]:
    target, text = message.params[0], message.params[1]
    own = casefold(nick) in state.own_nicks if replayed else state.is_me(nick)
    kind = Kind.NOTICE if message.command == "NOTICE" else Kind.MESSAGE
    if text.startswith(_ACTION):
        kind, text = Kind.ACTION, text[len(_ACTION) :].removesuffix(_CTCP)
    elif text.startswith(_CTCP):
        return  # other CTCP requests stay unanswered: what we run is nobody's business
    room = target.lstrip(PREFIXES)  # STATUSMSG: "@#room" is the room's operators
    if not room.startswith("#"):
        if not Source.parse(message.source).user and not own:
            return  # the server itself; `consequences` tells
        room = target if own else nick
    key = _key(state, message, target, text) if own else ""
    yield _line(state, message, room, kind, text=text, replayed=replayed, key=key, own=own, reply_to=_reply_to(message))


def _reply_to(message: Message) -> str:
    """Source: https://ircv3.net/specs/client-tags/reply."""
    msgid = message.tags.get("+reply") or message.tags.get("+draft/reply", "")
    return msgid if len(msgid) <= MAX_MSGID_CHARS else ""


def _key(state: State, message: Message, target: str, text: str) -> str:
    """Which of our lines this is; that line is answered now."""
    label = message.tags.get("label") or state.batches.label_of(message.tags.get("batch", ""))
    tag = message.tags.get(KEY_TAG, "")
    for key in (label, tag):
        if key in state.sent:
            del state.sent[key]
            return key
    if not tag and not state.labels:
        for key, sent in state.sent.items():
            if casefold(sent.target) == casefold(target) and sent.text == text:
                del state.sent[key]
                return key
    return tag


def _line(
    state: State,
    message: Message,
    room: str,
    kind: Kind,
    *,
    text: str,
    replayed: bool,
    subject: str = "",
    key: str = "",
    own: bool = False,
    reply_to: str = "",
) -> RoomLine:
    nick = Source.parse(message.source).nick
    server_ms = parse_time(message.tags.get("time", ""))
    msgid = message.tags.get("msgid", "")
    # Without a msgid the server's time tells two copies of one line from two lines; without both nothing does.
    ident = msgid or (f"{server_ms} {kind.value} {nick} {text}" if server_ms is not None else "")
    return RoomLine(
        # The same few words in each of 100 000 lines: one copy of them saves a fifth of the memory.
        room=intern(room),
        kind=kind,
        nick=intern(nick),
        text=text,
        time_ms=state.now_ms if server_ms is None else server_ms,
        subject=subject,
        ident=ident,
        msgid=msgid,
        reply_to=reply_to,
        key=key,
        own=own or state.is_me(nick),
        replayed=replayed,
    )
