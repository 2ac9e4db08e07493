"""What the command handlers work with: the room engine, the directory, the network's facts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gateway.model import (
    Account,
    Credentials,
    Entry,
    Figures,
    GatewayId,
    LogKey,
    MsgId,
    NetworkBan,
    Position,
    Rate,
    Refusal,
    RoomRow,
    ScramVerifier,
    Taken,
    Uid,
    User,
)
from gateway.rooms.engine import Engine
from gateway.rooms.ports import LogStore
from gateway.rooms.replica import Replica
from gateway.session.capabilities import ACCOUNT_REGISTRATION, SASL
from gateway.session.session import Session
from gateway.wire.names import NickKey, RoomKey

if TYPE_CHECKING:
    from gateway.commands.allowances import Allowances

__all__ = ["Accounts", "Directory", "History", "Network", "Oversight", "Passwords", "Rates", "Records", "Services"]


class Directory(Protocol):
    """Who is where, on all gateways. Every method raises `StoreError`."""

    async def claim(self, nick: NickKey, uid: Uid, account: str = "") -> bool:
        """Take a nick; False when somebody else holds it. Raises `NickReservedError` where it is another account's."""

    async def free(self, nick: NickKey, uid: Uid) -> None:
        """Give a nick back."""

    async def put(self, user: User) -> None:
        """Write a session's record."""

    async def remove(self, uid: Uid, nick: NickKey | None) -> None:
        """Forget a session."""

    async def find(self, nick: NickKey) -> Uid | None:
        """Who holds a nick."""

    async def find_user(self, nick: NickKey) -> User | None:
        """The session that holds a nick."""

    async def away(self, uid: Uid) -> str:
        """What a session's absence is called; empty: it is here."""

    async def ask_to_drain(self, gateway: GatewayId) -> bool:
        """Have a gateway drain; False: there is none of that name."""

    async def users(self, uids: Sequence[Uid]) -> dict[Uid, User]:
        """The sessions that are there of some."""

    async def everybody(self) -> list[User]:
        """All sessions, up to a limit."""

    async def rooms(self) -> list[RoomRow]:
        """The rooms, largest first."""

    async def figures(self) -> Figures:
        """What all gateways hold together."""


class Records(Protocol):
    """Sessions as Redis keeps them beyond their connection. Every method raises `StoreError`."""

    async def assert_all(self, user: User, nick: NickKey, token: bytes, rooms: Iterable[RoomKey]) -> bool:
        """Write everything about a session here afresh; False: its nick is another's."""

    async def set_token(self, uid: Uid, epoch: int, token: bytes) -> bool:
        """Let its client prove itself by a token with that hash; False: the session is not ours any more."""

    async def enter(self, uid: Uid, room: RoomKey) -> None:
        """Note that a session may be in a room, before it is."""

    async def left(self, uid: Uid, room: RoomKey) -> None:
        """It is in it no more."""

    async def take(self, uid: Uid, shown: bytes, account: str, token: bytes) -> Taken | Refusal:
        """Take a session over, by the hash of the token shown or by its account; `token` is the new hash."""

    async def settle(self, uid: Uid, epoch: int) -> None:
        """Everything missed was delivered."""

    async def confirm(self, uid: Uid, epoch: int) -> None:
        """The client has its new token."""

    async def detach(
        self, uid: Uid, epoch: int, grace_s: float, reason: str, positions: Mapping[LogKey, Position]
    ) -> None:
        """Keep a session without a connection for its grace."""

    async def abandon(self, uid: Uid, token: bytes, grace_s: float, reason: str) -> None:
        """The same for one that was perhaps taken, for the token with that hash."""

    async def claim_end(self, uid: Uid, epoch: int) -> bool:
        """Make sure that nobody takes the session any more; False: somebody has."""


class Accounts(Protocol):
    """All accounts. Every method raises `StoreError`."""

    async def find(self, name: NickKey) -> tuple[Account | None, bytes]:
        """The account with this name or nick, and a salt to show where there is none."""

    async def create(self, name: NickKey, account: Account, uid: Uid) -> bool:
        """Register an account; False when its name cannot be had."""

    async def set_password(self, name: NickKey, credentials: Credentials) -> bool:
        """Change the password; False when there is no such account any more."""

    async def group(self, name: NickKey, account: Account, nick: NickKey, uid: Uid) -> bool:
        """Reserve one more nick; False when it cannot be had."""

    async def ungroup(self, name: NickKey, account: Account, nick: NickKey) -> None:
        """End a reservation."""

    async def delete(self, name: NickKey, account: Account) -> None:
        """End an account; its name is not registered again."""

    async def deleted(self) -> set[str]:
        """The accounts that were deleted lately, casefolded."""

    async def is_reserved(self, nick: NickKey, account: NickKey | None) -> bool:
        """Whether a nick is reserved for another account than this."""


