"""What the command handlers work with: the room engine, the directory, the network's facts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.model import Entry, Figures, GatewayId, LogKey, MsgId, Position, Refusal, RoomRow, Taken, Uid, User
from gateway.rooms.engine import Engine
from gateway.rooms.ports import LogStore
from gateway.rooms.replica import Replica
from gateway.session.session import Session
from gateway.wire.names import NickKey, RoomKey

__all__ = ["Directory", "History", "Network", "Records", "Services"]


class Directory(Protocol):
    """Who is where, on all gateways. Every method raises `StoreError`."""

    async def claim(self, nick: NickKey, uid: Uid) -> bool:
        """Take a nick; False when somebody else holds it."""

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


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything a handler may use."""

    network: Network
    gateway: GatewayId
    engine: Engine
    history: History
    directory: Directory
    records: Records
    log_of_room: Callable[[RoomKey], LogKey]
    log_of_inbox: Callable[[Uid], LogKey]
    new_msgid: Callable[[], MsgId]
    new_secret: Callable[[], str]  # url-safe, beyond guessing
    now_s: Callable[[], float]  # monotonic
    clock_s: Callable[[], float]  # since 1970
    check_password: Callable[[str | None, str], Awaitable[bool]]  # hash (None: nobody has this name), text
    request_drain: Callable[[str], None]
    count_command: Callable[[str], None]
    grace_s: float  # how long a session without a connection is kept
    sessions: dict[Uid, Session] = field(default_factory=dict)  # registered ones here
    resized: dict[RoomKey, Replica] = field(default_factory=dict)  # rooms whose size LIST does not know yet
    batches: int = 0
    leaving: int = 0  # sessions of which Redis does not know yet that they have begun, are kept, or have ended

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
