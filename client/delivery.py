"""When which line of the outbox is sent. Pure: the time is passed in.

To a server that knows keys (`hubbub.chat/idem`) several lines of a target are on their way at once, and whatever a
lost connection left without an answer is sent again as soon as we are in the room: the key makes it the same line. To
any other server one line a target is on its way at a time, and it is sent once more only after the history has shown
that the server does not have it.

Order: lines go out in the order typed. A server that says "try again later" to one of several may have taken those
behind it; so that it has no reason to, they go out together only at a pace that servers bear, and after such an
answer one by one until the server takes lines again.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from client.outbox import Outbox, OutboxLine
from client.renames import move, move_in
from gateway.wire.names import casefold

__all__ = ["IDEM_KEPT_MS", "MAX_IDEM_TRIES", "MAX_IN_FLIGHT", "MAX_TRIES", "PACE_BURST", "Delivery"]

RETRY_WAIT_MS = 2_000  # after "try again later"
ANSWER_LIMIT_MS = 20_000  # without an answer for so long the connection is not worth keeping
MAX_TRIES = 3  # a line that was sent so often without any answer is given up
MAX_IDEM_TRIES = 10  # the same, where sending again is harmless: it may be the line that kills connections
MAX_IN_FLIGHT = 8  # lines of a target on their way to a server that knows keys
IDEM_KEPT_MS = 23 * 3_600_000  # a server keeps keys for a day
PACE_BURST = 30.0  # lines that may go out behind others that are on their way, then
PACE_PER_S = 6.0


@dataclass(slots=True)
class _Target:
    on_the_way: dict[str, int] = field(default_factory=dict)  # key -> when it was sent
    not_before_ms: int = 0
    one_by_one: bool = False


class Delivery:
    """Which targets can be sent to, and what is on its way."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._open: set[str] = set()
        self._targets: dict[str, _Target] = {}  # by casefolded name, on this connection
        self._tries: dict[str, int] = {}
        self._online = False
        self._idempotent = False
        self._pace = PACE_BURST
        self._paced_ms = 0

    def online(self, *, idempotent: bool) -> None:
        """Registered: persons can be written to; rooms when `opened`. `idempotent`: the server knows keys."""
        self._online = True
        self._idempotent = idempotent

    def opened(self, room: str) -> None:
        """We are in `room`, and what was sent before the connection can be sent again or is known to be missing."""
        self._open.add(casefold(room))

    def on_the_way(self, line: OutboxLine) -> bool:
        """Whether the line has been sent on this connection and not been answered."""
        return line.key in self._on_the_way(line.target)

    def shut(self, room: str) -> None:
        """We are not in `room` any more: its lines wait."""
        self._open.discard(casefold(room))
        self._targets.pop(casefold(room), None)

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise; what is on its way there arrives."""
        move_in(self._open, old, new)
        move(self._targets, old, new)

    def offline(self) -> None:
        """The connection is gone; nothing is on its way any more."""
        self._online = False
        self._open.clear()
        self._targets.clear()

    def due(self, now_ms: int) -> list[OutboxLine]:
        """Lines to send now; they count as on their way from here on."""
        self._pace = min(PACE_BURST, self._pace + max(0, now_ms - self._paced_ms) * PACE_PER_S / 1000)
        self._paced_ms = now_ms
        lines = []
        waiting: set[str] = set()  # what is behind a line that waits, waits
        for line in self._outbox:
            name = casefold(line.target)
            if name in waiting or not self.sendable(name):
                continue
            target = self._targets.setdefault(name, _Target())
            if line.key in target.on_the_way:
                continue
            if not self._may_go(target, now_ms):
                waiting.add(name)
                continue
            self._pace = max(0.0, self._pace - 1)
            target.on_the_way[line.key] = now_ms
            self._tries[line.key] = self._tries.get(line.key, 0) + 1
            self._outbox.sent(line.key, now_ms)
            lines.append(line)
        return lines

    def settled(self, key: str) -> OutboxLine | None:
        """The line is acknowledged, or refused for good; None when it is not ours or was settled before."""
        line = self._outbox.done(key)
        self._tries.pop(key, None)
        if line is not None and (target := self._targets.get(casefold(line.target))) is not None:
            target.on_the_way.pop(key, None)
            target.one_by_one = False
        return line

    def postponed(self, key: str, name: str, now_ms: int) -> None:
        """The server asked to try again later."""
        self._tries.pop(key, None)  # it did answer
        target = self._targets.setdefault(casefold(name), _Target())
        target.on_the_way.pop(key, None)
        target.not_before_ms = now_ms + RETRY_WAIT_MS
        target.one_by_one = True

    def unanswered(self, now_ms: int) -> bool:
        """Whether a line has waited too long for its answer on this connection."""
        return self.longest_wait_ms(now_ms) > ANSWER_LIMIT_MS

    def longest_wait_ms(self, now_ms: int) -> int:
        """How long the line has been on its way that has been longest, on this connection; 0: none is."""
        sent = (sent_ms for target in self._targets.values() for sent_ms in target.on_the_way.values())
        return now_ms - min(sent, default=now_ms)

    def hopeless(self, now_ms: int) -> list[str]:
        """Keys of lines that no server has answered, and that had better not be sent again."""
        return [
            line.key
            for line in self._outbox
            if self._had_its_tries(line, now_ms)
            and self.sendable(casefold(line.target))
            and line.key not in self._on_the_way(line.target)
        ]

    def _had_its_tries(self, line: OutboxLine, now_ms: int) -> bool:
        tries = self._tries.get(line.key, 0)
        if self._idempotent:
            # A server that has forgotten the key would take the line for a new one.
            return tries >= MAX_IDEM_TRIES or (line.sent_ms > 0 and now_ms - line.sent_ms > IDEM_KEPT_MS)
        return tries >= MAX_TRIES

    def _may_go(self, target: _Target, now_ms: int) -> bool:
        if target.not_before_ms > now_ms:
            return False
        behind = len(target.on_the_way)
        if not behind:
            return True
        return self._idempotent and not target.one_by_one and behind < MAX_IN_FLIGHT and self._pace >= 1

    def sendable(self, name: str) -> bool:
        """Whether lines to that casefolded target may go out: what the server has of them is known."""
        return name in self._open if name.startswith("#") else self._online

    def _on_the_way(self, name: str) -> Collection[str]:
        target = self._targets.get(casefold(name))
        return target.on_the_way if target is not None else ()
