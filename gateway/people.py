"""Who is on the network and what is known of them: sessions, accounts, rooms as LIST shows them, bans."""

from enum import Enum
from typing import NamedTuple

from gateway.model import GatewayId, LogKey, Position, Uid

__all__ = [
    "Account",
    "Credentials",
    "Figures",
    "NetworkBan",
    "Rate",
    "Refusal",
    "RoomRow",
    "ScramVerifier",
    "Taken",
    "User",
]


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
    secure: bool = False  # its connection is TLS
    certificate: str = ""  # SHA-256 of the one it showed, in hex; empty: none


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
    certificates: tuple[str, ...] = ()  # SHA-256 in hex of those that log in to it


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
