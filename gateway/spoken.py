"""What people say, as logs hold it. It is appended in batches and changes no state."""

from typing import NamedTuple

from gateway.model import MsgId, Position, Uid
from gateway.wire.limits import MAX_BODY_BYTES

__all__ = ["Direct", "Redacted", "Said", "SaidLines", "SaidTo", "Spoken", "Utterance", "addressed", "is_history"]


class Said(NamedTuple):
    """PRIVMSG, NOTICE or TAGMSG. `line` is what a client without tags gets, source included, CR LF not."""

    uid: Uid
    msgid: MsgId
    account: bytes  # empty: not logged in
    tags: bytes  # client-only tags as on the wire, without "@"; empty for none
    line: bytes


class SaidTo(NamedTuple):
    """The same, for some of the members: a STATUSMSG. It is no part of the history that members can ask for."""

    uid: Uid
    msgid: MsgId
    account: bytes
    tags: bytes
    line: bytes
    to: str  # who gets it: members with one of these modes, and its author


class SaidLines(NamedTuple):
    """A PRIVMSG of several lines, which is one message (IRCv3 multiline)."""

    uid: Uid
    msgid: MsgId
    account: bytes
    tags: bytes
    line: bytes  # the first as in `Said`; its text may be empty, not that of all
    more: tuple[tuple[bool, bytes], ...]  # the texts of the others, and whether they go on where the one before ended
    to: str = ""  # as in `SaidTo`; empty: all


Spoken = Said | SaidTo | SaidLines


class Direct(NamedTuple):
    """Something said from one user to another, in an inbox; their conversation's log has it too, as it was said."""

    uid: Uid
    msgid: MsgId
    said: Said | SaidLines
    at: Position  # its place in the conversation, and so its time


class Redacted(NamedTuple):
    """Something said was taken back, by its author or an operator: it is not in the log any more."""

    uid: Uid  # of who did it
    msgid: MsgId
    source: str
    redacted: MsgId  # what was said under this name,
    position: Position  # at this place in the log
    reason: str
    to: str = ""  # the nick it was said to; empty: it was said in the room


Utterance = Spoken | Direct | Redacted
"""What is appended in batches: it changes no state."""


def is_history(event: object) -> bool:
    """Whether it is a message that all members may read again later."""
    return isinstance(event, Said) or (isinstance(event, SaidLines) and not event.to)


def addressed(said: Spoken, room: str) -> Spoken:
    """What was said in a room, as if that had been called so then; what does not fit any more is cut."""
    source, command, rest = said.line.split(b" ", 2)
    target, space, text = rest.partition(b" ")
    now = target[: len(target) - len(target.lstrip(b"@+"))] + room.encode()
    if target == now:
        return said
    head = b"%b %b %b%b" % (source, command, now, space)
    moved = said._replace(line=head + _cut(text, MAX_BODY_BYTES - len(head)))
    if isinstance(moved, SaidLines):
        left = MAX_BODY_BYTES - len(head) - 1  # for the colon
        moved = moved._replace(more=tuple((goes_on, _cut(text, left)) for goes_on, text in moved.more))
    return moved


def _cut(text: bytes, limit: int) -> bytes:
    return text if len(text) <= limit else text[:limit].decode(errors="ignore").encode()
