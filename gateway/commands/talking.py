"""PRIVMSG, NOTICE and TAGMSG, to rooms and to nicks. Source: RFC 2812 section 3.3; IRCv3 message-tags, echo-message."""

from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple

from gateway.commands.conversations import identity_of
from gateway.commands.naming import own_room
from gateway.commands.sayings import FromOutside, Plain, Sending, ToConversation, ToNick, ToRoom
from gateway.commands.services import Services
from gateway.commands.visible import find_visible
from gateway.errors import FullError, StoreError
from gateway.model import LogKey, MsgId, SendKey
from gateway.rooms.replica import Replica
from gateway.rooms.rights import may_speak
from gateway.rooms.room import Room
from gateway.session.capabilities import IDEM
from gateway.session.msgids import keyed_msgid
from gateway.session.playback import is_passing
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.spoken import Said, SaidLines, SaidTo, Spoken
from gateway.wire import numerics as n
from gateway.wire.limits import MAX_BODY_BYTES
from gateway.wire.message import Message
from gateway.wire.names import nick_key, room_key
from gateway.wire.tags import format_tags, is_client_only

__all__ = ["MAX_TARGETS", "say_lines", "say_plainly", "talk"]

MAX_TARGETS = 4  # of one command; advertised as TARGMAX
STATUSES = "@+"
STATUSES_AND_HASH = ("@", "+", "#")
IDEM_TAG = "hubbub.chat/idem"
MAX_SEND_KEY_BYTES = 64


class Words(NamedTuple):
    """What somebody says, to whomever."""

    tags: bytes  # as they are relayed
    text: str
    send_key: SendKey | None
    more: tuple[tuple[bool, bytes], ...] = ()  # further lines, as in `SaidLines`


def say_plainly(services: Services, session: Session, line: bytes) -> bool:
    """Carry out `PRIVMSG #room :text`, without tags and as short as its relayed form, in the shortest way.

    Returns:
        False, with nothing done, for everything else: the general way gives the same result for any line. The line
        must be within the wire's limits, from a session that is ready.
    """
    target, colon, _ = line[8:].partition(b" :")
    room = services.engine.names.displayed.get(target)
    if room is None or not colon or session.attachment not in room.seats or b"\0" in line or b"\r" in line:
        return False
    if room.replica.restricted and not _may_say(room.replica, session, line):
        return False
    relayed = b":%b %b" % (session.source_bytes, line)
    if len(relayed) > MAX_BODY_BYTES or len(line) == 10 + len(target) or not services.history.up or not _is_utf8(line):
        return False
    event = Said(session.uid, services.new_msgid(), session.account_bytes, session.own_tags, relayed)
    try:
        services.engine.say(room, Plain(event, room, session, services))
    except FullError:
        return False
    session.in_flight += 1
    session.spoke = True
    return True


def _may_say(replica: Replica, session: Session, line: bytes) -> bool:
    who = replica.members.get(session.uid)
    return who is not None and may_speak(replica, who, line)


def _is_utf8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def talk(services: Services, session: Session, message: Message, reply: Reply) -> Coroutine[Any, Any, None] | bool:
    """Handle the three commands; True: the answer follows when the messages have come back."""
    command = message.command
    if not message.params or not message.params[0]:
        if command != "NOTICE":
            reply.numeric(n.ERR_NORECIPIENT, f"No recipient given ({command})")
        return False
    text = message.params[1] if len(message.params) > 1 else ""
    if command != "TAGMSG" and not text:
        if command != "NOTICE":
            reply.numeric(n.ERR_NOTEXTTOSEND, "No text to send")
        return False
    sending = Sending(session, reply, command)
    session.spoke |= command != "TAGMSG"
    targets = message.params[0].split(",")
    if len(targets) > MAX_TARGETS:
        sending.refuse(n.ERR_TOOMANYTARGETS, message.params[0], "Too many targets")
        return False
    words = Words(_relayed_tags(session, message), text, _send_key(session, message))
    return _say(services, sending, targets, words)


def say_lines(
    services: Services, session: Session, opening: Message, lines: Sequence[tuple[bool, str]], reply: Reply
) -> Coroutine[Any, Any, None] | bool:
    """Say a message of several lines to the target of the BATCH that began it; answers as `talk` does."""
    (_, first), *more = lines
    texts = tuple((goes_on, text.encode()) for goes_on, text in more)
    words = Words(_relayed_tags(session, opening), first, _send_key(session, opening), texts)
    return _say(services, Sending(session, reply, "PRIVMSG"), [opening.params[2]], words)


def _say(services: Services, sending: Sending, targets: list[str], words: Words) -> Coroutine[Any, Any, None] | bool:
    session, reply, command, send_key = sending.session, sending.reply, sending.command, words.send_key
    if send_key is not None and not 0 < len(send_key.key) <= MAX_SEND_KEY_BYTES:
        for target in targets:
            reply.fail_only(command, "IDEM_KEY_INVALID", target, text="A key has 1 to 64 bytes; nothing was sent")
        return False
    elsewhere = []
    for target in targets:
        if target[:1] not in STATUSES_AND_HASH:
            elsewhere.append(target)
        elif (room := own_room(services, session, target.lstrip(STATUSES))) is not None:
            _to_room(services, sending, room, target, words)
        elif room_key(target.lstrip(STATUSES)) is None:
            sending.refuse(n.ERR_NOSUCHCHANNEL, target, "No such channel")
        else:
            elsewhere.append(target)
    if elsewhere:
        return _to_others(services, sending, elsewhere, words)
    return sending.pending > 0


