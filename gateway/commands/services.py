"""What the command handlers work with: the engine, the store's ports, the network's facts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from gateway.commands.ports.accounts import Accounts, Mail, Passwords
from gateway.commands.ports.history import Conversations, History, Markers
from gateway.commands.ports.network import Aliases, Directory, Oversight, Presence
from gateway.commands.ports.sessions import Holding, Records
from gateway.model import AttachmentId, GatewayId, LogKey, MsgId, Uid
from gateway.rooms.engine import Engine
from gateway.rooms.replica import Replica
from gateway.rooms.retention import ALL, Kept
from gateway.session.capabilities import ACCOUNT_REGISTRATION, SASL
from gateway.session.session import Session
from gateway.wire.names import RoomKey

if TYPE_CHECKING:
    from gateway.commands.allowances import Allowances
    from gateway.commands.graces import Graces
    from gateway.commands.watching import Watches

__all__ = ["Network", "Services", "WebGateways"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebGateways:
    """Who may say WEBIRC."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    password: str = field(repr=False)

    def fits(self, host: str) -> bool:
        """Whether it is one of their addresses."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)


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
    multiclient: bool = False  # whether connections of one account share a session, where the account has not chosen
    max_attachments: int = 1  # of a session that is shared
    history: Kept = ALL  # of every log
    redaction_window_s: int = 0  # how long one may take back what one said; 0: as long as it is kept
    icon: str = ""  # URL of the network's picture
    admin: str = ""  # who looks after this server, and how to reach them
    webirc: "WebGateways | None" = None  # nobody, if None
    sts: str = ""  # value of the capability; empty: there is no such policy


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything a handler may use."""

    network: Network
    gateway: GatewayId
    engine: Engine
    history: History
    directory: Directory
    aliases: Aliases
    presence: Presence
    watches: "Watches"
    records: Records
    holding: Holding
    conversations: Conversations
    markers: Markers
    oversight: Oversight
    log_of_room: Callable[[RoomKey], LogKey]
    log_of_inbox: Callable[[Uid], LogKey]
    log_of_conversation: Callable[[str, str], LogKey]
    new_msgid: Callable[[], MsgId]
    new_secret: Callable[[], str]  # url-safe, beyond guessing
    now_s: Callable[[], float]  # monotonic
    clock_s: Callable[[], float]  # since 1970
    check_password: Callable[[str | None, str], Awaitable[bool]]  # hash (None: nobody has this name), text
    accounts: Accounts
    passwords: Passwords  # of accounts
    mail: Mail | None = None  # none: addresses are not verified
    allowances: "Allowances"
    graces: "Graces"
    request_drain: Callable[[str], None]
    count_command: Callable[[str], None]
    grace_s: float  # how long a session without a connection is kept
    count_here: Callable[[bool], tuple[int, int, int, int]] = lambda recount: (0, 0, 0, 0)
    """Users, unregistered connections, operators, invisible users; counted one by one only if asked for."""
    sessions: dict[AttachmentId, Session] = field(default_factory=dict)  # registered ones here
    resized: dict[RoomKey, Replica] = field(default_factory=dict)  # rooms whose size LIST does not know yet
    under_way: set[asyncio.Task[None]] = field(default_factory=set)  # what took too long to be waited for
    batches: int = 0
    forgotten_until_s: float = 0.0  # monotonic: Redis has lost its data, and is told by then what other gateways know
    leaving: int = 0  # sessions of which Redis does not know yet that they have begun, are kept, or have ended

    @property
    def withdrawn(self) -> int:
        """The capabilities that cannot be had now (IRCv3 sasl-3.2: none of a login that is not available)."""
        sasl = 0 if self.history.up else SASL
        return sasl | (ACCOUNT_REGISTRATION if self.network.registration is None else 0)

    def count_users(self, *, arriving: int = 0, leaving: int = 0, recount: bool = False) -> None:
        """Let LUSERS, of any gateway, know how many are here now, and `arriving` more who are about to be users.

        `leaving`: connections of who was one until now; they are not among those that have not registered.
        `recount`: operators, invisible users or attachments of one session may be others than before.
        """
        users, unregistered, *marked = self.count_here(recount)
        self.directory.count((users + arriving, max(0, unregistered - arriving - leaving), *marked))

    def next_batch(self) -> str:
        """A reference for a batch."""
        self.batches += 1
        return f"b{self.batches}"

    async def settled(self, session: Session) -> None:
        """Return when everything the session said has come back through its log, or failed."""
        if session.in_flight:
            done, others = asyncio.Event(), session.on_settled

            def settled() -> None:
                done.set()
                if others is not None:  # a command that took too long may wait as well
                    others()

            session.on_settled = settled
            try:
                await done.wait()
            finally:
                if session.on_settled is settled:
                    session.on_settled = None if done.is_set() else others
