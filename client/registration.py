"""From a fresh connection to a nick: capabilities, password, login, nick. Pure.

Source: IRCv3 capability-negotiation (302), sasl-3.1; RFC 2812 section 3.1;
https://modern.ircdocs.horse/#connection-registration
"""

import base64
from collections.abc import Iterator, Sequence

from client import multiline
from client.events import Event, LoginRefused, NickTaken, ServerText
from client.resumption import Ticket
from client.sasl import Login, Proof, UntrueServerError, mechanisms
from gateway.wire import numerics
from gateway.wire.limits import NICKLEN
from gateway.wire.message import Message

__all__ = ["LOGIN_CODES", "PLAYBACK", "WANTED_CAPABILITIES", "Registration", "nick_candidates"]

WANTED_CAPABILITIES = (
    "away-notify",
    "batch",
    "draft/channel-rename",
    "draft/chathistory",
    "draft/message-redaction",
    "draft/multiline",
    "draft/read-marker",
    "echo-message",
    "hubbub.chat/idem",
    "hubbub.chat/resume",
    "invite-notify",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "server-time",
    "soju.im/search",
    "standard-replies",
)
PLAYBACK = "draft/event-playback"  # wanted only while there is something to catch up with: see `CatchUp`
MAX_NICK_TRIES = 10
CLASSIC_NICKLEN = 9  # RFC 1459 section 1.2: what a server that finds our nick too long is sure to take
SASL_CHUNK = 400  # characters; an answer of exactly so many is followed by an empty one
MAX_CHALLENGE = 8_000  # characters of one; what is longer is cut there and cannot be read
LOGIN_CODES = frozenset({"900", "902", "903", "904", "905", "906", "907", "908"})
_LOGGED_IN = frozenset({"903", "907"})
_HOPELESS = (numerics.ERR_PASSWDMISMATCH, "465")  # 465: ERR_YOUREBANNEDCREEP


def nick_candidates(nick: str) -> list[str]:
    """What to try when `nick` is taken: `nick_`, then `nick2`, `nick3` ..., each within the length limit."""
    endings = ["_", *(str(number) for number in range(2, MAX_NICK_TRIES))]
    return [nick[: NICKLEN - len(ending)] + ending for ending in endings]


