"""Bring a room or an inbox from what Redis has: for the first time, or because its log is not the one we followed."""

from gateway.model import ORIGIN, Entry, Joined, Left, LeftBy, MsgId, Position, Said, Snapshot, TopicSet, Uid, order
from gateway.rooms.follower import Follower
from gateway.rooms.ports import LogStore, Render
from gateway.rooms.room import Room

__all__ = ["load", "reload", "reload_inbox"]

RELOAD_ENTRIES = 1000  # read back in search of what was said meanwhile
RECENT_PAGES = 10  # of entries looked through for the lines to replay on join


async def load(store: LogStore, room: Room) -> None:
    """Start a room from a snapshot. Raises `StoreError`; nothing has changed then."""
    snapshot = await store.snapshot(room.follower.log, room.replica.name)
    recent = await _recent(store, room, snapshot.last)
    room.recent.extend(recent)
    room.replica.reset(snapshot)
    room.follower.start_at(snapshot.last)
    room.writer.number = snapshot.produced


async def _recent(store: LogStore, room: Room, upto: Position) -> list[Entry]:
    """The last things said up to `upto`, oldest first, as many as the room keeps."""
    wanted = room.recent.maxlen or 0
    found: list[Entry] = []
    before: Position | None = None
    for _ in range(RECENT_PAGES if wanted and upto != ORIGIN else 0):
        page = await store.read_before(room.follower.log, before, 4 * wanted)
        found += [entry for entry in page if isinstance(entry.event, Said) and order(entry.position) <= order(upto)]
        if len(page) < 4 * wanted or len(found) >= wanted:
            break
        before = page[-1].position
    return found[:wanted][::-1]


async def reload(store: LogStore, room: Room, render: Render) -> None:
    """Take a new snapshot (the log was trimmed past us, or a failover put another in its place) and queue the
    difference for the members: what was said since, who is new, who is gone, the topic. Raises `StoreError`."""
    snapshot = await store.snapshot(room.follower.log, room.replica.name)
    entries = await store.read_before(room.follower.log, None, RELOAD_ENTRIES)
    said = [
        entry
        for entry in reversed(entries)
        if isinstance(entry.event, Said) and order(room.replica.last) < order(entry.position) <= order(snapshot.last)
    ]
    room.apply(_difference(room, snapshot) + said, render)
    room.replica.reset(snapshot)
    room.follower.start_at(snapshot.last)


def _difference(room: Room, snapshot: Snapshot) -> list[Entry]:
    """Events that lead from the replica's members and topic to the snapshot's."""
    here, there = room.replica.members, snapshot.members
    nobody = MsgId(b"")
    events: list[Joined | Left | TopicSet] = [
        Left(uid, nobody, LeftBy.QUIT, "Not there any more") for uid in here if uid not in there
    ]
    events += [Joined(uid, nobody, member) for uid, member in there.items() if uid not in here]
    if snapshot.topic != room.replica.topic:
        events.append(TopicSet(Uid(b""), nobody, snapshot.topic.by, snapshot.topic.text))
    return [Entry(snapshot.last, event) for event in events]


async def reload_inbox(store: LogStore, follower: Follower) -> None:
    """Deliver what is newer than all we have seen, and go on from the end. Raises `StoreError`."""
    entries = await store.read_before(follower.log, None, RELOAD_ENTRIES)
    last = follower.last or ORIGIN
    newer = [entry for entry in reversed(entries) if order(entry.position) > order(last)]
    follower.start_at(entries[0].position if entries else ORIGIN)
    follower.advance(newer)
