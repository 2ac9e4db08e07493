"""What was said before: the replay on join, and CHATHISTORY. Source: IRCv3 chathistory.

Who is in a room reads all that is kept of it, also from before it came; nobody else reads anything of it.
"""

from functools import partial

from gateway.commands.conversations import find_conversation, identity_of
from gateway.commands.extent import kept_in, oldest_in_room, oldest_said, without_taken_back
from gateway.commands.naming import own_room
from gateway.commands.reading import PAGE, BadReferenceError, Place, Reader, parse_reference
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.events import Entry
from gateway.model import LogKey, Position, order, time_ms
from gateway.rooms.room import Room
from gateway.session.capabilities import CHATHISTORY
from gateway.session.playback import in_room, is_message, is_played, play
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire.message import Message
from gateway.wire.tags import format_time

__all__ = ["MAX_MESSAGES", "chathistory", "replay", "said_last"]

MAX_MESSAGES = 100  # of one answer; advertised as CHATHISTORY
_PARAMETERS = {"LATEST": 4, "BEFORE": 4, "AFTER": 4, "AROUND": 4, "BETWEEN": 5, "TARGETS": 4}  # the subcommand included


def replay(services: Services, session: Session, room: Room, reply: Reply) -> None:
    """The last lines for a newcomer that cannot ask for them; a batch where it knows batches."""
    name, said = room.replica.name, said_last(services, room)
    lines = [line for entry in said if (line := render(in_room(entry, name), None, "", session.render_class))]
    if lines:
        reply.batch("chathistory", name, lines=lines, reference=services.next_batch())


def said_last(services: Services, room: Room) -> list[Entry]:
    """The last messages of a room for a newcomer, oldest first: as much of them as is history."""
    kept = kept_in(services, room)
    oldest = oldest_said(services, kept)
    entries = [entry for entry in room.recent if order(entry.position) >= oldest and is_message(entry)]
    return entries[max(0, len(entries) - kept.entries) :]


async def chathistory(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """CHATHISTORY of a room the peer is in or of its messages with a nick; TARGETS: what of these there is."""
    subcommand = message.params[0].upper() if message.params else ""
    expected = _PARAMETERS.get(subcommand)
    if expected is None:
        _fail(reply, "INVALID_PARAMS", subcommand, text="Unknown subcommand")
    elif len(message.params) != expected:
        _fail(reply, "INVALID_PARAMS", subcommand, text="Too few or too many parameters")
    elif not (limit := _limit(message.params[-1])):
        _fail(reply, "INVALID_PARAMS", subcommand, message.params[-1], text="The limit is no positive number")
    elif subcommand == "TARGETS":
        await _targets(services, session, message.params[1:3], limit, reply)
    else:
        target, *references = message.params[1:-1]
        await _messages(services, session, (subcommand, target, references), limit, reply)


def _limit(text: str) -> int:
    return min(int(text), MAX_MESSAGES) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


async def _messages(
    services: Services, session: Session, request: tuple[str, str, list[str]], limit: int, reply: Reply
) -> None:
    subcommand, target, references = request
    try:
        found = await _log_of(services, session, target)
        if found is None:
            text = "Messages could not be retrieved"
            _fail(reply, "INVALID_TARGET", subcommand, target, text=text)
            return
        log, name, oldest = found
        counts = partial(is_played, caps=session.caps)
        reader = Reader(services.history, log, limit, counts=counts, oldest=oldest)
        entries = await reader.select(subcommand, references)
    except BadReferenceError as exc:
        context = (exc.reference,) if exc.code == "INVALID_PARAMS" else (target, exc.reference)
        _fail(reply, exc.code, subcommand, *context, text="That names no message here")
    except StoreError:
        _fail(reply, "MESSAGE_ERROR", subcommand, target, text="The history cannot be read now")
    else:
        lines = [line for entry in without_taken_back(session, entries) for line in play(entry, name, session)]
        reply.batch("chathistory", name, lines=lines, reference=services.next_batch())


async def _log_of(services: Services, session: Session, target: str) -> tuple[LogKey, str, Place] | None:
    """The log of a target, what the target is called, and where its history begins. Raises `StoreError`."""
    if target.startswith("#"):
        if (room := own_room(services, session, target)) is None:
            return None
        return services.log_of_room(room.key), room.replica.name, await oldest_in_room(services, room)
    log = await find_conversation(services, session, target)
    return (log, target, oldest_said(services)) if log is not None else None


async def _targets(services: Services, session: Session, references: tuple[str, ...], limit: int, reply: Reply) -> None:
    """Rooms and nicks by the time of their last message, between two times; source: the same, "TARGETS"."""
    try:
        first, second = (parse_reference(reference) for reference in references)
        if isinstance(first, str) or isinstance(second, str):
            raise BadReferenceError("INVALID_PARAMS", "msgid")
        backwards = first.low > second.low
        after, before = sorted((first.low[0], second.low[0]))
        found = [(at_ms, name) for at_ms, name in await _spoken_in(services, session) if after < at_ms < before]
    except BadReferenceError as exc:
        _fail(reply, exc.code, "TARGETS", exc.reference, text="Two timestamps are needed")
        return
    except StoreError:
        _fail(reply, "MESSAGE_ERROR", "TARGETS", text="The history cannot be read now")
        return
    found.sort()
    found = found[-limit:] if backwards else found[:limit]
    server = services.network.server_name
    lines = [f":{server} CHATHISTORY TARGETS {name} {format_time(at_ms)}\r\n".encode() for at_ms, name in found]
    reply.batch("draft/chathistory-targets", lines=lines, reference=services.next_batch())


async def _spoken_in(services: Services, session: Session) -> list[tuple[int, str]]:
    """Where something was said that the peer may read, and when last, in ms. Raises `StoreError`."""
    found = []
    for room in list(session.rooms.values()):
        oldest = await oldest_in_room(services, room)
        last = await _last_message(services, room)
        if last is not None and order(last) >= oldest:
            found.append((time_ms(last), room.replica.name))
    oldest_ms, _ = oldest_said(services)
    peers = await services.conversations.peers(identity_of(session))
    return found + [(peer.at_ms, peer.nick) for peer in peers if peer.at_ms >= oldest_ms]


async def _last_message(services: Services, room: Room) -> Position | None:
    recent: list[Entry] = [entry for entry in room.recent if is_message(entry)]
    if not recent and (not room.recent.maxlen or len(room.recent) == room.recent.maxlen):
        page = await services.history.read_back(services.log_of_room(room.key), b"+", b"-", PAGE)
        recent = [entry for entry in reversed(page) if is_message(entry)]
    return recent[-1].position if recent else None


def _fail(reply: Reply, code: str, subcommand: str, *context: str, text: str) -> None:
    reply.fail_for(CHATHISTORY, "CHATHISTORY", code, subcommand or "*", *context, text=text)
