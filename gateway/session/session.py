"""One peer as the gateway knows it. Pure: bytes go out through `write`, whatever that is."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from gateway.events import Changed, Entry, Rebound
from gateway.model import AttachmentId, GatewayId, Member, MsgId, Uid
from gateway.people import User
from gateway.session.budget import Budget
from gateway.session.capabilities import BATCH, CAP_NOTIFY, CHGHOST, ECHO, MULTILINE, READ_MARKER, RENAME, RENDERED
from gateway.session.render import render
from gateway.spoken import Said
from gateway.wire.limits import KICKLEN
from gateway.wire.message import Message, Source
from gateway.wire.names import NickKey, RoomKey, nick_key, room_key
from gateway.wire.splitting import clip

if TYPE_CHECKING:
    from gateway.rooms.room import Room
    from gateway.session.multiline import Draft
    from gateway.session.sasl import Exchange

__all__ = ["NOWHERE", "Link", "Session", "State"]

MAX_COPIED = 2000  # msgids on their way to the own inbox: as many as may wait for it
MAX_INVITATIONS = 100  # a session remembers; the oldest is forgotten
BOT_TAG = b"bot"  # IRCv3 bot-mode, "The bot message tag"


class State(Enum):
    """How far a session has come. A closed or detached one never opens again here."""

    REGISTERING = 1
    WELCOMING = 2  # everything was said, Redis is being asked
    READY = 3
    CLOSED = 4
    DETACHED = 5  # it has lost its connection here, and goes on


class Link(Protocol):
    """A session's connection, as far as the session asks anything of it but to write."""

    @property
    def queued_bytes(self) -> int:
        """What waits for the peer to read it."""

    def close(self, reason: str, *, goes_on: bool = False) -> None:
        """End the connection, and the session with it unless it `goes_on`; the peer is told the reason."""

    def look(self) -> None:
        """What the attachments of the session share has changed."""


class _Nowhere:
    """What a session has for a connection that it has not yet, or no more."""

    queued_bytes = 0

    def close(self, reason: str, *, goes_on: bool = False) -> None:
        """It is closed."""

    def look(self) -> None:
        """It is told when it is back."""


NOWHERE: Link = _Nowhere()
_NOBODY: Mapping[NickKey, str] = MappingProxyType({})
_NO_ROOMS: Mapping[RoomKey, "Room"] = MappingProxyType({})


