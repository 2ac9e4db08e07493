"""The nouns of the gateway: events of a room's log, members, snapshots. Standard library and wire only.

Everything members can see in a room is an `Event` of its log; an `Entry` is an event with its place in the log.
Identities that travel through Redis unread (`uid`, `msgid`, positions) stay `bytes`: the hot path never decodes them.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, NewType

__all__ = [
    "ORIGIN",
    "Account",
    "AccountSet",
    "Answer",
    "Credentials",
    "Entry",
    "Event",
    "Figures",
    "Foreign",
    "GatewayId",
    "Head",
    "Invited",
    "Joined",
    "Kicked",
    "Known",
    "Left",
    "LeftBy",
    "Listed",
    "LogKey",
    "Member",
    "ModeChange",
    "ModesSet",
    "MsgId",
    "NetworkBan",
    "Outcome",
    "Position",
    "Rate",
    "Reaped",
    "Rebound",
    "Refusal",
    "Renamed",
    "Restored",
    "RoomRow",
    "Said",
    "SaidTo",
    "ScramVerifier",
    "SendKey",
    "Snapshot",
    "Split",
    "Splitting",
    "Taken",
    "Topic",
    "TopicSet",
    "Uid",
    "User",
    "order",
    "time_ms",
]

Uid = NewType("Uid", bytes)
"""A session's identity, random, never reused."""

MsgId = NewType("MsgId", bytes)
"""IRCv3 msgid: made once by the author's gateway, the same in echo, delivery and history."""

GatewayId = NewType("GatewayId", str)
"""One incarnation of a gateway process; a restarted gateway has another."""

Position = NewType("Position", bytes)
"""An event's place in its log: the id of its stream entry, `ms-seq` by the clock of Redis."""

LogKey = NewType("LogKey", str)
"""The name of a log: `r:` and a room key, or `i:` and the uid an inbox belongs to."""

ORIGIN = Position(b"0-0")
"""The position before the first event."""


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
    gateway: GatewayId
    modes: str  # of "o" and "v", in this order

    @property
    def source(self) -> str:
        """`nick!user@host`."""
        return f"{self.nick}!{self.user}@{self.host}"


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


class Joined(NamedTuple):
    """A member came; the first one into an empty room is its operator (`member.modes`)."""

    uid: Uid
    msgid: MsgId
    member: Member
    names: str = ""  # the room's name as displayed, from who made the room; empty for an existing one
    anew: bool = False  # the room had ended: its modes, lists, key, limit and invitations begin afresh
    blank: bool = False  # and was closed: its topic and what was said in it are gone too


class LeftBy(Enum):
    """How a member went."""

    PART = "PART"
    QUIT = "QUIT"


class Left(NamedTuple):
    """A member went."""

    uid: Uid
    msgid: MsgId
    by: LeftBy
    reason: str
    last: bool = False  # the room ended with it, as the store found: whoever joins now decides anew


class Renamed(NamedTuple):
    """A member has another nick."""

    uid: Uid
    msgid: MsgId
    nick: str


class AccountSet(NamedTuple):
    """A member logged in, or out."""

    uid: Uid
    msgid: MsgId
    account: str  # empty: logged out


class TopicSet(NamedTuple):
    """The topic changed; an empty text clears it."""

    uid: Uid
    msgid: MsgId
    source: str  # nick!user@host of who did it
    text: str


class ModeChange(NamedTuple):
    """One mode that changed, of a room or of a member."""

    sign: str  # "+" or "-"
    letter: str
    value: str = ""  # a mask, key or limit; for "o" and "v" the nick; empty for a flag
    uid: str = ""  # for "o" and "v": whose


class ModesSet(NamedTuple):
    """Modes changed: of the room or of members."""

    uid: Uid
    msgid: MsgId
    source: str
    changes: tuple[ModeChange, ...]


class Kicked(NamedTuple):
    """A member was thrown out."""

    uid: Uid  # of who did it
    msgid: MsgId
    source: str
    target: Uid
    reason: str


class Invited(NamedTuple):
    """Somebody may join whatever the modes say; the oldest of too many invitations ends."""

    uid: Uid  # of who did it
    msgid: MsgId
    source: str
    target: Uid


class Reaped(NamedTuple):
    """These members were lost: with their gateway, or because they did not come back within their grace."""

    gateway: GatewayId  # that was declared dead; empty: none was
    uids: tuple[Uid, ...]
    reason: str = ""
    uid: Uid = Uid(b"")
    msgid: MsgId = MsgId(b"")


