"""Entries of a log as lines of history, as they were seen then. Pure.

Source: IRCv3 chathistory: only PRIVMSG and NOTICE without event-playback; with it TAGMSG, JOIN, PART, QUIT, KICK, NICK,
MODE and TOPIC as well; message-redaction, "Chat history": what was redacted is left out, and the REDACT may be shown.
"""

from gateway.events import Entry, Joined, Kicked, Left, LeftBy, ModesSet, Reaped, Renamed, TopicSet
from gateway.model import GatewayId, Member, MsgId, Uid
from gateway.session.capabilities import AWAY_NOTIFY, EVENT_PLAYBACK, REDACTION, TAGS
from gateway.session.render import render
from gateway.session.session import Session
from gateway.spoken import Redacted, Said, SaidLines, Spoken, addressed, is_history
from gateway.wire.message import Source

__all__ = ["in_room", "is_message", "is_passing", "is_played", "play"]

_EVENTS = (Joined, Left, Kicked, Renamed, ModesSet, TopicSet, Reaped)
_PASSING = (b"+typing", b"+draft/typing")


def is_message(entry: Entry) -> bool:
    """Whether it is a PRIVMSG or NOTICE."""
    event = entry.event
    return is_history(event) and isinstance(event, Said | SaidLines) and _command(event) in {b"PRIVMSG", b"NOTICE"}


def _command(said: Said | SaidLines) -> bytes:
    return said.line.split(b" ", 2)[1]


def is_passing(tags: bytes) -> bool:
    """Whether the tags of a TAGMSG are of no interest later: somebody was typing."""
    return bool(tags) and all(tag.partition(b"=")[0] in _PASSING for tag in tags.split(b";") if tag != b"bot")


def is_played(entry: Entry, caps: int) -> bool:
    """Whether history has the entry for a client with these capabilities, as a line that counts."""
    event = entry.event
    if is_message(entry):
        return True
    if not caps & EVENT_PLAYBACK:
        return False
    if isinstance(event, Said):
        return bool(caps & TAGS) and _command(event) == b"TAGMSG" and not is_passing(event.tags)
    return isinstance(event, _EVENTS)


def in_room(entry: Entry, room: str) -> Entry:
    """The entry as if it had come after the room got its present name; what is of no room stays as it is."""
    event = entry.event
    if room[:1] != "#" or not isinstance(event, Spoken):
        return entry
    return entry._replace(event=addressed(event, room))


def play(entry: Entry, room: str, session: Session) -> list[bytes]:
    """The lines of an entry that history has for the session; none where it has none.

    Args:
        room: its present name as displayed; for a conversation the nick of the other.
    """
    entry = in_room(entry, room)
    event = entry.event
    render_class = session.render_class & ~AWAY_NOTIFY  # whether somebody was away is no history
    if isinstance(event, Redacted):
        shown = session.has(EVENT_PLAYBACK) and session.has(REDACTION)
    else:
        shown = is_played(entry, session.caps)
    if not shown:
        return []
    if isinstance(event, Reaped):
        left = [Left(uid, MsgId(b""), LeftBy.QUIT, event.reason) for uid in event.uids]
        parts = zip(left, event.sources, strict=False)
        return [render(entry._replace(event=one), _as_member(source), room, render_class) for one, source in parts]
    line = render(entry, _about(event), room, render_class)
    return [line] if line else []


def _about(event: object) -> Member | None:
    match event:
        case Joined(member=member):
            return member
        case Left(source=source) | Renamed(source=source):
            return _as_member(source)
        case Kicked(nick=nick):
            return _as_member(nick)
    return None


def _as_member(source: str) -> Member:
    who = Source.parse(source)
    return Member(Uid(b""), who.nick, who.user, who.host, "", "", GatewayId(""), "")
