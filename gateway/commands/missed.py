"""What somebody missed while away: read in pages, written at the pace of the peer."""

from collections.abc import AsyncIterator

from gateway.commands.pacing import finish
from gateway.commands.reading import PAGE
from gateway.commands.services import Services
from gateway.events import Entry, Left, LeftBy, RoomRenamed
from gateway.model import LogKey, MsgId, Position, time_ms
from gateway.rooms.room import Room
from gateway.session.held import Held
from gateway.session.playback import in_room
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.spoken import Direct, Redacted, Said, SaidLines, is_history
from gateway.wire.names import casefold

__all__ = ["is_talk", "new_name", "read_missed", "write_missed"]


def is_talk(entry: Entry) -> bool:
    """Whether it is something that somebody said, and not what else may come to an inbox."""
    if isinstance(entry.event, Direct | Redacted):
        return True
    words = entry.event.line.split(b" ", 2) if isinstance(entry.event, Said | SaidLines) else ()
    return len(words) > 1 and words[1] in {b"PRIVMSG", b"NOTICE", b"TAGMSG"}


async def read_missed(services: Services, log: LogKey, after: Position, before: bytes) -> AsyncIterator[list[Entry]]:
    """The entries between two places of a log, in pages. Raises `StoreError`."""
    while True:
        page = await services.history.read_between(log, b"(" + after, before, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].position


async def new_name(
    services: Services, session: Session, room: Room, name: str, after: Position | None, position: Position
) -> bytes:
    """What a client that was in a room by the name it had at `after` is told before it is in it by its name at
    `position`; empty where that is the same, or not known. Raises `StoreError`."""
    if after is None or all(listed.at_ms < time_ms(after) for listed in room.replica.former.values()):
        return b""
    async for entries in read_missed(services, services.log_of_room(room.key), after, b"(" + position):
        for entry in entries:
            if not isinstance(event := entry.event, RoomRenamed):
                continue
            if casefold(event.before) == casefold(name):
                return b""
            if session.knows_renames:
                return render(entry._replace(event=event._replace(name=name)), None, name, session.render_class)
            left = Left(session.uid, MsgId(b""), LeftBy.PART, event.reason)
            member = session.as_member(services.gateway, "")
            return render(entry._replace(event=left), member, event.before, session.render_class)
    return b""


async def write_missed(services: Services, session: Session, target: str, entries: list[Entry], held: Held) -> None:
    """The messages among the entries, at the pace of the peer: its own history must not be what closes it.

    Args:
        target: where they were said: a room by its present name, or the peer's own nick.
    """
    said = (entry for entry in entries if is_history(entry.event) or isinstance(entry.event, Direct | Redacted))
    lines = [line for entry in said if (line := render(in_room(entry, target), None, target, session.render_class))]
    if lines:
        reply = Reply(session, services.network.server_name)
        reply.batch("chathistory", target, lines=lines, reference=services.next_batch())
        await finish(reply, held.write)
