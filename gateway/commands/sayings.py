"""What is said, on its way into a log and back to its author: the answer, the echo, the refusal."""

from gateway.commands.conversations import identity_of, note
from gateway.commands.ports.history import Peer
from gateway.commands.services import Services
from gateway.commands.telling import copy_to_own
from gateway.commands.visible import identity
from gateway.errors import FullError
from gateway.events import Entry
from gateway.model import Known, MsgId, Position, SendKey, Uid
from gateway.people import User
from gateway.rooms.ports import Saying
from gateway.rooms.replica import Replica
from gateway.rooms.rights import may_speak
from gateway.rooms.room import Room
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.spoken import Direct, Said, SaidLines, Spoken, addressed
from gateway.wire import numerics as n

__all__ = ["FromOutside", "Plain", "Sending", "ToConversation", "ToNick", "ToRoom"]

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

    def repeated(self, event: Spoken | Direct, first: Known, target: str) -> None:
        """One was not appended, since its key had been used: its author gets the echo of the first."""
        if not first.own:
            self.reply.fail_only(self.command, "IDEM_KEY_TAKEN", target, text="Another has used this key here")
            self.fail()
            return
        if isinstance(event, Direct):
            event = event.said
        self.come_back(Entry(first.position, event._replace(msgid=first.msgid)))

    def come_back(self, entry: Entry) -> None:
        """One came back where no seat gives its author the echo."""
        session = self.session
        echo = render(entry, None, "", session.render_class) if session.wants_echo else b""
        if answer := self.end(echo):
            session.write(answer)


def _lines(event: Spoken) -> list[bytes]:
    """All that it says, each line as its receivers may get it by itself."""
    if not isinstance(event, SaidLines):
        return [event.line]
    head = event.line.partition(b" :")[0]
    return [event.line, *(b"%b :%b" % (head, text) for _, text in event.more)]


class ToRoom(Saying):
    """A message on its way to a room. It is decided for the first time when it is about to be sent."""

    __slots__ = ("again", "room", "seat", "send_key", "sending", "services")
    event: Spoken

    def __init__(
        self, event: Spoken, room: Room, sending: Sending, services: Services, send_key: SendKey | None
    ) -> None:
        self.event = event
        self.send_key = send_key
        self.permissions = None
        self.room = room
        self.seat = sending.session.attachment
        self.sending = sending
        self.services = services
        # Said again with the same key while this was on its way: not sent, and answered as this is.
        self.again: list[ToRoom] = []

    def arrived(self, line: bytes, position: Position) -> bytes:
        self._answer_again(position)
        return self.sending.end(line)

    def _answer_again(self, position: Position) -> None:
        for saying in self.again:
            saying.repeated(Known(position, self.event.msgid, own=True))

    def allowed(self, replica: Replica) -> bool:
        session = self.sending.session
        who = replica.members.get(session.uid) or identity(self.services, session)
        if all(may_speak(replica, who, line) for line in _lines(self.event)):
            self.event = addressed(self.event, replica.name)  # the room may have got its name since
            return True
        del self.room.origins[self.event.msgid]
        for saying in (self, *self.again):
            saying.sending.refuse(n.ERR_CANNOTSENDTOCHAN, replica.name, "Cannot send to channel")
            saying.sending.fail()
        return False

    def failed(self) -> None:
        for saying in (self, *self.again):
            saying.sending.unavailable(self.room.replica.name)
            saying.sending.fail()

    def repeated(self, first: Known) -> None:
        for saying in (self, *self.again):
            saying.sending.repeated(self.event, first, self.room.replica.name)


class FromOutside(ToRoom):
    """A message to a room its author is not in: no seat there gives it its echo."""

    __slots__ = ()

    def arrived(self, line: bytes, position: Position) -> bytes:
        self._answer_again(position)
        self.sending.come_back(Entry(position, self.event))
        return b""


