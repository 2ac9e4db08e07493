"""Which rooms we want, which we are in, and which have to wait. Pure: the time is passed in."""

from collections.abc import Iterable

from client.renames import move, move_in
from gateway.wire.names import casefold

__all__ = ["Membership"]

ASK_AGAIN_MS = 2_000


class Membership:
    """Rooms by casefolded name; what is wanted outlives connections, the rest ends with each."""

    def __init__(self, rooms: Iterable[str]) -> None:
        self._wanted = {casefold(room): room for room in rooms}
        self._keys: dict[str, str] = {}
        self._entered: set[str] = set()
        self._caught_up: set[str] = set()
        self._delayed_ms: dict[str, int] = {}  # rooms the server could not serve, and when it said so

    @property
    def rooms(self) -> list[str]:
        """The rooms we are in, or enter as soon as there is a server, as they are spelled."""
        return list(self._wanted.values())

    @property
    def keys(self) -> set[str]:
        """The same, casefolded."""
        return set(self._wanted)

    @property
    def settled(self) -> bool:
        """Whether we are in all our rooms and know what was said there."""
        return self._caught_up >= self._wanted.keys()

    def __contains__(self, room: str) -> bool:
        return casefold(room) in self._wanted

    def spelled(self, room: str) -> str:
        """`room`, which is wanted, as it is spelled."""
        return self._wanted[casefold(room)]

    def is_entered(self, room: str) -> bool:
        """Whether the server has let us in."""
        return casefold(room) in self._entered

    def is_caught_up(self, room: str) -> bool:
        """Whether all that was said there is known."""
        return casefold(room) in self._caught_up

    @property
    def room_keys(self) -> dict[str, str]:
        """Casefolded room to the key that opens it, where a person gave one; a copy."""
        return dict(self._keys)

    def want(self, room: str, key: str = "") -> None:
        """A person wants to be in `room`, and says its `key` where it has one."""
        self._wanted[casefold(room)] = room
        if key:
            self._keys[casefold(room)] = key

    def entered(self, room: str) -> None:
        """The server has let us in; its spelling holds."""
        self._wanted[casefold(room)] = room
        self._entered.add(casefold(room))

    def caught_up(self, room: str) -> None:
        """All that was said in `room` is known."""
        self._caught_up.add(casefold(room))
        self._delayed_ms.pop(casefold(room), None)

    def delayed(self, room: str, now_ms: int) -> bool:
        """The server cannot serve `room` now; whether that is news."""
        news = casefold(room) not in self._delayed_ms
        self._delayed_ms[casefold(room)] = now_ms
        return news

    def to_ask_again(self, now_ms: int) -> list[str]:
        """Delayed rooms whose time has come; each counts as delayed from now on again."""
        due = [key for key, since_ms in self._delayed_ms.items() if now_ms - since_ms >= ASK_AGAIN_MS]
        self._delayed_ms.update(dict.fromkeys(due, now_ms))
        return [self._wanted[key] for key in due if key in self._wanted]

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise."""
        for table in (self._wanted, self._keys):
            move(table, old, new)
        move(self._delayed_ms, old, new)
        for names in (self._entered, self._caught_up):
            move_in(names, old, new)
        if new in self:
            self._wanted[casefold(new)] = new

    def forget(self, room: str) -> None:
        """`room` is none of ours any more."""
        key = casefold(room)
        self._wanted.pop(key, None)
        self._keys.pop(key, None)
        self._entered.discard(key)
        self._caught_up.discard(key)
        self._delayed_ms.pop(key, None)

    def offline(self) -> None:
        """The connection is gone."""
        self._entered.clear()
        self._caught_up.clear()
        self._delayed_ms.clear()
