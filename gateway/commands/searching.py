"""SEARCH over what is kept of the rooms a peer is in and of its direct messages.

Source: IRCv3 search (https://github.com/ircv3/ircv3-specifications/pull/496), as `soju.im/search`.
"""

from typing import NamedTuple

from gateway.commands.conversations import find_conversation, identity_of
from gateway.commands.extent import oldest_in_room, oldest_said, without_taken_back
from gateway.commands.naming import own_room
from gateway.commands.reading import FIRST, LAST, MAX_NUMBER, PAGE, Place, Reader
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.events import Entry
from gateway.model import LogKey, order
from gateway.rooms.room import Room
from gateway.session.capabilities import SEARCH
from gateway.session.playback import in_room, is_message
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.spoken import Redacted, Said, SaidLines
from gateway.wire.message import Message
from gateway.wire.names import casefold
from gateway.wire.tags import parse_tags, parse_time

__all__ = ["MAX_FOUND", "MAX_LOOKED_THROUGH", "search"]

MAX_FOUND = 100  # messages in one answer
MAX_LOOKED_THROUGH = 20_000  # entries for one answer, a page at a time; a single room has half as many
MAX_PEERS = 50  # conversations looked through, the last ones
_ATTRIBUTES = frozenset({"after", "before", "from", "in", "limit", "text"})


class _BadQueryError(Exception):
    """An attribute that cannot be read, by name."""


class _Log(NamedTuple):
    """Where is searched."""

    log: LogKey
    oldest: Place
    room: str = ""  # its name as displayed; empty: it is none


class _Query(NamedTuple):
    """What is searched for."""

    target: str  # empty: everywhere
    author: str  # casefolded nick; empty: anybody
    text: str  # casefolded; empty: anything
    low: Place
    high: Place
    from_oldest: bool
    limit: int

    def fits(self, entry: Entry) -> bool:
        """Whether an entry is a message that is searched for."""
        event = entry.event
        if not is_message(entry) or not isinstance(event, Said | SaidLines):
            return False
        head, _, text = event.line.partition(b" :")
        if isinstance(event, SaidLines):
            text = b"".join((text, *(more if goes_on else b"\n" + more for goes_on, more in event.more)))
        if self.author and casefold(head[1 : head.find(b"!")].decode()) != self.author:
            return False
        return not self.text or self.text in text.decode().casefold()


async def search(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """SEARCH attributes: up to 100 messages, oldest first."""
    try:
        query = _parse(" ".join(message.params))
        logs = await _logs(services, session, query.target)
        found = await _find(services, logs, query)
    except _BadQueryError as exc:
        _fail(reply, "INVALID_PARAMS", str(exc), text="Invalid parameters")
    except StoreError:
        _fail(reply, "INTERNAL_ERROR", text="The search could not be run")
    else:
        shown = without_taken_back(session, found)
        lines = [line for entry in shown if (line := render(entry, None, "", session.render_class))]
        reply.batch("soju.im/search", lines=lines, reference=services.next_batch())


def _parse(text: str) -> _Query:
    given = parse_tags(text)
    if not given or (unknown := given.keys() - _ATTRIBUTES):
        raise _BadQueryError(min(unknown) if given else "*")
    limit = given.get("limit", str(MAX_FOUND))
    if not (limit.isascii() and limit.isdecimal() and 0 < len(limit) < 10 and int(limit)):
        raise _BadQueryError("limit")
    return _Query(
        target=given.get("in", ""),
        author=casefold(given.get("from", "")),
        text=given.get("text", "").casefold(),
        low=(_time(given, "after"), 0) if "after" in given else FIRST,
        high=(_time(given, "before"), MAX_NUMBER) if "before" in given else LAST,
        from_oldest="after" in given,
        limit=min(int(limit), MAX_FOUND),
    )


def _time(given: dict[str, str], name: str) -> int:
    at_ms = parse_time(given[name])
    if at_ms is None or at_ms < 0:
        raise _BadQueryError(name)
    return at_ms


async def _logs(services: Services, session: Session, target: str) -> list[_Log]:
    """What the peer may search, and where the history of each begins. Raises `StoreError`, `_BadQueryError`."""
    if target.startswith("#"):
        if (room := own_room(services, session, target)) is None:
            raise _BadQueryError("in")
        return [await _log_of(services, room)]
    if target:
        log = await find_conversation(services, session, target)
        if log is None:
            raise _BadQueryError("in")
        return [_Log(log, oldest_said(services))]
    own = identity_of(session)
    peers = await services.conversations.peers(own)
    rooms = [await _log_of(services, room) for room in list(session.rooms.values())]
    return rooms + [
        _Log(services.log_of_conversation(own, peer.identity), oldest_said(services)) for peer in peers[:MAX_PEERS]
    ]


async def _log_of(services: Services, room: Room) -> _Log:
    return _Log(services.log_of_room(room.key), await oldest_in_room(services, room), room.replica.name)


async def _find(services: Services, logs: list[_Log], query: _Query) -> list[Entry]:
    """The first or the last that fit, oldest first, of all logs together. Raises `StoreError`."""
    found: list[Entry] = []
    pages = max(1, MAX_LOOKED_THROUGH // PAGE // max(1, len(logs)))
    for log, oldest, room in logs:
        reader = Reader(services.history, log, query.limit, counts=query.fits, oldest=oldest, pages=pages)
        read = reader.forwards if query.from_oldest else reader.backwards
        found += [
            in_room(entry, room)
            for entry in await read(query.low, query.high, query.limit)
            if not isinstance(entry.event, Redacted)
        ]
    found.sort(key=lambda entry: order(entry.position))
    return found[: query.limit] if query.from_oldest else found[-query.limit :]


def _fail(reply: Reply, code: str, *context: str, text: str) -> None:
    reply.fail_for(SEARCH, "SEARCH", code, *context, text=text)
