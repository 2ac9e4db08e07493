"""PRIVMSG, NOTICE and TAGMSG, to rooms and to nicks. Source: RFC 2812 section 3.3; IRCv3 message-tags, echo-message."""

from collections.abc import Coroutine
from typing import Any

from gateway.commands.services import Services
from gateway.errors import FullError, StoreError
from gateway.model import Entry, Position, Said
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
from gateway.wire.splitting import clip
from gateway.wire.tags import format_tags, is_client_only

__all__ = ["Sending", "talk"]

MAX_TARGETS = 4  # of one command; advertised as TARGMAX
AWAY = "Redis is away; nothing was sent, try again"


class Sending:
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

    def refuse(self, number: str, target: str, text: str) -> None:
        """Say no; NOTICE is never answered by an error (RFC 2812 section 3.3.2)."""
        if self.command != "NOTICE":
            self.reply.numeric(number, target, text)

    def unavailable(self, target: str, text: str = AWAY) -> None:
        """Say that it may work in a moment."""
        if self.command != "NOTICE" or self.reply.label:
            self.reply.fail(self.command, "TEMPORARILY_UNAVAILABLE", target, text=text)


class _ToRoom:
    """A message on its way to a room (`rooms.ports.Origin`)."""

    __slots__ = ("room", "sending")

    def __init__(self, sending: Sending, room: Room) -> None:
        self.sending = sending
        self.room = room

    def arrived(self, line: bytes, position: Position) -> bytes:
        return self.sending.end(line)

    def allowed(self, replica: Replica) -> bool:
        if self.sending.session.uid in replica.members:
            return True
        self.sending.refuse(n.ERR_CANNOTSENDTOCHAN, replica.name, "Cannot send to channel")
        self._fail()
        return False

    def failed(self) -> None:
        self.sending.unavailable(self.room.replica.name)
        self._fail()

    def _fail(self) -> None:
        if rest := self.sending.end(b""):
            self.sending.session.write(rest)
        elif not self.sending.reply.label:
            self.sending.reply.finish()


class _ToNick:
    """A message on its way to somebody's inbox (`rooms.ports.Origin`)."""

    __slots__ = ("event", "sending", "target")

    def __init__(self, sending: Sending, event: Said, target: str) -> None:
        self.sending = sending
        self.event = event
        self.target = target

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
        if rest := self.sending.end(b""):
            self.sending.session.write(rest)
        elif not self.sending.reply.label:
            self.sending.reply.finish()


def talk(services: Services, session: Session, message: Message, reply: Reply) -> Coroutine[Any, Any, None] | bool:
    """Handle the three commands; True: the answer follows when the messages have come back."""
    command = message.command
    sending = Sending(session, reply, command)
    if not message.params or not message.params[0]:
        if command != "NOTICE":
            reply.numeric(n.ERR_NORECIPIENT, f"No recipient given ({command})")
        return False
    text = message.params[1] if len(message.params) > 1 else ""
    if command != "TAGMSG" and not text:
        if command != "NOTICE":
            reply.numeric(n.ERR_NOTEXTTOSEND, "No text to send")
        return False
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


def _event(services: Services, session: Session, command: str, target: str, tags: bytes, text: str) -> Said:
    line = f":{session.source} {command} {target}"
    if command != "TAGMSG":
        line += " :" + clip(text, MAX_BODY_BYTES - len(line.encode()) - 2)
    return Said(session.uid, services.new_msgid(), session.account.encode(), tags, line.encode())


def _to_room(services: Services, sending: Sending, target: str, tags: bytes, text: str) -> None:
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
    event = _event(services, session, sending.command, room.replica.name, tags, text)
    try:
        services.engine.say(room, Saying(event, _ToRoom(sending, room), room.replica.permissions))
    except FullError:
        sending.unavailable(target, "Too much is waiting for this room; nothing was sent, try again")
    else:
        sending.begin()


async def _to_nicks(services: Services, sending: Sending, nicks: list[str], tags: bytes, text: str) -> None:
    for nick in nicks:
        try:
            key = nick_key(nick)
            uid = await services.directory.find(key) if key is not None else None
            if uid is None:
                sending.refuse(n.ERR_NOSUCHNICK, nick, "No such nick")
                continue
            event = _event(services, sending.session, sending.command, nick, tags, text)
            services.engine.send(uid, Saying(event, _ToNick(sending, event, nick), None))
            sending.begin()
        except (StoreError, FullError):
            sending.unavailable(nick)
    await services.settled(sending.session)
