"""What is done for a session as a whole when one of its attachments comes, goes or changes."""

from gateway.events import Changed, Event
from gateway.model import MsgId, Position, Uid
from gateway.store import keys
from gateway.store.entries import encode_event
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes
from gateway.store.logs import LOG_ENTRIES
from gateway.store.scripts import sha

__all__ = ["announce", "refresh", "rooms_of", "tell_attachments"]


def refresh(lanes: Lanes, uid: Uid) -> None:
    """Have its record show the session as its attachments are now."""
    record, attachments = keys.user_record(uid), keys.attachments(uid)
    lanes.commands.request(ignore, "EVALSHA", sha("session_presence"), 2, record, attachments, uid, 0, "")


async def tell_attachments(lanes: Lanes, uid: Uid) -> Position:
    """Have all attachments look at what they share. Raises `StoreError`."""
    return await announce(lanes, uid, Changed(uid, MsgId(b"")))


async def announce(lanes: Lanes, uid: Uid, event: Event) -> Position:
    """Tell an event to all who follow the session's inbox; returns its place there. Raises `StoreError`."""
    names = keys.log_keys(keys.inbox_log(uid))
    position = await lanes.commands.call(
        "EVALSHA", sha("inbox_move"), 2, names.state, names.log, names.channel, LOG_ENTRIES,
        encode_event(event),
    )  # fmt: skip
    return Position(position)


async def rooms_of(lanes: Lanes, uid: Uid) -> frozenset[str]:
    """The rooms it may be in. Raises `StoreError`."""
    names = await lanes.commands.call("SMEMBERS", keys.session_rooms(uid))
    return frozenset(name.decode() for name in names)
