"""How the connection stands, as a person wants to know it. Pure: the link's news and the time are passed in."""

from collections.abc import Sequence
from enum import Enum

__all__ = ["LinkStatus", "Phase"]


class Phase(Enum):
    """What the link is doing."""

    WAITING = "waiting"  # for the moment of the next try
    TRYING = "trying"  # to connect
    GREETING = "greeting"  # connected; the server has not welcomed us yet
    ONLINE = "online"


class LinkStatus:
    """The last news of the link."""

    def __init__(self, servers: Sequence[str], now_ms: int) -> None:
        self.phase = Phase.TRYING
        self.server = servers[0]  # of the news below
        self.attempt = 0  # since the last connection that was good
        self.reason = ""  # why there is no connection, or why it was lost
        self.since_ms = now_ms  # of being online, or of not being it
        self.next_try_ms: int | None = None
        self._servers = list(servers)

    @property
    def online(self) -> bool:
        """Whether a server has welcomed us."""
        return self.phase is Phase.ONLINE

    @property
    def servers(self) -> list[str]:
        """All there are to try, in that order."""
        return list(self._servers)

    @property
    def count(self) -> int:
        """How many servers there are to try."""
        return len(self._servers)

    @property
    def number(self) -> int:
        """Which of them `server` is, from 1."""
        return self._servers.index(self.server) + 1 if self.server in self._servers else 1

    @property
    def next_server(self) -> str:
        """The one that is tried next."""
        return self._servers[self.number % self.count]

    def trying(self, server: str, attempt: int) -> None:
        """A connection is being made."""
        self.phase, self.server, self.attempt, self.next_try_ms = Phase.TRYING, server, attempt, None

    def opened(self, server: str) -> None:
        """A connection is there."""
        self.phase, self.server = Phase.GREETING, server

    def welcomed(self, now_ms: int) -> None:
        """The server knows us."""
        self.phase, self.since_ms, self.reason = Phase.ONLINE, now_ms, ""

    def lost(self, server: str, reason: str, now_ms: int) -> None:
        """The connection is gone; the next try comes at once."""
        if self.online:
            self.since_ms = now_ms
        self.phase, self.server, self.reason, self.next_try_ms = Phase.WAITING, server, reason, now_ms

    def failed(self, server: str, attempt: int, reason: str, next_try_ms: int) -> None:
        """There was no connection to be had."""
        self.phase, self.server, self.attempt = Phase.WAITING, server, attempt
        self.reason, self.next_try_ms = reason, next_try_ms
