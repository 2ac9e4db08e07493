"""Numeric replies, errors and standard replies. Pure.

Source: https://modern.ircdocs.horse/#numerics; IRCv3 standard-replies, labeled-response.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from client.catchup import CatchUp
from client.events import (
    Accepted,
    Event,
    Members,
    NickTaken,
    Refused,
    ResumeRefused,
    RoomDelayed,
    RoomList,
    RoomRefused,
    RoomRenamed,
    ServerText,
    TopicIs,
    TopicRefused,
    Unavailable,
)
from client.state import State
from client.whois import WHOIS, whois
from gateway.wire import numerics
from gateway.wire.message import Message
from gateway.wire.names import casefold, is_room_name

__all__ = ["REPLIES", "refused", "standard_reply"]

MAX_LISTED_ROOMS = 500
MAX_ASKED_ABOUT = 200  # members of a room that is asked about who is away; a larger one would cost too much
# Codes of FAIL that say: not now. MESSAGE_ERROR is CHATHISTORY's.
_RETRY_CODES = frozenset({"TRY_AGAIN", "TEMPORARILY_UNAVAILABLE", "RATE_LIMITED", "MESSAGE_ERROR"})
# Commands that a server refuses in this way for want of its store; others have reasons of their own.
_WRITES = frozenset({"PRIVMSG", "BATCH", "*", "JOIN", "PART", "TOPIC", "NICK", "MODE", "KICK", "AWAY"})
_NICK_ERRORS = frozenset(
    {numerics.ERR_NONICKNAMEGIVEN, numerics.ERR_ERRONEUSNICKNAME, numerics.ERR_NICKNAMEINUSE, "437"}
)
# Answers to a PRIVMSG; 416, 477 and 531 are not among our gateway's.
_SEND_ERRORS = frozenset(
    {
        numerics.RPL_TRYAGAIN,
        numerics.ERR_NOSUCHNICK,
        numerics.ERR_NOSUCHCHANNEL,
        numerics.ERR_CANNOTSENDTOCHAN,
        numerics.ERR_TOOMANYTARGETS,
        numerics.ERR_NORECIPIENT,
        numerics.ERR_NOTEXTTOSEND,
        numerics.ERR_INPUTTOOLONG,
        numerics.ERR_NOTONCHANNEL,
        "477",
        "531",
    }
)
# Greetings and figures that a person in a chat room has no use for.
_UNSAID = frozenset(
    {
        *("002", "003", "004", "042", "219", "221", "250", "251", "252", "253", "254", "255", "265", "266"),
        *("315", "318", "321", "328", "329", "333", "368", "372", "375", "376", "396", "422"),
    }
)


def refused(state: State, message: Message) -> Iterator[Event]:
    """Any numeric that has no handler of its own: an error that answers something of ours, or text to show."""
    code, params = message.command, message.params
    reason = params[-1] if params else code
    is_error = code[0] in "45" or code == numerics.RPL_TRYAGAIN
    if is_error and not state.ready:
        if code in _NICK_ERRORS:
            yield from state.registration.nick_refused(code, reason)
        else:
            yield from state.registration.refused(code, reason)
            yield ServerText(reason)
    elif is_error and (key := _line_refused(state, message)):
        del state.sent[key]
        yield Refused(key, reason, retry=code == numerics.RPL_TRYAGAIN)
    elif is_error and (room := _room_refused(state, params, by_order=False)):
        wants_key = code == numerics.ERR_BADCHANNELKEY
        if wants_key:
            reason = f"it takes a key: /join {room} KEY"
        refusal = RoomRefused(room, reason, wants_key)
        yield RoomDelayed(room, reason) if code == numerics.RPL_TRYAGAIN else refusal
    elif is_error and (topic := _topic_refused(state, params, reason)) is not None:
        yield topic
    elif code in _NICK_ERRORS:
        yield NickTaken(params[1] if len(params) > 2 else "", "", reason)
    elif code not in _UNSAID and not _of_history(state, message):
        yield ServerText(" ".join(params[1:]) or reason)


def standard_reply(state: State, message: Message) -> Iterator[Event]:
    """FAIL, WARN and NOTE: `command code context... :description`."""
    params = message.params
    if len(params) < 3:
        return
    command, code, reason = params[0].upper(), params[1].upper(), params[-1]
    retry = code in _RETRY_CODES
    if message.command == "FAIL" and code == "TEMPORARILY_UNAVAILABLE" and command in _WRITES:
        yield Unavailable()
    if message.command != "FAIL":
        yield ServerText(reason)
    elif command in ("PRIVMSG", "BATCH", "*") and (key := _line_refused(state, message)):
        del state.sent[key]
        # Known from an author we are not: from ourselves, whose session of then has ended. It was delivered.
        yield Accepted(key) if code == "IDEM_KEY_TAKEN" else Refused(key, reason, retry=retry)
    elif command == "RESUME":
        yield ResumeRefused(reason, busy=code == "IN_USE")
    elif command == "JOIN" and (events := list(_join_refused(state, params, retry=retry))):
        yield from events
    elif command == "TOPIC" and (topic := _topic_refused(state, params, reason)) is not None:
        yield topic
    elif command == "NICK":
        yield NickTaken(params[2] if len(params) > 3 else "", "", reason)
    elif command in ("CHATHISTORY", "SEARCH") and _search_refused(state, message, reason):
        pass
    elif command == "CHATHISTORY":
        # Whatever else it says, the barrier behind the request will show that there was no answer. So it will where
        # MESSAGE_ERROR names the message we asked by: it is not there, and trying again would find it no more.
        unknown = code == "MESSAGE_ERROR" and any(word.startswith("msgid=") for word in params[2:-1])
        if retry and state.catchups and not unknown:
            _history_refused(state, message).delayed(reason)
    else:
        yield ServerText(reason)


def _room_refused(state: State, params: Sequence[str], *, by_order: bool) -> str:
    """The room that an error keeps us out of, or empty; `by_order`: the oldest one asked for when none is named."""
    room = next((word for word in params if casefold(word) in state.joining), "")
    if not room and by_order:
        room = next(iter(state.joining), "")
    state.joining.pop(casefold(room), None)
    return room


def _join_refused(state: State, params: Sequence[str], *, retry: bool) -> Iterator[Event]:
    """A FAIL of JOIN: not now, not at all, or by another name."""
    if params[1].upper() == "CHANNEL_RENAMED" and len(params) > 4 and is_room_name(params[3]):
        yield from _go_on_to(state, params[2], params[3])
    elif room := _room_refused(state, params, by_order=True):
        yield RoomDelayed(room, params[-1]) if retry else RoomRefused(room, params[-1])


def _go_on_to(state: State, old: str, new: str) -> Iterator[Event]:
    """The room that we wanted to enter has been renamed; we are in it, or enter it. Source: IRCv3 channel-rename."""
    wanted = casefold(old) in state.joining
    if state.renamed(old, new):
        yield RoomRenamed(old, new)
    position = state.joining.pop(casefold(new), "")
    if wanted and new not in state.roster:
        state.join(new, position)


def _topic_refused(state: State, params: Sequence[str], reason: str) -> TopicRefused | None:
    """The topic we asked for that an error refuses: the one of the room it names."""
    room = next((word for word in params if casefold(word) in state.topics), "")
    return TopicRefused(room, state.topics.pop(casefold(room)), reason) if room else None


def _search_refused(state: State, message: Message, reason: str) -> bool:
    """Whether a FAIL answers a search; its barrier will end it."""
    looking = state.looking
    label = message.tags.get("label", "")
    if looking is None or (label != looking.token if state.labels else message.params[0].upper() != "SEARCH"):
        return False
    looking.refused = reason
    return True


def _history_refused(state: State, message: Message) -> CatchUp:
    """The request for history that failed: by its label, by its room, or else the oldest."""
    label = message.tags.get("label", "")
    named = {casefold(word) for word in message.params}
    catchups = state.catchups
    fitting = (catchup for room, catchup in catchups.items() if catchup.label == label or room in named)
    return next(fitting, next(iter(catchups.values())))


def _line_refused(state: State, message: Message) -> str:
    """The key of our line that an error answers, or empty."""
    label = message.tags.get("label") or state.batches.label_of(message.tags.get("batch", ""))
    if label:
        return label if label in state.sent else ""
    if message.command != "FAIL" and message.command not in _SEND_ERRORS:
        return ""
    # Answers come in the order of the commands, so without labels it is the oldest line to that target.
    targets = {casefold(word) for word in message.params[1:-1]}
    for key, sent in state.sent.items():
        if casefold(sent.target) in targets:
            return key
    no_target = message.command in ("FAIL", numerics.ERR_INPUTTOOLONG, numerics.RPL_TRYAGAIN)
    return next(iter(state.sent), "") if no_target else ""


def _of_history(state: State, message: Message) -> bool:
    """A server without CHATHISTORY says that it knows no such command; nobody asked."""
    return message.command == numerics.ERR_UNKNOWNCOMMAND and "CHATHISTORY" in message.params


def _names(state: State, message: Message) -> Iterator[Event]:
    if len(message.params) >= 3:
        state.roster.listed(message.params[-2], message.params[-1])
    yield from ()


def _end_of_names(state: State, message: Message) -> Iterator[Event]:
    if len(message.params) >= 2:
        room = message.params[1]
        members = state.roster.list_ended(room)
        if room in state.roster and "away-notify" in state.enabled and len(members) <= MAX_ASKED_ABOUT:
            state.send("WHO", room)  # who is away already; from then on the server tells
        yield Members(room, members)


def _who(state: State, message: Message) -> Iterator[Event]:
    """RPL_WHOREPLY: `G` is gone. Source: https://modern.ircdocs.horse/#rplwhoreply-352."""
    if len(message.params) >= 7:
        state.roster.set_away(message.params[5], message.params[6].startswith("G"))
    yield from ()


