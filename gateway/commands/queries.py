"""Questions about the server, and what it tells at the welcome. Source: RFC 2812 section 3.4; https://modern.ircdocs.horse.

All gateways are one server: the answers are the same, whichever is asked.
"""

from datetime import UTC, datetime

from gateway.commands.history import MAX_MESSAGES
from gateway.commands.listing import ELIST
from gateway.commands.membership import MAX_KICK_TARGETS
from gateway.commands.names import MAX_NAMES_TARGETS
from gateway.commands.rooms import MAX_ROOMS
from gateway.commands.services import Network, Services
from gateway.commands.talking import MAX_TARGETS
from gateway.commands.watching import MAX_WATCHED
from gateway.commands.whois import MAX_WHOWAS_TARGETS
from gateway.rooms.modes import FLAGS, KEYLEN, LISTS, MAX_LISTED, MAX_PARAMETERS
from gateway.session.capabilities import BATCH, EXTENDED_ISUPPORT
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import limits
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.names import casefold, nick_key, wildcard
from gateway.wire.splitting import first_word

__all__ = ["admin", "info", "isupport", "links", "lusers", "motd", "tell_isupport", "time", "version", "welcome"]

TOKENS_PER_LINE = 13
MAX_TARGETS_OF = {
    "JOIN": "",
    "KICK": MAX_KICK_TARGETS,
    "MONITOR": "",
    "NAMES": MAX_NAMES_TARGETS,
    "NOTICE": MAX_TARGETS,
    "PART": "",
    "PRIVMSG": MAX_TARGETS,
    "TAGMSG": MAX_TARGETS,
    "WHOIS": 1,
    "WHOWAS": MAX_WHOWAS_TARGETS,
}


def welcome(services: Services, session: Session, reply: Reply) -> None:
    """001 to 005 and the message of the day."""
    network = services.network
    reply.numeric(n.RPL_WELCOME, f"Welcome to {network.name}, {session.source}")
    reply.numeric(n.RPL_YOURHOST, f"Your host is {network.server_name}, running hubbub {network.version}")
    reply.numeric(n.RPL_CREATED, f"This server was created {network.created}")
    # All of its parameters are middle ones.
    facts = f"{session.nick} {network.server_name} hubbub-{network.version} Biosw CHIbeiklmnostv HIbeklov"
    reply.add(f":{network.server_name} {n.RPL_MYINFO} {facts}\r\n".encode())
    tell_isupport(services, reply)
    motd(services, session, Message("MOTD"), reply)


