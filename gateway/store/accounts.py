"""Accounts in Redis: a hash for each, and for each reserved nick the account it is reserved for.

One that waits for the code mailed to its owner is a hash of its own that ends by itself; verified, it is the account.
An account is made before its name is reserved, and unmade after: what an ended gateway leaves half done is a name that
nobody can register, or an account without a reservation, and never a nick that nobody can use.
"""

import hashlib
import hmac
import secrets
import time
from typing import Any

from gateway.model import Uid
from gateway.people import Account, Credentials, ScramVerifier
from gateway.store import keys
from gateway.store.lanes import Lanes
from gateway.store.scripts import sha
from gateway.wire.names import NickKey, casefold

__all__ = ["Accounts"]

LATELY_MS = 60_000
MAILING_MS = 60_000  # that a name is kept while a mail is being sent; much more than that takes
WAITING_MS = 86_400_000  # that it is kept for the code: a day
MAX_TRIES = 10  # wrong codes that end the wait
WAITS = "?"  # in front of an account in `nick_reserve.lua`
_CHOICES = {b"on": True, b"off": False}


class Accounts:
    """All accounts. Every method raises `StoreError`."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def find(self, name: NickKey) -> tuple[Account | None, bytes]:
        """The account of that name, or that the nick is reserved for; and, made in the same way whether there is one
        or not, a salt that is always the same for that name."""
        lane = self._lanes.commands
        secret = secrets.token_bytes(32)
        record, owner = lane.call("HGETALL", keys.account(name)), lane.call("GET", keys.nick_owner(name))
        kept = await lane.call("SET", keys.ACCOUNTS_SECRET, secret, "NX", "GET")
        salt = hmac.digest(kept or secret, name.encode(), "sha256")
        account, holder = _account(await record), await owner
        if account is None and holder is not None and holder.decode() != name and not _waits(holder):
            account = _account(await lane.call("HGETALL", keys.account(NickKey(holder.decode()))))
        return account, salt

    async def create(self, name: NickKey, account: Account, uid: Uid) -> bool:
        """Register an account and reserve its name; False when that is or was one, or somebody else uses the nick."""
        call, unverified = self._lanes.commands.call, keys.unverified_account(name)
        if not await call("EVALSHA", sha("account_create"), 2, keys.account(name), unverified, *_fields(account)):
            return False
        if await self._reserve(name, name, uid):
            return True
        await call("DEL", keys.account(name))
        return False

    async def propose(self, name: NickKey, account: Account, uid: Uid, code: str) -> bool:
        """Keep a name while the code is being mailed to who registers it; False as for `create`, and where it is kept
        for another session. For a minute, so that nothing is left of a gateway that ends meanwhile."""
        written = await self._lanes.commands.call(
            "EVALSHA", sha("account_propose"), 2, keys.account(name), keys.unverified_account(name),
            MAILING_MS, uid, "code", _digest(name, code), *_fields(account),
        )  # fmt: skip
        if not written:
            return False
        if await self._reserve(name, name, uid, MAILING_MS):
            return True
        await self._wait(name, code, 0)
        return False

    async def await_code(self, name: NickKey, code: str) -> None:
        """The code is in the mail: keep the name for a day. Others may use it as their nick, and not reserve it."""
        await self._wait(name, code, WAITING_MS)
        await self._reserve(name, name, None, WAITING_MS)

    async def withdraw(self, name: NickKey, code: str) -> None:
        """No mail was sent: the name is free."""
        await self._wait(name, code, 0)
        await self._release(name, NickKey(f"{WAITS}{name}"))

    async def _wait(self, name: NickKey, code: str, for_ms: int) -> None:
        key = keys.unverified_account(name)
        await self._lanes.commands.call("EVALSHA", sha("account_await"), 1, key, _digest(name, code), for_ms)

    async def verify(self, name: NickKey, code: str) -> str | None:
        """Make the account whose code this is, and reserve its name; None: nothing waits for that code. Else what the
        account is called."""
        found = await self._lanes.commands.call(
            "EVALSHA", sha("account_verify"), 2, keys.account(name), keys.unverified_account(name),
            _digest(name, code), MAX_TRIES,
        )  # fmt: skip
        if not found:
            return None
        await self._reserve(name, name, None)
        made: bytes = found[0]
        return made.decode()

    async def set_password(self, name: NickKey, credentials: Credentials) -> bool:
        """Change the password; False when there is no such account any more."""
        return await self._change(name, *_credential_fields(credentials))

    async def multiclient(self, name: str) -> bool | None:
        """Whether the connections of the account share a session; None: it has not chosen."""
        return _CHOICES.get(
            await self._lanes.commands.call("HGET", keys.account(NickKey(casefold(name))), "multiclient")
        )

    async def set_multiclient(self, name: NickKey, choice: bool | None) -> bool:
        """Choose; None: as the network has it. False when there is no such account any more."""
        return await self._change(name, "multiclient", {True: "on", False: "off", None: ""}[choice])

    async def group(self, name: NickKey, account: Account, nick: NickKey, uid: Uid) -> bool:
        """Reserve one more nick; False when it cannot be had."""
        nicks = " ".join(sorted({*account.nicks, nick}))
        return await self._reserve(nick, name, uid) and await self._change(name, "nicks", nicks)

    async def ungroup(self, name: NickKey, account: Account, nick: NickKey) -> None:
        """End a reservation."""
        await self._change(name, "nicks", " ".join(other for other in account.nicks if other != nick))
        await self._release(nick, name)

    async def find_owner(self, certificate: str) -> Account | None:
        """The account that a certificate, by its fingerprint, logs in to."""
        call = self._lanes.commands.call
        owner = await call("GET", keys.certificate_owner(certificate))
        account = _account(await call("HGETALL", keys.account(NickKey(owner.decode())))) if owner else None
        # What an ended gateway left half done is an owner whose account does not know of it.
        return account if account is not None and certificate in account.certificates else None

    async def add_certificate(self, name: NickKey, account: Account, certificate: str) -> bool:
        """Let a certificate log in; False when it does so to another account, or there is no such account any more."""
        owner = await self._lanes.commands.call("SET", keys.certificate_owner(certificate), name, "NX", "GET")
        if owner is not None and owner.decode() != name:
            return False
        return await self._change(name, "certificates", " ".join(sorted({*account.certificates, certificate})))

    async def remove_certificate(self, name: NickKey, account: Account, certificate: str) -> None:
        """It logs in no more."""
        await self._change(name, "certificates", " ".join(each for each in account.certificates if each != certificate))
        await self._disown(certificate, name)

    async def _disown(self, certificate: str, name: NickKey) -> None:
        await self._lanes.commands.call("EVALSHA", sha("nick_release"), 1, keys.certificate_owner(certificate), name)

    async def delete(self, name: NickKey, account: Account) -> None:
        """End an account: its nicks are free, its name is not registered again."""
        call = self._lanes.commands.call
        for nick in (*account.nicks, name):
            await self._release(NickKey(nick), name)
        for certificate in account.certificates:
            await self._disown(certificate, name)
        await call("EVALSHA", sha("account_delete"), 1, keys.account(name))
        now_ms = int(time.time() * 1000)
        await call("ZADD", keys.DELETED_ACCOUNTS, now_ms, name)
        await call("ZREMRANGEBYSCORE", keys.DELETED_ACCOUNTS, "-inf", now_ms - 2 * LATELY_MS)

    async def deleted(self) -> set[str]:
        """The accounts that were deleted lately: within a minute, more than a gateway is ever late and alive."""
        since_ms = int(time.time() * 1000) - LATELY_MS
        gone = await self._lanes.commands.call("ZRANGEBYSCORE", keys.DELETED_ACCOUNTS, since_ms, "+inf")
        return {name.decode() for name in gone}

    async def is_reserved(self, nick: NickKey, account: NickKey | None) -> bool:
        """Whether a nick is reserved for another account than this."""
        owner = await self._lanes.commands.call("GET", keys.nick_owner(nick))
        return owner is not None and owner.decode() != account and not _waits(owner)

    async def _change(self, name: NickKey, *fields: str | bytes) -> bool:
        reply = await self._lanes.commands.call("EVALSHA", sha("account_change"), 1, keys.account(name), *fields)
        return bool(reply)

    async def _reserve(self, nick: NickKey, account: NickKey, uid: Uid | None, for_ms: int = 0) -> bool:
        """None for `uid`: whoever uses the nick; `for_ms`: while the account is not verified."""
        claim, owner = keys.nick_claim(nick), keys.nick_owner(nick)
        reply = await self._lanes.commands.call(
            "EVALSHA", sha("nick_reserve"), 2, claim, owner, account, uid or b"", for_ms
        )
        return bool(reply)

    async def _release(self, nick: NickKey, account: NickKey) -> None:
        await self._lanes.commands.call("EVALSHA", sha("nick_release"), 1, keys.nick_owner(nick), account)


def _waits(owner: bytes) -> bool:
    """Whether a nick is kept for an account that is not verified yet, which keeps nobody from using it."""
    return owner.startswith(WAITS.encode())


def _digest(name: NickKey, code: str) -> str:
    # 60 bits of chance need no slow hash; the name makes equal codes differ.
    return hashlib.sha256(f"{name} {code}".encode()).hexdigest()


def _fields(account: Account) -> tuple[str | bytes, ...]:
    return (
        "name", account.name, "email", account.email, "created", str(account.created_s),
        "nicks", " ".join(account.nicks), "certificates", " ".join(account.certificates),
        *_credential_fields(account.credentials),
    )  # fmt: skip


def _credential_fields(credentials: Credentials) -> tuple[str | bytes, ...]:
    scram = credentials.scram
    return (
        "hash", credentials.password_hash, "salt", scram.salt, "iterations", str(scram.iterations),
        "stored_key", scram.stored_key, "server_key", scram.server_key,
    )  # fmt: skip


def _account(reply: Any) -> Account | None:
    fields = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
    if b"hash" not in fields:
        return None
    scram = ScramVerifier(fields[b"salt"], int(fields[b"iterations"]), fields[b"stored_key"], fields[b"server_key"])
    return Account(
        name=fields[b"name"].decode(),
        credentials=Credentials(fields[b"hash"].decode(), scram),
        email=fields[b"email"].decode(),
        created_s=int(fields[b"created"]),
        nicks=tuple(fields[b"nicks"].decode().split()),
        multiclient=_CHOICES.get(fields.get(b"multiclient", b"")),
        certificates=tuple(fields.get(b"certificates", b"").decode().split()),
    )