class Rebound(NamedTuple):
    """A session came back on another connection: its member is that gateway's from now on. Shown to nobody.

    In the session's inbox it tells the gateway that still has the old connection to let it go.
    """

    uid: Uid
    msgid: MsgId
    gateway: GatewayId
    epoch: int  # counts how often the session was taken over; what is of an older one is void


class Foreign(NamedTuple):
    """An event of a kind this version does not know, from a newer gateway: it takes its place and changes nothing."""

    uid: Uid = Uid(b"")
    msgid: MsgId = MsgId(b"")


class Restored(NamedTuple):
    """Redis had lost the room; a gateway wrote back what its replica knew. Members come back by their own gateways."""

    msgid: MsgId
    name: str
    created_ms: int
    topic: "Topic"
    modes: str
    founder: str = ""  # account that owns it
    key: str = ""
    limit: int = 0
    listed: tuple[tuple[str, str, int], ...] = ()  # entries of the lists: "b mask" or "i uid", by whom, ms
    uid: Uid = Uid(b"")


class Splitting(Enum):
    """A line of a netsplit batch."""

    BEGINS = 1
    QUIT = 2
    ENDS = 3


class Split(NamedTuple):
    """A line of a netsplit batch as a room shows a `Reaped` of several members; never in a log."""

    line: Splitting
    left: Left | None = None
    uid: Uid = Uid(b"")
    msgid: MsgId = MsgId(b"")


Event = (
    Said
    | SaidTo
    | Joined
    | Left
    | Kicked
    | Renamed
    | AccountSet
    | TopicSet
    | ModesSet
    | Invited
    | Reaped
    | Restored
    | Rebound
    | Split
    | Foreign
)


class Entry(NamedTuple):
    """An event at its place."""

    position: Position
    event: Event


class Topic(NamedTuple):
    """A room's topic; no text means none is set."""

    text: str = ""
    by: str = ""
    at_ms: int = 0


class Listed(NamedTuple):
    """An entry of one of a room's lists: who made it and when."""

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
    lists: dict[str, dict[str, Listed]] = field(default_factory=dict)  # "b", "e", "I": masks
    invited: dict[Uid, Listed] = field(default_factory=dict)
    members: dict[Uid, Member] = field(default_factory=dict)


class Outcome(Enum):
    """What a script answered; the numbers are the scripts'."""

    DONE = 0
    DUPLICATE = 1
    STALE = 2
    HOLE = 3
    FENCED = 4
    UNCHANGED = 5
    FULL = 6


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


class User(NamedTuple):
    """A session anywhere, as the others may know it."""

    uid: Uid
    nick: str
    user: str
    host: str
    realname: str
    account: str
    away: str  # empty: here
    signed_on_s: int
    gateway: GatewayId
    operator: bool
    modes: str = ""  # of "B", "i", "s" and "w"
    epoch: int = 0  # how often it was taken over by another connection; who writes its record must know it


class Refusal(Enum):
    """Why a session cannot be taken over."""

    NOT_ALLOWED = 2  # the numbers are those of `session_take.lua`
    ENDED = 1
    BUSY = 3


class Taken(NamedTuple):
    """A session taken over from another connection, as that one left it."""

    user: User
    rooms: frozenset[str]  # room keys it may be in
    positions: dict[LogKey, Position]  # up to which its client had everything; a log that is missing is unknown


class ScramVerifier(NamedTuple):
    """What SCRAM keeps of a password. Source: RFC 5802 section 3."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


class Credentials(NamedTuple):
    """What is kept of a password; neither gives it back."""

    password_hash: str  # argon2id, as `$argon2id$...`
    scram: ScramVerifier


class Account(NamedTuple):
    """An account as it was registered."""

    name: str  # as it is spelt
    credentials: Credentials
    email: str  # empty: none was given; never verified
    created_s: int  # since 1970
    nicks: tuple[str, ...]  # reserved for it beside its name, casefolded


class Rate(NamedTuple):
    """How often something may be done: so many at once, so many a minute in the long run."""

    burst: int
    per_minute: int


class RoomRow(NamedTuple):
    """A room in LIST."""

    name: str
    members: int
    topic: str
    modes: str = ""


class NetworkBan(NamedTuple):
    """Who may not use the network: `user@host`, an address block, or `a:account`."""

    mask: str
    by: str  # nick!user@host of the operator
    reason: str
    set_ms: int  # by the clock of Redis
    until_ms: int  # 0: until it is lifted


class Figures(NamedTuple):
    """What all gateways hold together."""

    users: int
    unregistered: int
    operators: int
    rooms: int
    gateways: int
