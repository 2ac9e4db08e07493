"""What a witness said and has not seen again: sent anew under the same key, answered at last. Pure.

A message that is sent again under its idempotency key is answered once per sending with the same msgid: that is no
doubling. One that the server refused was not taken, so its next sending is the first.
"""

from collections.abc import Set
from dataclasses import dataclass

__all__ = ["IDEM", "Outgoing"]

IDEM = "hubbub.chat/idem"
MAX_OPEN = 10_000  # messages; a talker that has more does not wait

Message = tuple[str, str]  # room, text


@dataclass(slots=True)
class _Sent:
    label: str
    said_s: float
    repeated: int = 0  # sendings whose fate nobody knew when the next one left


class Outgoing:
    """The messages of one author."""

    def __init__(self) -> None:
        self.open: dict[Message, _Sent] = {}  # oldest first
        self.put_off: set[Message] = set()  # refused for the moment: to be sent again
        self.not_before_s = 0.0  # what the server last asked for
        self.waits: list[tuple[float, float]] = []  # of each: when it was said, how long until it came back
        self.abandoned = 0
        self.owed_since_s: float | None = None  # no service since then
        self._labels: dict[str, Message] = {}
        self._refusing: set[str] = set()  # rooms whose last answer was a refusal for the moment
        self._answers_due: dict[str, int] = {}  # msgid -> answers that may still come to repeated sendings

    @property
    def oldest_s(self) -> float | None:
        """When the oldest message that has not come back was first said."""
        return next((sent.said_s for sent in self.open.values()), None)

    @property
    def due_again(self) -> list[Message]:
        """What was put off and is to be asked for now, oldest first: one of a room, until that room takes one.

        A whole window, again and again, would be a flood, and the server closes who floods it.
        """
        due: list[Message] = []
        asked: set[str] = set()
        for message in self.open:
            if message in self.put_off and message[0] not in asked:
                due.append(message)
                asked |= self._refusing & {message[0]}
        return due

    def tags(self, message: Message, label: str, now_s: float, author: str, capabilities: Set[str]) -> str:
        """The tags of the line that says a message, for the first time or again; `label` is used if it is new."""
        if (sent := self.open.get(message)) is None:
            assert len(self.open) < MAX_OPEN
            sent = self.open[message] = _Sent(label, now_s)
            self._labels[label] = message
        elif message not in self.put_off:
            sent.repeated += 1
        self.put_off.discard(message)
        tags = [f"label={sent.label}"] if "labeled-response" in capabilities else []
        tags += [f"{IDEM}={author}-{sent.label}"] if IDEM in capabilities else []
        return f"@{';'.join(tags)} " if tags else ""

    def came_back(self, message: Message, msgid: str, now_s: float) -> bool:
        """An own message was seen; False: it answers a repeated sending of one that was seen before."""
        if self._answers_due.get(msgid, 0):
            self._answers_due[msgid] -= 1
            return False
        self._refusing.discard(message[0])
        if self.owed_since_s is not None:
            self.waits.append((self.owed_since_s, now_s - self.owed_since_s))
            self.owed_since_s = None
        if (sent := self._close(message)) is not None:
            self.waits.append((sent.said_s, now_s - sent.said_s))
            if sent.repeated:
                self._answers_due[msgid] = sent.repeated
        return True

    def refused(self, label: str, *, for_now: bool, not_before_s: float = 0.0) -> None:
        """The server did not take a message: `for_now`, or for good, and then it owes nobody its delivery.

        Until `not_before_s` it would not take any other either.
        """
        self.not_before_s = max(self.not_before_s, not_before_s)
        if (message := self._labels.get(label)) is None:
            return
        if for_now:
            self.put_off.add(message)
            self._refusing.add(message[0])
        else:
            self._close(message)

    def abandon(self) -> None:
        """Nobody will ever answer what is open: its connection is gone, and the server would not know it again."""
        self.abandoned += len(self.open)
        self.owe(self.oldest_s)
        for message in list(self.open):
            self._close(message)

    def owe(self, since_s: float | None) -> None:
        """There has been no service since then: until anything comes back again."""
        self.owed_since_s = self.owed_since_s or since_s

    def _close(self, message: Message) -> _Sent | None:
        self.put_off.discard(message)
        if (sent := self.open.pop(message, None)) is not None:
            self._labels.pop(sent.label, None)
        return sent
