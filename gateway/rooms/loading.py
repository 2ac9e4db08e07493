"""Bring a room or an inbox from what Redis has: for the first time, or because its log is not the one we followed."""

from enum import Enum, auto
from typing import NamedTuple

from gateway.events import Entry, Event, Joined, Left, LeftBy, Restored, RoomRenamed
from gateway.model import ORIGIN, MsgId, Position, Snapshot, Uid, order, time_ms
from gateway.rooms.difference import difference
from gateway.rooms.follower import Follower
from gateway.rooms.inboxes import Inbox
from gateway.rooms.ports import LogStore, Render
from gateway.rooms.replica import Replica
from gateway.rooms.room import GONE, Room
from gateway.rooms.seen import TURN_S
from gateway.spoken import Redacted, is_history

__all__ = ["Reloaded", "load", "reload", "reload_inbox"]

RELOAD_ENTRIES = 1000  # read back at once in search of what was said meanwhile
RELOAD_PAGES = 10  # read back at most
RECENT_ENTRIES = 200  # read back at once when a room is opened
RECENT_PAGES = 10  # of these looked through for the lines to replay on join, and for what is fresh
MISSING = "Messages may be missing here: this server could not read what was said for a while"
FRESH_MS = int(TURN_S * 1000)  # before the end of a log: what Redis may lose yet, and gets again from other gateways


async def load(store: LogStore, room: Room) -> None:
    """Start a room from a snapshot. Raises `StoreError`; nothing has changed then."""
    snapshot = await store.snapshot(room.follower.log, room.replica.name)
    entries = await _recent(store, room, snapshot.last)
    room.recent.extend(
        entry for entry in entries if is_history(entry.event) and entry.event.msgid not in room.redactions
    )
    # Who comes from another gateway has been shown it there; others come after it.
    room.seen.now.update((entry.event.msgid, entry.position) for entry in entries if entry.event.msgid)
    room.replica.reset(snapshot)
    room.follower.start_at(snapshot.last)
    room.seen.upto = snapshot.last
    room.writer.number = snapshot.produced


async def _recent(store: LogStore, room: Room, upto: Position) -> list[Entry]:
    """The last entries up to `upto`, oldest first: all that are fresh, and as many things said as the room keeps."""
    wanted, fresh_ms = room.recent.maxlen or 0, time_ms(upto) - FRESH_MS
    found: list[Entry] = []
    said = 0
    before: Position | None = None
    for _ in range(RECENT_PAGES if upto != ORIGIN else 0):
        page = await store.read_before(room.follower.log, before, RECENT_ENTRIES)
        for entry in page:
            if isinstance(entry.event, Redacted):
                room.redactions.note(entry.event.redacted, entry.event.position)
        found += [entry for entry in page if order(entry.position) <= order(upto)]
        said += sum(is_history(entry.event) for entry in page)
        if len(page) < RECENT_ENTRIES or (said >= wanted and time_ms(page[-1].position) < fresh_ms):
            break
        before = page[-1].position
    return found[::-1]


class _Loss(Enum):
    """Why the log is not the one we followed."""

    TRIMMED = auto()  # it is, and has lost its beginning past us: what was in it is missing
    FORKED = auto()  # a failover put another line of history in its place, or Redis lost everything


class Reloaded(NamedTuple):
    """What a room's writer has to know of its new snapshot."""

    produced: int  # batches of ours that Redis has
    anew: bool  # the room was lost as a whole, and has been written back


class _Read(NamedTuple):
    """What a log has that was not applied here, oldest first."""

    loss: _Loss
    entries: list[Entry]
    again: list[Entry]  # what was applied here, and has another place now
    common: Position  # up to here it is the log that we know


async def _read_back(store: LogStore, follower: Follower, upto: Position, *, anew: bool = False) -> _Read:
    """From `upto` back to where the log was still the one we know, or to its beginning.

    Args:
        anew: the log was lost as a whole, so all that it has came after what we know.
    """
    last, seen = follower.last or ORIGIN, follower.seen
    # Not `last`: the clock of a promoted server may be behind, and what is new there have a lower position. A log that
    # begins again may be below everything we know.
    known_upto = order(ORIGIN if anew else seen.upto)
    entries: list[Entry] = []
    again: list[Entry] = []
    before: Position | None = None
    loss = _Loss.FORKED if anew or upto == ORIGIN else _Loss.TRIMMED
    for _ in range(RELOAD_PAGES):
        page = await store.read_before(follower.log, before, RELOAD_ENTRIES)
        for entry in page:
            place, at = seen.get(entry.event.msgid) if entry.event.msgid else None, order(entry.position)
            if place == entry.position or (place is None and at <= known_upto):
                return _Read(_Loss.FORKED, entries[::-1], again[::-1], entry.position)
            if place is not None and at <= order(upto):
                again.append(entry)
            if place is not None or at <= order(last) or isinstance(entry.event, Restored):
                loss = _Loss.FORKED
            if place is None and at <= order(upto) and (entry.event.msgid or at > order(last)):
                entries.append(entry)
        if len(page) < RELOAD_ENTRIES:
            break
        before = page[-1].position
    return _Read(loss, entries[::-1], again[::-1], ORIGIN)


