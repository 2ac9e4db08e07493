"""Questions about people, rooms and the server. Source: RFC 2812 sections 3.4 to 3.6; https://modern.ircdocs.horse."""

from datetime import UTC, datetime

from gateway.commands.history import MAX_MESSAGES
from gateway.commands.rooms import MAX_ROOMS, visible_room
from gateway.commands.services import Services
from gateway.commands.talking import MAX_TARGETS
from gateway.model import Member, User
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.session.whox import WhoxQuery, whox_query
from gateway.wire import limits
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.names import nick_key, room_key

__all__ = ["isupport", "lusers", "motd", "time", "version", "who", "whois"]

TOKENS_PER_LINE = 13


def isupport(services: Services, reply: Reply) -> None:
    """005: what a client may count on."""
    tokens = [
        "CASEMAPPING=ascii",
        "CHANTYPES=#",
        f"CHANNELLEN={limits.CHANNELLEN}",
        f"CHANLIMIT=#:{MAX_ROOMS}",
        "CHANMODES=b,k,l,imnst",
        f"CHATHISTORY={MAX_MESSAGES}",
        "MSGREFTYPES=msgid,timestamp",
        "MAXTARGETS=4",
        f"NETWORK={services.network.name}",
        f"NICKLEN={limits.NICKLEN}",
        "PREFIX=(ov)@+",
        f"TARGMAX=JOIN:,PART:,NAMES:4,PRIVMSG:{MAX_TARGETS},NOTICE:{MAX_TARGETS},TAGMSG:{MAX_TARGETS}",
        f"TOPICLEN={limits.TOPICLEN}",
        f"USERLEN={limits.USERLEN}",
        "UTF8ONLY",
        "WHOX",
    ]
    for start in range(0, len(tokens), TOKENS_PER_LINE):
        reply.numeric(n.RPL_ISUPPORT, *tokens[start : start + TOKENS_PER_LINE], "are supported by this server")


def motd(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """MOTD."""
    lines = services.network.motd
    if not lines:
        reply.numeric(n.ERR_NOMOTD, "MOTD File is missing")
        return
    reply.numeric(n.RPL_MOTDSTART, f"- {services.network.server_name} Message of the day -")
    for line in lines:
        reply.numeric(n.RPL_MOTD, f"- {line}")
    reply.numeric(n.RPL_ENDOFMOTD, "End of /MOTD command")


async def lusers(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """LUSERS: one figure for the whole network, whichever gateway answers."""
    figures = await services.directory.figures()
    users = max(figures.users, 1)
    reply.numeric(n.RPL_LUSERCLIENT, f"There are {users} users and 0 invisible on 1 servers")
    reply.numeric(n.RPL_LUSEROP, str(figures.operators), "operator(s) online")
    reply.numeric(n.RPL_LUSERUNKNOWN, str(figures.unregistered), "unknown connection(s)")
    reply.numeric(n.RPL_LUSERCHANNELS, str(figures.rooms), "channels formed")
    reply.numeric(n.RPL_LUSERME, f"I have {users} clients and 1 servers")
    reply.numeric(n.RPL_LOCALUSERS, str(users), str(users), f"Current local users {users}, max {users}")
    reply.numeric(n.RPL_GLOBALUSERS, str(users), str(users), f"Current global users {users}, max {users}")


def version(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """VERSION: the release, and in the comment which gateway answered."""
    network = services.network
    reply.numeric(n.RPL_VERSION, f"hubbub-{network.version}", network.server_name, f"gateway {services.gateway}")
    isupport(services, reply)


def time(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """TIME, in UTC."""
    now = datetime.fromtimestamp(services.clock_s(), UTC)
    reply.numeric(n.RPL_TIME, services.network.server_name, f"{now:%Y-%m-%d %H:%M:%S} UTC")


async def who(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """WHO of a room or a nick, with the usual fields or chosen ones."""
    mask = message.params[0] if message.params else ""
    query = whox_query(message.params[1]) if len(message.params) > 1 else None
    if mask.startswith("#"):
        key = room_key(mask)
        joined = session.rooms.get(key) if key is not None else None
        replica = (
            joined.replica
            if joined is not None
            else await visible_room(services, session, mask, Reply(session, reply.server))
        )
        if replica is not None:
            for member in replica.members.values():
                _who_line(services, reply, replica.name, member, query)
    elif (key_ := nick_key(mask)) is not None and (user := await services.directory.find_user(key_)) is not None:
        member = Member(user.uid, user.nick, user.user, user.host, user.account, user.realname, user.gateway, "")
        _who_line(services, reply, "*", member, query, away=bool(user.away), operator=user.operator)
    reply.numeric(n.RPL_ENDOFWHO, mask.split(" ")[0][:60] or "*", "End of WHO list")


def _who_line(
    services: Services,
    reply: Reply,
    room: str,
    member: Member,
    query: WhoxQuery | None,
    *,
    away: bool = False,
    operator: bool = False,
) -> None:
    flags = ("G" if away else "H") + ("*" if operator else "") + member.modes.replace("o", "@").replace("v", "+")[:1]
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


async def whois(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """WHOIS of one nick; a server in front of it makes no difference."""
    nick = message.params[-1].split(",")[0]
    key = nick_key(nick)
    user = await services.directory.find_user(key) if key is not None else None
    if user is None:
        reply.numeric(n.ERR_NOSUCHNICK, nick.split(" ")[0][:60] or "*", "No such nick")
    else:
        _whois_lines(services, session, user, reply)
    reply.numeric(n.RPL_ENDOFWHOIS, nick.split(" ")[0][:60] or "*", "End of /WHOIS list")


def _whois_lines(services: Services, session: Session, user: User, reply: Reply) -> None:
    reply.numeric(n.RPL_WHOISUSER, user.nick, user.user, user.host, "*", user.realname)
    # Rooms both are in: what this gateway can answer for anybody, and what the peer may know.
    shared = [
        ("@" if "o" in member.modes else "") + room.replica.name
        for room in session.rooms.values()
        if (member := room.replica.members.get(user.uid)) is not None
    ]
    if shared:
        reply.numeric(n.RPL_WHOISCHANNELS, user.nick, " ".join(shared))
    reply.numeric(n.RPL_WHOISSERVER, user.nick, services.network.server_name, services.network.description)
    if user.away:
        reply.numeric(n.RPL_AWAY, user.nick, user.away)
    if user.operator:
        reply.numeric(n.RPL_WHOISOPERATOR, user.nick, "is an operator")
    if user.account:
        reply.numeric(n.RPL_WHOISACCOUNT, user.nick, user.account, "is logged in as")
    reply.numeric(n.RPL_WHOISIDLE, user.nick, "0", str(user.signed_on_s), "seconds idle, signon time")
