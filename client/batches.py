"""Batches that are open on a connection. Pure; imports `gateway.wire` only. Source: IRCv3 batch, labeled-response."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from client import multiline
from gateway.wire.message import Message

__all__ = ["COLLECTED", "Batch", "Batches"]

COLLECTED = frozenset({"chathistory", "soju.im/search"})  # kinds whose lines are history, and nothing that happens now
_KEPT = COLLECTED | {multiline.BATCH}

MAX_OPEN = 64  # then the oldest is forgotten; its lines are taken as if they stood alone
MAX_LINES = 1000  # collected in one batch; ten times what is ever asked for, the rest is dropped


@dataclass(slots=True)
class Batch:
    """One batch: `kind` and `params` as the server gave them, `label` its own or that of the batch around it.

    `opening` is the line that began it.
    """

    kind: str
    params: tuple[str, ...]
    label: str
    parent: str
    opening: Message
    lines: list[Message] = field(default_factory=list)


class Batches:
    """Collects lines of history and of messages of several lines until their end; remembers the labels of all."""

    def __init__(self) -> None:
        self._open: dict[str, Batch] = {}

    def open(self, message: Message) -> None:
        """`BATCH +ref kind params...`; a malformed one is ignored."""
        if len(message.params) < 2:
            return
        ref, kind, *params = message.params
        parent = message.tags.get("batch", "")
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        label = message.tags.get("label") or self.label_of(parent)
        self._open[ref[1:]] = Batch(kind, tuple(params), label, parent, message)

    def close(self, ref: str) -> Batch | None:
        """`BATCH -ref`: the batch, no longer open; None when there is none of that name."""
        return self._open.pop(ref[1:], None)

    def collect(self, message: Message) -> bool:
        """Put a line into the history batch it belongs to; False when it belongs to none and is to be obeyed now."""
        for batch in self._around(message.tags.get("batch", "")):
            if batch.kind in _KEPT:
                if len(batch.lines) < MAX_LINES:
                    batch.lines.append(message)
                return True
        return False

    def label_of(self, ref: str) -> str:
        """The label that lines in batch `ref` answer, or empty."""
        return next((batch.label for batch in self._around(ref) if batch.label), "")

    def _around(self, ref: str) -> Iterator[Batch]:
        # As many steps as batches may be open: a peer could nest them in a circle.
        for _ in range(MAX_OPEN):
            batch = self._open.get(ref)
            if batch is None:
                return
            yield batch
            ref = batch.parent
