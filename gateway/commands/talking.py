"""PRIVMSG, NOTICE and TAGMSG, to rooms and to nicks. Source: RFC 2812 section 3.3; IRCv3 message-tags, echo-message."""

from collections.abc import Coroutine
from typing import Any

from gateway.commands.services import Services
from gateway.errors import FullError, StoreError
from gateway.model import Entry, MsgId, Position, Said
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.rooms.writer import Saying
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.limits import MAX_BODY_BYTES
from gateway.wire.message import Message
from gateway.wire.names import nick_key, room_key
from gateway.wire.tags import format_tags, is_client_only

__all__ = ["say_plainly", "talk"]

MAX_TARGETS = 4  # of one command; advertised as TARGMAX
AWAY = "Redis is away; nothing was sent, try again"


class _Sending:
    """One command's messages on their way; its answer is complete when the last has come back."""

    __slots__ = ("command", "pending", "reply", "session")

    def __init__(self, session: Session, reply: Reply, command: str) -> None:
        self.session = session
        self.reply = reply
        self.command = command
        self.pending = 0

    def begin(self) -> None:
        """One more message is on its way."""
        self.pending += 1
        self.session.in_flight += 1

    def end(self, line: bytes) -> bytes:
        """One came back; returns what its author gets now."""
        self.pending -= 1
        self.session.settled()
        if not self.reply.label:
            return line
        if line:
            self.reply.add(line)
        return b"" if self.pending else self.reply.take()

    def fail(self) -> None:
        """One will not be appended; why is in the reply."""
        if rest := self.end(b""):
            self.session.write(rest)
        elif not self.reply.label:
            self.reply.finish()

    def refuse(self, number: str, target: str, text: str) -> None:
        """Say no; NOTICE is never answered by an error (RFC 2812 section 3.3.2)."""
        if self.command != "NOTICE":
            self.reply.numeric(number, target, text)

    def unavailable(self, target: str, text: str = AWAY) -> None:
        """Say that it may work in a moment."""
        if self.command != "NOTICE" or self.reply.label:
            self.reply.fail(self.command, "TEMPORARILY_UNAVAILABLE", target, text=text)


class _ToRoom(Saying):
    """A message on its way to a room."""

    __slots__ = ("room", "sending")

    def __init__(self, event: Said, room: Room, sending: _Sending) -> None:
        self.event = event
        self.permissions = room.replica.permissions
        self.room = room
        self.sending = sending

    def arrived(self, line: bytes, position: Position) -> bytes:
        return self.sending.end(line)

    def allowed(self, replica: Replica) -> bool:
        sending = self.sending
        if sending.session.uid in replica.members:
            return True
        del self.room.origins[self.event.msgid]
        sending.refuse(n.ERR_CANNOTSENDTOCHAN, replica.name, "Cannot send to channel")
        sending.fail()
        return False

    def failed(self) -> None:
        self.sending.unavailable(self.room.replica.name)
        self.sending.fail()


class _Plain(Saying):
    """An unlabelled PRIVMSG on its way to a room: what nearly every message is, so it is one small object."""

    __slots__ = ("room", "services", "session")

    def __init__(self, event: Said, room: Room, session: Session, services: Services) -> None:
        self.event = event
        self.permissions = room.replica.permissions
        self.room = room
        self.session = session
        self.services = services

    def arrived(self, line: bytes, position: Position) -> bytes:
        self.session.settled()
        return line

    def allowed(self, replica: Replica) -> bool:
        return self._as_general().allowed(replica)

    def failed(self) -> None:
        self._as_general().failed()

    def _as_general(self) -> _ToRoom:
        sending = _Sending(self.session, Reply(self.session, self.services.network.server_name), "PRIVMSG")
        sending.pending = 1
        return _ToRoom(self.event, self.room, sending)