def _whois(_state: State, message: Message) -> Iterator[Event]:
    if text := whois(message.command, message.params[1:]):
        yield ServerText(text)


def _topic(_state: State, message: Message) -> Iterator[Event]:
    if len(message.params) >= 3:
        yield TopicIs(message.params[1], message.params[2])


def _no_topic(_state: State, message: Message) -> Iterator[Event]:
    if len(message.params) >= 2:
        yield TopicIs(message.params[1], "")


def _listed(state: State, message: Message) -> Iterator[Event]:
    if len(message.params) >= 3:
        if len(state.room_list) < MAX_LISTED_ROOMS:
            topic = message.params[3] if len(message.params) > 3 else ""
            state.room_list.append((message.params[1], message.params[2], topic))
        else:
            state.rooms_left_out += 1
    yield from ()


def _end_of_list(state: State, _message: Message) -> Iterator[Event]:
    yield RoomList(tuple(state.room_list), state.rooms_left_out)
    state.room_list.clear()
    state.rooms_left_out = 0


REPLIES: dict[str, Callable[[State, Message], Iterable[Event]]] = {
    numerics.RPL_NAMREPLY: _names,
    numerics.RPL_ENDOFNAMES: _end_of_names,
    numerics.RPL_TOPIC: _topic,
    numerics.RPL_NOTOPIC: _no_topic,
    numerics.RPL_WHOREPLY: _who,
    numerics.RPL_LIST: _listed,
    numerics.RPL_LISTEND: _end_of_list,
    **dict.fromkeys(WHOIS, _whois),
}
