"""Limits that hold over all gateways: buckets in Redis, and what this gateway has taken of them to spend by itself.

A message costs no round trip: a purse has a few free tokens every minute, which is all that an ordinary talker ever
needs, and beyond them it is filled `CHUNK` at a time. So a flooder gets from n gateways what it gets from one, and n
times `FREE` a minute. While Redis is away each session's own budget decides alone.
"""

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from gateway.commands.ports.network import Rates
from gateway.errors import StoreError
from gateway.people import Rate
from gateway.session.mailboxes import same_mailbox
from gateway.session.session import Session
from gateway.wire.names import RoomKey, casefold

__all__ = ["Allowances", "SharedLimits"]

FREE = 10  # messages a minute that no other gateway hears of
CHUNK = 20  # messages taken from Redis at once
FREE_EVERY_S = 60.0  # and a purse so old is no more than a new one, so it may be forgotten
MAX_PURSES = 100_000  # past it all are forgotten, and everybody is given `FREE` again
IPV6_BLOCK = 64  # bits: what one customer has (RFC 6177)


class SharedLimits(NamedTuple):
    """The figures, and who is exempt from those for an address."""

    connections: Rate = Rate(200, 300)  # of one address
    logins: Rate = Rate(10, 10)  # that failed: of one address, and to one account
    messages: Rate = Rate(60, 480)  # of one account
    address_messages: Rate = Rate(240, 1920)  # of all guests of one address
    joins: Rate = Rate(200, 240)  # rooms; of one account, or all guests of one address
    mails: Rate = Rate(3, 3 / 60)  # to one mailbox, and for one account: three, and then one every 20 minutes
    renames: Rate = Rate(5, 1)  # of one room
    trusted: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class _Purse:
    """What one account, or the guests of one address, may say here without asking Redis."""

    __slots__ = ("empty_until_s", "filling", "free_at_s", "rate", "tokens", "who")

    def __init__(self, who: str, rate: Rate | None, now_s: float) -> None:
        self.who = who
        self.rate = rate  # None: exempt
        self.tokens: float = FREE if rate else float("inf")
        self.free_at_s = now_s + FREE_EVERY_S  # when there are free tokens again
        self.empty_until_s = 0.0
        self.filling: asyncio.Future[None] | None = None


