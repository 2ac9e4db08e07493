"""What members have to be told where a room is not as they were shown it. Pure."""

from collections.abc import Iterator

from gateway.events import Event, ModeChange, ModesSet, Renamed, RoomRenamed, TopicSet
from gateway.model import MsgId, Uid
from gateway.rooms.modes import MAX_PARAMETERS
from gateway.rooms.replica import Replica

__all__ = ["difference"]

NOBODY = MsgId(b"")


def difference(shown: Replica, now: Replica, source: str) -> list[Event]:
    """The name, nicks, modes and the topic, as events of nobody; the modes were set by `source`. Who is in is not part
    of it."""
    both = [(member, now.members[uid]) for uid, member in shown.members.items() if uid in now.members]
    events: list[Event] = []
    if shown.name != now.name:
        events.append(RoomRenamed(Uid(b""), NOBODY, source, shown.name, now.name))
    events += [Renamed(new.uid, NOBODY, new.nick) for old, new in both if old.nick != new.nick]
    changes = [*_flags(shown, now), *_parameters(shown, now), *_masks(shown, now)]
    for old, new in both:
        changes += [ModeChange("-", each, new.nick, new.uid.decode()) for each in old.modes if each not in new.modes]
        changes += [ModeChange("+", each, new.nick, new.uid.decode()) for each in new.modes if each not in old.modes]
    events += (
        ModesSet(Uid(b""), NOBODY, source, tuple(changes[start : start + MAX_PARAMETERS]))
        for start in range(0, len(changes), MAX_PARAMETERS)
    )
    if shown.topic.text != now.topic.text:
        events.append(TopicSet(Uid(b""), NOBODY, now.topic.by or source, now.topic.text))
    return events


def _flags(shown: Replica, now: Replica) -> Iterator[ModeChange]:
    yield from (ModeChange("-", flag) for flag in shown.modes if flag not in now.modes)
    yield from (ModeChange("+", flag) for flag in now.modes if flag not in shown.modes)


def _parameters(shown: Replica, now: Replica) -> Iterator[ModeChange]:
    if shown.key != now.key:
        yield ModeChange("+", "k", now.key) if now.key else ModeChange("-", "k", shown.key)
    if shown.limit != now.limit:
        yield ModeChange("+", "l", str(now.limit)) if now.limit else ModeChange("-", "l")


def _masks(shown: Replica, now: Replica) -> Iterator[ModeChange]:
    for letter in sorted(shown.lists.keys() | now.lists.keys()):
        before, after = shown.lists.get(letter, {}), now.lists.get(letter, {})
        yield from (ModeChange("-", letter, mask) for mask in before if mask not in after)
        yield from (ModeChange("+", letter, mask) for mask in after if mask not in before)