class Passwords(Protocol):
    """Hashing away from the event loop. The methods that wait raise `FullError`."""

    async def verify_account(self, password_hash: str | None, text: str) -> bool:
        """Whether it is the password; None (there is no such account) takes as long."""

    async def make(self, text: str) -> Credentials:
        """What is kept of a new password."""

    def decoy(self, salt: bytes) -> ScramVerifier:
        """What is shown for an account that does not exist."""


class Rates(Protocol):
    """Buckets that all gateways share."""

    async def take(self, kind: str, who: str, rate: Rate, want: int, need: int = 1) -> tuple[int, float]:
        """Tokens taken, up to `want`; none if fewer than `need` can be had, and then the seconds until they can.
        Raises `StoreError`."""

    def give_back(self, kind: str, who: str, rate: Rate, tokens: int) -> None:
        """Put tokens back."""


class Oversight(Protocol):
    """What operators decide for the whole network. Every method raises `StoreError`."""

    bans: Mapping[str, NetworkBan]  # by their masks, as of the last look

    async def refresh(self) -> bool:
        """Ask for the bans now; whether they changed."""

    async def set_ban(self, mask: str, minutes: int, by: str, reason: str) -> bool:
        """Ban for so long (0: until it is lifted); False: there are too many."""

    async def lift_ban(self, mask: str) -> bool:
        """End a ban; False: there is none."""

    async def notify(self, mode: str, line: str) -> None:
        """Send a line, without CR LF, to all users with a mode."""


class History(LogStore, Protocol):
    """The logs as history, and the barrier."""

    async def read_between(self, log: LogKey, after: bytes, before: bytes, limit: int) -> list[Entry]:
        """Entries between two ids, oldest first; `(` before an id leaves it out. Raises `StoreError`."""

    async def read_back(self, log: LogKey, before: bytes, after: bytes, limit: int) -> list[Entry]:
        """The same, newest first. Raises `StoreError`."""

    async def barrier(self) -> None:
        """Return when all that was announced before the call has been delivered here. Raises `StoreError`."""

    async def forget(self, log: LogKey, after_s: int) -> None:
        """Let a log end by itself. Raises `StoreError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Facts that are the same on every gateway."""

    server_name: str
    name: str
    description: str
    motd: tuple[str, ...]
    created: str
    version: str
    password: str = field(repr=False)
    opers: dict[str, str] = field(repr=False)
    limits: bool
    registration: frozenset[str] | None = frozenset()  # keys of draft/account-registration; None: accounts are not made
    min_password: int = 1  # characters


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything a handler may use."""

    network: Network
    gateway: GatewayId
    engine: Engine
    history: History
    directory: Directory
    records: Records
    oversight: Oversight
    log_of_room: Callable[[RoomKey], LogKey]
    log_of_inbox: Callable[[Uid], LogKey]
    new_msgid: Callable[[], MsgId]
    new_secret: Callable[[], str]  # url-safe, beyond guessing
    now_s: Callable[[], float]  # monotonic
    clock_s: Callable[[], float]  # since 1970
    check_password: Callable[[str | None, str], Awaitable[bool]]  # hash (None: nobody has this name), text
    accounts: Accounts
    passwords: Passwords  # of accounts
    allowances: "Allowances"
    request_drain: Callable[[str], None]
    count_command: Callable[[str], None]
    grace_s: float  # how long a session without a connection is kept
    sessions: dict[Uid, Session] = field(default_factory=dict)  # registered ones here
    resized: dict[RoomKey, Replica] = field(default_factory=dict)  # rooms whose size LIST does not know yet
    under_way: set[asyncio.Task[None]] = field(default_factory=set)  # what took too long to be waited for
    batches: int = 0
    leaving: int = 0  # sessions of which Redis does not know yet that they have begun, are kept, or have ended

    @property
    def withdrawn(self) -> int:
        """The capabilities that cannot be had now (IRCv3 sasl-3.2: none of a login that is not available)."""
        sasl = 0 if self.history.up else SASL
        return sasl | (ACCOUNT_REGISTRATION if self.network.registration is None else 0)

    def next_batch(self) -> str:
        """A reference for a batch."""
        self.batches += 1
        return f"b{self.batches}"

    async def settled(self, session: Session) -> None:
        """Return when everything the session said has come back through its log, or failed."""
        if session.in_flight:
            done = asyncio.Event()
            session.on_settled = done.set
            await done.wait()
            session.on_settled = None
