"""What the commands need of the store and of hashing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from gateway.events import Entry, Event
from gateway.model import AttachmentId, FurtherId, GatewayId, LogKey, Member, Position, SendKey, Uid
from gateway.people import (
    Account,
    Attached,
    Credentials,
    End,
    Figures,
    Former,
    Membership,
    NetworkBan,
    Rate,
    Refusal,
    RoomRow,
    ScramVerifier,
    Shared,
    Taken,
    User,
)
from gateway.rooms.ports import LogStore
from gateway.rooms.retention import Kept
from gateway.wire.names import NickKey, RoomKey

__all__ = [
    "Accounts",
    "Conversations",
    "Directory",
    "History",
    "Markers",
    "Oversight",
    "Passwords",
    "Peer",
    "Presence",
    "Rates",
    "Records",
]


class Peer(NamedTuple):
    """Somebody that somebody talked with."""

    identity: str  # `a:` and an account, or `u:` and a uid
    nick: str  # as it was then
    at_ms: int = 0  # when last, in ms since 1970


class Conversations(Protocol):
    """With whom each person has talked. The methods that wait raise `StoreError`."""

    def note(self, who: str, peer: Peer, kept_s: int) -> None:
        """They talked."""

    async def peers(self, who: str) -> list[Peer]:
        """Whom somebody talked with, the last one first."""

    async def forget(self, who: str) -> None:
        """Somebody is no more."""


class Markers(Protocol):
    """How far people have read. Every method raises `StoreError`."""

    async def get(self, who: str, target: str, uid: Uid | None) -> int | None:
        """Up to when somebody has read a target, in ms since 1970; the session `uid` is told of changes from now on."""

    async def set(self, who: str, target: str, at_ms: int, uid: Uid | None) -> tuple[int, list[Uid]]:
        """Note that somebody has read a target up to then. Returns what counts, and the sessions to be told of it;
        none where nothing has changed."""

    async def leave(self, who: str, uid: Uid) -> None:
        """A session is not to be told any more."""

    async def forget(self, who: str) -> None:
        """Somebody is no more."""


class Directory(Protocol):
    """Who is where, on all gateways. Every method raises `StoreError`."""

    async def claim(self, nick: NickKey, uid: Uid, account: str = "") -> bool:
        """Take a nick; False when somebody else holds it. Raises `NickReservedError` where it is another account's."""

    async def free(self, nick: NickKey, uid: Uid) -> None:
        """Give a nick back."""

    async def put(self, user: User) -> None:
        """Write the record of a session that is not shared."""

    async def remove(self, attachment: AttachmentId, nick: NickKey | None) -> None:
        """Forget a session, with its last attachment."""

    async def note_former(self, user: User) -> None:
        """Remember, for WHOWAS, who gives up its nick."""

    async def formers(self, nick: NickKey) -> list[Former]:
        """Who had a nick before, newest first."""

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

    async def memberships(self, uid: Uid) -> list[Membership]:
        """The rooms that a session is in, by their names."""

    async def everybody(self) -> list[User]:
        """All sessions, up to a limit."""

    def tell_size(self, room: RoomKey, members: int) -> None:
        """Tell LIST how many members a room has now, without waiting; never raises."""

    async def rooms(self) -> list[RoomRow]:
        """The rooms, largest first."""

    async def figures(self) -> Figures:
        """What all gateways hold together."""

    def count(self, figures: Sequence[int]) -> None:
        """Write down this gateway's share now: users, unregistered connections, operators, invisible users."""


class Presence(Protocol):
    """Who holds which nick, told as it changes. Every method that waits raises `StoreError`."""

    on_watching: Callable[[NickKey], None]  # a nick is watched from now on, now and whenever it had to be asked again
    on_here: Callable[[NickKey, Member], None]
    on_gone: Callable[[NickKey, Uid], None]
    on_changed: Callable[[NickKey, Member, Entry], None]  # the member is as before the event

    async def here(self, member: Member) -> None:
        """Its registered session holds its nick now. That it does not any more is told when the nick is freed."""

    async def changed(self, member: Member, event: Event) -> None:
        """Something changed of a member, which is as before it."""

    async def look(self, nicks: Sequence[NickKey]) -> dict[NickKey, Member]:
        """Those of the nicks that somebody holds."""

    def watch(self, nick: NickKey) -> None:
        """Hear of a nick; `on_watching` follows."""

    def unwatch(self, nick: NickKey) -> None:
        """Hear no more of it."""


