"""What witnesses did and saw, and what the lab did meanwhile: what the checker judges. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = ["DIRECT", "WISHES", "Death", "Kind", "Log", "Loss", "Message", "Rivalry", "Roster", "Sight"]

Message = tuple[str, str]
"""Sender and text, in one room."""

DIRECT = "@"  # begins the name of the room that direct messages of one receiver are noted under


class Kind(Enum):
    """What a witness did or saw."""

    SAID = "said"  # it sent a message
    ACKED = "acked"  # its own message came back
    HEARD = "heard"  # a message of another came
    ENTERED = "entered"  # it saw `nick` join; itself too
    LEFT = "left"  # it saw `nick` part, quit or be kicked; room "" is a quit
    ENTERING = "entering"  # it asks that `nick` be in
    LEAVING = "leaving"  # it asks that `nick` be out; room "" is a quit
    REACHING = "reaching"  # it opens a connection to the gateway at the address `text`


WISHES = {Kind.ENTERED: Kind.ENTERING, Kind.LEFT: Kind.LEAVING}  # what explains that it was seen


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing a witness did or saw. Rooms and nicks are casefolded."""

    tick: int
    kind: Kind
    room: str
    nick: str
    text: str = ""
    msgid: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """Who a room's members were at the end, as one witness was told by NAMES."""

    witness: str
    room: str
    nicks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Log:
    """What a room's log has at the end."""

    messages: Sequence[Message]
    trimmed: bool = False  # it has lost its beginning


@dataclass(frozen=True, slots=True)
class Loss:
    """The ticks between which a Redis took writes that the one after it does not have."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Rivalry:
    """The ticks between which two servers took writes: one that the other had replaced still answered who had not heard
    of it."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Death:
    """A gateway that ended without a chance to write anything again; another may listen at its address later."""

    address: str
    tick: int
