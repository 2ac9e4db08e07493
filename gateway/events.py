"""The events of logs. Everything members can see in a room is an `Event` of its log; an `Entry` is one at its place."""

from enum import Enum
from typing import NamedTuple

from gateway.model import FurtherId, GatewayId, Member, MsgId, Position, Topic, Uid
from gateway.spoken import Direct, Redacted, Said, SaidLines, SaidTo

__all__ = [
    "MEMBER_FIELDS",
    "AccountSet",
    "AwaySet",
    "Changed",
    "Entry",
    "Event",
    "Foreign",
    "HostSet",
    "Invited",
    "Joined",
    "Kicked",
    "Left",
    "LeftBy",
    "LinkChanged",
    "MemberChange",
    "ModeChange",
    "ModesSet",
    "NameSet",
    "Reaped",
    "Rebound",
    "Renamed",
    "Restored",
    "RoomRenamed",
    "Split",
    "Splitting",
    "TopicSet",
]


class Joined(NamedTuple):
    """A member came; the first one into an empty room is its operator (`member.modes`)."""

    uid: Uid
    msgid: MsgId
    member: Member
    names: str = ""  # the room's name as displayed, from who made the room; empty: it keeps its own
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
    source: str = ""  # its nick!user@host, for who reads of it later


class Renamed(NamedTuple):
    """A member has another nick."""

    uid: Uid
    msgid: MsgId
    nick: str
    source: str = ""  # its nick!user@host until then


class AccountSet(NamedTuple):
    """A member logged in, or out."""

    uid: Uid
    msgid: MsgId
    account: str  # empty: logged out


class AwaySet(NamedTuple):
    """A member went away, or came back."""

    uid: Uid
    msgid: MsgId
    text: str  # empty: it is here


class NameSet(NamedTuple):
    """A member has another real name."""

    uid: Uid
    msgid: MsgId
    realname: str


class HostSet(NamedTuple):
    """A member has another host."""

    uid: Uid
    msgid: MsgId
    host: str


MemberChange = Renamed | AccountSet | AwaySet | NameSet | HostSet
"""One field of a member has the value that stands third; the same event in each of its rooms."""

MEMBER_FIELDS: dict[type[MemberChange], str] = {
    AccountSet: "account",
    AwaySet: "away",
    HostSet: "host",
    NameSet: "realname",
    Renamed: "nick",
}


class LinkChanged(NamedTuple):
    """These members lost their connection and are away until they are back; or it turned out that they are back."""

    uids: tuple[Uid, ...]
    gateway: GatewayId = GatewayId("")  # where they are back; empty: they are lost
    uid: Uid = Uid(b"")
    msgid: MsgId = MsgId(b"")


class TopicSet(NamedTuple):
    """The topic changed; an empty text clears it."""

    uid: Uid
    msgid: MsgId
    source: str  # nick!user@host of who did it
    text: str


class RoomRenamed(NamedTuple):
    """The room has another name; the one it had leads to it from now on."""

    uid: Uid
    msgid: MsgId
    source: str  # nick!user@host of who did it
    before: str  # as displayed
    name: str
    reason: str = ""
    forgotten: str = ""  # a former name, casefolded, that leads to the room no more: it has had too many


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
    nick: str = ""  # of the target, for who reads of it later


class Invited(NamedTuple):
    """Somebody may join whatever the modes say; the oldest of too many invitations ends."""

    uid: Uid  # of who did it
    msgid: MsgId
    source: str
    target: Uid
    nick: str = ""  # of who is invited


class Reaped(NamedTuple):
    """These members were lost: with their gateway, or because they did not come back within their grace."""

    gateway: GatewayId  # that was declared dead; empty: none was
    uids: tuple[Uid, ...]
    reason: str = ""
    uid: Uid = Uid(b"")
    msgid: MsgId = MsgId(b"")
    sources: tuple[str, ...] = ()  # nick!user@host of each


class Rebound(NamedTuple):
    """A session came back on another connection: its member is that gateway's from now on. Shown to nobody.

    In the session's inbox it tells the gateway that still has the old connection to let it go.
    """

    uid: Uid
    msgid: MsgId
    gateway: GatewayId
    epoch: int  # of the attachment since then; what is of an older one is void
    further: FurtherId | None = None  # the attachment that came back, where it is not the session's first


class Changed(NamedTuple):
    """In a session's inbox: something that all its attachments share has changed. What, its record tells."""

    uid: Uid
    msgid: MsgId


class Foreign(NamedTuple):
    """An event of a kind this version does not know, from a newer gateway: it takes its place and changes nothing."""

    uid: Uid = Uid(b"")
    msgid: MsgId = MsgId(b"")


class Restored(NamedTuple):
    """Redis had lost the room; a gateway wrote back what its replica knew. Members come back by their own gateways."""

    msgid: MsgId
    name: str
    created_ms: int
    topic: Topic
    modes: str
    founder: str = ""  # account that owns it
    key: str = ""
    limit: int = 0
    listed: tuple[tuple[str, str, int], ...] = ()  # entries of the lists: "b mask" or "i uid", by whom, ms
    uid: Uid = Uid(b"")
    history: str = ""  # how much of the log is history, as mode `H` has it


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
    | SaidLines
    | SaidTo
    | Direct
    | Redacted
    | Joined
    | Left
    | Kicked
    | Renamed
    | AccountSet
    | AwaySet
    | NameSet
    | HostSet
    | LinkChanged
    | TopicSet
    | RoomRenamed
    | ModesSet
    | Invited
    | Reaped
    | Restored
    | Rebound
    | Split
    | Changed
    | Foreign
)


class Entry(NamedTuple):
    """An event at its place."""

    position: Position
    event: Event