class Plain(Saying):
    """An unlabelled PRIVMSG on its way to a room: what nearly every message is, so it is one small object."""

    __slots__ = ("room", "seat", "services", "session")
    event: Spoken

    def __init__(self, event: Said, room: Room, session: Session, services: Services) -> None:
        self.event = event
        self.permissions = room.replica.permissions
        self.room = room
        self.seat = session.attachment
        self.session = session
        self.services = services

    def arrived(self, line: bytes, position: Position) -> bytes:
        self.session.settled()
        return line

    def allowed(self, replica: Replica) -> bool:
        allowed = self._as_general().allowed(replica)
        self.event = addressed(self.event, replica.name)
        return allowed

    def failed(self) -> None:
        self._as_general().failed()

    def _as_general(self) -> ToRoom:
        sending = Sending(self.session, Reply(self.session, self.services.network.server_name), "PRIVMSG")
        sending.pending = 1
        return ToRoom(self.event, self.room, sending, self.services, None)


class ToConversation(Saying):
    """A message on its way to the log of those who talk; from there it goes to an inbox.

    So nothing is delivered that history does not have, and both tell the same time.
    """

    __slots__ = ("_services", "_to", "anew", "log", "send_key", "sending")
    event: Said | SaidLines

    def __init__(
        self, event: Said | SaidLines, to: User, sending: Sending, services: Services, send_key: SendKey | None
    ) -> None:
        self.event = event
        self.send_key = send_key
        self.permissions = None
        self.log = services.log_of_conversation(identity_of(sending.session), identity_of(to))
        self.sending = sending
        self.anew = True  # else one of the same key was said before, and may have been delivered
        self._services = services
        self._to = to

    def arrived(self, line: bytes, position: Position) -> bytes:
        self._go_on(position, self.event.msgid)
        return b""

    def repeated(self, first: Known) -> None:
        self.anew = False
        if first.own:  # its way may have ended here
            self._go_on(first.position, first.msgid)
        else:
            self.sending.repeated(self.event, first, self._to.nick)

    def _go_on(self, position: Position, msgid: MsgId) -> None:
        services, session = self._services, self.sending.session
        one, other = ((who.uid, Peer(identity_of(who), who.nick)) for who in (session, self._to))
        note(services, one, other, position)
        event = Direct(session.uid, msgid, self.event._replace(msgid=msgid), position)
        try:
            services.engine.inboxes.send(self._to.uid, ToInbox(event, self._to, self.sending, services, self))
        except FullError:
            self.take_back(position)
            self.failed()

    def take_back(self, position: Position) -> None:
        """It was not delivered, so it was not said, and may be under the same key."""
        if not self.anew:
            return
        self._services.engine.inboxes.withdraw(self.log, self.event.msgid)
        self._services.history.remove(self.log, position, self.send_key)

    def allowed(self, replica: Replica) -> bool:
        return True

    def failed(self) -> None:
        self.sending.unavailable(self._to.nick)
        self.sending.fail()


class ToNick(Saying):
    """A message on its way to somebody's inbox."""

    __slots__ = ("send_key", "sending", "services", "target", "to")
    event: Said | SaidLines | Direct

    def __init__(
        self,
        event: Said | SaidLines | Direct,
        target: str,
        to: Uid,
        sending: Sending,
        services: Services,
        send_key: SendKey | None,
    ) -> None:
        self.event = event
        self.to = to
        self.services = services
        self.send_key = send_key
        self.permissions = None
        self.target = target
        self.sending = sending

    def arrived(self, line: bytes, position: Position) -> bytes:
        if self.to != self.sending.session.uid:
            copy_to_own(self.services, self.sending.session, self.event)
        self.sending.come_back(Entry(position, self.event))
        return b""

    def allowed(self, replica: Replica) -> bool:
        return True

    def failed(self) -> None:
        self.sending.unavailable(self.target)
        self.sending.fail()

    def repeated(self, first: Known) -> None:
        self.sending.repeated(self.event, first, self.target)


class ToInbox(ToNick):
    """A message that its conversation has, on its way to the inbox: to say now that it was not sent would be wrong."""

    __slots__ = ("_kept",)
    event: Direct
    promised = True

    def __init__(self, event: Direct, to: User, sending: Sending, services: Services, kept: ToConversation) -> None:
        super().__init__(event, to.nick, to.uid, sending, services, kept.send_key)
        self._kept = kept

    def repeated(self, first: Known) -> None:
        if not first.own:
            self._kept.take_back(self.event.at)
        super().repeated(first)
