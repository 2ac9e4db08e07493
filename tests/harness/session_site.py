"""A session in a real Redis, as one of two gateways sees it."""

from gateway.model import ORIGIN, GatewayId, Uid
from gateway.people import Refusal, Taken, User
from gateway.session.tokens import hash_of
from gateway.store import keys
from gateway.store.directory import Directory
from gateway.store.holding import Holding
from gateway.store.lanes import Lanes
from gateway.store.leases import Leases
from gateway.store.sessions import Sessions
from gateway.wire.names import NickKey, RoomKey
from tests.harness.events import join, member
from tests.harness.log_site import RedisSite, change

__all__ = ["FIRST", "GRACE_S", "SECOND", "THIRD", "SessionSite", "Sites"]

GRACE_S = 60.0
FIRST, SECOND, THIRD = (hash_of(text) for text in ("first", "second", "third"))


class SessionSite:
    """A gateway's view of the sessions, with the session of this test."""

    def __init__(self, lanes: Lanes, unique: str, name: str) -> None:
        self.lanes = lanes
        self.gateway = GatewayId(f"{name}-{unique}")
        self.sessions, self.holding = Sessions(lanes, self.gateway), Holding(lanes, self.gateway)
        self.directory = Directory(lanes, self.gateway)
        self.logs = RedisSite(lanes, self.gateway)
        self.uid = Uid(f"{unique}-uid".encode())
        self.nick = NickKey(unique)
        self.room = RoomKey(f"#{unique}")

    def user(self, *, account: str = "", epoch: int = 0) -> User:
        """The session's record as this gateway would write it."""
        return User(self.uid, self.nick, "~u", "host", "Real", account, "", 1, self.gateway, False, epoch=epoch)

    async def live(self, *, token: bytes = FIRST, account: str = "") -> None:
        """The session is here, in a room."""
        await Leases(self.lanes, self.gateway, lambda: (1, 0, 0, 0)).begin()
        assert await self.sessions.assert_all(self.user(account=account), self.nick, token, [self.room])
        await self.logs.logs.remember_log(keys.room_log(self.room))
        who = member("ann", gateway=self.gateway, modes="o")._replace(uid=self.uid)
        await change(self.logs, keys.room_log(self.room), 1, join(who))

    async def take(self, shown: bytes = FIRST, account: str = "", token: bytes = SECOND) -> Taken | Refusal:
        """Take it over for this gateway."""
        return await self.holding.take(self.uid, shown, account, token)

    async def events(self) -> list[str]:
        """The kinds of events in the room."""
        entries = await self.logs.logs.read_after(keys.room_log(self.room), ORIGIN, 100)
        return [type(entry.event).__name__ for entry in entries or []]

    async def field(self, name: str) -> bytes | None:
        """A field of the record."""
        value: bytes | None = await self.lanes.commands.call("HGET", keys.user_record(self.uid), name)
        return value


Sites = tuple[SessionSite, SessionSite]
"""Those of two gateways."""
