"""REDACT: what was said is taken back, and gone from the log. Source: IRCv3 message-redaction."""

from gateway.commands.changing import change_room
from gateway.commands.conversations import find_peer, identity_of
from gateway.commands.naming import current_room, own_room
from gateway.commands.oversight import record
from gateway.commands.reading import LAST, SKEW_MS, Reader, find
from gateway.commands.services import Services
from gateway.commands.telling import copy_to_own
from gateway.errors import FullError
from gateway.events import Entry
from gateway.model import LogKey, MsgId, Position, Uid, time_ms
from gateway.rooms.ports import Change, Saying
from gateway.rooms.replica import Replica
from gateway.rooms.rights import is_operator
from gateway.rooms.room import Room
from gateway.session.capabilities import REDACTION
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.spoken import Direct, Redacted, Said, SaidLines, SaidTo
from gateway.wire.limits import MAX_BODY_BYTES
from gateway.wire.message import Message
from gateway.wire.names import nick_key
from gateway.wire.splitting import clip

__all__ = ["redact"]


async def redact(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """REDACT target msgid [reason]: of one's own; of anybody in a room one is operator of; in any room for operators of
    the network."""
    target, msgid, reason = (*message.params, "", "", "")[:3]
    if not msgid:
        _fail(reply, "NEED_MORE_PARAMS", text="Not enough parameters")
        return
    redacting = _Redacting(services, session, reply, target, msgid, reason)
    try:
        if target.startswith("#"):
            if (room := own_room(services, session, target)) is not None:
                await redacting.in_room(room)
                return
            if session.operator and (found := await current_room(services, target)) is not None:
                async with services.engine.open_room(found.room, found.replica.name) as room:
                    await redacting.in_room(room)
                return
        elif (peer := await find_peer(services, session, target)) is not None:
            await redacting.in_conversation(peer)
            return
    except FullError:
        reply.fail("REDACT", "TEMPORARILY_UNAVAILABLE", target, text="Too much is waiting; try again")
        return
    _fail(reply, "INVALID_TARGET", target, text="You cannot delete messages from there")


class _Redacting:
    """One command."""

    def __init__(
        self, services: Services, session: Session, reply: Reply, target: str, msgid: str, reason: str
    ) -> None:
        self._services = services
        self._session = session
        self._reply = reply
        self._target = target
        self._msgid = msgid
        room_left = MAX_BODY_BYTES - len(f":{session.source} REDACT {target} {msgid} :".encode())
        self._reason = clip(reason, max(0, room_left))

    async def in_room(self, room: Room) -> None:
        """Raises `StoreError`."""
        services, session = self._services, self._session
        entry = await self._find(services.log_of_room(room.key))
        if entry is None:
            return
        moderates = session.operator or is_operator(room.replica, session.uid)
        if self._is_late(entry, 0 if moderates else services.network.redaction_window_s):
            return

        event: Redacted | None = None

        def decide(replica: Replica, msgid: MsgId) -> Change | None:
            nonlocal event
            if not (session.operator or self._is_own(entry) or is_operator(replica, session.uid)):
                self._refuse("REDACT_FORBIDDEN", text="You are not authorised to delete this message")
                return None
            event = self._event(msgid, entry.position, "")
            return Change(
                event=event,
                permissions=replica.permissions,
                uid=session.uid,
                need="" if session.operator else "in",
                removed=(entry.position,),
            )

        def arrived(line: bytes, position: Position) -> bytes:
            seated = room.key in session.rooms
            if not seated and session.wants_echo and event is not None:
                line = render(Entry(position, event), None, room.replica.name, session.render_class)
            if line:  # none without echo-message
                self._reply.add(line)
            return self._reply.take() if seated else b""  # who has no seat there is told at the end of the command

        by_office = session.operator and not (self._is_own(entry) or is_operator(room.replica, session.uid))
        if await change_room(services, session, room, decide, arrived) and by_office:
            done = f"redacted a message in {room.replica.name}"
            await record(services, session, "redacted", done, room=room.key, msgid=self._msgid)

    async def in_conversation(self, peer: str) -> None:
        """In the conversation with somebody, and wherever a copy waits. Raises `StoreError`, `FullError`."""
        services, session = self._services, self._session
        own = identity_of(session)
        log = services.log_of_conversation(own, peer)
        entry = await self._find(log)
        if entry is None:
            return
        if not self._is_own(entry):
            self._refuse("REDACT_FORBIDDEN", text="You are not authorised to delete this message")
            return
        if self._is_late(entry, services.network.redaction_window_s):
            return
        key = nick_key(self._target)
        holder = await services.directory.find(key) if key is not None else None
        # By session and not by nick: who was told it may have another by now, or be away without a connection.
        uids = {session.uid, *await services.conversations.inboxes(own), *await services.conversations.inboxes(peer)}
        copies = {uid: found for uid in uids if (found := await self._copy(uid, entry)) is not None}
        # Gone first, told then: should this gateway end in between, it is not there all the same.
        event = self._event(services.new_msgid(), entry.position, self._target)
        self._delete(log, entry)
        for uid, copy in copies.items():
            self._delete(services.log_of_inbox(uid), copy)
        services.engine.inboxes.keep(log, _Told(event))
        for uid in ({holder} if holder is not None else set()).union(copies) - {session.uid}:
            services.engine.inboxes.send(uid, _Told(event))
        copy_to_own(services, session, event)
        if session.wants_echo and (line := render(Entry(entry.position, event), None, "", session.render_class)):
            self._reply.add(line)

    def _delete(self, log: LogKey, entry: Entry) -> None:
        self._services.engine.inboxes.withdraw(log, entry.event.msgid)
        self._services.history.remove(log, entry.position)

    async def _copy(self, uid: Uid, original: Entry) -> Entry | None:
        """What an inbox has of a message that its conversation had before."""
        since = (max(0, time_ms(original.position) - SKEW_MS), 0)
        reader = Reader(
            self._services.history,
            self._services.log_of_inbox(uid),
            1,
            counts=lambda entry: entry.event.msgid == original.event.msgid,
        )
        found = [one for one in await reader.forwards(since, LAST, 1) if isinstance(one.event, Direct | Said)]
        return found[0] if found else None

    async def _find(self, log: LogKey) -> Entry | None:
        """The message; None after it was said that there is none."""
        entry = await find(self._services.history, log, self._msgid)
        if entry is not None and isinstance(entry.event, Said | SaidTo | SaidLines):
            return entry
        self._refuse("UNKNOWN_MSGID", text="This message does not exist or is too old")
        return None

    def _is_own(self, entry: Entry) -> bool:
        event, session = entry.event, self._session
        account = event.account if isinstance(event, Said | SaidTo | SaidLines) else b""
        return event.uid == session.uid or bool(account and account == session.account_bytes)

    def _is_late(self, entry: Entry, window_s: int) -> bool:
        """Whether its time is over; True after that was said."""
        late = bool(window_s) and time_ms(entry.position) + 1000 * window_s < self._services.clock_s() * 1000
        if late:
            self._refuse("REDACT_WINDOW_EXPIRED", str(window_s), text="You can no longer delete this message")
        return late

    def _event(self, msgid: MsgId, position: Position, to: str) -> Redacted:
        session = self._session
        redacted = MsgId(self._msgid.encode())
        return Redacted(session.uid, msgid, session.source, redacted, position, self._reason, to)

    def _refuse(self, code: str, *context: str, text: str) -> None:
        _fail(self._reply, code, self._target, self._msgid, *context, text=text)


class _Told(Saying):
    """A redaction on its way into a log; nobody waits for it."""

    __slots__ = ()

    def __init__(self, event: Redacted) -> None:
        super().__init__(event, None)

    def arrived(self, line: bytes, position: Position) -> bytes:
        return b""

    def allowed(self, replica: Replica) -> bool:
        return True

    def failed(self) -> None:
        """The text is gone all the same."""


def _fail(reply: Reply, code: str, *context: str, text: str) -> None:
    reply.fail_for(REDACTION, "REDACT", code, *context, text=text)
