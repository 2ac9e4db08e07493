"""AWAY and SETNAME, and a host that changed: what others are told of somebody as it changes.

Source: RFC 2812 section 4.1; IRCv3 away-notify, pre-away, setname, chghost.
"""

from collections.abc import Coroutine
from typing import Any

from gateway.commands.everywhere import change_everywhere
from gateway.commands.services import Services
from gateway.commands.sharing import publish
from gateway.events import AwaySet, HostSet, NameSet
from gateway.session.capabilities import CHGHOST, PRE_AWAY, SETNAME
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.limits import AWAYLEN, NAMELEN
from gateway.wire.message import Message
from gateway.wire.splitting import clip

__all__ = ["away", "change_host", "setname"]

Answer = Coroutine[Any, Any, None] | None


def away(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """AWAY [text]: the peer is away, or here again; with pre-away also while it registers."""
    text = clip("".join(message.params[:1]), AWAYLEN)
    if session.ready:
        return _set_away(services, session, text, reply)
    if session.has(PRE_AWAY):
        session.away = text
        _confirm(text, reply)
    else:
        reply.numeric(n.ERR_NOTREGISTERED, "You have not registered")
    return None


async def _set_away(services: Services, session: Session, text: str, reply: Reply) -> None:
    if not session.alone:
        session.away = text
        await services.records.set_away(session.attachment, text)
        await services.records.tell_others(session.uid)  # who sees whether all are away, this one or another
    elif text != session.away:
        # The record first: who hears of it may ask at once, any gateway.
        await publish(services, session, away=text)
        # As its own word too: where it was shared before, that is what counts beside others' that come.
        await services.records.set_away(session.attachment, text)
        session.away = text
        await change_everywhere(
            services,
            session,
            lambda msgid: AwaySet(session.uid, msgid, text),
            lambda member: member._replace(away=text),
        )
    _confirm(text, reply)


def _confirm(text: str, reply: Reply) -> None:
    if text:
        reply.numeric(n.RPL_NOWAWAY, "You have been marked as being away")
    else:
        reply.numeric(n.RPL_UNAWAY, "You are no longer marked as being away")


async def setname(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """SETNAME realname."""
    realname = message.params[0]
    if not realname.strip() or len(realname.encode()) > NAMELEN:
        text = f"A real name has 1 to {NAMELEN} bytes"
        reply.fail_only("SETNAME", "INVALID_REALNAME", text=text)
        return
    if realname != session.realname:
        await publish(services, session, realname=realname)
        session.realname = realname
        await change_everywhere(
            services,
            session,
            lambda msgid: NameSet(session.uid, msgid, realname),
            lambda member: member._replace(realname=realname),
        )
    if session.has(SETNAME):
        reply.add(f":{session.source} SETNAME :{realname}\r\n".encode())


async def change_host(services: Services, session: Session, host: str, reply: Reply) -> None:
    """A session is reached from another address now. Raises `StoreError`."""
    source, before = session.source, session.as_member(services.gateway, "")
    await publish(services, session, host=host, secure=session.secure, certificate=session.certificate)
    session.move_to(host)
    await change_everywhere(
        services,
        session,
        lambda msgid: HostSet(session.uid, msgid, host),
        lambda member: member._replace(host=host),
        before=before,
    )
    if session.has(CHGHOST):
        reply.add(f":{source} CHGHOST {session.user} {host}\r\n".encode())
