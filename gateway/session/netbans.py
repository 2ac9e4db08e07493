"""Network-wide bans: what they may be, and whom they keep out. Pure."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from gateway.people import NetworkBan
from gateway.session.session import Session
from gateway.wire.masks import ACCOUNT, MASKLEN, mask_applies

__all__ = ["find_account_ban", "find_ban", "normalise_ban"]

_MAX_BLOCKS = 4096  # parsed ones kept


def normalise_ban(text: str) -> str | None:
    """A ban in full: `user@host`, `user@address/bits` or `a:account`; None for what is none, or would fit everybody."""
    if not 0 < len(text.encode()) <= MASKLEN or not text.isprintable() or set(text) & set(" ,!") or text[0] == ":":
        return None
    if text.startswith(ACCOUNT):
        return text if text[len(ACCOUNT) :].strip("*?") else None
    user, _, host = text.rpartition("@")
    user, host = user or "*", host or "*"
    if "/" in host:
        block = _block(host)
        if block is None or not block.prefixlen:
            return None
        host = block.with_prefixlen
    return f"{user}@{host}" if f"{user}{host}".strip("*?.:") else None


def find_ban(bans: Iterable[NetworkBan], session: Session) -> NetworkBan | None:
    """The first ban that keeps a session out."""
    return next((ban for ban in bans if _applies(ban.mask, session)), None)


def find_account_ban(bans: Iterable[NetworkBan], account: str) -> NetworkBan | None:
    """The first ban of an account, whoever is logged in to it from wherever."""
    return next((ban for ban in bans if ban.mask.startswith(ACCOUNT) and mask_applies(ban.mask, "", account)), None)


def _applies(mask: str, session: Session) -> bool:
    if mask.startswith(ACCOUNT):
        return mask_applies(mask, "", session.account)
    user, _, host = mask.rpartition("@")
    if "/" not in host:
        return mask_applies(f"*!{mask}", session.source, "")
    block = _block(host)
    if block is None or not mask_applies(f"*!{user}@*", session.source, ""):
        return False
    try:
        return ip_address(session.host) in block
    except ValueError:  # a name, and no address
        return False


@lru_cache(maxsize=_MAX_BLOCKS)
def _block(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