class Session:
    """Who a peer is and what it negotiated. A seat in each of its rooms (`rooms.ports.Seat`)."""

    __slots__ = ("_copied", "_source", "_source_of", "account", "active_s", "attachment", "away", "budget", "caps",
                 "certificate", "draft", "ending", "ends_all", "epoch", "host", "in_flight",
                 "invitations", "leads", "link", "look_again", "looking", "modes", "negotiating", "nick", "offered",
                 "on_settled", "operator", "own_tags", "password", "published", "publishing", "quit_reason", "realname",
                 "recorded", "render_class", "returned_at_s", "rooms", "sasl", "secure", "shared", "shown_away",
                 "signed_on_s", "spoke", "state", "token", "uid", "user", "wants_302", "wants_echo", "watches",
                 "write")  # fmt: skip

    def __init__(self, uid: Uid, host: str, write: Callable[[bytes], None]) -> None:
        self.uid = uid
        self.attachment: AttachmentId = uid
        self.host = host
        self.write = write
        self.state = State.REGISTERING
        self.nick = ""
        self._source = b""
        self._source_of = ""  # the nick `_source` was made with
        self.user = ""
        self.realname = ""
        self.account = ""
        self.away = ""
        self.password = ""
        self.operator = False
        self.secure = False  # its connection is TLS
        self.certificate = ""  # SHA-256 of the one it showed, in hex; empty: none
        self.modes = ""  # of "B", "i", "s" and "w"
        self.own_tags = b""  # on everything it says
        self.invitations: dict[RoomKey, str] | None = None  # rooms as displayed, oldest first
        self.recorded = False  # Redis may know of it
        self.caps = 0
        self.render_class = 0
        self.wants_echo = False
        self.wants_302 = False
        self.negotiating = False  # between CAP LS or REQ and CAP END
        self.rooms: Mapping[RoomKey, Room] = _NO_ROOMS
        self.sasl: Exchange | None = None  # a login under way
        self.draft: Draft | None = None  # a message of several lines that is coming in
        self.signed_on_s = 0
        self.spoke = False  # since `active_s` was noted
        self.active_s = 0  # when it spoke last, since 1970, as its record has it
        self.secure = False  # TLS
        self.watches: Mapping[NickKey, str] = _NOBODY  # the nicks on its MONITOR list, as its client wrote them
        self.quit_reason = "Connection closed"
        self.link: Link = NOWHERE
        self.ending = False  # the end of the connection is its end too, for it was closed on purpose
        self.ends_all = False  # and of all other attachments of the session
        self.shared, self.leads = False, True  # there are other attachments; one of all does what one has to do for all
        self.shown_away: str | None = None  # what all of them together are shown as; None: it has not looked yet
        self.looking = self.look_again = False  # at what they share; and there is news meanwhile
        self.publishing = self.published = 0  # changes made here that the record may not have yet; and those it has
        self._copied: dict[MsgId, None] | None = None
        self.offered: tuple[str, ...] = ()  # what RESUME said while it registers: a token, perhaps a msgid
        self.token = b""  # hash of the one its client has; empty: none
        self.epoch = 0  # how often it was taken over
        self.returned_at_s: float | None = None  # when it came back, until its client is known to have the new token
        self.budget = Budget()
        self.in_flight = 0  # said here and not yet come back through the log
        self.on_settled: Callable[[], None] | None = None  # called when `in_flight` falls to 0

    @property
    def source(self) -> str:
        """`nick!user@host`."""
        return f"{self.nick}!{self.user}@{self.host}"

    @property
    def source_bytes(self) -> bytes:
        """The same as it stands on the wire; made once per nick and host, since the user stays after the welcome."""
        if self._source_of is not self.nick:
            self._source = self.source.encode()
            self._source_of = self.nick
        return self._source

    def move_to(self, host: str) -> None:
        """It is reached from another host now."""
        self.host = host
        self._source_of = ""

    @property
    def account_bytes(self) -> bytes:
        """The account as a tag's value; empty when not logged in."""
        return self.account.encode()

    @property
    def name(self) -> str:
        """What numerics call the peer: its nick, `*` before it has one."""
        return self.nick or "*"

    @property
    def key(self) -> NickKey | None:
        """The identity of the nick it holds."""
        return nick_key(self.nick)

    @property
    def ready(self) -> bool:
        """Registered, and not closed since."""
        return self.state is State.READY

    @property
    def complete(self) -> bool:
        """Whether everything registration needs was said."""
        return bool(self.nick and self.user) and not self.negotiating

    @property
    def alone(self) -> bool:
        """Whether the session has never been more than this connection, as far as is known here."""
        return not self.shared and self.attachment == self.uid

    @property
    def provable(self) -> bool:
        """Whether its client could prove to another gateway who it is."""
        return bool(self.token or self.account)

    @property
    def wants_batches(self) -> bool:
        """Whether it understands batches."""
        return bool(self.caps & BATCH)

    @property
    def knows_renames(self) -> bool:
        """Whether it understands RENAME."""
        return bool(self.caps & RENAME)

    @property
    def knows_hosts(self) -> bool:
        """Whether it understands CHGHOST."""
        return bool(self.caps & CHGHOST)

    def has(self, cap: int) -> bool:
        """Whether a capability was negotiated."""
        return bool(self.caps & cap)

    def negotiate(self, caps: int) -> None:
        """Take a new set of capabilities into use."""
        self.caps = caps | CAP_NOTIFY if self.wants_302 else caps
        # Messages of several lines are batches ("Dependencies").
        self.render_class = caps & RENDERED if caps & BATCH else caps & RENDERED & ~MULTILINE
        self.wants_echo = bool(caps & ECHO)

    def as_member(self, gateway: GatewayId, modes: str) -> Member:
        """This session in a room."""
        return Member(self.uid, self.nick, self.user, self.host, self.account, self.realname, gateway, modes, self.away)

    def as_user(self, gateway: GatewayId) -> User:
        """This session as its record has it."""
        return User(
            self.uid,
            self.nick,
            self.user,
            self.host,
            self.realname,
            self.account,
            self.away,
            self.signed_on_s,
            gateway,
            self.operator,
            self.modes,
            self.epoch,
            self.secure,
            self.certificate,
            self.active_s,
        )

    @property
    def unsent(self) -> int:
        """Bytes that wait for the peer to read them."""
        return self.link.queued_bytes

    def close(self, reason: str, *, goes_on: bool = False) -> None:
        """End its connection, and itself unless it `goes_on`; the peer is told the reason."""
        self.link.close(reason, goes_on=goes_on)

    def note_copied(self, msgid: MsgId) -> None:
        """What was said here comes to the session's own inbox, for its other attachments alone."""
        copied = self._copied = self._copied or {}
        copied[msgid] = None
        if len(copied) > MAX_COPIED:
            del copied[next(iter(copied))]

    def deliver(self, entries: list[Entry]) -> None:
        """Write direct messages to the peer, in one piece; note invitations, end by a KILL, or let the connection go
        where the attachment has moved on."""
        if any(self._has_moved(entry) for entry in entries):
            self.state = State.DETACHED
            self.close("Resumed elsewhere", goes_on=True)
        if not self.ready:
            return
        if copied := self._copied:
            entries = [entry for entry in entries if copied.pop(entry.event.msgid, copied) is copied]
        self.write(b"".join(render(entry, None, "", self.render_class) for entry in entries if self._takes(entry)))
        for entry in entries:
            if isinstance(entry.event, Said) and b" PRIVMSG " not in entry.event.line:
                self._noted(Message.parse(entry.event.line))
        if any(isinstance(entry.event, Changed) for entry in entries):
            self.link.look()

    def _has_moved(self, entry: Entry) -> bool:
        event = entry.event
        return (
            isinstance(event, Rebound) and (event.further or event.uid) == self.attachment and event.epoch > self.epoch
        )

    def _takes(self, entry: Entry) -> bool:
        """Whether it knows such a line (IRCv3 read-marker: MARKREAD only where it was negotiated)."""
        event = entry.event
        return not isinstance(event, Said) or b" MARKREAD " not in event.line[:100] or self.has(READ_MARKER)

    def _noted(self, message: Message) -> None:
        if message.command == "INVITE" and (key := room_key(message.params[-1])) is not None:
            invitations = self.invitations = self.invitations or {}
            invitations.pop(key, None)
            invitations[key] = message.params[-1]
            if len(invitations) > MAX_INVITATIONS:
                del invitations[next(iter(invitations))]
        elif message.command == "KILL":
            nick = Source.parse(message.source).nick
            self.ends_all = True
            self.quit_reason = clip(f"Killed ({nick} ({message.params[-1]}))", KICKLEN)
            self.close(self.quit_reason)

    def forget_invitations(self, names: Iterable[RoomKey]) -> None:
        """Those to a room, which may have had several names, were used."""
        if self.invitations:
            for name in names:
                self.invitations.pop(name, None)
            self.invitations = self.invitations or None

    def set_modes(self, modes: str) -> None:
        """Take new modes of the user into use."""
        self.modes = modes
        self.own_tags = BOT_TAG if "B" in modes else b""

    def settled(self) -> None:
        """One thing said here came back or failed."""
        self.in_flight -= 1
        if not self.in_flight and self.on_settled is not None:
            self.on_settled()
