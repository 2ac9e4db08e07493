"""When which line of the outbox is sent. Pure: the time is passed in.

One line a target is on its way at a time: then no refusal, loss or retry can change the order of lines, and a line is
sent once more only after the history has shown that the server does not have it.
"""

from dataclasses import dataclass

from client.outbox import Outbox, OutboxLine
from gateway.wire.names import casefold

__all__ = ["MAX_TRIES", "Delivery"]

RETRY_WAIT_MS = 2_000  # after "try again later"
ANSWER_LIMIT_MS = 20_000  # without an answer for so long the connection is not worth keeping
MAX_TRIES = 3  # a line that was sent so often without any answer is given up


@dataclass(slots=True)
class _OnTheWay:
    key: str
    sent_ms: int


class Delivery:
    """Which targets can be sent to, and what is on its way."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._open: set[str] = set()
        self._on_the_way: dict[str, _OnTheWay] = {}  # by casefolded target
        self._not_before_ms: dict[str, int] = {}
        self._tries: dict[str, int] = {}
        self._online = False

    def online(self) -> None:
        """Registered: persons can be written to; rooms when `opened`."""
        self._online = True

    def opened(self, room: str) -> None:
        """We are in `room` and know all that was said: what is not there was not sent."""
        self._open.add(casefold(room))

    def on_the_way(self, key: str) -> bool:
        """Whether the line has been sent on this connection and not been answered."""
        return any(way.key == key for way in self._on_the_way.values())

    def is_open(self, room: str) -> bool:
        """Whether `opened` was the last word on `room`."""
        return casefold(room) in self._open

    def shut(self, room: str) -> None:
        """We are not in `room` any more: its lines wait."""
        self._open.discard(casefold(room))
        self._on_the_way.pop(casefold(room), None)

    def offline(self) -> None:
        """The connection is gone; nothing is on its way any more."""
        self._online = False
        self._open.clear()
        self._on_the_way.clear()
        self._not_before_ms.clear()

    def due(self, now_ms: int) -> list[OutboxLine]:
        """Lines to send now; they count as on their way from here on."""
        lines = []
        waiting: set[str] = set()
        for line in self._outbox:
            target = casefold(line.target)
            if target in waiting or target in self._on_the_way:
                continue
            waiting.add(target)
            if self._sendable(target) and self._not_before_ms.get(target, 0) <= now_ms:
                self._on_the_way[target] = _OnTheWay(line.key, now_ms)
                self._tries[line.key] = self._tries.get(line.key, 0) + 1
                lines.append(line)
        return lines

    def settled(self, key: str) -> OutboxLine | None:
        """The line is acknowledged, or refused for good; None when it is not ours or was settled before."""
        line = self._outbox.done(key)
        self._tries.pop(key, None)
        if line is not None:
            self._back(line.target, key)
        return line

    def postponed(self, key: str, target: str, now_ms: int) -> None:
        """The server asked to try again later."""
        self._back(target, key)
        self._tries.pop(key, None)  # it did answer
        self._not_before_ms[casefold(target)] = now_ms + RETRY_WAIT_MS

    def unanswered(self, now_ms: int) -> bool:
        """Whether a line has waited too long for its answer on this connection."""
        return any(now_ms - way.sent_ms > ANSWER_LIMIT_MS for way in self._on_the_way.values())

    def hopeless(self) -> list[str]:
        """Keys of lines that were sent `MAX_TRIES` times on as many connections, and are not in the history."""
        return [
            line.key
            for line in self._outbox
            if self._tries.get(line.key, 0) >= MAX_TRIES
            and self._sendable(casefold(line.target))
            and casefold(line.target) not in self._on_the_way
        ]

    def _sendable(self, target: str) -> bool:
        return target in self._open if target.startswith("#") else self._online

    def _back(self, target: str, key: str) -> None:
        way = self._on_the_way.get(casefold(target))
        if way is not None and way.key == key:
            del self._on_the_way[casefold(target)]
