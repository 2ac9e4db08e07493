"""What a session tells the program: values, no behaviour. Standard library only.

A session turns bytes from the server into these, in the order of the wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from client.line import RoomLine

__all__ = [
    "Accepted",
    "Alive",
    "CaughtUp",
    "Closing",
    "CodeWanted",
    "Event",
    "Hole",
    "LoginRefused",
    "Members",
    "NickChanged",
    "NickTaken",
    "OlderCame",
    "ReadUpTo",
    "Redacted",
    "Refused",
    "Registered",
    "ResumeRefused",
    "RoomDelayed",
    "RoomEntered",
    "RoomLeft",
    "RoomList",
    "RoomRefused",
    "RoomRenamed",
    "SearchAnswer",
    "ServerText",
    "TokenGranted",
    "TopicIs",
    "TopicRefused",
    "Typing",
    "Unavailable",
]


@dataclass(frozen=True, slots=True)
class Registered:
    """The server knows us as `nick` (001); `resumed`: as the session we were on a connection before."""

    nick: str
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class TokenGranted:
    """From now on `token` proves to this server that we are this session."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ResumeRefused:
    """We cannot be the session of before; `busy`: not now, for another connection is becoming it."""

    reason: str
    busy: bool = False


@dataclass(frozen=True, slots=True)
class NickTaken:
    """`nick` cannot be had for `reason`; `trying` is asked for instead, or empty when nothing is."""

    nick: str
    trying: str
    reason: str


@dataclass(frozen=True, slots=True)
class NickChanged:
    """Our own nick is another one now."""

    nick: str


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """The server will not have us, and trying again would not help: wrong password, banned, no nick to be had.

    With `retry` it may help if the same was accepted before.
    """

    reason: str
    retry: bool = False


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """`account` is made once the code is said that its owner was sent; `text` tells where to."""

    account: str
    text: str


@dataclass(frozen=True, slots=True)
class RoomEntered:
    """We are a member of `room`; its history comes next, then `CaughtUp`."""

    room: str


@dataclass(frozen=True, slots=True)
class RoomLeft:
    """We are no member any more: by our own /part, or thrown out by `by` for `reason`."""

    room: str
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RoomRenamed:
    """The room that was called `old` is called `new`: `by` somebody just now, for `reason`; by nobody: for a while."""

    old: str
    new: str
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RoomRefused:
    """We may not enter `room`; `wants_key`: not with the key we gave, or without one."""

    room: str
    reason: str
    wants_key: bool = False


@dataclass(frozen=True, slots=True)
class RoomDelayed:
    """The server cannot let us into `room`, or give its history, just now; ask again in a moment."""

    room: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The server can keep nothing just now; what it refused for that reason has its own event."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Between the lines before this event and those after it some may be missing, and the server cannot give them."""

    room: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """All history of `room` that was asked for has been handed over; what comes now is live."""

    room: str


@dataclass(frozen=True, slots=True)
class OlderCame:
    """The older lines of `room` that were asked for have been handed over; `more`: there may be older ones still."""

    room: str
    more: bool


@dataclass(frozen=True, slots=True)
class Redacted:
    """`by` has deleted the line `target` (a msgid) of `room`."""

    room: str
    target: str
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """We, here or at another device, have read `room` up to that time; 0: nothing yet, as far as the server knows."""

    room: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Older lines of `room`, oldest first, in which something is looked for.

    Attributes:
        chosen: the server looked, and these are what it found; else they are a page to be looked through.
        more: there may be older ones still.
        refused: why there is no answer, or no more of it.
    """

    room: str
    lines: tuple[RoomLine, ...]
    chosen: bool = False
    more: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Alive:
    """The server has answered our sign of life."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took our line `key` but will not echo it."""

    key: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server did not take our line `key`. With `retry` it asks us to try again later."""

    key: str
    reason: str
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Members:
    """Who is in `room`: nick to prefix (`@`, `+`, ...)."""

    room: str
    prefixes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicIs:
    """The topic of `room`, empty for none; sent on entering and when asked for."""

    room: str
    text: str


@dataclass(frozen=True, slots=True)
class TopicRefused:
    """We may not set the topic of `room` to `text`."""

    room: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Typing:
    """`nick` is writing something in `room` (`active`), or has stopped (`paused`, `done`)."""

    room: str
    nick: str
    state: str


@dataclass(frozen=True, slots=True)
class RoomList:
    """Answer to /list: (room, members, topic) each; `more` were left out."""

    rooms: tuple[tuple[str, str, str], ...]
    more: int


@dataclass(frozen=True, slots=True)
class ServerText:
    """Anything else the server wants a person to read."""

    text: str


@dataclass(frozen=True, slots=True)
class Closing:
    """The server says that it will close the connection (ERROR)."""

    reason: str


Event = (
    Accepted
    | Alive
    | CaughtUp
    | Closing
    | CodeWanted
    | Hole
    | LoginRefused
    | Members
    | NickChanged
    | NickTaken
    | OlderCame
    | ReadUpTo
    | Redacted
    | Refused
    | Registered
    | ResumeRefused
    | RoomDelayed
    | RoomEntered
    | RoomLeft
    | RoomLine
    | RoomList
    | RoomRefused
    | RoomRenamed
    | SearchAnswer
    | ServerText
    | TokenGranted
    | TopicIs
    | TopicRefused
    | Typing
    | Unavailable
)