class Allowances:
    """All that this gateway takes from the shared buckets."""

    def __init__(self, rates: Rates, limits: SharedLimits, now_s: Callable[[], float]) -> None:
        self._rates = rates
        self._limits = limits
        self._now_s = now_s
        self._of_account: dict[str, _Purse] = {}
        self._of_host: dict[str, _Purse] = {}
        self._swept_at_s = now_s()

    # -- what is said -------------------------------------------------------------------------------------------------

    def may_speak(self, session: Session) -> bool:
        """Spend a token for a message if there is one here; False: `wait_to_speak` may get one."""
        purse = self._purse(session)
        if purse.tokens < 1:
            return False
        purse.tokens -= 1
        return True

    def unspoken(self, session: Session) -> None:
        """Put the token of `may_speak` back: nothing was said."""
        self._purse(session).tokens += 1

    async def wait_to_speak(self, session: Session) -> float:
        """Spend a token, from Redis if there is none here; for none, the seconds until there is one, else 0."""
        purse = self._purse(session)
        while purse.tokens < 1:
            now_s = self._now_s()
            if now_s >= purse.free_at_s:
                purse.tokens += FREE
                purse.free_at_s = now_s + FREE_EVERY_S
            elif now_s < purse.empty_until_s:
                return purse.empty_until_s - now_s
            else:
                await self._fill(purse)
        purse.tokens -= 1
        return 0.0

    def _purse(self, session: Session) -> _Purse:
        if session.account:
            return self._of_account.get(session.account) or self._open(session)
        return self._of_host.get(session.host) or self._open(session)

    def _open(self, session: Session) -> _Purse:
        now_s = self._now_s()
        if now_s - self._swept_at_s >= FREE_EVERY_S or len(self._of_account) + len(self._of_host) > MAX_PURSES:
            self._swept_at_s = now_s
            self._of_account = _young(self._of_account, now_s)
            self._of_host = _young(self._of_host, now_s)
        who = self._who(session)
        if session.account:
            purse = self._of_account[session.account] = _Purse(who, self._limits.messages, now_s)
            return purse
        # Addresses of one block share a purse.
        purse = self._of_host.get(who) or _Purse(who, self._limits.address_messages if who else None, now_s)
        self._of_host[session.host] = purse
        if who:
            self._of_host[who] = purse
        return purse

    async def _fill(self, purse: _Purse) -> None:
        if purse.filling is not None:
            await asyncio.shield(purse.filling)
            return
        assert purse.rate is not None
        purse.filling = asyncio.get_running_loop().create_future()
        try:
            taken, wait_s = await self._rates.take("message", purse.who, purse.rate, CHUNK)
            purse.tokens += taken
            purse.empty_until_s = self._now_s() + wait_s
        except StoreError:
            purse.tokens += CHUNK
        finally:
            purse.filling.set_result(None)
            purse.filling = None

    # -- everything that is rare --------------------------------------------------------------------------------------

    async def wait_to_join(self, session: Session, rooms: int) -> float:
        """Take tokens for so many rooms; for none, the seconds until there are enough, else 0."""
        who = self._who(session)
        # More than the bucket holds could never be had.
        return await self._take("join", who, self._limits.joins, min(rooms, self._limits.joins.burst)) if who else 0.0

    async def wait_to_rename(self, session: Session, room: RoomKey) -> float:
        """Take a token for another name of a room; for none, the seconds until there is one, else 0."""
        return await self._take("rename", room, self._limits.renames) if self._who(session) else 0.0

    async def wait_to_connect(self, host: str) -> float:
        """Take a token for a connection from there; for none, the seconds until there is one, else 0."""
        who = self._block(host)
        return await self._take("connection", who, self._limits.connections) if who else 0.0

    def exempts(self, host: str) -> bool:
        """Whether an address has no limits."""
        return not self._block(host)

    async def wait_to_log_in(self, host: str, account: str) -> float:
        """Take what an attempt costs, before anything is hashed; for none, the seconds to wait, else 0.

        One that succeeds costs nothing (`logged_in`): all clients of a lost gateway log in at once.
        """
        who = _account(account)
        if wait_s := await self._take("login", who, self._limits.logins):
            return wait_s
        block = self._block(host)
        if block and (wait_s := await self._take("login", block, self._limits.logins)):
            self._rates.give_back("login", who, self._limits.logins, 1)
            return wait_s
        return 0.0

    def logged_in(self, host: str, account: str) -> None:
        """Give back what `wait_to_log_in` took."""
        for who in (_account(account), self._block(host)):
            if who:
                self._rates.give_back("login", who, self._limits.logins, 1)

    async def wait_to_register(self, host: str) -> float:
        """Take a token for a new account; for none, the seconds until there is one, else 0."""
        who = self._block(host)
        return await self._take("register", who, self._limits.logins) if who else 0.0

    async def wait_to_mail(self, mailbox: str, account: str) -> float:
        """Take a token for a mail; for none, the seconds until there is one, else 0. Whoever connects from wherever:
        nobody's mailbox is filled by us."""
        who, to = _account(account), same_mailbox(mailbox)
        if wait_s := await self._take("mail", who, self._limits.mails):
            return wait_s
        if wait_s := await self._take("mail", to, self._limits.mails):
            self._rates.give_back("mail", who, self._limits.mails, 1)
            return wait_s
        return 0.0

    def not_mailed(self, mailbox: str, account: str) -> None:
        """Give back what `wait_to_mail` took."""
        for who in (_account(account), same_mailbox(mailbox)):
            self._rates.give_back("mail", who, self._limits.mails, 1)

    async def _take(self, kind: str, who: str, rate: Rate, tokens: int = 1) -> float:
        try:
            _, wait_s = await self._rates.take(kind, who, rate, tokens, tokens)
        except StoreError:
            return 0.0
        return wait_s

    def _who(self, session: Session) -> str:
        return _account(session.account) if session.account else self._block(session.host)

    def _block(self, host: str) -> str:
        """The address a limit is for; empty for those that are exempt."""
        try:
            address = ip_address(host)
        except ValueError:
            return ""  # no address: a peer on this machine
        if any(address in network for network in self._limits.trusted):
            return ""
        return f"{address}" if address.version == 4 else f"{ip_network((address, IPV6_BLOCK), strict=False)}"


def _account(name: str) -> str:
    return f"@{casefold(name)}"  # no address begins so


def _young(purses: dict[str, _Purse], now_s: float) -> dict[str, _Purse]:
    kept = {name: purse for name, purse in purses.items() if now_s < purse.free_at_s}
    return kept if len(kept) <= MAX_PURSES // 2 else {}
