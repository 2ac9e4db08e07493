"""CAP, PASS, NICK, USER: from a connection to a session; PING, PONG, QUIT.

Source: RFC 2812 section 3.1; IRCv3 capability-negotiation; https://modern.ircdocs.horse/#connection-registration.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from hmac import compare_digest
from typing import Any

from gateway.commands.departure import depart, forget, unfinished
from gateway.commands.nicks import claim, rename
from gateway.commands.oversight import close_if_banned
from gateway.commands.queries import welcome
from gateway.commands.resuming import issue_token, take_by_account, take_offered
from gateway.commands.services import Network, Services
from gateway.errors import StoreError
from gateway.session import capabilities
from gateway.session.multiline import MULTILINE_VALUE
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.sasl import mechanisms
from gateway.session.session import Session, State
from gateway.wire import numerics as n
from gateway.wire.limits import MAX_BODY_BYTES, NAMELEN, USERLEN
from gateway.wire.message import Message
from gateway.wire.names import is_nick, nick_key
from gateway.wire.splitting import clip, first_word

__all__ = ["cap", "nick", "password", "ping", "pong", "quit_", "user", "values"]

Answer = Coroutine[Any, Any, None] | None
INBOX_TIMEOUT_S = 5.0
_USER_UNSAFE = str.maketrans("", "", " !@:\x7f" + "".join(map(chr, range(32))))


def cap(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """CAP LS, LIST, REQ and END."""
    subcommand = message.params[0].upper()
    match subcommand:
        case "LS":
            session.wants_302 |= (
                len(message.params) > 1 and message.params[1].isdecimal() and int(message.params[1]) >= 302
            )
            session.negotiating = not session.ready
            if session.wants_302:
                session.caps |= capabilities.CAP_NOTIFY
            _list(services, session, reply)
        case "LIST":
            _tell(session, "LIST", capabilities.names(session.caps).split(), reply)
        case "REQ":
            session.negotiating = not session.ready
            return _request(services, session, message.params[1] if len(message.params) > 1 else "", reply)
        case "END":
            session.negotiating = False
            return _go_on(services, session, reply)
        case _:
            reply.numeric(n.ERR_INVALIDCAPCMD, subcommand or "*", "Invalid CAP command")
    return None


def _list(services: Services, session: Session, reply: Reply) -> None:
    if not session.wants_302:
        # One line is all that such a client understands; who knows drafts knows 302.
        words = [word for word in capabilities.listed(services.withdrawn).split() if "/" not in word]
    else:
        words = capabilities.listed(services.withdrawn, values(services.network, session.certificate)).split()
    _tell(session, "LS", words, reply)


def _tell(session: Session, subcommand: str, words: list[str], reply: Reply) -> None:
    """Source: "Multiline replies to CAP LS and CAP LIST"."""
    if not session.wants_302:
        reply.message("CAP", session.name, subcommand, " ".join(words))
        return
    *first, last = _in_lines(words, len(f":{reply.server} CAP {session.name} {subcommand} * :"))
    for line in first:
        reply.message("CAP", session.name, subcommand, "*", line)
    reply.message("CAP", session.name, subcommand, last)


def values(network: Network, certificate: str) -> dict[int, str]:
    """What `CAP LS 302` says of capabilities beyond their names, to who showed this certificate (empty: none)."""
    return {
        capabilities.SASL: ",".join(mechanisms(certificate)),
        capabilities.ACCOUNT_REGISTRATION: ",".join(sorted(network.registration or ())),
        capabilities.MULTILINE: MULTILINE_VALUE,
        capabilities.STS: network.sts,
    }


def _in_lines(words: Sequence[str], taken: int) -> list[str]:
    """The words joined to lines of which each has room beside the `taken` bytes; one empty line for no words."""
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if taken + len(longer.encode()) <= MAX_BODY_BYTES:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _request(services: Services, session: Session, wanted: str, reply: Reply) -> Answer:
    words = wanted.split()
    caps = capabilities.requested(session.caps, words, services.withdrawn)
    if caps is None:
        reply.message("CAP", session.name, "NAK", wanted)
        return None
    session.negotiate(caps)
    for room in list(session.rooms.values()):
        room.reclass(session, render)
    for line in _in_lines(words, len(f":{services.network.server_name} CAP {session.name} ACK :")):
        reply.message("CAP", session.name, "ACK", line)
    late = session.ready and session.has(capabilities.RESUME) and not session.token
    return _tell_token(services, session, reply) if late else None


async def _tell_token(services: Services, session: Session, reply: Reply) -> None:
    if token := await issue_token(services, session):
        reply.message("RESUME", "TOKEN", token)


def password(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """PASS; compared when registration is complete."""
    if session.state is not State.REGISTERING:
        reply.numeric(n.ERR_ALREADYREGISTERED, "You may not reregister")
    else:
        session.password = message.params[0]
    return None


def user(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """USER."""
    if session.ready or session.user:
        reply.numeric(n.ERR_ALREADYREGISTERED, "You may not reregister")
        return None
    said, realname = message.params[0], message.params[3]
    if not said or not realname:
        reply.numeric(n.ERR_NEEDMOREPARAMS, "USER", "Not enough parameters")
        return None
    name = said.translate(_USER_UNSAFE)
    if not name:
        reply.numeric(n.ERR_INVALIDUSERNAME, "Your username is not valid")
        return None
    # "~": nobody asked an ident server (RFC 1413), the name is what the client says it is.
    session.user = "~" + clip(name, USERLEN - 1)
    session.realname = clip(realname, NAMELEN)
    return _go_on(services, session, reply)


def nick(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """NICK, the first and any later one."""
    wanted = message.params[0] if message.params else ""
    if not wanted:
        reply.numeric(n.ERR_NONICKNAMEGIVEN, "No nickname given")
        return None
    if not is_nick(wanted):
        reply.numeric(n.ERR_ERRONEUSNICKNAME, first_word(wanted), "Erroneous nickname")
        return None
    if session.ready:
        return rename(services, session, wanted, reply) if wanted != session.nick else None
    session.nick = wanted
    return _go_on(services, session, reply)


def _go_on(services: Services, session: Session, reply: Reply) -> Answer:
    if session.state is State.REGISTERING and session.complete:
        if session.sasl is not None:
            # IRCv3 sasl-3.1: "the server SHOULD abort it and send a 906 numeric, then register the client".
            session.sasl = None
            reply.numeric(n.ERR_SASLABORTED, "SASL authentication aborted")
        return _until_known(services, _register(services, session, reply))
    return None


async def _until_known(services: Services, work: Coroutine[Any, Any, None]) -> None:
    with unfinished(services):
        await work


async def _register(services: Services, session: Session, reply: Reply) -> None:
    required = services.network.password
    if required and not compare_digest(session.password.encode(), required.encode()):
        reply.numeric(n.ERR_PASSWDMISMATCH, "Password incorrect")
        reply.finish()
        session.close("Password incorrect")
        return
    if close_if_banned(services, session):
        return
    session.password = ""
    key = nick_key(session.nick)
    assert key is not None
    session.state = State.WELCOMING
    token = ""
    try:
        if session.offered and await take_offered(services, session, reply):
            return
        if session.account and await take_by_account(services, session, key, reply):
            return
        session.recorded = True
        if not await claim(services, session, session.nick, reply):
            if session.state is State.CLOSED:
                await forget(services, session)
            else:
                session.state = State.REGISTERING
                session.nick = ""
            return
        inbox = services.engine.inboxes.open(session)
        session.signed_on_s = int(services.clock_s())
        await services.directory.put(session.as_user(services.gateway))
        services.count_users(arriving=1)  # in front of what is waited for, so that whoever is welcome is counted
        await services.presence.here(session.as_member(services.gateway, ""))
        if session.has(capabilities.RESUME):
            token = await issue_token(services, session)
        async with asyncio.timeout(INBOX_TIMEOUT_S):
            await inbox
    except (StoreError, TimeoutError):
        session.state = State.REGISTERING  # so that the end of the connection gives back what was claimed
        reply.message("ERROR", "The chat's store is away, try again in a moment")
        reply.finish()
        session.close("Store unavailable")
        return
    if session.state is State.CLOSED:
        # The connection ended meanwhile, before there was a session to depart.
        services.engine.inboxes.close(session.uid)
        await forget(services, session)
        return
    session.state = State.READY
    services.sessions[session.attachment] = session
    welcome(services, session, reply)
    if token:
        reply.message("RESUME", "TOKEN", token)
    # Set while this registration was on its way, when no session was there yet to be closed.
    close_if_banned(services, session)


def ping(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """PING is a barrier: when PONG comes, the peer has everything that was in any room when it asked."""
    if not message.params:
        reply.numeric(n.ERR_NOORIGIN, "No origin specified")
        return None
    return _pong(services, message.params[0], reply)


async def _pong(services: Services, token: str, reply: Reply) -> None:
    with contextlib.suppress(StoreError):  # honest while Redis is away: the connection itself is well
        await services.history.barrier()
    reply.message("PONG", services.network.server_name, token)


def pong(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """An answer to our PING; that something came is all that counts."""
    return None


async def quit_(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """QUIT: leave every room and free the nick first, so that it is free when the peer sees the end."""
    reason = message.params[0] if message.params else ""
    session.quit_reason = f"Quit: {reason}" if reason else "Quit"
    if services.history.up:  # else the peer goes now, and its departure waits for Redis without it
        await depart(services, session, connected=True)
    reply.finish()
    session.close(session.quit_reason)