def isupport(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """ISUPPORT; with extended-isupport also before registration is complete."""
    if session.ready or session.has(EXTENDED_ISUPPORT):
        tell_isupport(services, reply)
    else:
        reply.numeric(n.ERR_NOTREGISTERED, "You have not registered")


def tell_isupport(services: Services, reply: Reply) -> None:
    """005: what a client may count on; in a batch for who knows extended-isupport."""
    tokens = _tokens(services.network)
    for_lines = Reply(reply.session, reply.server)
    lines = []
    for start in range(0, len(tokens), TOKENS_PER_LINE):
        for_lines.numeric(n.RPL_ISUPPORT, *tokens[start : start + TOKENS_PER_LINE], "are supported by this server")
        lines.append(for_lines.take())
    if reply.session.has(EXTENDED_ISUPPORT) and reply.session.has(BATCH):
        reply.batch("draft/isupport", lines=lines, reference=services.next_batch())
    else:
        for line in lines:
            reply.add(line)


def _tokens(network: Network) -> list[str]:
    targets = ",".join(f"{command}:{number}" for command, number in MAX_TARGETS_OF.items())
    tokens = [
        "ACCOUNTEXTBAN=a",
        f"AWAYLEN={limits.AWAYLEN}",
        "BOT=B",
        "CASEMAPPING=ascii",
        f"CHANLIMIT=#:{MAX_ROOMS}",
        f"CHANMODES={LISTS},k,Hl,{FLAGS}",
        f"CHANNELLEN={limits.CHANNELLEN}",
        "CHANTYPES=#",
        f"CHATHISTORY={MAX_MESSAGES}",
        f"ELIST={ELIST}",
        "EXCEPTS=e",
        "EXTBAN=,am",
        f"HOSTLEN={limits.HOSTLEN}",
        "INVEX=I",
        f"KEYLEN={KEYLEN}",
        f"KICKLEN={limits.KICKLEN}",
        f"MAXLIST={','.join(f'{letter}:{MAX_LISTED}' for letter in LISTS)}",
        f"MAXTARGETS={MAX_TARGETS}",
        f"MODES={MAX_PARAMETERS}",
        f"MONITOR={MAX_WATCHED}",
        "MSGREFTYPES=msgid,timestamp",
        f"NAMELEN={limits.NAMELEN}",
        f"NETWORK={network.name}",
        f"NICKLEN={limits.NICKLEN}",
        "PREFIX=(ov)@+",
        "SAFELIST",
        "STATUSMSG=@+",
        f"TARGMAX={targets}",
        f"TOPICLEN={limits.TOPICLEN}",
        f"USERLEN={limits.USERLEN}",
        "UTF8ONLY",
        "WHOX",
    ]
    if network.icon:
        # "=" ends a name for some parsers: written as ISUPPORT writes what a value cannot hold.
        tokens.append(f"draft/ICON={network.icon.replace('=', chr(92) + 'x3D')}")
    return tokens


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
    """LUSERS: one figure for the whole network, whichever gateway answers; also those that are called local."""
    figures = await services.directory.figures()
    users, most = max(figures.users, 1), max(figures.most_users, 1)
    hidden = min(figures.invisible, users)
    reply.numeric(n.RPL_LUSERCLIENT, f"There are {users - hidden} users and {hidden} invisible on 1 servers")
    reply.numeric(n.RPL_LUSEROP, str(figures.operators), "operator(s) online")
    reply.numeric(n.RPL_LUSERUNKNOWN, str(figures.unregistered), "unknown connection(s)")
    reply.numeric(n.RPL_LUSERCHANNELS, str(figures.rooms), "channels formed")
    reply.numeric(n.RPL_LUSERME, f"I have {users} clients and 1 servers")
    reply.numeric(n.RPL_LOCALUSERS, str(users), str(most), f"Current local users {users}, max {most}")
    reply.numeric(n.RPL_GLOBALUSERS, str(users), str(most), f"Current global users {users}, max {most}")


async def _is_us(services: Services, target: str, reply: Reply) -> bool:
    """Whether a question is for this server: without a target, by its name or a mask of it, or by the nick of anybody,
    since all are on it; False after 402."""
    if not target or wildcard(target).fullmatch(casefold(services.network.server_name)):
        return True
    key = nick_key(target)
    if key is not None and await services.directory.find(key) is not None:
        return True
    reply.numeric(n.ERR_NOSUCHSERVER, first_word(target), "No such server")
    return False


async def version(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """VERSION: the release, and in the comment which gateway answered."""
    network = services.network
    if await _is_us(services, "".join(message.params[:1]), reply):
        comment = f"gateway {services.gateway}"
        reply.numeric(n.RPL_VERSION, f"hubbub-{network.version}", network.server_name, comment)
        tell_isupport(services, reply)


async def time(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """TIME, in UTC."""
    if await _is_us(services, "".join(message.params[:1]), reply):
        now = datetime.fromtimestamp(services.clock_s(), UTC)
        reply.numeric(n.RPL_TIME, services.network.server_name, f"{now:%Y-%m-%d %H:%M:%S} UTC")


async def info(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """INFO: what this software is."""
    network = services.network
    if not await _is_us(services, "".join(message.params[:1]), reply):
        return
    for line in (
        f"hubbub {network.version}: IRC without netsplits",
        "Gateways without state of their own, over one Redis",
        f"{network.name}: {network.description}",
        f"Since {network.created}",
    ):
        reply.numeric(n.RPL_INFO, line)
    reply.numeric(n.RPL_ENDOFINFO, "End of INFO list")


def links(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """LINKS: to its clients the network is one server, which is linked to none."""
    mask = message.params[-1] if message.params else "*"
    reply.numeric(n.RPL_ENDOFLINKS, first_word(mask), "End of /LINKS list")


async def admin(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """ADMIN: who looks after the server."""
    network = services.network
    if not await _is_us(services, "".join(message.params[:1]), reply):
        return
    if not network.admin:
        reply.numeric(n.ERR_NOADMININFO, network.server_name, "No administrative info available")
        return
    reply.numeric(n.RPL_ADMINME, network.server_name, "Administrative info")
    reply.numeric(n.RPL_ADMINLOC1, network.name)
    reply.numeric(n.RPL_ADMINLOC2, network.description)
    reply.numeric(n.RPL_ADMINEMAIL, network.admin)
