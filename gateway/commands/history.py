"""What was said before: the replay on join, and CHATHISTORY. Source: IRCv3 draft/chathistory."""

from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.events import Entry, is_history
from gateway.model import LogKey, Position
from gateway.rooms.room import Room
from gateway.session.msgids import made_at_ms
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire.message import Message
from gateway.wire.names import room_key
from gateway.wire.tags import parse_time

__all__ = ["MAX_MESSAGES", "PAGE", "chathistory", "find", "replay"]

MAX_MESSAGES = 100  # of one answer; advertised as CHATHISTORY
PAGE = 400  # entries read at once while looking for messages among joins and parts
MAX_PAGES = 50  # of one answer; more than a whole log has
SKEW_MS = 10_000  # between a gateway's clock, which msgids carry, and that of Redis, which positions carry


def replay(services: Services, session: Session, room: Room, reply: Reply) -> None:
    """The last lines for a newcomer that cannot ask for them; a batch where it knows batches."""
    lines = [line for entry in room.recent if (line := render(entry, None, "", session.render_class))]
    if lines:
        reply.batch("chathistory", room.replica.name, lines=lines, reference=services.next_batch())


async def find(services: Services, log: LogKey, msgid: str) -> Position | None:
    """Where a message is in a log; None when it is not (any more). Raises `StoreError`."""
    try:
        return Position(await _Reader(services, log, 1).find(msgid.encode(), msgid))
    except _BadSelectorError:
        return None


async def chathistory(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """CHATHISTORY LATEST, BEFORE, AFTER, AROUND and BETWEEN for rooms the peer is in."""
    subcommand = message.params[0].upper()
    expected = {"LATEST": 4, "BEFORE": 4, "AFTER": 4, "AROUND": 4, "BETWEEN": 5}.get(subcommand)
    if expected is None:
        _fail(reply, "INVALID_PARAMS", subcommand, "Unknown subcommand")
        return
    if len(message.params) < expected:
        _fail(reply, "NEED_MORE_PARAMS", subcommand, "Missing parameters")
        return
    target, *selectors, limit_text = message.params[1:expected]
    limit = min(int(limit_text), MAX_MESSAGES) if limit_text.isascii() and limit_text.isdecimal() else 0
    if limit < 1:
        _fail(reply, "INVALID_PARAMS", subcommand, "The limit is no positive number", limit_text)
        return
    key = room_key(target)
    if key is None or key not in session.rooms:
        _fail(reply, "INVALID_TARGET", subcommand, "No history of this can be had", target)
        return
    reader = _Reader(services, services.log_of_room(key), limit)
    try:
        entries = await reader.select(subcommand, selectors)
    except _BadSelectorError as exc:
        _fail(reply, exc.code, subcommand, "No such message", exc.selector)
        return
    except StoreError:
        _fail(reply, "MESSAGE_ERROR", subcommand, "The history cannot be read now", target)
        return
    lines = [line for entry in entries if (line := render(entry, None, "", session.render_class))]
    name = session.rooms[key].replica.name if key in session.rooms else target
    reply.batch("chathistory", name, lines=lines, reference=services.next_batch())


def _fail(reply: Reply, code: str, subcommand: str, text: str, *context: str) -> None:
    reply.fail_only(
        "CHATHISTORY", code, subcommand or "*", *(word.split(" ")[0][:100] or "*" for word in context), text=text
    )


class _BadSelectorError(Exception):
    """A message reference that is malformed, or names a message that is not there."""

    def __init__(self, code: str, selector: str) -> None:
        super().__init__(code)
        self.code = code
        self.selector = selector


class _Reader:
    """Reads messages of one log around references."""

    def __init__(self, services: Services, log: LogKey, limit: int) -> None:
        self._history = services.history
        self._log = log
        self._limit = limit

    async def select(self, subcommand: str, selectors: list[str]) -> list[Entry]:
        """The messages a subcommand asks for, oldest first. Raises `_BadSelectorError`, `StoreError`."""
        if subcommand == "LATEST":
            after = b"-" if selectors[0] == "*" else b"(" + await self._resolve(selectors[0], after=True)
            return await self._backwards(b"+", after)
        first = await self._resolve(selectors[0], after=subcommand in {"AFTER", "BETWEEN"})
        match subcommand:
            case "BEFORE":
                return await self._backwards(b"(" + first, b"-")
            case "AFTER":
                return await self._forwards(b"(" + first, b"+")
            case "BETWEEN":
                return await self._between(first, selectors)
        half, self._limit = self._limit, max(1, self._limit // 2)
        before = await self._backwards(b"(" + first, b"-")
        self._limit = max(1, half - len(before))
        return before + await self._forwards(first, b"+")

    async def _between(self, first: bytes, selectors: list[str]) -> list[Entry]:
        second = await self._resolve(selectors[1], after=False)
        if _order(first) <= _order(second):
            return await self._forwards(b"(" + first, b"(" + second)
        # From the later to the earlier: the newest of them.
        return await self._backwards(b"(" + first, b"(" + second)

    async def _forwards(self, after: bytes, before: bytes) -> list[Entry]:
        found: list[Entry] = []
        for _ in range(MAX_PAGES):
            page = await self._history.read_between(self._log, after, before, PAGE)
            found += [entry for entry in page if is_history(entry.event)]
            if len(page) < PAGE or len(found) >= self._limit:
                break
            after = b"(" + page[-1].position
        return found[: self._limit]

    async def _backwards(self, before: bytes, after: bytes) -> list[Entry]:
        found: list[Entry] = []
        for _ in range(MAX_PAGES):
            page = await self._history.read_back(self._log, before, after, PAGE)
            found += [entry for entry in page if is_history(entry.event)]
            if len(page) < PAGE or len(found) >= self._limit:
                break
            before = b"(" + page[-1].position
        return found[: self._limit][::-1]

    async def _resolve(self, selector: str, *, after: bool) -> bytes:
        """A reference as a position: of the message itself, or a bound within its millisecond."""
        kind, _, value = selector.partition("=")
        if kind == "timestamp" and (at_ms := parse_time(value)) is not None:
            # "after" excludes the whole millisecond, "before" too.
            return b"%d-18446744073709551615" % at_ms if after else b"%d-0" % at_ms
        if kind == "msgid" and value:
            return await self.find(value.encode(), selector)
        raise _BadSelectorError("INVALID_PARAMS", selector)

    async def find(self, msgid: bytes, selector: str) -> bytes:
        """The position of a message: near the time its msgid carries, else anywhere, the newest first."""
        if made_ms := made_at_ms(msgid):
            start = b"%d" % max(0, made_ms - SKEW_MS)
            for _ in range(MAX_PAGES):
                page = await self._history.read_between(self._log, start, b"+", PAGE)
                if (found := _position_of(msgid, page)) is not None:
                    return found
                if len(page) < PAGE:
                    break
                start = b"(" + page[-1].position
        end = b"+"
        for _ in range(MAX_PAGES):
            page = await self._history.read_back(self._log, end, b"-", PAGE)
            if (found := _position_of(msgid, page)) is not None:
                return found
            if len(page) < PAGE:
                break
            end = b"(" + page[-1].position
        raise _BadSelectorError("MESSAGE_ERROR", selector)


def _position_of(msgid: bytes, page: list[Entry]) -> Position | None:
    return next((entry.position for entry in page if entry.event.msgid == msgid), None)


def _order(position: bytes) -> tuple[int, int]:
    ms, _, seq = position.partition(b"-")
    return int(ms), int(seq or b"0")
