"""What holds for the network as a whole: who is where, who is watched, what is limited, who is banned."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gateway.events import Entry, Event
from gateway.model import AttachmentId, GatewayId, Member, Uid
from gateway.people import Figures, Former, Membership, NetworkBan, Rate, RoomRow, User
from gateway.wire.names import NickKey, RoomKey

__all__ = ["Aliases", "Directory", "Oversight", "Presence", "Rates"]


class Aliases(Protocol):
    """Names that lead to a room whose first name is another. Every method raises `StoreError`."""

    async def claim(self, name: RoomKey, room: RoomKey) -> bool:
        """Have a name, for some seconds, for a room that is about to get it; False: it is another's."""

    async def release(self, name: RoomKey, room: RoomKey) -> None:
        """It does not get the name."""

    async def keep(self, name: RoomKey, room: RoomKey) -> bool:
        """Have it lead to a room that has the name, or had it; False: it is another's by now."""

    async def find(self, name: RoomKey) -> RoomKey | None:
        """The room it leads to; None: to none. Raises `StoreError` also while a room is getting the name."""


class Directory(Protocol):
    """Who is where, on all gateways. Every method raises `StoreError`."""

    async def claim(self, nick: NickKey, uid: Uid, account: str = "") -> bool:
        """Take a nick; False when somebody else holds it. Raises `NickReservedError` where it is another account's."""

    async def free(self, nick: NickKey, uid: Uid) -> None:
        """Give a nick back."""

    async def put(self, user: User) -> None:
        """Write the record of a session that is not shared."""

    async def remove(self, attachment: AttachmentId, nick: NickKey | None) -> None:
        """Forget a session, with its last attachment."""

    async def note_former(self, user: User) -> None:
        """Remember, for WHOWAS, who gives up its nick."""

    async def formers(self, nick: NickKey) -> list[Former]:
        """Who had a nick before, newest first."""

    async def find(self, nick: NickKey) -> Uid | None:
        """Who holds a nick."""

    async def find_user(self, nick: NickKey) -> User | None:
        """The session that holds a nick."""

    async def away(self, uid: Uid) -> str:
        """What a session's absence is called; empty: it is here."""

    async def ask_to_drain(self, gateway: GatewayId) -> bool:
        """Have a gateway drain; False: there is none of that name."""

    async def users(self, uids: Sequence[Uid]) -> dict[Uid, User]:
        """The sessions that are there of some."""

    async def memberships(self, uid: Uid) -> list[Membership]:
        """The rooms that a session is in, by their names."""

    async def is_in(self, uid: Uid, room: RoomKey) -> bool:
        """Whether a session is a member of a room."""

    async def everybody(self) -> list[User]:
        """All sessions, up to a limit."""

    def tell_size(self, room: RoomKey, members: int) -> None:
        """Tell LIST how many members a room has now, without waiting; never raises."""

    async def rooms(self) -> list[RoomRow]:
        """The rooms, largest first."""

    async def figures(self) -> Figures:
        """What all gateways hold together."""

    def count(self, figures: Sequence[int]) -> None:
        """Write down this gateway's share now: users, unregistered connections, operators, invisible users."""


class Presence(Protocol):
    """Who holds which nick, told as it changes. Every method that waits raises `StoreError`."""

    on_watching: Callable[[NickKey], None]  # a nick is watched from now on, now and whenever it had to be asked again
    on_here: Callable[[NickKey, Member], None]
    on_gone: Callable[[NickKey, Uid], None]
    on_changed: Callable[[NickKey, Member, Entry], None]  # the member is as before the event

    async def here(self, member: Member) -> None:
        """Its registered session holds its nick now. That it does not any more is told when the nick is freed."""

    async def changed(self, member: Member, event: Event) -> None:
        """Something changed of a member, which is as before it."""

    async def look(self, nicks: Sequence[NickKey]) -> dict[NickKey, Member]:
        """Those of the nicks that somebody holds."""

    def watch(self, nick: NickKey) -> None:
        """Hear of a nick; `on_watching` follows."""

    def unwatch(self, nick: NickKey) -> None:
        """Hear no more of it."""


class Rates(Protocol):
    """Buckets that all gateways share."""

    async def take(self, kind: str, who: str, rate: Rate, want: int, need: int = 1) -> tuple[int, float]:
        """Tokens taken, up to `want`; none if fewer than `need` can be had, and then the seconds until they can.
        Raises `StoreError`."""

    def give_back(self, kind: str, who: str, rate: Rate, tokens: int) -> None:
        """Put tokens back."""


class Oversight(Protocol):
    """What operators decide for the whole network. Every method raises `StoreError`."""

    bans: Mapping[str, NetworkBan]  # by their masks, as of the last look

    async def refresh(self) -> bool:
        """Ask for the bans now; whether they changed."""

    async def set_ban(self, mask: str, minutes: int, by: str, reason: str) -> bool:
        """Ban for so long (0: until it is lifted); False: there are too many."""

    async def lift_ban(self, mask: str) -> bool:
        """End a ban; False: there is none."""

    async def notify(self, mode: str, line: str) -> None:
        """Send a line, without CR LF, to all users with a mode."""
