"""Who is on the network and what is known of them: sessions, accounts, rooms as LIST shows them, bans."""

from enum import Enum
from typing import NamedTuple

from gateway.model import AttachmentId, GatewayId, LogKey, Member, Position, Uid
from gateway.wire.names import RoomKey

__all__ = [
    "LINK_LOST",
    "Account",
    "Attached",
    "Credentials",
    "Detached",
    "End",
    "Figures",
    "Former",
    "Membership",
    "NetworkBan",
    "Rate",
    "Refusal",
    "RoomRow",
    "ScramVerifier",
    "Shared",
    "Taken",
    "User",
]

LINK_LOST = "Link lost"  # what the absence of a session without a connection is called


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
    epoch: int = 0  # goes up whenever it is taken over or detached; who writes its record must know it
    secure: bool = False  # its connection is TLS
    certificate: str = ""  # SHA-256 of the one it showed, in hex; empty: none
    active_s: int = 0  # when it said something last, since 1970; 10 s late at most. 0: never

    def as_member(self) -> Member:
        """The session as others see it who share no room with it."""
        return Member(
            self.uid, self.nick, self.user, self.host, self.account, self.realname, self.gateway, "", self.away
        )


class Former(NamedTuple):
    """Who gave up a nick."""

    nick: str
    user: str
    host: str
    realname: str
    account: str
    until_s: int  # since 1970


class Membership(NamedTuple):
    """A room that somebody is in."""

    room: str  # as displayed
    modes: str  # flags of the room, without +
    member: Member


class Refusal(Enum):
    """Why a session cannot be taken over, or shared."""

    NOT_ALLOWED = 2  # the numbers are those of `session_take.lua` and `session_attach.lua`
    ENDED = 1
    BUSY = 3
    FULL = 4  # it has as many attachments as it may have
    FORGOTTEN = 6  # Redis knows nothing of it; no script's number


class End(Enum):
    """What came of claiming the end of an attachment."""

    LAST = 0  # the session ends with it; the numbers are those of `session_reap.lua`
    NOT_OURS = 1  # another connection has it
    OTHERS = 3  # the session goes on with its other attachments


class Taken(NamedTuple):
    """An attachment taken over from another connection, as that one left it, or a new one."""

    user: User
    rooms: frozenset[str]  # room keys it may be in
    positions: dict[LogKey, Position]  # up to which its client had everything; a log that is missing is unknown
    watches: tuple[str, ...] = ()  # nicks on its MONITOR list
    shown_lost: bool = False  # others were told that it is away without a connection
    shared: bool = False  # the session has others


class Detached(NamedTuple):
    """An attachment without a connection, as the gateway knows it that it lost."""

    attachment: AttachmentId
    user: User  # with the epoch of the attachment since then
    token: bytes  # hash of the one its client has; empty: none
    reason: str  # why it quits, should its client not come back
    positions: dict[LogKey, Position]  # up to which its client had everything
    watches: tuple[str, ...] = ()  # nicks on its MONITOR list
    shared: bool = False  # the session has others


class Shared(NamedTuple):
    """What the attachments of a session have in common, as Redis has it."""

    user: User
    rooms: frozenset[str]  # room keys it may be in
    attachments: int
    leads: bool  # of those that have a connection, the one that looked is the one to do what one has to do for all
    renaming: bool  # one of them is changing the nick


class Attached(NamedTuple):
    """An attachment as its account may know it."""

    attachment: AttachmentId
    connected: bool
    since_ms: int  # since 1970 by the clock of Redis; 0: not known
    away: str


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
    email: str  # empty: none was given; verified only where the network sent mail then
    created_s: int  # since 1970
    nicks: tuple[str, ...]  # reserved for it beside its name, casefolded
    multiclient: bool | None = None  # whether its connections share a session; None: as the network has it
    certificates: tuple[str, ...] = ()  # SHA-256 in hex of those that log in to it


class Rate(NamedTuple):
    """How often something may be done: so many at once, so many a minute in the long run."""

    burst: int
    per_minute: float


class RoomRow(NamedTuple):
    """A room in LIST."""

    room: RoomKey
    name: str  # as displayed
    members: int
    topic: str
    modes: str = ""
    created_s: int = 0  # since 1970
    topic_at_s: int = 0  # 0: none is set


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
    invisible: int = 0
    most_users: int = 0  # there ever were at once
