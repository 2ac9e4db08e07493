"""WEBIRC: a web gateway that is trusted tells for whom it connects. Source: https://ircv3.net/specs/extensions/webirc"""

import logging
from collections.abc import Coroutine
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any

from gateway.commands.services import Services
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire import numerics as n
from gateway.wire.hosts import shown_host
from gateway.wire.message import Message

__all__ = ["webirc"]

_log = logging.getLogger(__name__)


def webirc(services: Services, session: Session, message: Message, reply: Reply) -> Coroutine[Any, Any, None] | None:
    """WEBIRC password gateway hostname ip [options], before everything else. The host is the address, as it is of
    everybody here: nobody checks the name."""
    begun = session.nick or session.user or session.password or session.negotiating or session.caps
    if begun or session.state is not State.REGISTERING:
        reply.numeric(n.ERR_ALREADYREGISTERED, "WEBIRC has to be the first command")
        return None
    password, _, _, address, *options = message.params
    trusted = services.network.webirc
    if (
        trusted is None
        or not trusted.fits(session.host)
        or not compare_digest(password.encode(), trusted.password.encode())
    ):
        _refuse(session, reply, "Invalid WebIRC password")
        return None
    try:
        host = shown_host(str(ip_address(address)))
    except ValueError:
        _refuse(session, reply, "Invalid WebIRC address")
        return None
    words = {word.partition("=")[0] for option in options for word in option.split(" ")}
    # "Options": the client's connection counts as secure only if the gateway's own is as well.
    session.secure = session.secure and "secure" in words
    session.certificate = ""  # it was the gateway's
    via, session.host = session.host, host
    _log.info("webirc", extra={"uid": session.uid.decode(), "via": via})
    if services.network.limits and not services.allowances.exempts(host):
        return _admit(services, session)
    return None


async def _admit(services: Services, session: Session) -> None:
    if wait_s := await services.allowances.wait_to_connect(session.host):
        session.close(f"Too many connections from your address, wait {wait_s + 1:.0f} s")


def _refuse(session: Session, reply: Reply, why: str) -> None:
    reply.finish()
    session.close(why)
