"""All commands, and what each needs."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from gateway.commands import (
    accounts,
    help,
    history,
    listing,
    login,
    marking,
    membership,
    modes,
    monitor,
    multiline,
    names,
    operators,
    oversight,
    presence,
    queries,
    redacting,
    registration,
    renaming,
    resuming,
    rooms,
    searching,
    signup,
    talking,
    webirc,
    who,
    whois,
)
from gateway.commands.services import Services
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire.message import Message

__all__ = ["COMMANDS", "Command", "Work"]

Work = Coroutine[Any, Any, None]
Handler = Callable[[Services, Session, Message, Reply], Work | bool | None]
"""Does it at once (None; True: the answer follows by itself), or returns what is left to do."""


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table."""

    run: Handler
    min_params: int = 0
    before_ready: bool = False  # allowed before registration is complete
    flows: bool = False  # need not wait for what was said before it
    shared: bool = False  # costs a token of a limit that all gateways share
    needs_store: bool = False  # refused while Redis is away


COMMANDS: dict[str, Command] = {
    "ACCOUNT": Command(accounts.account, needs_store=True),
    "ADMIN": Command(queries.admin),
    "AUTHENTICATE": Command(login.authenticate, 1, before_ready=True),
    "AWAY": Command(presence.away, before_ready=True, needs_store=True),
    "BATCH": Command(multiline.batch, 1, flows=True),
    "CAP": Command(registration.cap, 1, before_ready=True),
    "CHATHISTORY": Command(history.chathistory, needs_store=True),
    "DIE": Command(operators.die),
    "DRAIN": Command(operators.drain),
    "HELP": Command(help.help_),
    "HELPOP": Command(help.help_),
    "INFO": Command(queries.info),
    "INVITE": Command(membership.invite, needs_store=True),
    "ISON": Command(who.ison, 1, needs_store=True),
    "ISUPPORT": Command(queries.isupport, before_ready=True),
    "JOIN": Command(rooms.join, 1, needs_store=True, shared=True),
    "KICK": Command(membership.kick, 2, needs_store=True),
    "KILL": Command(oversight.kill, 1, needs_store=True),
    "KLINE": Command(oversight.kline, 1, needs_store=True),
    "LINKS": Command(queries.links),
    "LIST": Command(listing.list_, needs_store=True),
    "LUSERS": Command(queries.lusers, needs_store=True),
    "MARKREAD": Command(marking.markread, needs_store=True),
    "MODE": Command(modes.mode, 1),
    "MONITOR": Command(monitor.monitor, 1, needs_store=True),
    "MOTD": Command(queries.motd),
    "NAMES": Command(names.names),
    "NICK": Command(registration.nick, before_ready=True, needs_store=True),
    "NOTICE": Command(talking.talk, flows=True, shared=True),
    "OPER": Command(operators.oper, 1, needs_store=True),
    "PART": Command(rooms.part, 1, needs_store=True),
    "PASS": Command(registration.password, 1, before_ready=True),
    "PING": Command(registration.ping, before_ready=True),
    "PONG": Command(registration.pong, before_ready=True, flows=True),
    "PRIVMSG": Command(talking.talk, flows=True, shared=True),
    "QUIT": Command(registration.quit_, before_ready=True),
    "REDACT": Command(redacting.redact, needs_store=True),
    "REGISTER": Command(signup.register, 3, before_ready=True),
    "RENAME": Command(renaming.rename, 2, needs_store=True, shared=True),
    "RESUME": Command(resuming.resume, before_ready=True),
    "SEARCH": Command(searching.search, needs_store=True),
    "SETNAME": Command(presence.setname, 1, needs_store=True),
    "STATS": Command(oversight.stats, needs_store=True),
    "TAGMSG": Command(talking.talk, flows=True, shared=True),
    "TIME": Command(queries.time),
    "TOPIC": Command(rooms.topic, 1),
    "UNKLINE": Command(oversight.unkline, 1, needs_store=True),
    "USER": Command(registration.user, 4, before_ready=True),
    "USERHOST": Command(who.userhost, 1, needs_store=True),
    "VERIFY": Command(signup.verify, 2, before_ready=True),
    "VERSION": Command(queries.version),
    "WALLOPS": Command(oversight.wallops, 1, needs_store=True),
    "WEBIRC": Command(webirc.webirc, 4, before_ready=True),
    "WHO": Command(who.who),
    "WHOIS": Command(whois.whois, 1, needs_store=True),
    "WHOWAS": Command(whois.whowas, 1, needs_store=True),
}
