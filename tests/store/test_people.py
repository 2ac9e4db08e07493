"""With whom people talk and how far they have read: `conversation_note.lua` and `read_marker.lua`, by their headers."""

import asyncio
import time
from itertools import count

import pytest

from gateway.commands.ports.history import Peer
from gateway.model import Uid
from gateway.store import keys
from gateway.store.conversations import MAX_INBOXES, MAX_PEERS, Conversations
from gateway.store.lanes import Lanes
from gateway.store.markers import MAX_SESSIONS, MAX_TARGETS, Markers

UID = Uid(b"uid")
_numbers = count(1)


@pytest.fixture
def who() -> str:
    """Somebody nobody else is."""
    return f"a:person{next(_numbers)}"


async def test_the_last_one_first(lanes: Lanes, who: str) -> None:
    """Each peer once, with the nick it had last and the latest time; a late note of an earlier one changes no order."""
    conversations = Conversations(lanes)
    for peer in (
        Peer("a:b", "bob", 1000),
        Peer("u:c", "cat", 2000),
        Peer("a:b", "Rob", 3000),
        Peer("u:c", "cat", 1500),
    ):
        conversations.note(who, UID, peer, 100)
    assert await conversations.peers(who) == [Peer("a:b", "Rob", 3000), Peer("u:c", "cat", 2000)]
    assert await conversations.inboxes(who) == [UID]
    await conversations.forget(who)
    assert await conversations.peers(who) == []
    assert await conversations.inboxes(who) == []


async def test_as_many_as_fit(lanes: Lanes, who: str) -> None:
    """One more ends the one not talked with for longest, and so it is with the own sessions; all of it ends by
    itself."""
    conversations = Conversations(lanes)
    for number in range(MAX_PEERS + 3):
        conversations.note(who, Uid(b"%d" % (number // 2)), Peer(f"u:{number}", f"n{number}", 1000 + number), 100)
    peers = await conversations.peers(who)
    assert [peer.at_ms for peer in peers] == [1000 + number for number in range(MAX_PEERS + 2, 2, -1)]
    for key in keys.conversation_peers(who):
        assert 90 < await lanes.commands.call("TTL", key) <= 100
    assert await lanes.commands.call("HLEN", keys.conversation_peers(who)[1]) == MAX_PEERS
    last = (MAX_PEERS + 2) // 2
    assert await conversations.inboxes(who) == [Uid(b"%d" % one) for one in range(last - MAX_INBOXES + 1, last + 1)]


async def test_a_marker_only_moves_on(lanes: Lanes, who: str) -> None:
    """Never back, never beyond now; who is to be told is told of changes alone."""
    markers, one, two = Markers(lanes), Uid(b"one"), Uid(b"two")
    assert await markers.get(who, "#x", one) is None
    assert await markers.get(who, "#x", two) is None
    found, told = await markers.set(who, "#x", 1_500_000_000_123, one)
    assert (found, set(told)) == (1_500_000_000_123, {one, two})
    assert await markers.set(who, "#x", 1_500_000_000_122, two) == (1_500_000_000_123, [])
    assert await markers.set(who, "#x", 1_500_000_000_123, two) == (1_500_000_000_123, [])
    await markers.leave(who, one)
    found, told = await markers.set(who, "#x", 2**52, None)
    assert abs(found - time.time() * 1000) < 60_000
    assert told == [two]
    assert await markers.get(who, "#x", None) == found
    await markers.forget(who)
    assert await markers.get(who, "#x", None) is None


async def test_as_many_markers_as_fit(lanes: Lanes, who: str) -> None:
    """What was read longest ago is forgotten; so is the session not heard from for longest."""
    markers = Markers(lanes)
    await asyncio.gather(*(
        markers.set(who, f"#{number}", 1_000_000 + number, Uid(b"u%d" % number)) for number in range(MAX_TARGETS + 1)
    ))  # fmt: skip
    assert await markers.get(who, "#0", None) is None
    assert await markers.get(who, "#1", None) == 1_000_001
    _, told = await markers.set(who, "#1", 2_000_000, None)
    assert len(told) == MAX_SESSIONS
