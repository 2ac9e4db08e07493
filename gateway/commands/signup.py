"""REGISTER and VERIFY: make an account. Source: IRCv3 draft/account-registration."""

import base64
import hashlib
from collections.abc import Coroutine
from typing import Any

from gateway.commands.login import log_in
from gateway.commands.services import Services
from gateway.errors import FullError, MailboxError, MailError, StoreError
from gateway.people import Account
from gateway.session.mailboxes import BadMailboxError, parse_mailbox
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire.message import Message
from gateway.wire.names import NickKey, casefold, nick_key

__all__ = ["problem_of_password", "register", "verify"]

Answer = Coroutine[Any, Any, None] | None
MAX_PASSWORD_BYTES = 300  # what fits everywhere a client may have to send it (account-registration)
CODE_LENGTH = 12  # characters of base32: 60 bits, of which ten can be tried

_AWAY = "Accounts cannot be reached now; nothing was done, try again"


def register(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """REGISTER account email password: the account is there at once, or once the code is said that is mailed to the
    address; the session is logged in to it then."""
    name, email, password = message.params[:3]
    keys = services.network.registration
    name = session.nick if name == "*" else name
    if keys is None:
        _fail(reply, "REGISTER", "TEMPORARILY_UNAVAILABLE", name, "Accounts are not registered here")
    elif session.account:
        _fail(reply, "REGISTER", "ALREADY_AUTHENTICATED", session.account, "You are logged in to an account already")
    elif not session.ready and "before-connect" not in keys:
        _fail(reply, "REGISTER", "COMPLETE_CONNECTION_REQUIRED", name, "Complete the connection first")
    elif not session.nick:
        _fail(reply, "REGISTER", "NEED_NICK", "*", "Choose a nick first")
    elif casefold(name) != casefold(session.nick) and "custom-account-name" not in keys:
        _fail(reply, "REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", name, "An account is named as your nick")
    elif (key := nick_key(name)) is None:
        _fail(reply, "REGISTER", "BAD_ACCOUNT_NAME", name, "The name of an account is one that a nick can be")
    elif problem := problem_of_password(password, name, services.network.min_password):
        _fail(reply, "REGISTER", problem[0], name, problem[1])
    else:
        try:
            mailbox = "" if email == "*" and "email-required" not in keys else parse_mailbox(email)
        except BadMailboxError as exc:
            _fail(reply, "REGISTER", exc.code, name, "That is no address to which mail can be sent from here")
        else:
            return _register(services, session, key, (name, mailbox, password), reply)
    return None


def problem_of_password(password: str, name: str, min_length: int) -> tuple[str, str] | None:
    """The code and the reason why an account of that name cannot have the password."""
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        return "UNACCEPTABLE_PASSWORD", f"A password has at most {MAX_PASSWORD_BYTES} bytes"
    if " " in password or not password.isprintable() or password.startswith(":"):
        return "UNACCEPTABLE_PASSWORD", "A password is one word of a command: no spaces, no colon in front"
    if len(password) < min_length or casefold(password) == casefold(name):
        return "WEAK_PASSWORD", f"A password has at least {min_length} characters, and is not the account's name"
    return None


async def _register(
    services: Services, session: Session, key: NickKey, wanted: tuple[str, str, str], reply: Reply
) -> None:
    name, mailbox, password = wanted
    try:
        if services.network.limits and (wait_s := await services.allowances.wait_to_register(session.host)):
            text = f"Too many accounts were registered from your address; wait {wait_s + 1:.0f} s"
            _fail(reply, "REGISTER", "TEMPORARILY_UNAVAILABLE", name, text)
            return
        credentials = await services.passwords.make(password)
        made = Account(name, credentials, mailbox, int(services.clock_s()), ())
        if mailbox and services.mail is not None:
            await _mail_code(services, session, key, made, reply)
        elif not await services.accounts.create(key, made, session.uid):
            _fail(reply, "REGISTER", "ACCOUNT_EXISTS", name, "That name belongs to somebody else")
        else:
            reply.message("REGISTER", "SUCCESS", name, "Account registered; you are logged in to it")
            await log_in(services, session, name, reply)
    except (StoreError, FullError):
        _fail(reply, "REGISTER", "TEMPORARILY_UNAVAILABLE", name, _AWAY)


async def _mail_code(services: Services, session: Session, key: NickKey, wanted: Account, reply: Reply) -> None:
    """Keep the name, and mail the code that makes the account. Raises `StoreError`, `FullError`."""
    name, mailbox = wanted.name, wanted.email
    limits, allowances = services.network.limits, services.allowances
    if limits and (wait_s := await allowances.wait_to_mail(mailbox, name)):
        text = f"Too many mails went to that address, or for that account; wait {wait_s + 1:.0f} s"
        _fail(reply, "REGISTER", "TEMPORARILY_UNAVAILABLE", name, text)
        return
    code = _new_code(services)
    if not await services.accounts.propose(key, wanted, session.uid, code):
        _fail(reply, "REGISTER", "ACCOUNT_EXISTS", name, "That name belongs to somebody else")
        return
    try:
        assert services.mail is not None
        await services.mail.send_code(mailbox, name, "-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4)))
    except (MailError, FullError) as exc:
        if limits:
            allowances.not_mailed(mailbox, name)
        await services.accounts.withdraw(key, code)
        if isinstance(exc, MailboxError):
            _fail(reply, "REGISTER", "INVALID_EMAIL", name, "The mail server does not send to that address")
        else:
            text = "Mail cannot be sent now; nothing was done, try again"
            _fail(reply, "REGISTER", "TEMPORARILY_UNAVAILABLE", name, text)
        return
    await services.accounts.await_code(key, code)
    text = f"A code was mailed to {mailbox}; say VERIFY {name} and the code, within a day"
    reply.message("REGISTER", "VERIFICATION_REQUIRED", name, text)


def _new_code(services: Services) -> str:
    # Letters and the digits that look like none of them, in one case: it is read on one device and typed on another.
    secret = hashlib.sha256(services.new_secret().encode()).digest()
    return base64.b32encode(secret).decode().lower()[:CODE_LENGTH]


def verify(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """VERIFY account code: make the account that was registered, on whichever gateway, and log in to it."""
    name, code = message.params[:2]
    if session.account:
        _fail(reply, "VERIFY", "ALREADY_AUTHENTICATED", session.account, "You are logged in to an account already")
    elif not session.ready and "before-connect" not in (services.network.registration or ()):
        _fail(reply, "VERIFY", "COMPLETE_CONNECTION_REQUIRED", name, "Complete the connection first")
    elif (key := nick_key(name)) is None:
        _invalid_code(reply, name)
    else:
        return _verify(services, session, (name, key, code.lower().replace("-", "")), reply)
    return None


async def _verify(services: Services, session: Session, said: tuple[str, NickKey, str], reply: Reply) -> None:
    name, key, code = said
    try:
        # A code is guessed at as a password is.
        if services.network.limits and (wait_s := await services.allowances.wait_to_log_in(session.host, key)):
            text = f"Too many attempts; nothing was done, wait {wait_s + 1:.0f} s"
            _fail(reply, "VERIFY", "TEMPORARILY_UNAVAILABLE", name, text)
            return
        made = await services.accounts.verify(key, code)
        if made is None:
            _invalid_code(reply, name)
            return
        if services.network.limits:
            services.allowances.logged_in(session.host, key)
        reply.message("VERIFY", "SUCCESS", made, "Account registered; you are logged in to it")
        await log_in(services, session, made, reply)
    except StoreError:
        _fail(reply, "VERIFY", "TEMPORARILY_UNAVAILABLE", name, _AWAY)


def _invalid_code(reply: Reply, name: str) -> None:
    # The same whether the name waits for another code or for none: it does not tell which names are being registered.
    text = "Nothing waits for that code: it is wrong, too late, or was used already"
    _fail(reply, "VERIFY", "INVALID_CODE", name, text)


def _fail(reply: Reply, command: str, code: str, name: str, text: str) -> None:
    # Never a NOTICE: who sends REGISTER knows standard replies, on which its specification depends.
    reply.message("FAIL", command, code, name, text)
