"""Questions about people, rooms and the server. Source: RFC 2812 sections 3.4 to 3.6; https://modern.ircdocs.horse."""

import contextlib
from datetime import UTC, datetime

from gateway.commands.history import MAX_MESSAGES
from gateway.commands.membership import MAX_KICK_TARGETS
from gateway.commands.rooms import MAX_NAMES_TARGETS, MAX_ROOMS, prefixes
from gateway.commands.services import Services
from gateway.commands.talking import MAX_TARGETS
from gateway.commands.visible import find_room
from gateway.errors import StoreError
from gateway.model import Member, Uid
from gateway.people import User
from gateway.rooms.modes import FLAGS, KEYLEN, LISTS, MAX_LISTED, MAX_PARAMETERS
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.session.whox import WhoxQuery, whox_query
from gateway.wire import limits
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.names import casefold, nick_key, wildcard
from gateway.wire.splitting import first_word

__all__ = ["isupport", "lusers", "motd", "time", "version", "welcome", "who", "whois"]

TOKENS_PER_LINE = 13
MAX_WHO_RECORDS = 200  # members of a room whose away, operator and bot marks WHO looks up


def welcome(services: Services, session: Session, reply: Reply) -> None:
    """001 to 005 and the message of the day."""
    network = services.network
    reply.numeric(n.RPL_WELCOME, f"Welcome to {network.name}, {session.source}")
    reply.numeric(n.RPL_YOURHOST, f"Your host is {network.server_name}, running hubbub {network.version}")
    reply.numeric(n.RPL_CREATED, f"This server was created {network.created}")
    # All of its parameters are middle ones.
    facts = f"{session.nick} {network.server_name} hubbub-{network.version} Biosw CHIbeiklmnostv HIbeklov"
    reply.add(f":{network.server_name} {n.RPL_MYINFO} {facts}\r\n".encode())
    isupport(services, reply)
    motd(services, session, Message("MOTD"), reply)


def isupport(services: Services, reply: Reply) -> None:
    """005: what a client may count on."""
    tokens = [
        "ACCOUNTEXTBAN=a",
        "BOT=B",
        "CASEMAPPING=ascii",
        "CHANTYPES=#",
        f"CHANNELLEN={limits.CHANNELLEN}",
        f"CHANLIMIT=#:{MAX_ROOMS}",
        f"CHANMODES={LISTS},k,Hl,{FLAGS}",
        f"CHATHISTORY={MAX_MESSAGES}",
        "MSGREFTYPES=msgid,timestamp",
        "EXCEPTS=e",
        "EXTBAN=,am",
        "INVEX=I",
        f"KEYLEN={KEYLEN}",
        f"KICKLEN={limits.KICKLEN}",
        f"MAXLIST={','.join(f'{letter}:{MAX_LISTED}' for letter in LISTS)}",
        f"MAXTARGETS={MAX_TARGETS}",
        f"MODES={MAX_PARAMETERS}",
        f"NETWORK={services.network.name}",
        f"NICKLEN={limits.NICKLEN}",
        "PREFIX=(ov)@+",
        "STATUSMSG=@+",
        f"TARGMAX=JOIN:,PART:,KICK:{MAX_KICK_TARGETS},NAMES:{MAX_NAMES_TARGETS},PRIVMSG:{MAX_TARGETS},"
        f"NOTICE:{MAX_TARGETS},TAGMSG:{MAX_TARGETS}",
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
    """WHO of a room, a nick, or a mask of nicks, with the usual fields or chosen ones; who is `+i` is hidden from masks
    of strangers."""
    mask = message.params[0] if message.params else "*"
    query = whox_query(message.params[1]) if len(message.params) > 1 else None
    if mask.startswith("#"):
        await _who_room(services, session, mask, query, reply)
    elif "*" in mask or "?" in mask:
        pattern = wildcard(mask)
        for user in await services.directory.everybody():
            visible = "i" not in user.modes or user.uid == session.uid or _shares_room(session, user.uid)
            if visible and pattern.fullmatch(casefold(user.nick)):
                _who_user(services, user, query, reply)
    elif (key := nick_key(mask)) is not None and (user_ := await services.directory.find_user(key)) is not None:
        _who_user(services, user_, query, reply)
    reply.numeric(n.RPL_ENDOFWHO, first_word(mask), "End of WHO list")


async def _who_room(services: Services, session: Session, name: str, query: WhoxQuery | None, reply: Reply) -> None:
    replica = await find_room(services, session, name)
    if replica is None:
        return
    users: dict[Uid, User] = {}
    if services.history.up and len(replica.members) <= MAX_WHO_RECORDS:
        with contextlib.suppress(StoreError):  # members are known here, whatever Redis says
            users = await services.directory.users(list(replica.members))
    for member in list(replica.members.values()):
        _who_line(services, replica.name, member, users.get(member.uid), query, reply)


def _who_user(services: Services, user: User, query: WhoxQuery | None, reply: Reply) -> None:
    member = Member(user.uid, user.nick, user.user, user.host, user.account, user.realname, user.gateway, "")
    _who_line(services, "*", member, user, query, reply)


def _shares_room(session: Session, uid: Uid) -> bool:
    return any(uid in room.replica.members for room in session.rooms.values())


def _who_line(
    services: Services, room: str, member: Member, user: User | None, query: WhoxQuery | None, reply: Reply
) -> None:
    flags = "G" if user is not None and user.away else "H"
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


async def whois(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """WHOIS of one nick; a server in front of it makes no difference."""
    nick = message.params[-1].split(",")[0]
    key = nick_key(nick)
    user = await services.directory.find_user(key) if key is not None else None
    if user is None:
        reply.numeric(n.ERR_NOSUCHNICK, first_word(nick), "No such nick")
    else:
        _whois_lines(services, session, user, reply)
    reply.numeric(n.RPL_ENDOFWHOIS, first_word(nick), "End of /WHOIS list")


def _whois_lines(services: Services, session: Session, user: User, reply: Reply) -> None:
    reply.numeric(n.RPL_WHOISUSER, user.nick, user.user, user.host, "*", user.realname)
    # Rooms both are in: what this gateway can answer for anybody, and what the peer may know.
    shared = [
        prefixes(session, member) + room.replica.name
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
    if user.secure:
        reply.numeric(n.RPL_WHOISSECURE, user.nick, "is using a secure connection")
    # For the eyes of its owner and of operators. Source: https://modern.ircdocs.horse/#rplwhoiscertfp-276
    if user.certificate and (session.operator or session.uid == user.uid):
        reply.numeric(n.RPL_WHOISCERTFP, user.nick, f"has client certificate fingerprint {user.certificate}")
    if "B" in user.modes:
        reply.numeric(n.RPL_WHOISBOT, user.nick, f"is a bot on {services.network.name}")
    reply.numeric(n.RPL_WHOISIDLE, user.nick, "0", str(user.signed_on_s), "seconds idle, signon time")
