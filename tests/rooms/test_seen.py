"""What was applied is remembered for one generation to two, and what is older counts as applied."""

from gateway.model import ORIGIN, Position
from gateway.rooms.seen import Seen

FIRST, SECOND = Position(b"9-0"), Position(b"10-0")


def test_a_generation_is_remembered_until_the_next_has_ended() -> None:
    """And then everything up to it is known to have been applied."""
    seen = Seen()
    seen.turn()
    assert seen.upto == ORIGIN
    seen.now[b"one"] = FIRST
    seen.turn()
    assert (seen.get(b"one"), seen.upto) == (FIRST, ORIGIN)
    seen.now[b"two"] = SECOND
    seen.turn()
    assert (seen.get(b"one"), seen.get(b"two"), seen.upto) == (None, SECOND, FIRST)
    seen.turn()
    assert (seen.get(b"two"), seen.upto) == (None, SECOND)
    seen.turn()
    assert seen.upto == SECOND