async def reload(
    store: LogStore, room: Room, render: Render, *, settled_s: float, turns_s: float, source: str
) -> Reloaded:
    """Take a new snapshot (the log was trimmed past us, or a failover put another in its place) and queue the
    difference for the members. Raises `StoreError`.

    After a failover other gateways send again what was lost. Until `settled_s`, by the monotonic clock, they have the
    time to do so: what was shown is not shown again, and nobody is shown as gone or come. Until `turns_s` they do it in
    turns. A room that Redis lost is written back from the replica. `source` is this server, which tells where lines are
    missing, and what modes are.
    """
    replica, follower = room.replica, room.follower
    if replica.created_ms:
        await store.restore(follower.log, replica.restored(MsgId(b"restored-" + replica.last)), replica.last)
    snapshot = await store.snapshot(follower.log, replica.name)
    anew = snapshot.restored != replica.restored_at
    loss, entries, again, common = await _read_back(store, follower, snapshot.last, anew=anew)
    if loss is _Loss.TRIMMED:
        follower.seen.upto = snapshot.last  # what was missed by then is not shown later
        room.tell(f":{source} NOTICE {replica.name} :{MISSING}".encode())
        said = [entry for entry in entries if is_history(entry.event) or isinstance(entry.event, Redacted)]
        room.apply(_difference(room, snapshot, source) + said, render)
        replica.reset(snapshot)
    else:
        room.shown = room.shown or replica.copy()
        room.settling_until_s = settled_s
        if not anew:
            there = {entry.event.msgid for entry in again}
            room.turns.begin((each for each in follower.seen.after(common) if each not in there), turns_s)
        for entry in again:
            room.stands_again(entry)
        room.apply(entries, render)
        _doubt(room, snapshot, render, source)
    follower.start_at(snapshot.last)
    return Reloaded(snapshot.produced, anew)


def _doubt(room: Room, snapshot: Snapshot, render: Render, source: str) -> None:
    """Start from the snapshot, but for who is in: the others may not have said so again yet. Its name is shown at once,
    since what is said from now on is said under it."""
    here, there, doubts = room.replica.members, snapshot.members, room.doubts
    come = [uid for uid in there if uid not in here and uid not in doubts and room.left.get(uid) is None]
    nobody = MsgId(b"")
    events: list[Event] = [Joined(uid, nobody, there[uid]) for uid in come]
    if snapshot.name != room.replica.name:
        events.append(RoomRenamed(Uid(b""), nobody, source, room.replica.name, snapshot.name))
    room.apply([Entry(snapshot.last, event) for event in events], render)
    room.doubts = {uid: None for uid in here if uid not in there}
    for uid in [uid for uid in there if uid not in here]:
        room.doubts[uid] = there.pop(uid)
    there.update((uid, here[uid]) for uid in list(room.doubts) if uid in here)
    room.replica.reset(snapshot)


def _difference(room: Room, snapshot: Snapshot, source: str) -> list[Entry]:
    """Events that lead from the replica to the snapshot, as far as members are shown them."""
    here, there = room.replica.members, snapshot.members
    now, nobody = Replica(snapshot.name), MsgId(b"")
    now.reset(snapshot)
    events: list[Event] = [Left(uid, nobody, LeftBy.QUIT, GONE) for uid in here if uid not in there]
    events += [Joined(uid, nobody, member) for uid, member in there.items() if uid not in here]
    events += difference(room.replica, now, source)
    return [Entry(snapshot.last, event) for event in events]


async def reload_inbox(store: LogStore, inbox: Inbox) -> None:
    """Deliver what was not delivered yet, and go on from the end. Raises `StoreError`."""
    born = await store.born(inbox.log)
    if anew := born not in {inbox.born, ORIGIN}:
        inbox.begin_anew(born)
    newest = await store.read_before(inbox.log, None, 1)
    upto = newest[0].position if newest else ORIGIN
    inbox.advance((await _read_back(store, inbox, upto, anew=anew)).entries)
    inbox.start_at(upto)
