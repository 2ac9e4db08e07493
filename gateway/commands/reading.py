"""Reading a log around references, in pages. Source: IRCv3 chathistory, "CHATHISTORY Command"."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gateway.commands.ports.history import History
from gateway.events import Entry
from gateway.model import LogKey, order
from gateway.session.msgids import made_at_ms
from gateway.spoken import Redacted
from gateway.wire.tags import parse_time

__all__ = [
    "FIRST",
    "LAST",
    "MAX_NUMBER",
    "PAGE",
    "SKEW_MS",
    "BadReferenceError",
    "Place",
    "Reader",
    "find",
    "parse_reference",
]

PAGE = 400  # entries read at once; between two pages others have their turn
MAX_PAGES = 50  # of one answer; more than a whole log has
SKEW_MS = 10_000  # between a gateway's clock, which msgids carry, and those of Redis, which positions carry

Place = tuple[int, int]
"""A place in a log, or between two: ms and sequence number, as `order` gives them."""

MAX_NUMBER = 2**64 - 1
FIRST: Place = (0, 0)
LAST: Place = (MAX_NUMBER, MAX_NUMBER)


class BadReferenceError(Exception):
    """A message reference that cannot be read, or names a message that is not there; `code` is the one for `FAIL`."""

    def __init__(self, code: str, reference: str) -> None:
        super().__init__(code)
        self.code = code
        self.reference = reference


class Reference(NamedTuple):
    """A message, or all of one millisecond: the first and the last place that are meant."""

    low: Place
    high: Place


def parse_reference(text: str) -> Reference | str:
    """`timestamp=` as what it means, `msgid=` as the msgid. Raises `BadReferenceError`."""
    kind, _, value = text.partition("=")
    if kind == "timestamp":
        if (at_ms := parse_time(value)) is None:
            raise BadReferenceError("INVALID_PARAMS", text)
        at_ms = max(at_ms, 0)
        return Reference((at_ms, 0), (at_ms, MAX_NUMBER))
    if kind == "msgid" and value:
        return value
    raise BadReferenceError(
        "INVALID_PARAMS" if kind in {"", "msgid"} or "=" not in text else "INVALID_MSGREFTYPE", text
    )


async def find(history: History, log: LogKey, msgid: str) -> Entry | None:
    """The entry of a message; for one that was taken back, the `Redacted`; None: neither is there (any more).

    Looked for near the time that its msgid carries, then anywhere, the newest first. Raises `StoreError`.
    """
    wanted = msgid.encode()
    if made_ms := made_at_ms(wanted):
        low: Place = (max(0, made_ms - SKEW_MS), 0)
        for _ in range(MAX_PAGES):
            page = await history.read_between(log, _id(low), b"+", PAGE)
            if (found := _about(wanted, page)) is not None:
                return found
            if len(page) < PAGE:
                break
            low = _after(order(page[-1].position))
    high = LAST
    for _ in range(MAX_PAGES):
        page = await history.read_back(log, _id(high), _id(FIRST), PAGE)
        if (found := _about(wanted, page)) is not None:
            return found
        if len(page) < PAGE:
            break
        high = _before(order(page[-1].position))
    return None


def _about(msgid: bytes, page: Iterable[Entry]) -> Entry | None:
    """The message, or the entry that took it back."""
    for entry in page:
        if entry.event.msgid == msgid or (isinstance(entry.event, Redacted) and entry.event.redacted == msgid):
            return entry
    return None


class Reader:
    """Reads what is wanted of one log."""

    def __init__(
        self,
        history: History,
        log: LogKey,
        limit: int,
        *,
        counts: Callable[[Entry], bool],
        oldest: Place = FIRST,
        pages: int = MAX_PAGES,
    ) -> None:
        """Make a reader.

        Args:
            counts: whether an entry is one of the up to `limit` that are wanted; a `Redacted` comes with them.
            oldest: nothing before it is read.
            pages: read at most, of `PAGE` entries.
        """
        self._pages = pages
        self._history = history
        self._log = log
        self._limit = limit
        self._counts = counts
        self._oldest = oldest

    async def select(self, subcommand: str, references: list[str]) -> list[Entry]:
        """The entries a subcommand asks for, oldest first. Raises `BadReferenceError`, `StoreError`."""
        if references[0] == "*" and subcommand == "LATEST":
            return await self.backwards(FIRST, LAST, self._limit)
        first, *others = [await self._resolve(reference) for reference in references]
        match subcommand:
            case "LATEST":
                return await self.backwards(_after(first.high), LAST, self._limit)
            case "BEFORE":
                return await self.backwards(FIRST, _before(first.low), self._limit)
            case "AFTER":
                return await self.forwards(_after(first.high), LAST, self._limit)
            case "BETWEEN":
                (second,) = others
                if first.low <= second.low:
                    return await self.forwards(_after(first.high), _before(second.low), self._limit)
                # From the later to the earlier: the newest of them.
                return await self.backwards(_after(second.high), _before(first.low), self._limit)
        earlier = await self.backwards(FIRST, _before(first.low), (self._limit - 1) // 2)
        left = self._limit - sum(map(self._counts, earlier))
        return earlier + await self.forwards(first.low, LAST, left)

    async def forwards(self, low: Place, high: Place, limit: int) -> list[Entry]:
        """The first ones between two places, both included. Raises `StoreError`."""
        found, low = _Found(limit, self._counts), max(low, self._oldest)
        for _ in range(self._pages):
            if low > high or found.full:
                break
            page = await self._history.read_between(self._log, _id(low), _id(high), PAGE)
            found.take(page)
            if len(page) < PAGE:
                break
            low = _after(order(page[-1].position))
        return found.entries()

    async def backwards(self, low: Place, high: Place, limit: int) -> list[Entry]:
        """The last ones between two places, both included; oldest first all the same. Raises `StoreError`."""
        found, low = _Found(limit, self._counts), max(low, self._oldest)
        for _ in range(self._pages):
            if low > high or found.full:
                break
            page = await self._history.read_back(self._log, _id(high), _id(low), PAGE)
            found.take(page)
            if len(page) < PAGE:
                break
            high = _before(order(page[-1].position))
        return found.entries()[::-1]

    async def _resolve(self, text: str) -> Reference:
        reference = parse_reference(text)
        if isinstance(reference, Reference):
            return reference
        entry = await find(self._history, self._log, reference)
        if entry is None:
            raise BadReferenceError("MESSAGE_ERROR", text)
        event = entry.event
        if isinstance(event, Redacted) and event.redacted == reference.encode():
            place = order(event.position)
        else:
            place = order(entry.position)
        return Reference(place, place)


class _Found:
    """What pages had of the wanted entries."""

    def __init__(self, limit: int, counts: Callable[[Entry], bool]) -> None:
        self._left = limit
        self._counts = counts
        self._entries: list[Entry] = []
        self._redacted: set[bytes] = set()

    @property
    def full(self) -> bool:
        """There are enough."""
        return self._left <= 0

    def take(self, page: Iterable[Entry]) -> None:
        """Look through a page."""
        for entry in page:
            if self.full:
                return
            if isinstance(entry.event, Redacted):
                self._redacted.add(entry.event.redacted)
                self._entries.append(entry)
            elif self._counts(entry):
                self._left -= 1
                self._entries.append(entry)

    def entries(self) -> list[Entry]:
        """Those found, without what a failover has left there although it was taken back."""
        return [entry for entry in self._entries if entry.event.msgid not in self._redacted]


def _id(place: Place) -> bytes:
    return b"%d-%d" % place


def _after(place: Place) -> Place:
    ms, seq = place
    return (ms, seq + 1) if seq < MAX_NUMBER else (ms + 1, 0)


def _before(place: Place) -> Place:
    ms, seq = place
    return (ms, seq - 1) if seq else (ms - 1, MAX_NUMBER)  # before the first one: below every place, so nothing is read
