"""Typed lines to actions. Imports `gateway.wire` only.

The table `COMMANDS` is the single list of slash commands: `parse` obeys it and /help is made from it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from client.actions import (
    Action,
    Away,
    ChangeNick,
    Clear,
    Connect,
    Delete,
    Discard,
    Exit,
    Help,
    Ignore,
    Invalid,
    Invite,
    Join,
    Kick,
    ListRooms,
    Mode,
    Names,
    Oper,
    Part,
    PickRoom,
    Query,
    Quit,
    Quote,
    Register,
    Rename,
    Reply,
    Resend,
    Say,
    Search,
    SetTopic,
    Status,
    Switch,
    Unignore,
    Verify,
    Whois,
)
from gateway.wire.errors import MalformedLineError
from gateway.wire.limits import MAX_BODY_BYTES
from gateway.wire.message import Message
from gateway.wire.names import is_nick, is_room_name

__all__ = ["COMMANDS", "Command", "clean", "help_lines", "holds_password", "holds_secret", "parse", "room_name"]

# What the client says by itself and in its order, or has a word of its own for: /quote does not.
_OWN = frozenset(
    (
        "AUTHENTICATE",
        "BATCH",
        "CAP",
        "CHATHISTORY",
        "NOTICE",
        "PASS",
        "PING",
        "PONG",
        "PRIVMSG",
        "QUIT",
        "RESUME",
        "SEARCH",
    )
)
_PASSWORDS = frozenset(("oper", "register"))  # commands that have one
_SECRETS = _PASSWORDS | {"quote"}


@dataclass(frozen=True, slots=True)
class Command:
    """One slash command: its arguments as /help shows them, what it does, and how they are read."""

    usage: str
    does: str
    read: Callable[[str], Action | None]  # None: the arguments do not fit the usage


def room_name(text: str) -> str | None:
    """The room as the wire calls it (`lobby` and `#lobby` are both `#lobby`), or None where `text` names none."""
    name = text if text.startswith("#") else f"#{text}"
    return name if is_room_name(name) else None


def _say(text: str) -> Action | None:
    return Say(text=text) if text else None


def _emote(text: str) -> Action | None:
    return Say(text=text, emote=True) if text else None


def _message(text: str) -> Action | None:
    target, _, words = text.partition(" ")
    if not words.strip():
        return None
    if not (is_nick(target) or is_room_name(target)):
        return Invalid(f"{target!r} is neither a nick nor a #room")
    return Say(text=words.strip(), target=target)


def _reply(text: str) -> Action | None:
    nick, _, words = text.partition(" ")
    return Reply(nick, words.strip()) if is_nick(nick) and words.strip() else None


def _join(text: str) -> Action | None:
    words = text.split()
    if not words:
        return PickRoom()
    name = room_name(words[0])
    return Join(name, *words[1:]) if name and len(words) <= 2 else None


def _part(text: str) -> Action | None:
    first, _, rest = text.partition(" ")
    if first.startswith("#"):
        return Part(first, rest.strip()) if is_room_name(first) else None
    return Part("", text)


def _switch(text: str) -> Action | None:
    return None if " " in text else Switch(text)


def _ignore(text: str) -> Action | None:
    return Ignore(text) if not text or is_nick(text) else None


def _names(text: str) -> Action | None:
    if not text:
        return Names("")
    name = room_name(text)
    return Names(name) if name else None


def _invite(text: str) -> Action | None:
    nick, _, rest = text.partition(" ")
    room = room_name(rest.strip()) if rest.strip() else ""
    return Invite(nick, room) if is_nick(nick) and room is not None else None


def _kick(text: str) -> Action | None:
    nick, _, reason = text.partition(" ")
    return Kick(nick, reason.strip()) if is_nick(nick) else None


def _rename(text: str) -> Action | None:
    name, _, reason = text.partition(" ")
    new = room_name(name) if name else None
    return Rename(new, reason.strip()) if new is not None else None


def _mode(text: str) -> Action | None:
    words = tuple(text.split())
    return None if any(word.startswith(":") for word in words) else Mode(words)


def _register(text: str) -> Action | None:
    words = text.split()
    return Register(*words) if len(words) == 2 and (words[0] == "*" or "@" in words[0]) else None


def _oper(text: str) -> Action | None:
    words = text.split()
    return Oper(*words) if len(words) == 2 else None


def _quote(text: str) -> Action | None:
    if not text:
        return None
    try:
        message = Message.parse(text.encode())
    except MalformedLineError:
        return Invalid("/quote takes a command as the protocol has it")
    if message.source or message.tags or len(text.encode()) > MAX_BODY_BYTES:
        return Invalid(f"/quote takes a command alone, of {MAX_BODY_BYTES} bytes at most")
    command = message.command.upper()
    if command in _OWN:
        return Invalid(f"the client says {command} itself")
    return Quote(command, message.params)


def _verify(text: str) -> Action | None:
    match text.split():
        case [code]:
            return Verify("", code)
        case [account, code] if is_nick(account):
            return Verify(account, code)
    return None


def _nick(action: Callable[[str], Action]) -> Callable[[str], Action | None]:
    """For a command whose argument is a nick."""
    return lambda text: action(text) if is_nick(text) else None


def _alone(action: Callable[[], Action]) -> Callable[[str], Action | None]:
    """For a command without arguments."""
    return lambda text: None if text else action()


COMMANDS = {
    "join": Command("[ROOM] [KEY]", "enter a room and talk there; without a name: choose one", _join),
    "part": Command("[#ROOM] [REASON]", "leave a room", _part),
    "room": Command("[NAME|NUMBER]", "talk in another room you are in; without a name: which there are", _switch),
    "query": Command("NICK", "talk to one person", _nick(Query)),
    "msg": Command("NICK|#ROOM TEXT", "say something to one person, or in another room", _message),
    "reply": Command("NICK TEXT", "answer what somebody said last here", _reply),
    "me": Command("TEXT", "say what you do: * ann waves", _emote),
    "say": Command("TEXT", "say it as it stands, also `exit` or a /word", _say),
    "nick": Command("NICK", "change your nick", _nick(ChangeNick)),
    "away": Command("[REASON]", "tell that you are away; without a reason: that you are back", Away),
    "topic": Command("[TEXT]", "set the topic of the room, or show it", SetTopic),
    "rename": Command("ROOM [REASON]", "give the room another name", _rename),
    "names": Command("[ROOM]", "who is in the room", _names),
    "list": Command("", "the rooms of this server", _alone(ListRooms)),
    "whois": Command("NICK", "who somebody is", _nick(Whois)),
    "invite": Command("NICK [ROOM]", "invite somebody", _invite),
    "kick": Command("NICK [REASON]", "throw somebody out of the room", _kick),
    "mode": Command("[MODES]", "change the modes of the room (+o bob, +k KEY), or show them", _mode),
    "ignore": Command("[NICK]", "hear nothing more of somebody; without a nick: who is ignored", _ignore),
    "unignore": Command("NICK", "hear somebody again", _nick(Unignore)),
    "search": Command("[WORDS]", "what was said here with these words, also on the server; alone: stop", Search),
    "clear": Command("", "empty the screen of this room; PgUp brings the lines back", _alone(Clear)),
    "status": Command("", "how you stand with the server", _alone(Status)),
    "resend": Command("", "send once more what failed here", _alone(Resend)),
    "delete": Command("[REASON]", "delete what you said last here, where the server can", Delete),
    "discard": Command("", "forget what failed, or still waits, here", _alone(Discard)),
    "connect": Command("", "try to connect now, without waiting", _alone(Connect)),
    "register": Command("EMAIL PASSWORD", "make an account for your nick; * for no address", _register),
    "verify": Command("[ACCOUNT] CODE", "finish that by the code from the mail", _verify),
    "oper": Command("NAME PASSWORD", "become an operator of the network", _oper),
    "quote": Command("LINE", "send a command of the protocol, for what has no word here", _quote),
    "help": Command("", "this list", lambda _: Help()),
    "quit": Command("[REASON]", "leave at once; `exit`, Ctrl-D and Ctrl-C ask first", Quit),
}


def help_lines() -> list[str]:
    """The text of /help, one command a line."""
    width = max(len(f"/{name} {command.usage}") for name, command in COMMANDS.items())
    return [f"{f'/{name} {command.usage}':{width}}  {command.does}" for name, command in COMMANDS.items()]


def clean(line: str) -> str:
    """One line with spaces for control characters, which would end or alter it on the wire, and none at its end."""
    return "".join(char if char.isprintable() or ord(char) > 0x9F else " " for char in line).rstrip()


def parse(line: str) -> Action | None:
    """Read one typed line; None when there is nothing in it.

    A line that begins with `/` is a command (any beginning of its name that fits no other will do), `//` says a line
    that begins with `/`, and `exit` alone asks to leave.
    """
    text = clean(line)
    if not text.strip():
        return None
    if text.strip() == "exit":
        return Exit()
    if not text.startswith("/"):
        return Say(text=text)
    if text.startswith("//"):
        return Say(text=text[1:])
    word, _, rest = text[1:].partition(" ")
    fitting = _fitting(word.lower())
    if not fitting:
        said = "" if rest.strip() else f", //{word} says it"  # who mistyped a command with a password should not say it
        return Invalid(f"there is no command /{word}; /help lists them{said}")
    if len(fitting) > 1:
        return Invalid(f"/{word} could be " + " or ".join(f"/{name}" for name in fitting))
    command = COMMANDS[fitting[0]]
    return command.read(rest.strip()) or Invalid(f"usage: /{fitting[0]} {command.usage}".rstrip())


def _fitting(word: str) -> list[str]:
    """The commands that a word may mean."""
    if word in COMMANDS:
        return [word]
    return [name for name in COMMANDS if name.startswith(word)] if word else []


def holds_password(text: str) -> bool:
    """Whether a typed line has a password in it, which must not be kept at all; also one that is not finished, or typed
    wrong."""
    commands, words = _typed(text)
    return bool(words) and not _PASSWORDS.isdisjoint(commands or ())


def holds_secret(text: str) -> bool:
    """Whether a typed line may have a password or a key in it, which must not be kept on disk; an unknown one may."""
    commands, words = _typed(text)
    if not words or commands is None:
        return False
    keyed = "mode" in commands and any(word[0] in "+-" and "k" in word for word in words)
    return keyed or not commands or ("join" in commands and len(words) > 1) or not _SECRETS.isdisjoint(commands)


def _typed(text: str) -> tuple[list[str] | None, list[str]]:
    """The commands a typed line may mean, None for one that says something; and the words behind."""
    head = text.strip()
    if not head.startswith("/") or head.startswith("//"):
        return None, head.split()
    word, *words = head[1:].split() or [""]
    return _fitting(word.lower()), words
