"""What the command handlers work with: the room engine, the directory, the network's facts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.model import Entry, Figures, GatewayId, LogKey, MsgId, NetworkBan, RoomRow, Uid, User
from gateway.rooms.engine import Engine
from gateway.rooms.ports import LogStore
from gateway.rooms.replica import Replica
from gateway.session.session import Session
from gateway.wire.names import NickKey, RoomKey

__all__ = ["Directory", "History", "Network", "Oversight", "Services"]


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

    async def users(self, uids: Sequence[Uid]) -> dict[Uid, User]:
        """The sessions that are there of some."""

    async def everybody(self) -> list[User]:
        """All sessions, up to a limit."""

    async def rooms(self) -> list[RoomRow]:
        """The rooms, largest first."""

    async def figures(self) -> Figures:
        """What all gateways hold together."""


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


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything a handler may use."""

    network: Network
    gateway: GatewayId
    engine: Engine
    history: History
    directory: Directory
    oversight: Oversight
    log_of_room: Callable[[RoomKey], LogKey]
    log_of_inbox: Callable[[Uid], LogKey]
    new_msgid: Callable[[], MsgId]
    now_s: Callable[[], float]  # monotonic
    clock_s: Callable[[], float]  # since 1970
    check_password: Callable[[str | None, str], Awaitable[bool]]  # hash (None: nobody has this name), text
    request_drain: Callable[[str], None]
    count_command: Callable[[str], None]
    sessions: dict[Uid, Session] = field(default_factory=dict)  # registered ones here
    resized: dict[RoomKey, Replica] = field(default_factory=dict)  # rooms whose size LIST does not know yet
    batches: int = 0

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
