"""All timelines of the client, which of them is current, and what a face has not shown yet. Pure: time is passed in."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from client.cache import MAX_TIME_MS, Cache
from client.events import Redacted
from client.line import RoomLine
from client.outbox import OutboxLine
from client.renames import Renames, move
from client.timeline import Failed, Note, Pending, Row, Timeline
from gateway.wire.names import casefold

__all__ = ["Shown", "Transcripts"]

MAX_TIMELINES = 200  # then the private talk that began first is forgotten, so that strangers cannot fill our memory
SHOWN_RECALLED = 50
RECALLED_LINES = 5_000  # of a room, when the client starts; older ones as soon as somebody scrolls to them
PAGE_LINES = 500
RECALLED_TALKS = 50  # private ones; older are shown when somebody says something in them
MAX_FORMER = 200  # names of rooms that have others now; then the one renamed first is forgotten
MAX_FRESH = 10_000  # rows a stalled face has not drawn; then the oldest are only in the timeline


@dataclass(frozen=True, slots=True)
class Shown:
    """A row that is new, and the room it belongs to; the empty room is the client itself."""

    room: str
    row: Row
    recalled: bool = False  # an earlier run has shown it already


class Transcripts:
    """One timeline a room or private talk, and one, named by the empty string, for when there is none."""

    def __init__(self, now_ms: Callable[[], int], cache: Cache | None = None) -> None:
        """Args: cache: what earlier runs have seen; it is shown before there is a connection."""
        self.current = ""
        self._now_ms = now_ms
        self._cache = cache if cache is not None else Cache()
        self._timelines: dict[str, Timeline] = {}
        self._former: dict[str, str] = {}  # casefolded names that rooms had -> that they have
        self.renames = Renames()  # for faces, which keep things under names too
        self._fresh: deque[Shown] = deque(maxlen=MAX_FRESH)

    def __contains__(self, room: str) -> bool:
        return self._key(room) in self._timelines

    def __getitem__(self, room: str) -> Timeline:
        """The timeline of `room`; it begins here when there is none."""
        key = self._key(room)
        if key not in self._timelines:
            self._timelines[key] = Timeline(room)
            self._forget_one()
        return self._timelines[key]

    @property
    def names(self) -> list[str]:
        """Rooms and private talks, as they are spelled."""
        return [timeline.room for timeline in self._timelines.values() if timeline.room]

    def get(self, room: str) -> Timeline | None:
        """The timeline of `room`, when there is one."""
        return self._timelines.get(self._key(room))

    @property
    def pending(self) -> list[tuple[str, Pending]]:
        """Our lines on their way, of all rooms, with their room."""
        return [(timeline.room, line) for timeline in self._timelines.values() for line in timeline.pending]

    @property
    def has_fresh(self) -> bool:
        """Whether `fresh` would give anything."""
        return bool(self._fresh)

    def fresh(self) -> list[Shown]:
        """What came since the last call, in order."""
        rows = list(self._fresh)
        self._fresh.clear()
        return rows

    def add(self, line: RoomLine) -> bool:
        """Take a line from the server; False when it is here already."""
        timeline = self[line.room]
        if not timeline.add(line):
            return False
        self._cache.add(line)
        self._show(timeline, line)
        return True

    def rename(self, old: str, new: str) -> None:
        """The room `old` is called `new`: here, on disk, and for lines of it that still come under the old name."""
        before, after = casefold(old), casefold(new)
        there = self._timelines.get(after)
        move(self._timelines, old, new)
        timeline = self._timelines.get(after)
        if there is not None and timeline is not None and there is not timeline:
            timeline, other = sorted((timeline, there), key=len, reverse=True)
            timeline.take(other)
            self._timelines[after] = timeline
        if timeline is not None:
            timeline.room = new
        if before != after:
            self._former = {name: after if leads == before else leads for name, leads in self._former.items()}
            self._former[before] = after
            self._former.pop(after, None)
            if len(self._former) > MAX_FORMER:
                del self._former[next(iter(self._former))]
        if casefold(self.current) == before:
            self.current = new
        fresh = [replace(shown, room=new) if casefold(shown.room) == before else shown for shown in self._fresh]
        self._fresh = deque(fresh, maxlen=MAX_FRESH)
        self._cache.rename(old, new)
        self.renames.note(old, new)

    def found_anew(self, room: str) -> None:
        """A room of that name is another than the one that once had it."""
        self._former.pop(casefold(room), None)

    def recall(self, room: str) -> None:
        """Take what earlier runs have seen of `room`, when it is not here yet; only the last lines are shown again."""
        if room in self:
            return
        lines = self._cache.lines(room, RECALLED_LINES)
        for number, line in enumerate(lines):
            timeline = self[line.room]
            if timeline.add(line) and len(lines) - number <= SHOWN_RECALLED:
                self._fresh.append(Shown(timeline.room, line, recalled=True))

    def recall_older(self, room: str) -> bool:
        """Take a page of what earlier runs have seen before the oldest row of `room`; False when there is none."""
        timeline = self.get(room)
        if timeline is None or not len(timeline) or timeline.is_full:
            return False
        lines = self._cache.lines(room, PAGE_LINES, until_ms=timeline[0].time_ms)
        # The newest first: each is then put in front of the ones before it.
        return sum([timeline.add(line) for line in reversed(lines)]) > 0

    def line(self, room: str, msgid: str) -> RoomLine | None:
        """The line of `room` with that msgid, as it is now; None when it is not here."""
        timeline = self.get(room)
        return timeline.find(msgid) if timeline is not None else None

    def find(self, room: str, words: str) -> list[RoomLine]:
        """The lines of `room`, here or on disk, whose text has `words` in it in any case; oldest first."""
        timeline = self.get(room)
        rows = [] if timeline is None else [timeline[index] for index in range(len(timeline))]
        wanted = words.casefold()
        here = [row for row in rows if isinstance(row, RoomLine) and row.kind.is_text and wanted in row.text.casefold()]
        before_ms = rows[0].time_ms if rows else MAX_TIME_MS
        return [*self._cache.find(room, words, before_ms=before_ms), *here]

    def oldest(self, room: str) -> RoomLine | None:
        """The oldest line of `room`, here or on disk, that the server knows by a msgid."""
        timeline = self.get(room)
        candidates = (self._cache.oldest(room), timeline.oldest if timeline is not None else None)
        return min((line for line in candidates if line is not None), key=lambda line: line.time_ms, default=None)

    def redact(self, event: Redacted) -> bool:
        """Hide what a line said, here and on disk; whether it was here."""
        self._cache.redact(event.room, event.target, by=event.by, reason=event.reason)
        timeline = self.get(event.room)
        return timeline is not None and timeline.redact(event.target, event.by, event.reason) is not None

    def recall_talks(self) -> None:
        """Take the private talks of earlier runs."""
        for talk in self._cache.talks(RECALLED_TALKS):
            self.recall(talk)

    def skip(self, line: RoomLine) -> None:
        """Pass over a line from the server that nobody wants to see."""
        if (timeline := self.get(line.room)) is not None:
            timeline.skip(line)

    def save(self) -> None:
        """Write down what has been said."""
        self._cache.save()

    def note(self, text: str, room: str = "") -> None:
        """Say something to the person at the terminal: in `room`, or in the one that is being looked at."""
        self._fresh.append(Shown(room, self[room or self.current].note(text, self._now_ms())))

    def pend(self, line: OutboxLine, nick: str) -> None:
        """A line of ours waits for its acknowledgement."""
        pending = Pending(
            key=line.key, nick=nick, text=line.text, time_ms=line.time_ms, emote=line.emote, reply_to=line.reply_to
        )
        self[line.target].pend(pending)

    def fail(self, line: OutboxLine, reason: str) -> None:
        """A line of ours will not be sent."""
        timeline = self[line.target]
        if (failed := timeline.fail(line.key, reason, self._now_ms())) is not None:
            self._show(timeline, failed)

    def _key(self, room: str) -> str:
        return self._former.get(casefold(room), casefold(room))

    def _show(self, timeline: Timeline, row: RoomLine | Note | Failed) -> None:
        self._fresh.append(Shown(timeline.room, row))

    def _forget_one(self) -> None:
        if len(self._timelines) > MAX_TIMELINES:
            for key, timeline in self._timelines.items():
                if key and not key.startswith("#") and not timeline.pending and timeline.room != self.current:
                    del self._timelines[key]
                    return
