"""An attachment of a session on its way to a new connection: taken, brought up to date, or given back."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import NamedTuple, TypeVar

from gateway.commands.changing import change_room
from gateway.commands.departure import keep, let_go, persistently
from gateway.commands.history import said_last
from gateway.commands.marking import marker_line
from gateway.commands.missed import new_name, read_missed, write_missed
from gateway.commands.missed_mail import MissedMail
from gateway.commands.monitor import tell_watched
from gateway.commands.names import name_slices
from gateway.commands.oversight import close_if_banned
from gateway.commands.pacing import until_read
from gateway.commands.presence import change_host
from gateway.commands.queries import welcome
from gateway.commands.rooms import greet, names_follow
from gateway.commands.services import Services
from gateway.commands.sharing import look, publish, repair_nick
from gateway.errors import StoreError
from gateway.events import AwaySet, Entry, Joined, Rebound
from gateway.model import AttachmentId, MsgId, Position, Uid, order
from gateway.people import Refusal, Taken
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session import tokens
from gateway.session.capabilities import CHATHISTORY, RESUME
from gateway.session.held import Held
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire import numerics as n
from gateway.wire.names import RoomKey, nick_key

__all__ = ["Returning"]

_Answer = TypeVar("_Answer")


class _Back(NamedTuple):
    """A room a session is back in."""

    room: Room
    name: str  # of the room, at the place where it came back
    position: Position
    greeting: bytes
    recent: list[Entry]  # what was said last before that


class Returning:
    """One attachment of a session on its way to a connection."""

    def __init__(self, services: Services, session: Session, reply: Reply, *, by_token: bool, msgid: str = "") -> None:
        self._services = services
        self._session = session
        self._reply = reply
        self._by_token = by_token
        self._mail = MissedMail(services, session, msgid)
        self._host = ""  # where the client is now

    async def take(self, attachment: AttachmentId, shown: bytes, account: str) -> Refusal | None:
        """Take the attachment over and bring the client up to date; None: it is back, or its connection is lost again.

        Raises:
            StoreError: Redis did not answer. Should it have been taken, it is kept for its grace.
        """
        holding, told = self._services.holding, self._by_token or self._session.has(RESUME)
        token = tokens.make(attachment, self._services.new_secret())
        kept = tokens.hash_of(token)
        taken = await self._ask(attachment, kept, holding.take(attachment, shown, account, kept, told=told))
        if taken is None or isinstance(taken, Refusal):
            return taken
        await self._come(taken, attachment, token)
        return None

    async def attach(self, uid: Uid, most: int) -> Refusal | None:
        """Be one more attachment of a session of the peer's account, or take the place of one; None as of `take`.

        Args:
            most: attachments the session may have; 1: the peer takes the place of the one that is there.
        Raises:
            StoreError: as `take`.
        """
        services, session = self._services, self._session
        attachment = tokens.further(uid, services.new_secret())
        token = tokens.make(attachment, services.new_secret())
        kept = tokens.hash_of(token)
        attaching = services.holding.attach(uid, session.account, attachment, kept, most, told=session.has(RESUME))
        attached = await self._ask(attachment, kept, attaching)
        if attached is None or isinstance(attached, Refusal):
            return attached
        if isinstance(attached, bytes):
            return await self.take(attached, b"", session.account)
        await self._come(attached, attachment, token)
        return None

    async def _ask(self, attachment: AttachmentId, token: bytes, answer: Awaitable[_Answer]) -> _Answer | None:
        """What Redis answers; None: nothing, and the connection was closed."""
        services, session = self._services, self._session
        try:
            return await answer
        except StoreError:
            self._reply.message("ERROR", "The chat's store is away, try again in a moment")
            self._reply.finish()
            session.close("Store unavailable")
            await persistently(
                lambda: services.holding.abandon(attachment, token, services.grace_s, "Connection closed")
            )
            return None

    async def _come(self, taken: Taken, attachment: AttachmentId, token: str) -> None:
        session = self._session
        self._adopt(taken, attachment, tokens.hash_of(token))
        if session.state is State.WELCOMING:
            self._welcome(token)
            with Held(session) as held:
                await self._bring_up(taken, held)
        if session.state is not State.READY:
            await self._give_back()

    def _adopt(self, taken: Taken, attachment: AttachmentId, token: bytes) -> None:
        """Be that session, with the host that the others know; where it is now they are told once it is back."""
        services, session, user = self._services, self._session, taken.user
        services.graces.end(attachment)
        if (old := services.sessions.get(attachment)) is not None:
            old.state = State.DETACHED
            let_go(services, old)
            old.close("Resumed elsewhere", goes_on=True)
        session.uid, session.attachment, session.shared = user.uid, attachment, taken.shared
        session.leads = not taken.shared  # until it has looked
        session.epoch, session.token = user.epoch, token
        self._host = session.host
        session.nick, session.user, session.realname = user.nick, user.user, user.realname
        session.move_to(user.host)
        session.active_s = user.active_s
        session.account, session.away, session.operator = user.account, user.away, user.operator
        session.signed_on_s = user.signed_on_s
        session.set_modes(user.modes)
        session.recorded = True

    def _welcome(self, token: str) -> None:
        reply, session = self._reply, self._session
        if self._by_token:
            reply.message("RESUME", "SUCCESS", session.nick)
        welcome(self._services, session, reply)
        if self._by_token or session.has(RESUME):
            reply.message("RESUME", "TOKEN", token)
        reply.finish()

    async def _bring_up(self, taken: Taken, held: Held) -> None:
        """Back into the rooms, then what was missed; what is said meanwhile follows. READY at the end if all went
        well."""
        services, session = self._services, self._session
        try:
            rooms = await asyncio.gather(*(self._enter(RoomKey(room)) for room in sorted(taken.rooms)))
            for back in filter(None, rooms):
                held.write(await self._new_name(back, taken) + back.greeting)
                await self._tell_names(back.room, held)
                await self._replay(back, taken, held)
            last = await self._mail.replay(taken, held)
            # Another attachment here may have read on meanwhile: what it was told we were not.
            while order(last) < order(read := services.engine.inboxes.read_up_to(session.uid)):
                last = max(await self._mail.replay(taken, held, last), read, key=order)
        except StoreError:
            session.close("Store unavailable", goes_on=True)
            return
        if session.state is not State.WELCOMING:
            return
        if self._by_token:
            self._reply.message("RESUME", "DONE")
            held.write(self._reply.take())
            session.returned_at_s = services.now_s()
        session.state = State.READY
        services.sessions[session.attachment] = session
        services.engine.inboxes.open(session, last, self._mail.had)
        session.deliver(self._mail.acts)
        if session.shared:  # what has changed since it was taken, it was not told
            look(services, session)
        services.count_users(recount=session.shared or session.operator or "i" in session.modes)
        with contextlib.suppress(StoreError):  # they are told as much the next time something changes
            await self._tell_others(taken)
        close_if_banned(services, session)
        with contextlib.suppress(StoreError):  # it ends by itself, and a line too many may be shown next time
            await services.holding.settle(session.attachment, session.epoch)

    async def _tell_others(self, taken: Taken) -> None:
        """Who watches the nick that it is back, if they were told that it was lost; everybody its new host. And the
        client, whom it watches."""
        services, session = self._services, self._session
        if taken.shown_lost:
            member = session.as_member(services.gateway, "")
            await services.presence.changed(member, AwaySet(session.uid, services.new_msgid(), session.away))
        if self._host != session.host and not session.shared:  # one of several does not move the others
            await change_host(services, session, self._host, self._reply)
        else:  # of this connection, whatever the former one was
            await publish(services, session, secure=session.secure, certificate=session.certificate)
        if not self._by_token:
            # To this client, which does not know that there was a session, its list is empty.
            if taken.watches:
                await services.records.unwatch(session.attachment, taken.watches)
        elif taken.watches:
            watches = {key: nick for nick in taken.watches if (key := nick_key(nick)) is not None}
            await services.watches.start(session, watches)
            tell_watched(services, watches, self._reply)
        self._reply.finish()

    async def _enter(self, key: RoomKey) -> _Back | None:
        """Take the seat in one room; None: the session is not in it any more. Raises `StoreError`."""
        services, session = self._services, self._session
        back: _Back | None = None

        def decide(replica: Replica, msgid: MsgId) -> Change | None:
            if session.uid not in replica.members:
                return None
            event = Rebound(session.uid, msgid, services.gateway, session.epoch)
            return Change(event=event, permissions=None, uid=session.uid, need="in", moves_to=services.gateway)

        def arrived(line: bytes, position: Position) -> bytes:
            nonlocal back
            member = room.replica.members.get(session.uid)
            if session.state is State.WELCOMING and member is not None:
                room.seat(session)
                greeting = Reply(session, services.network.server_name)
                joined = Joined(session.uid, MsgId(b""), member)
                greet(session, room, Entry(position, joined), greeting, marker)
                back = _Back(room, room.replica.name, position, greeting.take(), said_last(services, room))
            return b""

        async with services.engine.open_room(key, key) as room:
            await services.history.remember_log(services.log_of_room(key))
            marker = await marker_line(services, session, room)
            await repair_nick(services, session, room)
            if not await change_room(services, session, room, decide, arrived):
                await services.records.left(session.uid, key)
        return back

    async def _new_name(self, back: _Back, taken: Taken) -> bytes:
        """To a client that does not know that there was a session, all rooms are new."""
        after = taken.positions.get(self._services.log_of_room(back.room.key)) if self._by_token else None
        return await new_name(self._services, self._session, back.room, back.name, after, back.position)

    async def _tell_names(self, room: Room, held: Held) -> None:
        """Of a room that is too large to name all in its greeting."""
        if not names_follow(self._session, room):
            return
        for lines in name_slices(self._session, room.replica, self._reply.server):
            held.write(b"".join(lines))
            await until_read(self._session)
        self._reply.numeric(n.RPL_ENDOFNAMES, room.replica.name, "End of /NAMES list")
        held.write(self._reply.take())

    async def _replay(self, back: _Back, taken: Taken, held: Held) -> None:
        """What was said in a room meanwhile, for a client that cannot ask for it."""
        if self._session.has(CHATHISTORY):
            return
        log = self._services.log_of_room(back.room.key)
        after = taken.positions.get(log)
        if after is None:  # it had joined just before its gateway died: as on any join
            await write_missed(self._services, self._session, back.room.replica.name, back.recent, held)
            return
        async for entries in read_missed(self._services, log, after, b"(" + back.position):
            await write_missed(self._services, self._session, back.room.replica.name, entries, held)

    async def _give_back(self) -> None:
        """The connection was lost on the way: the session waits for the next one, with what it has missed."""
        services, session = self._services, self._session
        if session.state is State.DETACHED:
            let_go(services, session)
        else:
            await keep(services, session, {})