class Records(Protocol):
    """Sessions as Redis keeps them beyond their connection. Every method raises `StoreError`."""

    async def assert_all(
        self,
        user: User,
        nick: NickKey,
        token: bytes,
        rooms: Iterable[RoomKey],
        watches: Iterable[str] = (),
        attachment: AttachmentId | None = None,
        *,
        shared: bool = False,
    ) -> bool:
        """Write everything about a session here afresh; False: its nick is another's."""

    async def set_token(self, attachment: AttachmentId, epoch: int, token: bytes) -> bool:
        """Let its client prove itself by a token with that hash; False: the attachment is not ours any more."""

    async def enter(self, uid: Uid, room: RoomKey) -> None:
        """Note that a session may be in a room, before it is."""

    async def left(self, uid: Uid, room: RoomKey) -> None:
        """It is in it no more."""

    async def watch(self, attachment: AttachmentId, nicks: Iterable[str]) -> None:
        """Keep nicks on an attachment's MONITOR list."""

    async def unwatch(self, attachment: AttachmentId, nicks: Iterable[str]) -> None:
        """Take them from it."""

    async def set_active(self, attachment: AttachmentId, epoch: int, active_s: int) -> None:
        """Note when a session said something last, since 1970."""

    async def take(
        self, attachment: AttachmentId, shown: bytes, account: str, token: bytes, *, told: bool = True
    ) -> Taken | Refusal:
        """Take an attachment over, by the hash of the token shown or by its account; `token` is the new hash, and
        whether its client is told."""

    async def attach(
        self, uid: Uid, account: str, attachment: FurtherId, token: bytes, most: int, *, told: bool
    ) -> Taken | Refusal | AttachmentId:
        """Let one more connection share a session of its account; an attachment: its place is to be taken."""

    async def set_away(self, attachment: AttachmentId, away: str) -> str:
        """Note that an attachment is away (empty: here); returns what the session's absence is called from now on."""

    async def change(self, attachment: AttachmentId, epoch: int, user: User, names: Sequence[str]) -> None:
        """Write some fields of what all attachments share."""

    async def tell_others(self, uid: Uid) -> None:
        """Have all attachments of a session look at what they share."""

    async def look(self, attachment: AttachmentId, epoch: int) -> Shared | None:
        """What an attachment here shares with others; None: it is one no more."""

    async def part_others(self, attachment: AttachmentId) -> None:
        """A session is this attachment's alone from now on."""

    async def attached(self, uid: Uid) -> list[Attached]:
        """The attachments of a session, oldest first; none for one that was never shared."""

    async def begin_renaming(self, uid: Uid) -> bool:
        """Be the one attachment of a shared session that changes its nick; False: another is."""

    async def end_renaming(self, uid: Uid) -> None:
        """The nick is changed, or is not."""

    async def settle(self, attachment: AttachmentId, epoch: int) -> None:
        """Everything missed was delivered."""

    async def confirm(self, attachment: AttachmentId, epoch: int) -> None:
        """The client has its new token."""

    async def detach(
        self, attachment: AttachmentId, epoch: int, grace_s: float, reason: str, positions: Mapping[LogKey, Position]
    ) -> None:
        """Keep a session without a connection for its grace."""

    async def abandon(self, attachment: AttachmentId, token: bytes, grace_s: float, reason: str) -> None:
        """The same for one that was perhaps taken, for the token with that hash."""

    async def cut_grace(self, uid: Uid, reason: str) -> None:
        """End what a session has without a connection; does nothing to what has one."""

    async def claim_end(self, attachment: AttachmentId, epoch: int, *, whole: bool = False) -> End:
        """Make sure that nobody takes the attachment any more; `whole`: nor anything else of its session."""


class Accounts(Protocol):
    """All accounts. Every method raises `StoreError`."""

    async def find(self, name: NickKey) -> tuple[Account | None, bytes]:
        """The account with this name or nick, and a salt to show where there is none."""

    async def create(self, name: NickKey, account: Account, uid: Uid) -> bool:
        """Register an account; False when its name cannot be had."""

    async def set_password(self, name: NickKey, credentials: Credentials) -> bool:
        """Change the password; False when there is no such account any more."""

    async def multiclient(self, name: str) -> bool | None:
        """Whether the connections of the account share a session; None: it has not chosen."""

    async def set_multiclient(self, name: NickKey, choice: bool | None) -> bool:
        """Choose; None: as the network has it. False when there is no such account any more."""

    async def group(self, name: NickKey, account: Account, nick: NickKey, uid: Uid) -> bool:
        """Reserve one more nick; False when it cannot be had."""

    async def ungroup(self, name: NickKey, account: Account, nick: NickKey) -> None:
        """End a reservation."""

    async def find_owner(self, certificate: str) -> Account | None:
        """The account that a certificate, by its fingerprint, logs in to."""

    async def add_certificate(self, name: NickKey, account: Account, certificate: str) -> bool:
        """Let a certificate log in; False when it belongs to another account."""

    async def remove_certificate(self, name: NickKey, account: Account, certificate: str) -> None:
        """It logs in no more."""

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

    async def trim(self, log: LogKey, kept: Kept, now_ms: int) -> None:
        """Have what is over its limits go from a room's log, a little at a time. Raises `StoreError`."""

    def remove(self, log: LogKey, position: Position, send_key: SendKey | None = None) -> None:
        """Have what has this place in a log that is no room's be there no more, and its key, if one is given, not be
        used; lost with the connection."""

    def keep_for(self, log: LogKey, kept_s: int, oldest_ms: int) -> None:
        """Let a conversation's log end by itself, `kept_s` from now, and what is older than `oldest_ms` about now."""