def _send_key(session: Session, message: Message) -> SendKey | None:
    """The key the client gave what it says; None without one, or without the capability."""
    if not message.tags or IDEM_TAG not in message.tags or not session.has(IDEM):
        return None
    owner = f"a:{session.account}".encode() if session.account else b"u:" + session.uid
    return SendKey(owner, message.tags[IDEM_TAG].encode())


def _relayed_tags(session: Session, message: Message) -> bytes:
    own = session.own_tags
    if not message.tags:
        return own
    kept = format_tags({key: value for key, value in message.tags.items() if is_client_only(key)})[1:-1].encode()
    return own + b";" + kept if own and kept else own or kept


def _msgid(services: Services, log: LogKey, command: str, words: Words) -> MsgId:
    if words.send_key is None:
        return services.new_msgid()
    return keyed_msgid(words.send_key, log, command, words.text, *(text for _, text in words.more))


def _event(msgid: MsgId, session: Session, command: str, target: str, words: Words) -> Said | SaidLines:
    if command == "TAGMSG":
        line = f":{session.source} TAGMSG {target}".encode()
    else:
        head = f":{session.source} {command} {target} :".encode()
        line = _fitting(head + words.text.encode())
        if words.more:
            more = tuple((goes_on, _fitting(head + text)[len(head) :]) for goes_on, text in words.more)
            return SaidLines(session.uid, msgid, session.account.encode(), words.tags, line, more)
    return Said(session.uid, msgid, session.account.encode(), words.tags, line)


def _fitting(line: bytes) -> bytes:
    """As much of a line as fits, cut at a character's border."""
    return line if len(line) <= MAX_BODY_BYTES else line[:MAX_BODY_BYTES].decode(errors="ignore").encode()


def _to_room(services: Services, sending: Sending, room: Room, target: str, words: Words) -> None:
    """To a room the author is in."""
    if not services.history.up:
        sending.unavailable(target)
    else:
        event = _addressed(services, sending, room, target, words)
        _append(services, sending, room, ToRoom(event, room, sending, services, words.send_key))


async def _from_outside(services: Services, sending: Sending, target: str, words: Words) -> None:
    """To a room the author is not in: it has to be without `+n`, now and where the order is made."""
    found = await find_visible(services, sending.session, target.lstrip(STATUSES))
    if found is None or "n" in found.replica.modes:
        sending.refuse(n.ERR_CANNOTSENDTOCHAN, target, "Cannot send to channel: you are not in it")
        return
    async with services.engine.open_room(found.room, found.replica.name) as room:
        event = _addressed(services, sending, room, target, words)
        _append(services, sending, room, FromOutside(event, room, sending, services, words.send_key))
        await services.settled(sending.session)


def _addressed(services: Services, sending: Sending, room: Room, target: str, words: Words) -> Spoken:
    """To all members, or to those of a rank ("STATUSMSG": `@#room` to operators, `+#room` to the voiced as well)."""
    prefix = target[: len(target) - len(target.lstrip(STATUSES))]
    msgid = _msgid(services, room.follower.log, sending.command, words)
    event = _event(msgid, sending.session, sending.command, prefix + room.replica.name, words)
    to = "ov" if "+" in prefix else "o"
    if isinstance(event, SaidLines):
        return event._replace(to=to) if prefix else event
    return SaidTo(*event, to) if prefix else event


def _append(services: Services, sending: Sending, room: Room, saying: ToRoom) -> None:
    if isinstance(first := room.origins.get(saying.event.msgid), ToRoom):
        first.again.append(saying)
        sending.begin()
        return
    try:
        services.engine.say(room, saying)
    except FullError:
        text = "Too much is waiting for this room; nothing was sent, try again"
        sending.unavailable(room.replica.name, text)
    else:
        sending.begin()


async def _to_others(services: Services, sending: Sending, targets: list[str], words: Words) -> None:
    """To nicks, and to rooms the author is not in."""
    sending.pending += 1  # else an echo that comes while the next target is looked up would be taken for the last
    for nick in targets:
        try:
            if nick[:1] in STATUSES_AND_HASH:
                await _from_outside(services, sending, nick, words)
                continue
            key = nick_key(nick)
            user = await services.directory.find_user(key) if key is not None else None
            if user is None:
                sending.refuse(n.ERR_NOSUCHNICK, nick, "No such nick")
                continue
            if sending.command == "PRIVMSG" and user.away:
                sending.reply.numeric(n.RPL_AWAY, nick, user.away)
            log = services.log_of_conversation(identity_of(sending.session), identity_of(user))
            event = _event(_msgid(services, log, sending.command, words), sending.session, sending.command, nick, words)
            if sending.command == "TAGMSG" and is_passing(words.tags):
                services.engine.inboxes.send(user.uid, ToNick(event, nick, user.uid, sending, services, words.send_key))
            else:
                saying = ToConversation(event, user, sending, services, words.send_key)
                services.engine.inboxes.keep(saying.log, saying)
            sending.begin()
        except (StoreError, FullError):
            sending.unavailable(nick)
    await services.settled(sending.session)
