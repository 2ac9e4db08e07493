"""The lists of a room as one sequence of named entries, which is how Redis and the log have them. Pure."""

from collections.abc import Iterable

from gateway.model import Listed, Uid

__all__ = ["Entries", "entries", "from_entries"]

Entries = tuple[tuple[str, str, int], ...]
"""Name ("b mask", "e mask", "I mask" or "i uid"), who made it, ms since 1970."""


def entries(lists: dict[str, dict[str, Listed]], invited: dict[Uid, Listed]) -> Entries:
    """The masks by letter, and the invitations."""
    masks = [(f"{letter} {mask}", *listed) for letter, listed_by in lists.items() for mask, listed in listed_by.items()]
    return (*masks, *((f"i {uid.decode()}", *listed) for uid, listed in invited.items()))


def from_entries(found: Iterable[tuple[str, str, int]]) -> tuple[dict[str, dict[str, Listed]], dict[Uid, Listed]]:
    """Undo `entries`. Each list is in the order it was made, whatever the order of the entries."""
    lists: dict[str, dict[str, Listed]] = {}
    invited: dict[Uid, Listed] = {}
    for name, by, at_ms in sorted(found, key=lambda entry: (entry[2], entry[0])):
        letter, _, value = name.partition(" ")
        if letter == "i":
            invited[Uid(value.encode())] = Listed(by, at_ms)
        else:
            lists.setdefault(letter, {})[value] = Listed(by, at_ms)
    return lists, invited
