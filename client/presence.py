"""Who we are to servers: the connection of the moment, our nick on it, and what proves us to the next one. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from client.events import NickChanged, NickTaken, Registered, ResumeRefused, TokenGranted
from client.nicks import OwnNicks
from client.resumption import Resumption
from client.sasl import Login
from client.session import Session, Wishes

__all__ = ["MAX_BUSY_TRIES", "Identity", "Presence"]

MAX_BUSY_TRIES = 5  # for a session that another connection is resuming; then a new one is begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are."""

    nick: str
    user: str
    realname: str
    password: str = field(default="", repr=False)
    login: Login | None = field(default=None, repr=False)


class Presence:
    """Our sessions, one after the other; to the server they may be one and the same."""

    def __init__(
        self, identity: Identity, resumption: Resumption, *, new_key: Callable[[], str], first_lines: int
    ) -> None:
        """Args: new_key: gives nonces for logins; first_lines: as in `Wishes`."""
        self._new_key = new_key
        self.nicks = OwnNicks(identity.nick)
        self.server = ""  # the one connected to last, as people write it
        self.unusable = ""  # why the connection, though it stands, is worth nothing
        self.away = ""  # what we said as we went away; empty: we are here
        self.connection: Session | None = None
        self._identity = identity
        self._resumption = resumption
        self._first_lines = first_lines
        self._busy_tries = 0

    @property
    def session(self) -> Session | None:
        """The connection, when a server has welcomed us on it."""
        return self.connection if self.connection is not None and self.connection.ready else None

    @property
    def idempotent(self) -> bool:
        """Whether the server takes a line that is sent twice for one."""
        return self.connection is not None and self.connection.idempotent

    def opened(self, server: str, rooms: Mapping[str, str], keys: Mapping[str, str]) -> None:
        """There is a connection: say who we are. `rooms` and `keys` as in `Wishes`."""
        self.server = server
        self.unusable = ""
        self.connection = Session(
            Wishes(
                nick=self.nicks.wanted,
                user=self._identity.user,
                realname=self._identity.realname,
                password=self._identity.password,
                rooms=rooms,
                keys=keys,
                own_nicks=self.nicks.all,
                ticket=self._resumption.ticket,
                login=self._identity.login,
                nonce=self._new_key() if self._identity.login is not None else "",
                first_lines=self._first_lines,
            )
        )
        self.connection.start()

    def lost(self) -> None:
        """The connection is gone; the session may live on."""
        self.connection = None

    def left(self) -> None:
        """We said good-bye: the session is over."""
        self._resumption.forget()

    def save(self) -> None:
        """Write down what need not be on disk at once."""
        self._resumption.save()

    def registered(self, event: Registered) -> None:
        """The server knows us; if not as the session of before, that one cannot be had any more."""
        self.nicks.given(event.nick)
        if not self.unusable:
            self._busy_tries = 0
            if not event.resumed:
                self._resumption.forget()
                if self.away and self.connection is not None:
                    self.connection.be_away(self.away)

    def heard(self, event: TokenGranted | ResumeRefused | NickTaken | NickChanged) -> str:
        """The server's word on who we are; what a person should know of it, or empty."""
        match event:
            case TokenGranted():
                if self.connection is not None:
                    self._resumption.granted(event.token, self.connection.capabilities)
            case ResumeRefused():
                self._refused(event)
            case NickChanged():
                self.nicks.given(event.nick)
            case NickTaken():
                self.nicks.refused()
                then = f"; trying {event.trying}" if event.trying else ""
                return f"nick {event.nick} cannot be had ({event.reason}){then}"
        return ""

    def _refused(self, event: ResumeRefused) -> None:
        """The session of before cannot be had: not in this moment, or only by logging in, which comes before it."""
        self._busy_tries += 1
        if event.busy and self._busy_tries <= MAX_BUSY_TRIES:
            self.give_up(event.reason)
        elif self._identity.login is not None:
            self._resumption.forget()
            self.give_up(event.reason)

    def give_up(self, reason: str) -> None:
        """This connection is of no use; the good-bye keeps what it may have become from lingering under our nick."""
        self.unusable = reason
        if self.connection is not None:
            self.connection.quit("")

    def direct_seen(self, msgid: str) -> None:
        """A direct message came."""
        self._resumption.seen(msgid)
