"""Lines from commands to users anywhere (INVITE, KILL), in order with their direct messages."""

from gateway.commands.services import Services
from gateway.events import Said, Spoken
from gateway.model import Position, Uid
from gateway.rooms.replica import Replica
from gateway.rooms.writer import Saying
from gateway.session.session import Session

__all__ = ["tell", "tell_event"]


class _Told(Saying):
    """A line on its way; nobody waits for it."""

    __slots__ = ()

    def arrived(self, line: bytes, position: Position) -> bytes:
        return b""

    def allowed(self, replica: Replica) -> bool:
        return True

    def failed(self) -> None:
        """What it tells of is done all the same."""


def tell(services: Services, to: Uid, author: Session, line: str) -> None:
    """Send a line, source included, to a user's inbox. Raises `FullError`."""
    tell_event(services, to, Said(author.uid, services.new_msgid(), author.account_bytes, b"", line.encode()))


def tell_event(services: Services, to: Uid, event: Spoken) -> None:
    """Append something said to a user's inbox; nobody waits for it. Raises `FullError`."""
    services.engine.send(to, _Told(event, None))
