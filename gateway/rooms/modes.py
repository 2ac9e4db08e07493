"""The modes of a room: reading a MODE command, and deciding what of it really changes. Pure.

Source: RFC 2812 section 3.2.3; https://modern.ircdocs.horse/#channel-modes.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.events import ModeChange, ModesSet
from gateway.model import Member, Uid
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.retention import MAX_ENTRIES, read_kept
from gateway.wire import numerics as n
from gateway.wire.limits import NICKLEN
from gateway.wire.masks import normalise_mask
from gateway.wire.names import casefold

__all__ = ["FLAGS", "KEYLEN", "LISTS", "MAX_LISTED", "MAX_PARAMETERS", "Decision", "Request", "as_change", "decide",
           "pieces", "read_modes"]  # fmt: skip

LISTS = "beI"
FLAGS = "Cimnst"
MAX_LISTED = 100  # masks in each list; advertised as MAXLIST
MAX_PARAMETERS = 6  # modes with a parameter in one command, the rest is left out; advertised as MODES
KEYLEN = 32  # bytes of UTF-8; advertised
MAX_LIMIT = 1_000_000
_STATUS = "ov"
_FIELDS = {"H": "history", "k": "key", "l": "limit"}  # of the room's state
_WITH_PARAMETER = {"+": LISTS + _STATUS + "Hkl", "-": LISTS + _STATUS + "k"}


class Request(NamedTuple):
    """One mode of a command. `value` is None where the command has none (left)."""

    sign: str
    letter: str
    value: str | None = None


class Decision(NamedTuple):
    """What really changes, and the numerics with their parameters for what cannot be."""

    changes: tuple[ModeChange, ...]
    refusals: tuple[tuple[str, ...], ...]


def read_modes(params: Sequence[str]) -> list[Request]:
    """The modes that a command's parameters after the target ask for."""
    if not params:
        return []
    values = list(params[1:])
    sign, taken, found = "+", 0, []
    for letter in params[0]:
        if letter in "+-":
            sign = letter
            continue
        value = None
        if letter in _WITH_PARAMETER[sign]:
            if values and taken == MAX_PARAMETERS:
                continue
            if values:
                taken += 1
                value = values.pop(0)
        found.append(Request(sign, letter, value))
    return found


def decide(replica: Replica, requests: Sequence[Request]) -> Decision:
    """What of the requests changes the room as it is now; each sees the effect of those before it."""
    deciding = _Deciding(replica)
    for request in requests:
        deciding.take(request)
    return Decision(tuple(deciding.changes), tuple(deciding.refusals))


def as_change(replica: Replica, event: ModesSet) -> Change:
    """The event with all its effects in Redis. `replica` is what its changes were decided on."""
    flags, state = set(replica.modes), {}
    status: dict[Uid, set[str]] = {}
    listed: dict[str, bool] = {}
    for sign, letter, value, uid_text in event.changes:
        if letter in _STATUS:
            uid = Uid(uid_text.encode())
            status.setdefault(uid, set(replica.members[uid].modes)).symmetric_difference_update(letter)
        elif letter in LISTS:
            listed[f"{letter} {value}"] = sign == "+"
        elif letter in _FIELDS:
            state[_FIELDS[letter]] = value if sign == "+" else ""
        else:
            flags ^= {letter}
            state["modes"] = "".join(sorted(flags))
    return Change(
        event=event,
        permissions=replica.permissions,
        uid=event.uid,
        need="in",
        state=tuple(state.items()),
        modes=tuple((uid, "".join(sorted(modes))) for uid, modes in status.items()),
        listed=tuple((entry, event.source) for entry, stays in listed.items() if stays),
        unlisted=tuple(entry for entry, stays in listed.items() if not stays),
    )


def pieces(requests: Sequence[Request], room_left: int) -> Iterator[list[Request]]:
    """The requests in parts whose MODE line fits, whatever becomes of them; nearly always one.

    Args:
        room_left: bytes for letters and parameters.
    """
    piece: list[Request] = []
    used = 0
    for request in requests:
        length = len("+x ") + max(NICKLEN, len((request.value or "").encode()) + len("!*@*"), KEYLEN)
        if piece and used + length > room_left:
            yield piece
            piece, used = [], 0
        piece.append(request)
        used += length if request.letter not in FLAGS else len("+x")
    if piece:
        yield piece


