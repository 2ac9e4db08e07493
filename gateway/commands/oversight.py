"""KLINE, UNKLINE, STATS k, KILL, WALLOPS: what operators do to the whole network; each act leaves a line in the log.

Source: RFC 2812 sections 3.4.2, 3.7.1 and 4.7; https://modern.ircdocs.horse/#operator-messages.
"""

import logging

from gateway.commands.services import Services
from gateway.commands.telling import tell
from gateway.errors import FullError
from gateway.events import Entry
from gateway.people import NetworkBan
from gateway.session.netbans import find_account_ban, find_ban, normalise_ban
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.limits import KICKLEN, MAX_BODY_BYTES
from gateway.wire.message import Message
from gateway.wire.names import nick_key
from gateway.wire.splitting import clip, first_word

__all__ = [
    "audit",
    "close_if_banned",
    "close_if_locked",
    "deliver_notices",
    "enforce",
    "is_operator",
    "kill",
    "kline",
    "record",
    "stats",
    "unkline",
    "wallops",
]

MAX_MINUTES = 10 * 366 * 24 * 60
NO_REASON = "No reason given"
_audit = logging.getLogger("gateway.audit")


def is_operator(session: Session, reply: Reply) -> bool:
    """Whether the peer is an operator of the network; False after 481."""
    if not session.operator:
        reply.numeric(n.ERR_NOPRIVILEGES, "Permission Denied: you're not an IRC operator")
    return session.operator


def close_if_banned(services: Services, session: Session) -> bool:
    """End a connection that a network-wide ban keeps out, after 465."""
    ban = find_ban(services.oversight.bans.values(), session)
    if ban is not None:
        _close(session, ban, Reply(session, services.network.server_name))
    return ban is not None


def close_if_locked(services: Services, session: Session, account: str, reply: Reply) -> bool:
    """End a connection that has just proved to be of an account which a network-wide ban keeps out, after 902 and 465.

    Source: IRCv3 sasl-3.1, ERR_NICKLOCKED: "the account is currently locked out, held, or otherwise administratively
    made unavailable"; sasl-3.2: "Servers MAY disconnect ANY client at any time as a result of failed authentication".
    """
    ban = find_account_ban(services.oversight.bans.values(), account)
    if ban is not None:
        reply.numeric(n.ERR_NICKLOCKED, f"The account {account} is banned from this network")
        _close(session, ban, reply)
    return ban is not None


def _close(session: Session, ban: NetworkBan, reply: Reply) -> None:
    reply.numeric(n.ERR_YOUREBANNEDCREEP, f"You are banned from this network: {ban.reason}")
    reply.finish()
    session.ends_all = True
    session.close("Banned")


def enforce(services: Services) -> None:
    """Close everybody here whom a ban keeps out."""
    for session in list(services.sessions.values()):
        close_if_banned(services, session)


def deliver_notices(services: Services, notices: list[tuple[str, Entry]]) -> None:
    """Write notices to the sessions here that have their mode; `s` is for operators only."""
    for mode, entry in notices:
        for session in services.sessions.values():
            if mode in session.modes and (mode != "s" or session.operator):
                session.write(render(entry, None, "", session.render_class))


async def kline(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """KLINE [minutes] mask [reason]: ban from the network."""
    if not is_operator(session, reply):
        return
    words = list(message.params)
    minutes = int(words.pop(0)) if len(words) > 1 and _is_minutes(words[0]) else 0
    mask, reason = normalise_ban(words[0]), clip(" ".join(words[1:]) or NO_REASON, KICKLEN)
    if mask is None:
        reply.fail_only("KLINE", "INVALID_MASK", text="That is no mask, or would fit everybody")
    elif not await services.oversight.set_ban(mask, minutes, session.source, reason):
        reply.fail_only("KLINE", "TOO_MANY_BANS", text="There are too many bans; lift one first")
    else:
        lasts = f"for {minutes} minutes" if minutes else "until it is lifted"
        await record(services, session, "network_ban_set", f"banned {mask} {lasts}", mask=mask, minutes=minutes)
        reply.message("NOTICE", session.nick, f"{mask} is banned {lasts}")


def _is_minutes(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= MAX_MINUTES


async def unkline(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """UNKLINE mask: lift a ban."""
    if not is_operator(session, reply):
        return
    mask = normalise_ban(message.params[0])
    if mask is None or not await services.oversight.lift_ban(mask):
        reply.fail_only("UNKLINE", "NO_SUCH_BAN", text="There is no such ban")
        return
    await record(services, session, "network_ban_lifted", f"lifted the ban of {mask}", mask=mask)
    reply.message("NOTICE", session.nick, f"The ban of {mask} is lifted")


async def stats(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """STATS k: the bans, with when they were set and when they end, in s since 1970 (0: never)."""
    letter = message.params[0][:1] if message.params else ""
    if letter in {"k", "K"}:
        if not is_operator(session, reply):
            return
        await services.oversight.refresh()
        for ban in services.oversight.bans.values():
            times = str(ban.set_ms // 1000), str(ban.until_ms // 1000)
            reply.numeric(n.RPL_STATSKLINE, "K", ban.mask, *times, f"{ban.reason} (by {ban.by})")
    reply.numeric(n.RPL_ENDOFSTATS, letter or "*", "End of /STATS report")


async def kill(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """KILL nick reason: end a session, on whichever gateway it is, or on none for now."""
    if not is_operator(session, reply):
        return
    nick = message.params[0]
    key = nick_key(nick)
    target = await services.directory.find_user(key) if key is not None else None
    if target is None:
        reply.numeric(n.ERR_NOSUCHNICK, first_word(nick), "No such nick")
        return
    reason = clip(message.params[1] if len(message.params) > 1 else NO_REASON, KICKLEN)
    try:
        tell(services, target.uid, session, f":{session.source} KILL {target.nick} :{reason}")
    except FullError:
        reply.fail("KILL", "TEMPORARILY_UNAVAILABLE", text="Too much is waiting, try again")
        return
    await services.holding.cut_grace(target.uid, clip(f"Killed ({session.nick} ({reason}))", KICKLEN))
    await record(services, session, "killed", f"killed {target.nick}", target=target.uid.decode(), nick=target.nick)


async def wallops(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """WALLOPS text: to all users with +w."""
    if not is_operator(session, reply):
        return
    line = f":{session.source} WALLOPS :{message.params[0]}"
    await services.oversight.notify("w", clip(line, MAX_BODY_BYTES))
    audit(session, "wallops")


async def record(services: Services, session: Session, event: str, done: str, **fields: object) -> None:
    """The line in the log, and a notice to operators with +s."""
    audit(session, event, **fields)
    line = f":{services.network.server_name} NOTICE * :*** {session.nick} {done}"
    await services.oversight.notify("s", clip(line, MAX_BODY_BYTES))


def audit(session: Session, event: str, **fields: object) -> None:
    """The line in the log of this gateway: who did what to whom. Never a reason: it is text somebody wrote."""
    _audit.info(event, extra={"by": session.source, "uid": session.uid.decode()} | fields)
