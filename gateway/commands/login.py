"""AUTHENTICATE, and what follows from being logged in. Source: IRCv3 sasl-3.1, sasl-3.2, account-notify."""

import secrets
from collections.abc import Coroutine, Iterable
from typing import Any

from gateway.commands.everywhere import change_everywhere
from gateway.commands.nicks import rename
from gateway.commands.oversight import close_if_locked
from gateway.commands.services import Services
from gateway.commands.sharing import publish
from gateway.errors import FullError, GatewayError, StoreError
from gateway.events import AccountSet
from gateway.people import Account
from gateway.session.capabilities import ACCOUNT_NOTIFY, CAP_NOTIFY, SASL
from gateway.session.reply import Reply
from gateway.session.sasl import (
    MECHANISMS,
    Challenge,
    CheckPassword,
    Exchange,
    FindOwner,
    FindVerifier,
    Found,
    SaslFailedError,
    SaslTooLongError,
    chunks,
    mechanisms,
)
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.names import NickKey, casefold, nick_key

__all__ = [
    "TooManyLoginsError",
    "announce_sasl",
    "authenticate",
    "check_password",
    "end_deleted",
    "log_in",
    "log_out",
]

NONCE_BYTES = 18  # 144 bits, 24 characters
NO_NAME = NickKey("*")  # what every name that cannot be an account's is taken for


