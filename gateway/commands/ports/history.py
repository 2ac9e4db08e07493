"""What was said before: the logs as history, with whom somebody talked, and how far it was read."""

from typing import NamedTuple, Protocol

from gateway.events import Entry
from gateway.model import LogKey, Position, SendKey, Uid
from gateway.rooms.ports import LogStore
from gateway.rooms.retention import Kept

__all__ = ["Conversations", "History", "Markers", "Peer"]


class Peer(NamedTuple):
    """Somebody that somebody talked with."""

    identity: str  # `a:` and an account, or `u:` and a uid
    nick: str  # as it was then
    at_ms: int = 0  # when last, in ms since 1970


class Conversations(Protocol):
    """With whom each person has talked. The methods that wait raise `StoreError`."""

    def note(self, who: str, by: Uid, peer: Peer, kept_s: int) -> None:
        """They talked, `who` in the session `by`."""

    async def peers(self, who: str) -> list[Peer]:
        """Whom somebody talked with, the last one first."""

    async def inboxes(self, who: str) -> list[Uid]:
        """The sessions in which somebody talked lately, whatever their nicks are now."""

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
