"""A line of a transcript: a value. Standard library only.

The server sends it, live or as history, or the cache on disk has kept it; timelines put it in its place.
"""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Kind", "RoomLine"]


class Kind(Enum):
    """What happened in a room. The first three are text; the others are about the room itself."""

    MESSAGE = "message"
    ACTION = "action"
    NOTICE = "notice"
    JOIN = "join"
    PART = "part"
    QUIT = "quit"
    KICK = "kick"
    NICK = "nick"
    TOPIC = "topic"
    MODE = "mode"
    REDACTED = "redacted"

    @property
    def is_text(self) -> bool:
        """Whether somebody said it; only such lines are in every server's history."""
        return self in _TEXT


_TEXT = frozenset({Kind.MESSAGE, Kind.ACTION, Kind.NOTICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLine:
    """One line of a room's transcript; a private talk is a room named after the other's nick.

    Attributes:
        room: as the server spells it.
        text: what was said; the reason of a part, quit, kick or deletion; the new nick, topic or modes.
        subject: who was kicked, or has deleted what was said; else empty.
        time_ms: milliseconds since 1970, the server's clock where it has server-time, else ours.
        ident: equal for two copies of one line and for nothing else; empty when nothing can tell (it is then kept).
        msgid: the server's message id, or empty.
        reply_to: the msgid of the line that this one answers (`+reply`), or empty.
        key: the client-made key of our own line (`+hubbub.chat/key`), or empty.
        own: said by one of our own nicks.
        replayed: came from history, not live.
    """

    room: str
    kind: Kind
    nick: str
    text: str
    time_ms: int
    subject: str = ""
    ident: str = ""
    msgid: str = ""
    reply_to: str = ""
    key: str = ""
    own: bool = False
    replayed: bool = False
