"""Lines from commands to users anywhere (INVITE, KILL), in order with their direct messages."""

from gateway.commands.services import Services
from gateway.events import Said
from gateway.model import Position, Uid
from gateway.rooms.replica import Replica
from gateway.rooms.writer import Saying
from gateway.session.session import Session

__all__ = ["tell"]


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
    said = Said(author.uid, services.new_msgid(), account, b"", line.encode())
    services.engine.send(to, _Told(said, None))