class _Deciding:
    """A draft of the room's modes while one command is read."""

    def __init__(self, replica: Replica) -> None:
        self.changes: list[ModeChange] = []
        self.refusals: list[tuple[str, ...]] = []
        self._replica = replica
        self._flags = set(replica.modes)
        self._key, self._limit, self._history = replica.key, replica.limit, replica.history
        self._lists = {letter: set(replica.lists.get(letter, ())) for letter in LISTS}
        self._status: dict[Uid, set[str]] = {}

    def take(self, request: Request) -> None:
        """Decide one request."""
        sign, letter, value = request
        if letter in FLAGS:
            self._flag(sign, letter)
        elif letter in LISTS:
            self._mask(sign, letter, value or "")
        elif letter in _STATUS:
            self._rank(sign, letter, value)
        elif letter == "k":
            self._set_key(sign, value)
        elif letter == "l":
            self._set_limit(sign, value)
        elif letter == "H":
            self._set_history(sign, value)
        else:
            self._refuse(n.ERR_UNKNOWNMODE, letter, "is unknown mode char to me")

    def _refuse(self, *refusal: str) -> None:
        if refusal not in self.refusals:
            self.refusals.append(refusal)

    def _invalid(self, letter: str, value: str, text: str) -> None:
        self._refuse(n.ERR_INVALIDMODEPARAM, self._replica.name, letter, value or "*", text)

    def _flag(self, sign: str, letter: str) -> None:
        if (letter in self._flags) != (sign == "+"):
            self._flags ^= {letter}
            self.changes.append(ModeChange(sign, letter))

    def _mask(self, sign: str, letter: str, value: str) -> None:
        mask = normalise_mask(value)
        if mask is None:
            self._invalid(letter, value, "That is no mask")
            return
        masks = self._lists[letter]
        there = next((one for one in masks if casefold(one) == casefold(mask)), None)
        if sign == "-":
            if there is not None:
                masks.remove(there)
                self.changes.append(ModeChange("-", letter, there))
        elif there is None:
            if len(masks) >= MAX_LISTED:
                self._refuse(n.ERR_BANLISTFULL, self._replica.name, letter, "Channel list is full")
                return
            masks.add(mask)
            self.changes.append(ModeChange("+", letter, mask))

    def _rank(self, sign: str, letter: str, nick: str | None) -> None:
        if nick is None:
            self._refuse(n.ERR_NEEDMOREPARAMS, "MODE", "Not enough parameters")
            return
        member: Member | None = self._replica.find(nick)
        if member is None:
            self._refuse(n.ERR_USERNOTINCHANNEL, nick, self._replica.name, "They aren't on that channel")
            return
        modes = self._status.setdefault(member.uid, set(member.modes))
        if (letter in modes) != (sign == "+"):
            modes ^= {letter}
            self.changes.append(ModeChange(sign, letter, member.nick, member.uid.decode()))

    def _set_key(self, sign: str, value: str | None) -> None:
        if sign == "-":
            if self._key:
                # Whatever key was given: who may take it away may read it as well.
                self.changes.append(ModeChange("-", "k", self._key))
                self._key = ""
        elif value is None:
            self._refuse(n.ERR_NEEDMOREPARAMS, "MODE", "Not enough parameters")
        elif not _is_key(value):
            # Never repeated as it came: it would not be one parameter.
            self._invalid("k", "*", "A key has no spaces and no commas")
        elif value != self._key:
            self._key = value
            self.changes.append(ModeChange("+", "k", value))

    def _set_limit(self, sign: str, value: str | None) -> None:
        if sign == "-":
            if self._limit:
                self._limit = 0
                self.changes.append(ModeChange("-", "l"))
        elif value is None:
            self._refuse(n.ERR_NEEDMOREPARAMS, "MODE", "Not enough parameters")
        elif not (value.isascii() and value.isdecimal() and len(value) < 9 and 0 < int(value) <= MAX_LIMIT):
            self._invalid("l", value, "A limit is a number of members")
        elif int(value) != self._limit:
            self._limit = int(value)
            self.changes.append(ModeChange("+", "l", str(self._limit)))

    def _set_history(self, sign: str, value: str | None) -> None:
        if sign == "-":
            if self._history:
                self._history = ""
                self.changes.append(ModeChange("-", "H"))
        elif value is None:
            self._refuse(n.ERR_NEEDMOREPARAMS, "MODE", "Not enough parameters")
        elif read_kept(value) is None:
            text = f"History is up to {MAX_ENTRIES} entries and an age, as in 500:7d (m, h, d or w)"
            self._invalid("H", value if _is_key(value) else "*", text)
        elif value != self._history:
            self._history = value
            self.changes.append(ModeChange("+", "H", value))


def _is_key(text: str) -> bool:
    return 0 < len(text.encode()) <= KEYLEN and text[0] != ":" and text.isprintable() and not set(text) & set(" ,")
