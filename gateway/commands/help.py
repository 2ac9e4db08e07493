"""HELP: the commands, and how each is used. Source: https://modern.ircdocs.horse/#help-message."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.commands.services import Services
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.splitting import clip

__all__ = ["HELP", "Help", "help_"]

INDEX_WIDTH = 60  # bytes of a line of commands


class Help(NamedTuple):
    """One command, for who types it."""

    usage: str  # what follows its name; "|" starts another form
    text: str


HELP: dict[str, Help] = {
    "ACCOUNT": Help(
        "[INFO | PASSWORD | CERT | GROUP | UNGROUP | SESSIONS | SET | LOGOUT | DELETE] ...", "Looks after your account."
    ),
    "ADMIN": Help("", "Tells who looks after this server."),
    "AUTHENTICATE": Help("<mechanism> | <base64> | *", "Logs in to an account; clients send it by themselves."),
    "AWAY": Help("[:<text>]", "Tells others that you are away; without a text, that you are back."),
    "BATCH": Help(
        "+<reference> <type> {<parameter>} | -<reference>", "Several lines as one; clients send it by themselves."
    ),
    "CAP": Help(
        "LS [302] | LIST | REQ :<capabilities> | END", "Negotiates capabilities; clients send it by themselves."
    ),
    "CHATHISTORY": Help("LATEST | BEFORE | AFTER | AROUND | BETWEEN | TARGETS ...", "Asks for what was said before."),
    "DIE": Help("", "Operators: the gateway that you are on drains and ends."),
    "DRAIN": Help("[<gateway>]", "Operators: a gateway drains and ends."),
    "HELP": Help("[<command>]", "Lists the commands, or explains one."),
    "HELPOP": Help("[<command>]", "The same as HELP."),
    "INFO": Help("", "Tells what this server runs."),
    "INVITE": Help("[<nick> <room>]", "Invites somebody to a room; alone, lists where you are invited."),
    "ISON": Help("<nick>{ <nick>}", "Tells which of the nicks are there."),
    "ISUPPORT": Help("", "Lists what this server supports."),
    "JOIN": Help("<room>{,<room>} [<key>{,<key>}] | 0", "Joins rooms; 0 leaves all."),
    "KICK": Help("<room> <nick>{,<nick>} [:<reason>]", "Operators of a room: throws somebody out."),
    "KILL": Help("<nick> :<reason>", "Operators: ends a session."),
    "KLINE": Help("[<minutes>] <mask> [:<reason>]", "Operators: bans from the network."),
    "LINKS": Help("", "Lists linked servers; there are none."),
    "LIST": Help(
        "[<mask>,!<mask>,<N,>N,C<N,C>N,T<N,T>N]", "Lists rooms: by name, members, age, age of the topic in minutes."
    ),
    "LUSERS": Help("", "Counts users and rooms."),
    "MARKREAD": Help("<target> [timestamp=<time>]", "Tells or notes how far you have read."),
    "MODE": Help("<room> [<modes> {<parameter>}] | <nick> [<modes>]", "Tells or changes modes of a room, or your own."),
    "MONITOR": Help("+ <nick>{,<nick>} | - <nick>{,<nick>} | C | L | S", "Watches when nicks come and go."),
    "MOTD": Help("", "Shows the message of the day."),
    "NAMES": Help("<room>{,<room>}", "Lists who is in a room."),
    "NICK": Help("<nick>", "Changes your nick."),
    "NOTICE": Help("<target>{,<target>} :<text>", "Says something that nobody's program answers."),
    "OPER": Help("<name> <password>", "Makes you an operator of the network."),
    "PART": Help("<room>{,<room>} [:<reason>]", "Leaves rooms."),
    "PASS": Help("<password>", "The server's password, before NICK and USER."),
    "PING": Help("<token>", "Asks for a PONG, which comes after everything before it."),
    "PONG": Help("<token>", "Answers a PING; clients send it by themselves."),
    "PRIVMSG": Help("<target>{,<target>} :<text>", "Says something to rooms or nicks; @#room reaches its operators."),
    "QUIT": Help("[:<reason>]", "Ends your session."),
    "REDACT": Help("<target> <msgid> [:<reason>]", "Takes back what was said: your own, or as operator."),
    "REGISTER": Help("<account|*> <email|*> <password>", "Registers an account."),
    "RENAME": Help("<room> <new name> [:<reason>]", "Operators: gives a room another name."),
    "RESUME": Help("<token> [<msgid>]", "Comes back to a session; clients send it by themselves."),
    "SEARCH": Help("<attribute>=<value>{;<attribute>=<value>}", "Searches in, from, text, after, before; limit."),
    "SETNAME": Help(":<real name>", "Changes your real name."),
    "STATS": Help("k", "Operators: lists the bans of the network."),
    "TAGMSG": Help("<target>{,<target>}", "Sends tags without a text; clients send it by themselves."),
    "TIME": Help("", "Tells the time, in UTC."),
    "TOPIC": Help("<room> [:<text>]", "Tells or sets the topic of a room."),
    "UNKLINE": Help("<mask>", "Operators: lifts a ban from the network."),
    "USER": Help("<name> 0 * :<real name>", "Who you are, once, before the welcome."),
    "USERHOST": Help("<nick>{ <nick>}", "Tells the addresses of up to five nicks."),
    "VERIFY": Help("<account> <code>", "Completes a registration by the code that was mailed."),
    "VERSION": Help("", "Tells the release, and which gateway you are on."),
    "WALLOPS": Help(":<text>", "Operators: says something to all users with the mode w."),
    "WEBIRC": Help("<password> <gateway> <host> <address>", "Whom a web gateway speaks for; never sent by people."),
    "WHO": Help(
        "<room|mask> [<flags>][%<fields>[,<token>]]",
        "Who is in a room, or fits a mask; flags: o for operators, or what fits: nick user host realname account.",
    ),
    "WHOIS": Help("<nick>", "Tells about somebody."),
    "WHOWAS": Help("<nick>{,<nick>} [<count>]", "Tells who had a nick before."),
}


def help_(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """HELP [command], HELPOP [command]."""
    subject = clip("".join(message.params[:1]).split(" ")[0].upper(), 60)
    if not subject:
        _tell("*", f"{services.network.name}: HELP <command> explains one of", _index(HELP), reply)
    elif (found := HELP.get(subject)) is None:
        reply.numeric(n.ERR_HELPNOTFOUND, subject, "There is no help for that; HELP lists the commands")
    else:
        _tell(subject, " ".join(filter(None, (subject, found.usage))), [found.text], reply)


def _index(names: Iterable[str]) -> list[str]:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > INDEX_WIDTH:
            lines.append("")
        lines[-1] += f"{name} "
    return [line.rstrip() for line in lines]


def _tell(subject: str, title: str, lines: list[str], reply: Reply) -> None:
    reply.numeric(n.RPL_HELPSTART, subject, title)
    for line in lines:
        reply.numeric(n.RPL_HELPTXT, subject, line)
    reply.numeric(n.RPL_ENDOFHELP, subject, "End of help")
