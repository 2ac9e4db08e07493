"""What the room engine needs of the world: a store of logs below it; seats of members and what they do above it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.errors import StoreError
from gateway.events import Entry, Event, Restored
from gateway.model import (
    Answer,
    AttachmentId,
    GatewayId,
    Head,
    Known,
    LogKey,
    Member,
    Outcome,
    Position,
    SendKey,
    Snapshot,
    Uid,
)
from gateway.rooms.replica import Replica, changes_permissions
from gateway.spoken import Utterance
from gateway.wire.names import RoomKey

if TYPE_CHECKING:
    from gateway.rooms.room import Room

__all__ = [
    "Change",
    "LogStore",
    "OnAnswer",
    "OnRenamed",
    "Origin",
    "Proposal",
    "Reintroduce",
    "Render",
    "Saying",
    "Seat",
]

OnAnswer = Callable[[Answer | StoreError], None]
"""Gets what became of a batch. A `StoreError` means: unknown, send the very same batch again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One event that changes state, with the check and the effects that go with it in one script."""

    event: Event
    permissions: Position | None  # what the decision was made on; None: it holds whatever has changed
    uid: Uid
    need: str = ""  # "in" or "out": the uid must (not) be a member, else nothing is done
    member: Member | None = None  # the member's new value
    leaves: bool = False  # the member is deleted; a `Left` of the last one is logged as such: the room ends with it
    moves_to: GatewayId | None = None  # the member, whatever it is, is that gateway's
    capacity: int = 0  # this many members are there already: nothing is done (`Outcome.FULL`); 0: no limit
    anew: bool = False  # all lists are emptied first
    blank: bool = False  # the log is emptied first
    state: tuple[tuple[str, str], ...] = ()  # fields of the room's state
    stamps: tuple[str, ...] = ()  # fields of the room's state that become the event's ms
    modes: tuple[tuple[Uid, str], ...] = ()  # new modes of members; who is not there stays away
    listed: tuple[tuple[str, str], ...] = ()  # (entry of the lists, by whom), stamped with the event's ms
    unlisted: tuple[str, ...] = ()  # entries of the lists that go
    removed: tuple[Position, ...] = ()  # what has these places in the log goes

    @property
    def changes_permissions(self) -> bool:
        """Whether what was decided before has to be decided again."""
        return changes_permissions(self.event)


class LogStore(Protocol):
    """Logs, their members and their announcements."""

    @property
    def up(self) -> bool:
        """Whether the store can be reached, as far as is known."""

    def moved_s(self, log: LogKey) -> float:
        """When this gateway came to another server for that log than before, by the loop's clock: it may lack what
        others have heard of. -inf: never."""

    def append_said(
        self,
        log: LogKey,
        number: int,
        permissions: Position | None,
        events: Sequence[Utterance],
        on_answer: OnAnswer,
        send_keys: Sequence[SendKey | None] = (),
    ) -> None:
        """Append what is said as this gateway's batch `number` in that log, but for those whose key is known.

        Args:
            send_keys: one per event, or nothing where none has one.
        """

    def append_change(self, log: LogKey, number: int, change: Change, on_answer: OnAnswer) -> None:
        """Append one state change as this gateway's batch `number` in that log."""

    def ask_head(self, log: LogKey, on_head: Callable[[Head | StoreError], None]) -> None:
        """Ask where the log stands; answered in the order of everything else that is written and asked, so that
        what was sent before is in the answer and what was sent later is not."""

    async def produced(self, log: LogKey) -> int:
        """How many batches of this gateway the log has accepted. Raises `StoreError`."""

    async def born(self, log: LogKey) -> Position:
        """The place of the first entry that an inbox ever had: another one where it was lost and began again. ORIGIN:
        there was none yet. Raises `StoreError`."""

    async def restore(self, log: LogKey, event: Restored, last: Position) -> None:
        """Write a room's state back from a replica that had applied its log up to `last`; does nothing unless the store
        has lost the room, or another restored it that had applied less. Raises `StoreError`."""

    async def snapshot(self, log: LogKey, name: str) -> Snapshot:
        """The room at one moment; `name` is what it is called if it does not exist. Raises `StoreError`."""

    async def read_after(
        self, log: LogKey, position: Position, limit: int, is_other: Callable[[Entry], bool] = lambda entry: False
    ) -> list[Entry] | None:
        """Up to `limit` entries after `position`, oldest first; None when the log does not have `position` any more
        (it was trimmed past it, or a failover put another line of history in its place), or has another event there,
        as `is_other` says of it: two servers may count alike. One that was redacted is taken for there where the log
        shows so. Raises `StoreError`."""

    async def read_before(self, log: LogKey, position: Position | None, limit: int) -> list[Entry]:
        """Up to `limit` entries before `position` (None: the end), newest first. Raises `StoreError`."""

    def subscribe(self, log: LogKey) -> None:
        """Ask for the log's announcements; the engine's `subscribed` is called when Redis has confirmed."""

    def unsubscribe(self, log: LogKey) -> None:
        """End them."""

    async def remember_log(self, log: LogKey) -> None:
        """Note that this gateway may have members in the log, before it has any. Raises `StoreError`."""

    def forget_log(self, log: LogKey) -> None:
        """It has none any more. Sent behind everything it wrote there; lost with the connection, it does no harm."""


