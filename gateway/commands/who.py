"""WHO, USERHOST and ISON. Source: RFC 2812 sections 3.6.1, 4.8 and 4.9; https://modern.ircdocs.horse/#who-message."""

import asyncio
import contextlib
from collections.abc import Callable

from gateway.commands.names import prefixes
from gateway.commands.pacing import breathe
from gateway.commands.services import Services
from gateway.commands.visible import find_room, is_hidden, shown_members
from gateway.errors import StoreError
from gateway.model import Member, Uid
from gateway.people import User
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.session.whox import WhoxQuery, whox_query
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.names import casefold, nick_key, wildcard
from gateway.wire.splitting import first_word

__all__ = ["ison", "userhost", "who"]

MAX_WHO_RECORDS = 200  # members of a room whose operator and bot marks WHO looks up
LINES_AT_ONCE = 200
_COMPARED: dict[str, Callable[[User], str]] = {
    "n": lambda user: user.nick,
    "u": lambda user: user.user,
    "h": lambda user: user.host,
    "r": lambda user: user.realname,
    "a": lambda user: user.account,
}
"""The flags by which one may be found, as ircu named them (https://ircu.sourceforge.net/release.2.10.05-who.html)."""
MAX_USERHOST = 5  # RFC 2812 section 4.8


async def who(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """WHO of a room, a nick, or a mask, with the usual fields or chosen ones; flags in front of these choose what the
    mask is compared with, and operators only (`o`). Who is `+i` is hidden from strangers, but for an exact nick."""
    mask = message.params[0] if message.params else "*"
    option = message.params[1] if len(message.params) > 1 else ""
    flags = option.partition("%")[0]
    query, only_operators = whox_query(option[len(flags) :]), "o" in flags
    if mask.startswith("#"):
        await _who_room(services, session, mask, query, reply, only_operators=only_operators)
    else:
        for user in await _matching(services, session, mask, flags):
            if user.operator or not only_operators:
                _who_line(services, "*", user.as_member(), user, query, reply)
    reply.numeric(n.RPL_ENDOFWHO, first_word(mask), "End of WHO list")


async def _matching(services: Services, session: Session, mask: str, flags: str) -> list[User]:
    chosen = [flag for flag in _COMPARED if flag in flags]
    if not chosen and nick_key(mask) is not None:
        found = await _users(services, [mask])
        return list(found.values())
    pattern = wildcard("*" if mask == "0" else mask)  # RFC 2812 section 3.6.1: "0" is everybody
    everybody = await services.directory.everybody()
    return [
        user
        for user in everybody
        if not is_hidden(session, user) and any(map(pattern.fullmatch, _compared(user, chosen, mask)))
    ]


def _compared(user: User, chosen: list[str], mask: str) -> list[str]:
    """What a mask is compared with, casefolded: the fields that were chosen, else all, and with `@` or `!` in it also
    the two forms of the whole."""
    values = [_COMPARED[flag](user) for flag in chosen or _COMPARED]
    if not chosen and ("@" in mask or "!" in mask):
        whole = f"{user.user}@{user.host}"
        values += [whole, f"{user.nick}!{whole}"]
    return [casefold(value) for value in values if value]


async def _users(services: Services, nicks: list[str]) -> dict[str, User]:
    """Those of the nicks that somebody holds, in their order, asked for at once."""
    keys = [key for nick in nicks if (key := nick_key(nick)) is not None]
    found = await asyncio.gather(*(services.directory.find_user(key) for key in dict.fromkeys(keys)))
    return {user.nick: user for user in found if user is not None}


async def _who_room(
    services: Services, session: Session, name: str, query: WhoxQuery | None, reply: Reply, *, only_operators: bool
) -> None:
    replica = await find_room(services, session, name)
    if replica is None:
        return
    users: dict[Uid, User] = {}
    if services.history.up and len(replica.members) <= MAX_WHO_RECORDS:
        with contextlib.suppress(StoreError):  # members are known here, whatever Redis says
            users = await services.directory.users(list(replica.members))
    for index, uid in enumerate(await shown_members(services, session, replica), 1):
        if (member := replica.members.get(uid)) is None:
            continue
        user = users.get(uid)
        if not only_operators or (user is not None and user.operator):
            _who_line(services, replica.name, member, user, query, reply)
        if not index % LINES_AT_ONCE:
            await breathe(reply)


def _who_line(
    services: Services, room: str, member: Member, user: User | None, query: WhoxQuery | None, reply: Reply
) -> None:
    flags = "G" if member.is_away or (user is not None and user.away) else "H"
    if user is not None:
        flags += ("*" if user.operator else "") + ("B" if "B" in user.modes else "")
    flags += prefixes(reply.session, member)
    if query is not None:
        values = {
            "c": room, "u": member.user, "i": member.host, "h": member.host, "s": services.network.server_name,
            "n": member.nick, "f": flags, "d": "0", "l": "0", "a": member.account or "0", "o": "n/a",
            "r": member.realname,
        }  # fmt: skip
        reply.numeric(n.RPL_WHOSPCRPL, *query.answer(values))
        return
    reply.numeric(
        n.RPL_WHOREPLY, room, member.user, member.host, services.network.server_name, member.nick, flags,
        f"0 {member.realname}",
    )  # fmt: skip


async def userhost(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """USERHOST nick{ nick}: `nick=+user@host`, `*` for operators, `-` for who is away."""
    found = await _users(services, list(message.params[:MAX_USERHOST]))
    words = (
        f"{user.nick}{'*' if user.operator else ''}={'-' if user.away else '+'}{user.user}@{user.host}"
        for user in found.values()
    )
    reply.numeric(n.RPL_USERHOST, " ".join(words))


async def ison(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """ISON nick{ nick}: those that are there."""
    found = await _users(services, " ".join(message.params).split())
    reply.numeric(n.RPL_ISON, " ".join(found))
