"""WHOIS and WHOWAS. Source: RFC 2812 sections 3.6.2 and 3.6.3; https://modern.ircdocs.horse/#whois-message."""

import asyncio
from datetime import UTC, datetime

from gateway.commands.names import filled, prefixes
from gateway.commands.services import Services
from gateway.people import Former, User
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.names import nick_key
from gateway.wire.splitting import first_word

__all__ = ["MAX_WHOWAS_TARGETS", "whois", "whowas"]

MAX_WHOWAS_TARGETS = 4  # of one command; advertised as TARGMAX


async def whois(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """WHOIS of one nick; a server in front of it makes no difference."""
    nick = message.params[-1].split(",")[0]
    key = nick_key(nick)
    user = await services.directory.find_user(key) if key is not None else None
    if user is None:
        reply.numeric(n.ERR_NOSUCHNICK, first_word(nick), "No such nick")
    else:
        rooms = await _rooms(services, session, user)
        _whois_lines(services, session, user, rooms, reply)
    reply.numeric(n.RPL_ENDOFWHOIS, first_word(nick), "End of /WHOIS list")


async def _rooms(services: Services, session: Session, user: User) -> list[str]:
    """The rooms somebody is in, as far as the peer may know: those both are in, and the others that are not `+s` unless
    somebody is `+i`. Source: https://modern.ircdocs.horse/#rplwhoischannels-319."""
    known = {
        room.replica.name: member
        for room in session.rooms.values()
        if (member := room.replica.members.get(user.uid)) is not None
    }
    if user.uid != session.uid and ("i" not in user.modes or session.operator):
        others = await services.directory.memberships(user.uid)
        known |= {name: member for name, modes, member in others if name not in known and "s" not in modes}
    return [prefixes(session, member) + name for name, member in known.items()]


def _whois_lines(services: Services, session: Session, user: User, rooms: list[str], reply: Reply) -> None:
    reply.numeric(n.RPL_WHOISUSER, user.nick, user.user, user.host, "*", user.realname)
    for line in filled(f":{reply.server} {n.RPL_WHOISCHANNELS} {session.name} {user.nick} :", rooms):
        reply.add(line)
    reply.numeric(n.RPL_WHOISSERVER, user.nick, services.network.server_name, services.network.description)
    if user.away:
        reply.numeric(n.RPL_AWAY, user.nick, user.away)
    if user.operator:
        reply.numeric(n.RPL_WHOISOPERATOR, user.nick, "is an operator")
    if user.account:
        reply.numeric(n.RPL_WHOISACCOUNT, user.nick, user.account, "is logged in as")
    if "B" in user.modes:
        reply.numeric(n.RPL_WHOISBOT, user.nick, f"is a bot on {services.network.name}")
    if user.secure:
        reply.numeric(n.RPL_WHOISSECURE, user.nick, "is using a secure connection")
    # For the eyes of its owner and of operators. Source: https://modern.ircdocs.horse/#rplwhoiscertfp-276
    if user.certificate and (session.operator or session.uid == user.uid):
        reply.numeric(n.RPL_WHOISCERTFP, user.nick, f"has client certificate fingerprint {user.certificate}")
    here = services.sessions.get(user.uid)
    now_s = int(services.clock_s())
    active_s = now_s if here is not None and here.spoke else max(user.active_s, user.signed_on_s)
    idle_s = max(0, now_s - active_s)
    reply.numeric(n.RPL_WHOISIDLE, user.nick, str(idle_s), str(user.signed_on_s), "seconds idle, signon time")


async def whowas(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """WHOWAS nick{,nick} [count]: who had the nicks before, the last one first; all without a count above 0."""
    names = message.params[0].split(",")[:MAX_WHOWAS_TARGETS]
    count = message.params[1] if len(message.params) > 1 else ""
    limit = int(count) if count.isascii() and count.isdecimal() and len(count) < 6 else 0
    keys = [nick_key(name) for name in names]
    found = await asyncio.gather(*(services.directory.formers(key) for key in keys if key is not None))
    formers = dict(zip(filter(None, keys), found, strict=True))
    for name, key in zip(names, keys, strict=True):
        known = formers.get(key, []) if key is not None else []
        for former in known[: limit or None]:
            _tell_former(services, former, reply)
        if not known:
            reply.numeric(n.ERR_WASNOSUCHNICK, name.split(" ")[0] or "*", "There was no such nickname")
    reply.numeric(n.RPL_ENDOFWHOWAS, message.params[0].split(" ")[0] or "*", "End of WHOWAS")


def _tell_former(services: Services, former: Former, reply: Reply) -> None:
    reply.numeric(n.RPL_WHOWASUSER, former.nick, former.user, former.host, "*", former.realname)
    until = f"{datetime.fromtimestamp(former.until_s, UTC):%a %b %d %H:%M:%S %Y} UTC"
    reply.numeric(n.RPL_WHOISSERVER, former.nick, services.network.server_name, until)
    if former.account:
        reply.numeric(n.RPL_WHOISACCOUNT, former.nick, former.account, "was logged in as")