class Registration:
    """One connection's way to 001. What it wants to send is appended to `out`, the list shared with the session."""

    def __init__(
        self, nick: str, out: list[Message], login: Login | None = None, nonce: str = "", *, playback: bool = False
    ) -> None:
        """Args:
        nonce: as for `Proof`.
        playback: what was deleted meanwhile is of interest.
        """
        self.nick = nick  # the one asked for last; the server's word for it comes with 001
        self._login = login
        self._nonce = nonce
        self._offered_mechanisms: list[str] | None = None
        self._multiline: multiline.Limits | None = None
        self._to_try: list[str] = []
        self._proof: Proof | None = None  # of the mechanism under way, or the last one
        self._challenge = ""  # as much of it as has come
        self._distrusted = False  # the server could not prove itself: nothing more is said to it
        self._resuming = False
        self._wanted = frozenset(WANTED_CAPABILITIES) | ({"sasl"} if login is not None else set())
        self._wanted |= {PLAYBACK} if playback else set()
        self.enabled: set[str] = set()
        self._candidates = nick_candidates(nick)
        self._shortened = False
        self._offered: set[str] = set()
        self._requested: set[str] = set()
        self._unanswered = 0  # CAP REQs
        self._done = False
        self._out = out

    @property
    def multiline(self) -> multiline.Limits | None:
        """How much the server takes as one message; None where it takes lines only."""
        return self._multiline if {multiline.BATCH, "batch"} <= self.enabled else None

    def start(self, *, user: str, realname: str, password: str, ticket: Ticket | None) -> None:
        """Say who we are. The server waits for CAP END before it welcomes us; one without CAP just welcomes us.

        With a ticket everything is said at once, for what the server offers is known: one round trip to be back. What
        it does not offer any more it refuses, and the offer that comes all the same is taken up after the welcome.
        """
        if password:
            self._send("PASS", password)
        self._send("CAP", "LS", "302")
        if ticket is not None and ticket.capabilities:
            self._request(ticket.capabilities)
        self._send("NICK", self.nick)
        self._send("USER", user, "0", "*", realname)
        if ticket is not None:
            self._resuming = True
            tokens = ",".join(filter(None, (ticket.token, ticket.former)))
            self._send("RESUME", tokens, ticket.direct or "*")
            self._finish()  # the session that comes back is logged in already

    def welcomed(self) -> Iterator[Event]:
        """001 came: nothing is left to negotiate."""
        if self._login is not None and self._proof is None and not self._resuming:
            who = f" as {self._login.account}" if self._login.account else ""
            yield ServerText(f"not logged in{who}: this server offers no login that we can use")
        self._done = True

    def cap(self, params: Sequence[str]) -> None:
        """Obey one CAP line (`target subcommand [*] :capabilities`); a malformed one is ignored."""
        if len(params) < 3:
            return
        # "a=b" is a capability with a value.
        values = {name: value for name, _, value in (word.partition("=") for word in params[-1].split())}
        names = list(values)
        if params[1].upper() in ("LS", "NEW") and values.get("sasl"):
            self._offered_mechanisms = values["sasl"].upper().split(",")
        if params[1].upper() in ("LS", "NEW") and multiline.BATCH in values:
            self._multiline = multiline.limits(values[multiline.BATCH])
        match params[1].upper():
            case "LS":
                self._offered.update(names)
                if params[2] != "*":  # a star: more lines follow
                    self._request(sorted(self._offered & self._wanted - self._requested))
            case "ACK":
                self.enabled.update(name for name in names if not name.startswith("-"))
                self.enabled.difference_update(name[1:] for name in names if name.startswith("-"))
                self._answered()
            case "NAK":
                # All or nothing: what was refused together may be granted alone.
                if len(names) > 1:
                    for name in names:
                        self._request([name])
                self._answered()
            case "NEW":
                if fresh := sorted(set(names) & self._wanted - self.enabled - {"sasl"}):
                    self._request(fresh)
            case "DEL":
                self.enabled.difference_update(names)

    def without_playback(self) -> None:
        """All is caught up with: from now on history is what was said, and nothing else."""
        if PLAYBACK in self.enabled:
            self._wanted -= {PLAYBACK}
            self._send("CAP", "REQ", f"-{PLAYBACK}")

    def nick_refused(self, code: str, reason: str) -> Iterator[Event]:
        """The server will not give us `nick` (431-437): try the next."""
        refused = self.nick
        if code == numerics.ERR_ERRONEUSNICKNAME and not self._shortened and len(refused) > CLASSIC_NICKLEN:
            self._shortened = True
            self.nick = refused[:CLASSIC_NICKLEN]
        elif code != numerics.ERR_ERRONEUSNICKNAME and self._candidates:
            self.nick = self._candidates.pop(0)
        else:
            yield LoginRefused(f"nick {refused}: {reason}")
            return
        yield NickTaken(refused, self.nick, reason)
        self._send("NICK", self.nick)

    def authenticate(self, chunk: str) -> Iterator[Event]:
        """A part of the server's challenge. Source: IRCv3 sasl-3.1."""
        if self._proof is None or self._done or self._distrusted:
            return
        self._challenge += "" if chunk == "+" else chunk
        if len(chunk) == SASL_CHUNK and len(self._challenge) <= MAX_CHALLENGE:
            return  # more of it follows
        challenge, self._challenge = self._challenge, ""
        try:
            answer = self._proof.answer(base64.b64decode(challenge, validate=True))
        except (UntrueServerError, ValueError) as exc:
            self._distrusted = True
            self._send("AUTHENTICATE", "*")
            reason = str(exc) if isinstance(exc, UntrueServerError) else "the server's challenge cannot be read"
            yield LoginRefused(reason, retry=True)
            return
        words = base64.b64encode(answer).decode()
        chunks = [words[start : start + SASL_CHUNK] for start in range(0, len(words), SASL_CHUNK)]
        for part in [*chunks, *(["+"] if not chunks or len(chunks[-1]) == SASL_CHUNK else [])]:
            self._send("AUTHENTICATE", part)

    def login_answered(self, code: str, params: Sequence[str]) -> Iterator[Event]:
        """One of `LOGIN_CODES` came."""
        reason = params[-1] if params else ""
        if self._distrusted:
            return
        if code == "900":
            yield ServerText(reason)
        elif code in _LOGGED_IN:
            if self._proof is not None and not self._proof.mutual:
                self._distrusted = True
                yield LoginRefused("the server let us in without a proof that it knows the password", retry=True)
            else:
                self._finish()
        elif self._proof is not None and not self._done:
            if code == numerics.RPL_SASLMECHS and self._to_try:
                return  # 904 comes with it
            if self._to_try:
                self._prove()
            elif self._login is not None and not self._login.account:
                yield ServerText(f"not logged in: {reason}")
                self._finish()
            else:
                yield LoginRefused(reason, retry=True)

    def refused(self, code: str, reason: str) -> Iterator[Event]:
        """An error came before 001: is it one that trying again cannot mend?"""
        if code in _HOPELESS:
            yield LoginRefused(reason)

    def _request(self, names: Sequence[str]) -> None:
        if names:
            self._unanswered += 1
            self._requested.update(names)
            self._send("CAP", "REQ", " ".join(names))
        else:
            self._end()

    def _answered(self) -> None:
        self._unanswered -= 1
        if self._unanswered <= 0:
            self._end()

    def _end(self) -> None:
        """The capabilities are agreed on."""
        if self._login is None or "sasl" not in self.enabled or self._done:
            self._finish()
        elif self._proof is None:
            self._to_try = mechanisms(self._login, self._offered_mechanisms)
            if self._to_try:
                self._prove()
            else:
                self._finish()

    def _prove(self) -> None:
        """Try the next mechanism."""
        if self._login is not None:
            self._proof = Proof(self._to_try.pop(0), self._login, self._nonce)
            self._challenge = ""
            self._send("AUTHENTICATE", self._proof.mechanism)

    def _finish(self) -> None:
        if not self._done:
            self._done = True
            self._send("CAP", "END")

    def _send(self, command: str, *params: str) -> None:
        self._out.append(Message(command, params))
