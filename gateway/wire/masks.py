"""Masks of people: `nick!user@host` with `*` and `?`, and the two extended kinds. Standard library only.

Source: https://modern.ircdocs.horse/#mode-type-a; ISUPPORT EXTBAN, ACCOUNTEXTBAN (IRCv3 account-extban).
"""

import re
from functools import lru_cache

from gateway.wire.names import casefold, wildcard

__all__ = ["ACCOUNT", "MASKLEN", "MUTE", "mask_applies", "normalise_mask"]

MASKLEN = 90  # bytes of UTF-8, as given
ACCOUNT = "a:"  # who is logged in to an account that fits
MUTE = "m:"  # in front of any other mask: those may join and not speak
_MAX_PATTERNS = 4096  # compiled ones kept


def normalise_mask(text: str) -> str | None:
    """A mask in full (`ann` is `ann!*@*`, `@host` is `*!*@host`), or None where `text` is none."""
    if not 0 < len(text.encode()) <= MASKLEN or text[0] == ":" or not text.isprintable() or " " in text or "," in text:
        return None
    if text.startswith(MUTE):
        inner = normalise_mask(text[len(MUTE) :])
        return None if inner is None or inner.startswith(MUTE) else MUTE + inner
    if text.startswith(ACCOUNT):
        return text if len(text) > len(ACCOUNT) else None
    nick, bang, rest = text.partition("!")
    if not bang:
        user, at, host = text.partition("@")
        nick, rest = ("*", f"{user or '*'}@{host or '*'}") if at else (text, "*@*")
    user, _, host = rest.partition("@")
    return f"{nick or '*'}!{user or '*'}@{host or '*'}"


def mask_applies(mask: str, source: str, account: str, *, mutes: bool = True) -> bool:
    """Whether a mask as `normalise_mask` gives it fits somebody.

    Args:
        source: `nick!user@host`.
        account: empty for who is not logged in.
        mutes: False leaves `m:` masks out.
    """
    if mask.startswith(MUTE):
        return mutes and mask_applies(mask[len(MUTE) :], source, account)
    if mask.startswith(ACCOUNT):
        return bool(account) and _pattern(mask[len(ACCOUNT) :]).fullmatch(casefold(account)) is not None
    return _pattern(mask).fullmatch(casefold(source)) is not None


@lru_cache(maxsize=_MAX_PATTERNS)
def _pattern(mask: str) -> re.Pattern[str]:
    return wildcard(mask)
