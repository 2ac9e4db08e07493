"""Lines held back while a peer is told what came before them."""

from gateway.model import Uid
from gateway.session.held import MAX_HELD_BYTES, Held
from gateway.session.session import Session


class Peer:
    """A session, what was written to it, and how it was closed."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed: list[tuple[str, bool]] = []
        self.session = Session(Uid(b"u"), "host", self.written.append)
        self.session.link = self

    @property
    def queued_bytes(self) -> int:
        """Nothing ever waits."""
        return 0

    def look(self) -> None:
        """Nothing is shared."""

    def close(self, reason: str, *, goes_on: bool = False) -> None:
        """As a connection does."""
        self.closed.append((reason, goes_on))
        self.session.write = lambda data: None


def test_what_came_before_is_written_first() -> None:
    """Within the block lines wait, in order; after it nothing does."""
    peer = Peer()
    with Held(peer.session) as held:
        peer.session.write(b"live 1 ")
        held.write(b"missed ")
        peer.session.write(b"live 2 ")
    peer.session.write(b"live 3")
    assert b"".join(peer.written) == b"missed live 1 live 2 live 3"


def test_too_much_costs_the_connection_and_not_the_session() -> None:
    """Up to the limit all is kept; past it the connection is closed, once, and nothing more is written."""
    peer = Peer()
    with Held(peer.session) as held:
        peer.session.write(b"x" * MAX_HELD_BYTES)
        assert peer.closed == []
        peer.session.write(b"y")
        peer.session.write(b"z")
        held.write(b"missed")
    assert peer.closed == [("SendQ exceeded", True)]
    assert peer.written == []


def test_a_connection_that_went_meanwhile_gets_nothing() -> None:
    """What its end put in place of `write` stays there."""
    peer = Peer()
    with Held(peer.session) as held:
        peer.session.write(b"live")
        peer.session.close("gone")
        held.write(b"missed")
        gone = peer.session.write
    assert peer.session.write is gone
    assert peer.written == []
