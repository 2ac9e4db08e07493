"""The nouns of the gateway: identities, positions, members, snapshots, answers. Standard library and wire only.

Identities that travel through Redis unread (`uid`, `msgid`, positions) stay `bytes`: the hot path never decodes them.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, NewType

from gateway.wire.names import RoomKey

__all__ = [
    "ORIGIN",
    "Answer",
    "AttachmentId",
    "FurtherId",
    "GatewayId",
    "Head",
    "Known",
    "Listed",
    "LogKey",
    "Member",
    "MsgId",
    "Outcome",
    "Position",
    "SendKey",
    "Snapshot",
    "Topic",
    "Uid",
    "order",
    "session_of",
    "time_ms",
]

Uid = NewType("Uid", bytes)
"""A session's identity, random, never reused. Also that of its first attachment."""


FurtherId = NewType("FurtherId", bytes)
"""The identity of a further attachment of a session: its uid, `~`, and what is random."""


AttachmentId = Uid | FurtherId
"""One connection of a session; most sessions have one."""


MsgId = NewType("MsgId", bytes)
"""IRCv3 msgid: made once by the author's gateway, the same in echo, delivery and history."""


GatewayId = NewType("GatewayId", str)
"""One incarnation of a gateway process; a restarted gateway has another."""


Position = NewType("Position", bytes)
"""An event's place in its log: the id of its stream entry, `ms-seq` by the clock of Redis."""


LogKey = NewType("LogKey", str)
"""The name of a log: `r:` and a room key, `i:` and the uid an inbox belongs to, or `d:` and two who talk."""


ORIGIN = Position(b"0-0")
"""The position before the first event."""


def session_of(attachment: AttachmentId) -> Uid:
    """The session that an attachment is of."""
    return Uid(attachment.partition(b"~")[0])


def order(position: Position) -> tuple[int, int]:
    """The key by which positions of one log compare; their bytes do not ("9-0" < "10-0")."""
    ms, _, seq = position.partition(b"-")
    return int(ms), int(seq)


def time_ms(position: Position) -> int:
    """When the event was appended, in ms since 1970 by the clock of Redis; never falls within a log."""
    return int(position.partition(b"-")[0])


class Member(NamedTuple):
    """Somebody in a room."""

    uid: Uid
    nick: str
    user: str
    host: str
    account: str  # empty: not logged in
    realname: str
    gateway: GatewayId  # empty: it has lost its connection, and the others were told so
    modes: str  # of "o" and "v", in this order
    away: str = ""  # what it said of its absence; empty: it is here

    @property
    def is_away(self) -> bool:
        """Whether others see it as away."""
        return bool(self.away) or not self.gateway

    @property
    def source(self) -> str:
        """`nick!user@host`."""
        return f"{self.nick}!{self.user}@{self.host}"


class Topic(NamedTuple):
    """A room's topic; no text means none is set."""

    text: str = ""
    by: str = ""
    at_ms: int = 0


class Listed(NamedTuple):
    """An entry of one of a room's lists: who made it and when; of its former names, how it was spelt and until when."""

    by: str
    at_ms: int


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """A room as Redis has it at one moment: everything a replica starts from."""

    name: str
    last: Position = ORIGIN
    permissions: Position = ORIGIN  # the last event that changed who may do what
    restored: Position = ORIGIN  # where a lost room was written back: no line of its log is older; ORIGIN: never lost
    produced: int = 0  # how many batches this gateway has had accepted here
    created_ms: int = 0
    founder: str = ""  # the account that keeps its rights here; empty: none
    topic: Topic = field(default_factory=Topic)
    modes: str = ""  # flags of the room, without +
    key: str = ""  # empty: none
    limit: int = 0  # of members; 0: none
    history: str = ""  # how much of the log is history, as mode `H` has it; empty: as much as the network keeps
    lists: dict[str, dict[str, Listed]] = field(default_factory=dict)  # "b", "e", "I": masks
    invited: dict[Uid, Listed] = field(default_factory=dict)
    former: dict[RoomKey, Listed] = field(default_factory=dict)  # the names it had before this one, the last few
    members: dict[Uid, Member] = field(default_factory=dict)
    aliased: bool = False  # another room may answer to the name that this one had first: see `Aliases`


class Outcome(Enum):
    """What a script answered; the numbers are the scripts'."""

    DONE = 0
    DUPLICATE = 1
    STALE = 2
    HOLE = 3
    FENCED = 4
    UNCHANGED = 5
    FULL = 6
    ALIASED = 7


class SendKey(NamedTuple):
    """A client's own name for one thing it says: said again under the same key, nothing is appended."""

    owner: bytes  # whose key it is: `a:` and an account, or `u:` and a uid
    key: bytes  # 1 to 64 bytes


class Known(NamedTuple):
    """What a key had been used for before."""

    position: Position
    msgid: MsgId
    own: bool  # by the same owner


class Answer(NamedTuple):
    """A definite answer of Redis to a batch."""

    outcome: Outcome
    positions: tuple[
        Position, ...
    ] = ()  # DONE: one per event; DUPLICATE, FULL: the log's last; STALE: the permissions' one
    seen: int = 0  # HOLE: the last batch Redis has of us
    known: tuple[tuple[int, Known], ...] = ()  # events of the batch whose key Redis has, by index; see `room_msg.lua`


class Head(NamedTuple):
    """Where a log stands."""

    last: Position  # ORIGIN: Redis has no such log
    produced: int  # batches of this gateway it has accepted
