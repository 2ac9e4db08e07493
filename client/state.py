"""What one connection knows; shared by `session`, `inbound`, `roomlines` and `replies`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from client.batches import Batches
from client.catchup import FIRST_LINES, PAGE_LINES, CatchUp
from client.line import Kind, RoomLine
from client.members import Roster
from client.registration import Registration
from client.renames import move
from client.resumption import Ticket
from client.sasl import Login
from gateway.wire.message import Message
from gateway.wire.names import casefold
from gateway.wire.tags import format_tags, format_time

__all__ = ["ALIVE", "IDEM", "KEY_TAG", "SEARCH", "LookingBack", "Older", "Sent", "State", "Wishes"]

ALIVE = "alive"  # the token of a PING whose answer is the whole point
SEARCH = "soju.im/search"  # capability and type of batch
IDEM = "hubbub.chat/idem"  # capability and tag: the server takes a line with a key it knows for the same line
KEY_TAG = "+hubbub.chat/key"  # to other servers: relayed with the line, so that history can tell which line it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a connection is for.

    Attributes:
        user: the user name, a part of our prefix that others see.
        rooms: room to position (`msgid=...`, `timestamp=...`), empty where nothing is known yet.
        own_nicks: casefolded nicks we had on connections before; lines from them in history are ours.
        ticket: to come back as the session we were.
        login: the account to log in to, where a ticket does not do.
        nonce: for that login; a word that was never used before and cannot be guessed.
        first_lines: how many of the last lines of a room to ask for where no position is known.
        keys: casefolded room to its key, for rooms that have one.
    """

    nick: str
    user: str
    realname: str
    rooms: Mapping[str, str]
    password: str = field(default="", repr=False)
    own_nicks: frozenset[str] = frozenset()
    ticket: Ticket | None = None
    login: Login | None = field(default=None, repr=False)
    nonce: str = field(default="", repr=False)
    first_lines: int = FIRST_LINES
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """A line of ours that the server has not answered yet."""

    target: str
    kind: Kind
    text: str


@dataclass(slots=True)
class Older:
    """A request for lines before those we know; `size` counts what came, understood or not."""

    room: str
    token: str
    asked: int
    size: int = 0


@dataclass(slots=True)
class LookingBack:
    """A request for lines in which something is looked for; `chosen`: the server looks itself."""

    room: str
    token: str
    asked: int
    chosen: bool
    lines: list[RoomLine] = field(default_factory=list)
    size: int | None = None  # of the answer, understood or not; None: none came
    refused: str = ""


