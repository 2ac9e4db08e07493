"""OPER, DIE and DRAIN: gateways can be shut down from inside the chat. Source: RFC 2812 sections 3.1.4 and 4.3."""

from gateway.commands.oversight import audit, is_operator
from gateway.commands.services import Services
from gateway.commands.sharing import publish
from gateway.errors import FullError
from gateway.model import GatewayId
from gateway.session.fingerprints import as_fingerprint
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.message import Message

__all__ = ["die", "drain", "oper"]


async def oper(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """OPER name password; without a password for an operator who is known by the certificate shown."""
    name, password = message.params[0], message.params[1] if len(message.params) > 1 else None
    if not services.network.opers:
        reply.numeric(n.ERR_NOOPERHOST, "No operators are configured")
        return
    known_by = services.network.opers.get(name)
    if session.certificate and known_by == session.certificate:
        await _become(services, session, name, reply)
        return
    if password is None:
        reply.numeric(n.ERR_NEEDMOREPARAMS, "OPER", "Not enough parameters")
        return
    # Guessing is stopped as it is for accounts, over all gateways; what is no operator's name counts as one name.
    tried = f"oper {name if name in services.network.opers else '*'}"
    if services.network.limits and (wait_s := await services.allowances.wait_to_log_in(session.host, tried)):
        seconds = f"{wait_s + 1:.0f}"
        reply.fail("OPER", "RATE_LIMITED", seconds, text=f"Too many attempts; nothing was done, wait {seconds} s")
        return
    try:
        right = await services.check_password(None if as_fingerprint(known_by or "") else known_by, password)
    except FullError:
        reply.fail("OPER", "TEMPORARILY_UNAVAILABLE", text="Too many logins at once, try again")
        return
    if not right:
        reply.numeric(n.ERR_PASSWDMISMATCH, "Password incorrect")
        return
    if services.network.limits:
        services.allowances.logged_in(session.host, tried)
    await _become(services, session, name, reply)


async def _become(services: Services, session: Session, name: str, reply: Reply) -> None:
    session.operator = True
    services.count_users(recount=True)
    audit(session, "operator", name_given=name)
    await publish(services, session, operator=True)
    reply.numeric(n.RPL_YOUREOPER, "You are now an IRC operator")
    reply.message("MODE", session.nick, "+o")


def die(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """DIE: this gateway drains and ends; its clients find another."""
    if is_operator(session, reply):
        _drain_here(services, session, "DIE", reply)


async def drain(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """DRAIN [gateway]: that gateway, or this one, drains and ends; `VERSION` names the one that answers."""
    if not is_operator(session, reply):
        return
    wanted = GatewayId(message.params[0] if message.params else services.gateway)
    if wanted == services.gateway:
        _drain_here(services, session, "DRAIN", reply)
    elif await services.directory.ask_to_drain(wanted):
        audit(session, "gateway_asked_to_drain", asked=wanted)
        reply.message("NOTICE", session.nick, f"Gateway {wanted} was asked to drain")
    else:
        reply.numeric(n.ERR_NOSUCHSERVER, wanted, "No such gateway")


def _drain_here(services: Services, session: Session, command: str, reply: Reply) -> None:
    audit(session, "gateway_stopped", command=command)
    reply.message("NOTICE", session.nick, f"Gateway {services.gateway} drains and ends")
    services.request_drain(f"{command} by {session.nick}")
