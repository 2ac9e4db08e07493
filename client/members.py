"""Who is in our rooms, and who of them is away. Pure. Source: RFC 2812 section 3.2; IRCv3 multi-prefix, away-notify."""

from collections.abc import Mapping
from itertools import takewhile

from client.renames import move
from gateway.wire.names import casefold

__all__ = ["PREFIXES", "Roster"]

PREFIXES = "~&@%+"  # the highest rank first
MAX_MEMBERS = 100_000  # of one room; more are left out of the roster: they are not named, but heard all the same
MAX_LISTINGS = 64  # NAMES answers under way at once; the oldest is forgotten


class Roster:
    """Members by room, as NAMES, JOIN, PART, KICK, QUIT and NICK tell."""

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, tuple[str, str]]] = {}  # room -> nick -> (nick as spelled, prefixes)
        self._away: set[str] = set()  # casefolded nicks, of people in these rooms
        self._listing: dict[str, dict[str, tuple[str, str]]] = {}  # NAMES under way

    def enter(self, room: str) -> None:
        """We are in `room` now; its members are not known yet."""
        self._rooms[casefold(room)] = {}

    def leave(self, room: str) -> None:
        """We are not in `room` any more."""
        self._rooms.pop(casefold(room), None)
        self._away = {nick for nick in self._away if self.rooms_of(nick)}

    def move(self, old: str, new: str) -> None:
        """A room of ours is called otherwise."""
        for rooms in (self._rooms, self._listing):
            move(rooms, old, new)

    def __contains__(self, room: str) -> bool:
        return casefold(room) in self._rooms

    def members(self, room: str) -> Mapping[str, str]:
        """Nick, as spelled, to prefixes; a copy."""
        return dict(self._rooms.get(casefold(room), {}).values())

    def count(self, room: str) -> int:
        """How many there are."""
        return len(self._rooms.get(casefold(room), {}))

    def add(self, room: str, nick: str) -> None:
        """`nick` came into `room`."""
        members = self._rooms.get(casefold(room))
        if members is not None and len(members) < MAX_MEMBERS:
            members[casefold(nick)] = (nick, "")

    def remove(self, room: str, nick: str) -> None:
        """`nick` went out of `room`."""
        self._rooms.get(casefold(room), {}).pop(casefold(nick), None)
        if casefold(nick) in self._away and not self.rooms_of(nick):
            self._away.discard(casefold(nick))

    def rooms_of(self, nick: str) -> list[str]:
        """The casefolded names of our rooms that `nick` is in."""
        return [room for room, members in self._rooms.items() if casefold(nick) in members]

    def set_away(self, nick: str, away: bool) -> None:
        """`nick` went away, or came back; of no interest where we share no room."""
        if away and self.rooms_of(nick):
            self._away.add(casefold(nick))
        else:
            self._away.discard(casefold(nick))

    @property
    def away(self) -> frozenset[str]:
        """The casefolded nicks of who is away, as far as the server tells."""
        return frozenset(self._away)

    def rename(self, old: str, new: str) -> None:
        """`old` is called `new` now, everywhere."""
        if casefold(old) in self._away:
            self._away.discard(casefold(old))
            self._away.add(casefold(new))
        for members in self._rooms.values():
            if (member := members.pop(casefold(old), None)) is not None:
                members[casefold(new)] = (new, member[1])

    def listed(self, room: str, names: str) -> None:
        """A part of NAMES (353): nicks with their prefixes before them."""
        listing = self._listing.setdefault(casefold(room), {})
        if len(self._listing) > MAX_LISTINGS:
            del self._listing[next(iter(self._listing))]
        for name in names.split()[: MAX_MEMBERS - len(listing)]:
            prefix = "".join(takewhile(PREFIXES.__contains__, name))
            nick = name[len(prefix) :].partition("!")[0]
            listing[casefold(nick)] = (nick, prefix)

    def list_ended(self, room: str) -> Mapping[str, str]:
        """NAMES is complete (366): nick to prefixes. In a room of ours it is the truth from now on."""
        listing = self._listing.pop(casefold(room), {})
        if room in self:
            self._rooms[casefold(room)] = listing
        return dict(listing.values())
