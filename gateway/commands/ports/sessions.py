"""Sessions beyond their connections."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from gateway.model import AttachmentId, FurtherId, LogKey, Position, Uid
from gateway.people import Attached, Detached, End, Refusal, Shared, Taken, User
from gateway.wire.names import NickKey, RoomKey

__all__ = ["Holding", "Records"]


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


class Holding(Protocol):
    """Who holds the attachments of sessions. Every method raises `StoreError`."""

    async def take(
        self, attachment: AttachmentId, shown: bytes, account: str, token: bytes, *, told: bool = True
    ) -> Taken | Refusal:
        """Take an attachment over, by the hash of the token shown or by its account; `token` is the new hash, and
        whether its client is told."""

    async def attach(
        self, uid: Uid, account: str, attachment: FurtherId, token: bytes, most: int, *, told: bool
    ) -> Taken | Refusal | AttachmentId:
        """Let one more connection share a session of its account; an attachment: its place is to be taken."""

    async def settle(self, attachment: AttachmentId, epoch: int) -> None:
        """Everything missed was delivered."""

    async def confirm(self, attachment: AttachmentId, epoch: int) -> None:
        """The client has its new token."""

    async def detach(
        self, attachment: AttachmentId, epoch: int, grace_s: float, reason: str, positions: Mapping[LogKey, Position]
    ) -> int | None:
        """Keep a session without a connection for its grace.

        Returns:
            Its epoch from then on; 0: Redis knows nothing of it. None: it is not ours any more, or its client could not
            come back.
        """

    async def keep_again(self, lost: Detached, rooms: Iterable[RoomKey], rest_s: float, *, shown: bool) -> bool:
        """Write everything about one that was detached, for the rest of its grace, if Redis has lost it; False: its
        nick is another's."""

    async def abandon(self, attachment: AttachmentId, token: bytes, grace_s: float, reason: str) -> None:
        """The same for one that was perhaps taken, for the token with that hash."""

    async def cut_grace(self, uid: Uid, reason: str) -> None:
        """End what a session has without a connection; does nothing to what has one."""

    async def claim_end(self, attachment: AttachmentId, epoch: int, *, whole: bool = False) -> End:
        """Make sure that nobody takes the attachment any more; `whole`: nor anything else of its session."""
