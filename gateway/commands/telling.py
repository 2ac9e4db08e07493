"""Lines from commands to users anywhere (INVITE, KILL), in order with their direct messages."""

import contextlib

from gateway.commands.services import Services
from gateway.errors import FullError
from gateway.model import Position, Uid
from gateway.rooms.ports import Saying
from gateway.rooms.replica import Replica
from gateway.session.session import Session
from gateway.spoken import Said, Utterance

__all__ = ["copy_to_own", "tell"]


class _Told(Saying):
    """A line on its way; nobody waits for it."""

    __slots__ = ()

    def arrived(self, line: bytes, position: Position) -> bytes:
        return b""

    def allowed(self, replica: Replica) -> bool:
        return True

    def failed(self) -> None:
        """What it tells of is done all the same."""


def tell(services: Services, to: Uid, author: Session, line: str, *, by_server: bool = False) -> None:
    """Send a line, source included, to a user's inbox; `by_server`: the source is the server. Raises `FullError`."""
    account = b"" if by_server else author.account_bytes
    _tell(services, to, Said(author.uid, services.new_msgid(), account, b"", line.encode()))


def _tell(services: Services, to: Uid, event: Utterance) -> None:
    """Append something to a user's inbox; nobody waits for it. Raises `FullError`."""
    services.engine.inboxes.send(to, _Told(event, None))


def copy_to_own(services: Services, session: Session, event: Utterance) -> None:
    """What one attachment said to somebody, for the others: under the same msgid, in the inbox they all read."""
    if session.shared:
        session.note_copied(event.msgid)
        # The message itself is said; its author is not told that another of their devices will not show it.
        with contextlib.suppress(FullError):
            _tell(services, session.uid, event)