class Seat(Protocol):
    """A local member's connection, as far as a room cares. A member may have several."""

    uid: Uid
    attachment: AttachmentId
    render_class: int  # members of one class get the same bytes
    wants_echo: bool
    rooms: "Mapping[RoomKey, Room]"  # where it sits; another one whenever that changes, which the rooms see to
    write: Callable[[bytes], None]

    @property
    def wants_batches(self) -> bool:
        """Whether it understands batches."""

    @property
    def knows_renames(self) -> bool:
        """Whether it understands that a room gets another name."""

    @property
    def knows_hosts(self) -> bool:
        """Whether it understands that somebody gets another host."""


class Render(Protocol):
    """Turns an entry into the bytes of one line, CR LF included, for receivers of one class."""

    def __call__(self, entry: Entry, about: Member | None, room: str, render_class: int) -> bytes:
        """`about` is the member the event is about, as it was before; `room` the room's name as displayed. Empty
        bytes: this class does not get the event."""


OnRenamed = Callable[["Sequence[Seat]", str, str], None]
"""Hears that a room has another name when those seats have been told that know of such: of the other seats, and the
name before as displayed, and the reason."""


class Reintroduce(Protocol):
    """Tells seats that do not know of renames that they left the room of one name and joined that of another."""

    def __call__(self, room: "Room", seats: "Sequence[Seat]", before: str, reason: str) -> None:
        """`before` is the name that the room had, as displayed."""


class Origin(Protocol):
    """The local command a `Said` or a change came from."""

    @property
    def seat(self) -> AttachmentId | None:
        """Whose command it is; None: nobody's who gets the line."""

    def arrived(self, line: bytes, position: Position) -> bytes:
        """The event has its place; `line` is what its author's seat would get for it (empty: no echo wanted).

        Returns what to write to the author in its place.
        """

    def allowed(self, replica: Replica) -> bool:
        """Whether the event may still be appended now that permissions changed; False after it told its author."""

    def failed(self) -> None:
        """It will not be appended: the store cannot take it."""


class Proposal(Origin, Protocol):
    """A state change that is decided again whenever permissions changed under it."""

    def propose(self, replica: Replica) -> Change | None:
        """The change, decided on the replica as it is now; None: refused, its author was told."""

    def unchanged(self, outcome: Outcome) -> None:
        """It was not carried out: `UNCHANGED`, the member was not (or already) there; `ALIASED`, the room cannot be
        founded, since its name leads to another."""


class Saying:
    """Something said, waiting to be appended; the command behind it derives from this and is its own `Origin`."""

    __slots__ = ("event", "permissions")
    send_key: SendKey | None = None
    seat: AttachmentId | None = None
    promised = False  # something that is in another log already depends on it: it waits for as long as it takes

    def __init__(self, event: Utterance, permissions: Position | None) -> None:
        self.event = event
        self.permissions = permissions  # what it was allowed on

    def arrived(self, line: bytes, position: Position) -> bytes:
        """See `Origin`."""
        raise NotImplementedError

    def allowed(self, replica: Replica) -> bool:
        """See `Origin`."""
        raise NotImplementedError

    def failed(self) -> None:
        """See `Origin`."""
        raise NotImplementedError

    def repeated(self, first: Known) -> None:
        """Nothing was appended: its key had been used before. Only for one that has a key."""
        raise NotImplementedError