class State:
    """The facts of one connection. `sent` and `joining` are as long as what we asked for, `catchups` as our rooms."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.out: list[Message] = []
        self.registration = Registration(
            wishes.nick, self.out, wishes.login, wishes.nonce, playback=any(wishes.rooms.values())
        )
        self.ready = False
        self.resuming = False  # the server gives us back what we had: from SUCCESS to DONE
        self.leaving = False
        self.own_nicks = set(wishes.own_nicks)
        self.roster = Roster()
        self.batches = Batches()
        self.catchups: dict[str, CatchUp] = {}
        self.older: dict[str, Older] = {}  # casefolded room -> the one request under way
        self.looking: LookingBack | None = None  # one at a time
        self.keys = dict(wishes.keys)
        self.joining: dict[str, str] = {}  # casefolded room -> position
        self.positions = {casefold(room): position for room, position in wishes.rooms.items()}  # until entered
        self.sent: dict[str, Sent] = {}
        self.topics: dict[str, str] = {}  # casefolded room -> the topic we asked it to have, unanswered
        self.room_list: list[tuple[str, str, str]] = []
        self.rooms_left_out = 0
        self.history_limit = 0
        self.now_ms = 0
        self.last_token = 0

    @property
    def nick(self) -> str:
        """The nick the server knows us by; before 001 the one asked for last."""
        return self.registration.nick

    @nick.setter
    def nick(self, nick: str) -> None:
        self.registration.nick = nick
        self.own_nicks.add(casefold(nick))

    @property
    def enabled(self) -> set[str]:
        """The capabilities both ends agreed on."""
        return self.registration.enabled

    @property
    def has_history(self) -> bool:
        """Whether the server can be asked for history."""
        return "draft/chathistory" in self.enabled and "batch" in self.enabled

    @property
    def labels(self) -> bool:
        """Whether the server answers with our labels."""
        return "labeled-response" in self.enabled and "batch" in self.enabled

    def is_me(self, nick: str) -> bool:
        """Whether `nick` is the one we have now."""
        return casefold(nick) == casefold(self.nick)

    @property
    def idempotent(self) -> bool:
        """Whether the server takes a line that is sent twice for one."""
        return IDEM in self.enabled

    def send(self, command: str, *params: str, tags: Mapping[str, str] | None = None) -> None:
        """Queue one message for the server."""
        self.out.append(Message(command, params, tags=tags or {}))

    def join(self, room: str, position: str) -> None:
        """Ask to enter `room`."""
        self.joining[casefold(room)] = position
        key = self.keys.get(casefold(room), "")
        self.send("JOIN", room, *([key] if key else []))

    def entered(self, room: str) -> None:
        """We are a member of `room`: ask for its history."""
        self.roster.enter(room)
        self.last_token += 1
        catchup = CatchUp(
            room,
            position=self.joining.pop(casefold(room), self.positions.pop(casefold(room), "")),
            limit=self.history_limit,
            first_lines=self.wishes.first_lines,
            token=f"history-{self.last_token}",
            supported=self.has_history,
        )
        self.catchups[casefold(room)] = catchup
        self.out.extend(catchup.request(labelled=self.labels))

    def renamed(self, old: str, new: str) -> bool:
        """The room `old` is called `new`; whether we want it, or are in it."""
        ours = old in self.roster or casefold(old) in {*self.joining, *map(casefold, self.wishes.rooms)}
        rooms = dict(self.wishes.rooms)
        for name in [name for name in rooms if casefold(name) == casefold(old)]:
            rooms[new] = rooms.pop(name)
        self.wishes = replace(self.wishes, rooms=rooms)
        self.roster.move(old, new)
        tables: list[dict[str, Any]] = [
            self.catchups, self.older, self.keys, self.joining, self.positions, self.topics
        ]  # fmt: skip
        for table in tables:
            move(table, old, new)
        asked = (self.catchups.get(casefold(new)), self.older.get(casefold(new)), self.looking)
        for one in asked:
            if one is not None and casefold(one.room) == casefold(old):
                one.room = new
        for key, sent in self.sent.items():
            if casefold(sent.target) == casefold(old):
                self.sent[key] = replace(sent, target=new)
        return ours

    def ask_older(self, room: str, position: str, lines: int) -> None:
        """Ask for at most `lines` lines before `position`; the PING behind it tells when the answer is complete."""
        self.last_token += 1
        token = f"older-{self.last_token}"
        asked = min(lines, self.history_limit) if self.history_limit > 0 else lines
        self.older[casefold(room)] = Older(room, token, asked)
        tags = {"label": token} if self.labels else {}
        self.send("CHATHISTORY", "BEFORE", room, position, str(asked), tags=tags)
        self.send("PING", token)

    def look_back(self, room: str, words: str, before: RoomLine, limit: int) -> None:
        """Ask the server for `words`, or for the page before `before`; a PING behind it, as for `ask_older`."""
        self.last_token += 1
        token = f"search-{self.last_token}"
        tags = {"label": token} if self.labels else {}
        if SEARCH in self.enabled:
            wanted = {"in": room, "text": words, "before": format_time(before.time_ms), "limit": str(limit)}
            self.looking = LookingBack(room, token, limit, chosen=True)
            self.send("SEARCH", format_tags(wanted)[1:-1], tags=tags)
        else:
            asked = min(PAGE_LINES, self.history_limit) if self.history_limit > 0 else PAGE_LINES
            self.looking = LookingBack(room, token, asked, chosen=False)
            self.send("CHATHISTORY", "BEFORE", room, f"msgid={before.msgid}", str(asked), tags=tags)
        self.send("PING", token)

    def left(self, room: str) -> None:
        """We are no member of `room` any more."""
        self.older.pop(casefold(room), None)
        self.topics.pop(casefold(room), None)
        self.roster.leave(room)
        self.catchups.pop(casefold(room), None)