class TooManyLoginsError(GatewayError):
    """Somebody tries too often."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"{wait_s:.0f} s")
        self.wait_s = wait_s


def authenticate(
    services: Services, session: Session, message: Message, reply: Reply
) -> Coroutine[Any, Any, None] | None:
    """AUTHENTICATE: begin, go on, or abort; before registration and after it, and again."""
    chunk = message.params[0]
    exchange = session.sasl
    if chunk == "*":
        session.sasl = None
        reply.numeric(n.ERR_SASLABORTED, "SASL authentication aborted")
    elif not session.has(SASL) or services.withdrawn & SASL:
        session.sasl = None
        reply.numeric(n.ERR_SASLFAIL, "SASL authentication failed: the capability sasl is not in use")
    elif exchange is None:
        return _begin(services, session, chunk, reply)
    else:
        try:
            response = exchange.feed(chunk)
        except SaslTooLongError:
            session.sasl = None
            reply.numeric(n.ERR_SASLTOOLONG, "SASL message too long")
        except SaslFailedError:
            _failed(session, reply)
        else:
            return None if response is None else _advance(services, session, exchange, response, reply)
    return None


def _begin(services: Services, session: Session, mechanism: str, reply: Reply) -> Coroutine[Any, Any, None] | None:
    offered = mechanisms(session.certificate)
    begin = MECHANISMS.get(mechanism.upper())
    if begin is None or mechanism.upper() not in offered:
        reply.numeric(n.RPL_SASLMECHS, ",".join(offered), "are available SASL mechanisms")
        _failed(session, reply)
        return None
    session.sasl = Exchange(begin(secrets.token_urlsafe(NONCE_BYTES)))
    return _advance(services, session, session.sasl, None, reply)


async def _advance(
    services: Services, session: Session, exchange: Exchange, response: bytes | None, reply: Reply
) -> None:
    try:
        step = exchange.mechanism.send(response)
        while not isinstance(step, Challenge):
            step = exchange.mechanism.send(await _answer(services, session, exchange, step))
    except StopIteration as end:
        session.sasl = None
        if close_if_locked(services, session, end.value, reply):
            return
        if services.network.limits and exchange.proving:
            services.allowances.logged_in(session.host, exchange.proving)
        reply.numeric(n.RPL_LOGGEDIN, _mask(session), end.value, f"You are now logged in as {end.value}")
        reply.numeric(n.RPL_SASLSUCCESS, "SASL authentication successful")
        await _set_account(services, session, end.value, reply)
    except SaslFailedError:
        _failed(session, reply)
    except TooManyLoginsError as exc:
        _failed(session, reply, f": too many attempts, try again in {exc.wait_s + 1:.0f} s")
    except (StoreError, FullError):
        _failed(session, reply, " for now, try again")
    else:
        for part in chunks(step.data):
            reply.message("AUTHENTICATE", part)


def _failed(session: Session, reply: Reply, why: str = "") -> None:
    session.sasl = None
    reply.numeric(n.ERR_SASLFAIL, f"SASL authentication failed{why}")


async def _answer(
    services: Services, session: Session, exchange: Exchange, step: CheckPassword | FindOwner | FindVerifier
) -> str | Found | None:
    if isinstance(step, FindOwner):  # not throttled: nobody guesses a certificate whose key TLS has checked
        owner = await services.accounts.find_owner(session.certificate)
        return owner.name if owner is not None else None
    key = nick_key(step.name) or NO_NAME
    account, salt = await services.accounts.find(key)
    exchange.proving = account.name if account else key
    if isinstance(step, CheckPassword):
        right = await check_password(services, session, exchange.proving, account, step.password)
        return account.name if right and account is not None else None
    await _throttle(services, session, exchange.proving)
    if account is None:
        return Found("", services.passwords.decoy(salt))
    return Found(account.name, account.credentials.scram)


async def check_password(
    services: Services, session: Session, name: str, account: Account | None, password: str
) -> bool:
    """Whether it is the password of the account; for none (`name` is what was said) False after the same time.

    Counts as an attempt to log in; whoever is let in gives it back. Raises `TooManyLoginsError`, `FullError`.
    """
    await _throttle(services, session, name)
    return await services.passwords.verify_account(account.credentials.password_hash if account else None, password)


async def _throttle(services: Services, session: Session, name: str) -> None:
    if services.network.limits and (wait_s := await services.allowances.wait_to_log_in(session.host, name)):
        raise TooManyLoginsError(wait_s)


def _mask(session: Session) -> str:
    return f"{session.name}!{session.user or '*'}@{session.host}"


async def log_in(services: Services, session: Session, account: str, reply: Reply) -> None:
    """Log a session in, and tell it and who shares a room with it. Raises `StoreError`."""
    reply.numeric(n.RPL_LOGGEDIN, _mask(session), account, f"You are now logged in as {account}")
    await _set_account(services, session, account, reply)


async def log_out(services: Services, session: Session, reply: Reply) -> None:
    """End a login; a nick that is reserved for the account goes with it. Raises `StoreError`."""
    reply.numeric(n.RPL_LOGGEDOUT, _mask(session), "You are now logged out")
    await _set_account(services, session, "", reply)


async def _set_account(services: Services, session: Session, account: str, reply: Reply) -> None:
    if session.account == account:
        return
    session.account = account
    if not session.ready:
        return  # nobody knows of it yet
    if session.shared:
        await services.records.part_others(session.attachment)
    await change_everywhere(
        services,
        session,
        lambda msgid: AccountSet(session.uid, msgid, account),
        lambda member: member._replace(account=account),
    )
    if not session.ready:
        return  # its departure has removed the record meanwhile
    if session.has(ACCOUNT_NOTIFY):
        reply.add(f":{session.source} ACCOUNT {account or '*'}\r\n".encode())
    await publish(services, session, account=account)
    key = session.key
    assert key is not None
    if await services.accounts.is_reserved(key, NickKey(casefold(account))) and session.ready:
        await rename(services, session, f"guest-{secrets.token_hex(4)}", reply)


async def end_deleted(services: Services) -> None:
    """Log out every session here whose account was deleted, on any gateway. Raises `StoreError`."""
    logged_in = [session for session in services.sessions.values() if session.account]
    gone = await services.accounts.deleted() if logged_in else set()
    for session in logged_in if gone else ():
        if casefold(session.account) in gone and session.ready:
            reply = Reply(session, services.network.server_name)
            await log_out(services, session, reply)
            reply.finish()


def announce_sasl(services: Services, sessions: Iterable[Session]) -> None:
    """Withdraw the capability, or give it back, as Redis is now.

    Source: IRCv3 sasl-3.2, "Integration with cap-notify".
    """
    available = not services.withdrawn & SASL
    for session in sessions:
        if not available:
            session.negotiate(session.caps & ~SASL)
            session.sasl = None
        if session.has(CAP_NOTIFY):
            reply = Reply(session, services.network.server_name)
            said = ("NEW", f"sasl={','.join(mechanisms(session.certificate))}") if available else ("DEL", "sasl")
            reply.message("CAP", session.name, *said)
            reply.finish()
