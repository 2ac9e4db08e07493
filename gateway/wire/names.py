"""Nicks and room names: grammar and casefolding. Standard library only.

Source: RFC 2812 section 2.3.1; ISUPPORT CASEMAPPING=ascii.
"""

import re
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from typing import NewType

from gateway.wire.limits import CHANNELLEN, NICKLEN

__all__ = ["NickKey", "RoomKey", "casefold", "is_nick", "is_room_name", "nick_key", "room_key", "wildcard"]

RoomKey = NewType("RoomKey", str)
"""A checked, casefolded room name. The first one of a room is its identity, whatever it is called since. Made only by
`room_key`."""

NickKey = NewType("NickKey", str)
"""A checked, casefolded nick: the identity of a nick. Made only by `nick_key`."""

_FOLD = str.maketrans(ascii_uppercase, ascii_lowercase)
_NICK = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]*")
# Space, comma and BEL end a name (RFC 1459 section 1.3); other control characters have no business in one either.
_ROOM = re.compile("#[^\\x00-\\x20,\\x7f:]+")


def casefold(name: str) -> str:
    """Fold A-Z alone; a Unicode fold would differ between versions of Python, and so between gateways."""
    return name.translate(_FOLD)


def is_nick(text: str) -> bool:
    """Whether `text` may be a nick."""
    return len(text) <= NICKLEN and _NICK.fullmatch(text) is not None


def is_room_name(text: str) -> bool:
    """Whether `text` may be a room's name on the wire, `#` included."""
    return len(text.encode()) <= CHANNELLEN and _ROOM.fullmatch(text) is not None


def nick_key(text: str) -> NickKey | None:
    """The identity of a nick, or None where `text` is none."""
    return NickKey(casefold(text)) if is_nick(text) else None


@lru_cache(maxsize=4096)  # a name is said far more often than it is new
def room_key(text: str) -> RoomKey | None:
    """The key of a room's name, or None where `text` is none."""
    return RoomKey(casefold(text)) if is_room_name(text) else None


def wildcard(mask: str) -> re.Pattern[str]:
    """A mask with `*` and `?` as a pattern for `fullmatch` on casefolded text. Source: RFC 2812 section 2.5.

    A match costs at most the length of the mask times that of the text, however many stars there are.
    """
    first, *others = (_literal(part) for part in casefold(mask).split("*"))
    if not others:
        return re.compile(first, re.DOTALL)
    # What follows a star may settle at its first place for good (an atomic group): the next star reaches all others.
    # Without that, "*a*a*a*b" tries every way to choose the places, and one ban could stop the gateway.
    *middle, last = others
    found = "".join(f"(?>.*?{part})" for part in middle if part)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def _literal(part: str) -> str:
    return "".join("." if char == "?" else re.escape(char) for char in part)
