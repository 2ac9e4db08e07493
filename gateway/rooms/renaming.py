"""A room gets another name: what that changes. Pure.

Its log, and so its members, rights and history, stay where they are: under the key of its first name. Which names lead
there beside that one, each gateway knows from its replica, and Redis from an alias in the slot of each name.
"""

from gateway.events import RoomRenamed
from gateway.rooms.lists import named
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.wire.names import RoomKey, casefold

__all__ = ["MAX_FORMER", "aliases", "answers_to", "forgotten", "lives", "renaming"]

MAX_FORMER = 10  # names that lead to one room beside its present one; one more ends the oldest


_NONE: frozenset[RoomKey] = frozenset()  # of most rooms, and every other empty one takes 216 bytes


def aliases(replica: Replica, first: RoomKey) -> frozenset[RoomKey]:
    """The names, casefolded, that lead to the room whose first name that is; but for this one."""
    return frozenset({RoomKey(casefold(replica.name)), *replica.former}) - {first} or _NONE


def lives(replica: Replica) -> bool:
    """Whether somebody is in, or the room is kept for its founder."""
    return bool(replica.members or replica.founder)


def answers_to(replica: Replica, name: RoomKey) -> bool:
    """Whether a name that is not its first leads to the room: its present one, or while it lives a former one."""
    return casefold(replica.name) == name or (name in replica.former and lives(replica))


def forgotten(replica: Replica, name: str) -> str:
    """The former name that leads to the room no more once it is called `name`; empty: none."""
    former = {key: listed for key, listed in replica.former.items() if key != casefold(name)}
    if len(former) < MAX_FORMER or casefold(name) == casefold(replica.name):
        return ""
    return min(former, key=lambda key: (former[key].at_ms, key))


def renaming(replica: Replica, event: RoomRenamed, *, as_member: bool) -> Change:
    """The change of a rename from the present name; `as_member`: only if who does it is in."""
    old, new = casefold(event.before), casefold(event.name)
    kept = old not in {new, event.forgotten}
    gone = [name for name in (new, event.forgotten) if name in replica.former]
    return Change(
        event=event,
        permissions=replica.permissions,
        uid=event.uid,
        need="in" if as_member else "",
        state=(("name", event.name),),
        listed=((named(old), event.before),) if kept else (),
        unlisted=tuple(named(name) for name in gone),
    )