def say_plainly(services: Services, session: Session, line: bytes) -> bool:
    """Carry out `PRIVMSG #room :text`, without tags and as short as its relayed form, in the shortest way.

    Returns:
        False, with nothing done, for everything else: the general way gives the same result for any line. The line
        must be within the wire's limits, from a session that is ready.
    """
    target, colon, _ = line[8:].partition(b" :")
    room = services.engine.rooms_by_name.get(target)
    if room is None or not colon or session.uid not in room.seats or b"\0" in line or b"\r" in line:
        return False
    relayed = b":%b %b" % (session.source_bytes, line)
    if len(relayed) > MAX_BODY_BYTES or len(line) == 10 + len(target) or not services.history.up or not _is_utf8(line):
        return False
    event = Said(session.uid, services.new_msgid(), session.account_bytes, b"", relayed)
    try:
        services.engine.say(room, _Plain(event, room, session, services))
    except FullError:
        return False
    session.in_flight += 1
    return True


def _is_utf8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


class _ToNick(Saying):
    """A message on its way to somebody's inbox."""

    __slots__ = ("sending", "target")

    def __init__(self, event: Said, target: str, sending: _Sending) -> None:
        self.event = event
        self.permissions = None
        self.target = target
        self.sending = sending

    def arrived(self, line: bytes, position: Position) -> bytes:
        session = self.sending.session
        echo = render(Entry(position, self.event), None, "", session.render_class) if session.wants_echo else b""
        if answer := self.sending.end(echo):
            session.write(answer)
        return b""

    def allowed(self, replica: Replica) -> bool:
        return True

    def failed(self) -> None:
        self.sending.unavailable(self.target)
        self.sending.fail()


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
    sending = _Sending(session, reply, command)
    targets = message.params[0].split(",")
    if len(targets) > MAX_TARGETS:
        sending.refuse(n.ERR_TOOMANYTARGETS, message.params[0][:60], "Too many targets")
        return False
    tags = _client_tags(message)
    nicks = []
    for target in targets:
        if target.startswith("#"):
            _to_room(services, sending, target, tags, text)
        else:
            nicks.append(target)
    if nicks:
        return _to_nicks(services, sending, nicks, tags, text)
    return sending.pending > 0


def _client_tags(message: Message) -> bytes:
    if not message.tags:
        return b""
    kept = {key: value for key, value in message.tags.items() if is_client_only(key)}
    return format_tags(kept)[1:-1].encode()


def _event(msgid: MsgId, session: Session, command: str, target: str, tags: bytes, text: str) -> Said:
    if command == "TAGMSG":
        line = f":{session.source} TAGMSG {target}".encode()
    else:
        line = f":{session.source} {command} {target} :{text}".encode()
        if len(line) > MAX_BODY_BYTES:
            line = line[:MAX_BODY_BYTES].decode(errors="ignore").encode()
    return Said(session.uid, msgid, session.account.encode(), tags, line)


def _to_room(services: Services, sending: _Sending, target: str, tags: bytes, text: str) -> None:
    session = sending.session
    key = room_key(target)
    room = session.rooms.get(key) if key is not None else None
    if room is None:
        if key is None:
            sending.refuse(n.ERR_NOSUCHCHANNEL, target, "No such channel")
        else:
            sending.refuse(n.ERR_CANNOTSENDTOCHAN, target, "Cannot send to channel: you are not in it")
        return
    if not services.history.up:
        sending.unavailable(target)
        return
    event = _event(services.new_msgid(), session, sending.command, room.replica.name, tags, text)
    try:
        services.engine.say(room, _ToRoom(event, room, sending))
    except FullError:
        sending.unavailable(target, "Too much is waiting for this room; nothing was sent, try again")
    else:
        sending.begin()


async def _to_nicks(services: Services, sending: _Sending, nicks: list[str], tags: bytes, text: str) -> None:
    for nick in nicks:
        try:
            key = nick_key(nick)
            uid = await services.directory.find(key) if key is not None else None
            if uid is None:
                sending.refuse(n.ERR_NOSUCHNICK, nick, "No such nick")
                continue
            if sending.command == "PRIVMSG" and (away := await services.directory.away(uid)):
                sending.reply.numeric(n.RPL_AWAY, nick, away)
            event = _event(services.new_msgid(), sending.session, sending.command, nick, tags, text)
            services.engine.send(uid, _ToNick(event, nick, sending))
            sending.begin()
        except (StoreError, FullError):
            sending.unavailable(nick)
    await services.settled(sending.session)
