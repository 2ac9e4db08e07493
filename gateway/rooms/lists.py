"""The lists of a room as one sequence of named entries, which is how Redis and the log have them. Pure."""

from collections.abc import Iterable

from gateway.model import Listed, Uid
from gateway.wire.names import RoomKey

__all__ = ["Entries", "Lists", "entries", "from_entries", "named"]

Entries = tuple[tuple[str, str, int], ...]
"""Name ("b mask", "e mask", "I mask", "i uid" or "n former name"), who made it (of a name: how it was spelt), ms since
1970."""

Lists = tuple[dict[str, dict[str, Listed]], dict[Uid, Listed], dict[RoomKey, Listed]]
"""The masks by letter, the invitations, the former names."""


def named(name: str) -> str:
    """What the entry of a former name, casefolded, is called."""
    return f"n {name}"


def entries(lists: Lists) -> Entries:
    """All of them."""
    masks, invited, former = lists
    return (
        *((f"{letter} {mask}", *listed) for letter, of_letter in masks.items() for mask, listed in of_letter.items()),
        *((f"i {uid.decode()}", *listed) for uid, listed in invited.items()),
        *((named(name), *listed) for name, listed in former.items()),
    )


def from_entries(found: Iterable[tuple[str, str, int]]) -> Lists:
    """Undo `entries`. Each list is in the order it was made, whatever the order of the entries."""
    masks: dict[str, dict[str, Listed]] = {}
    invited: dict[Uid, Listed] = {}
    former: dict[RoomKey, Listed] = {}
    for name, by, at_ms in sorted(found, key=lambda entry: (entry[2], entry[0])):
        letter, _, value = name.partition(" ")
        if letter == "i":
            invited[Uid(value.encode())] = Listed(by, at_ms)
        elif letter == "n":
            former[RoomKey(value)] = Listed(by, at_ms)
        else:
            masks.setdefault(letter, {})[value] = Listed(by, at_ms)
    return masks, invited, former
