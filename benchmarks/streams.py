"""What the receivers of a room got: every loss, doubling and reordering is counted, at one memcmp per read.

All receivers of a room see the same bytes as long as nothing goes wrong. The first to get a piece writes it into the
room's stream and parses it; the others only compare. One that differs keeps what it got itself, and is judged alone.
Standard library only, no I/O. The numbers counted are those in the texts that `benchmarks.load` sends.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["PRIVMSG", "Numbered", "Reader", "RoomStream", "Tally", "judge", "numbered"]

PRIVMSG = b" PRIVMSG "


class Numbered(NamedTuple):
    """One message as its text says: who sent it, and the how-manieth of that sender it is, from 0."""

    sender: int
    seq: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Exact counts over any number of receivers; a message not seen by a receiver at all is one loss."""

    delivered: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.delivered + other.delivered,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.reordered + other.reordered,
        )


def numbered(line: bytes) -> Numbered:
    """The number in a PRIVMSG line of the load.

    Raises:
        ValueError: the text is not one of ours.
    """
    sender, seq, *_ = line.partition(PRIVMSG)[2].partition(b" :")[2].split(b" ", 2)
    return Numbered(int(sender.removeprefix(b"s")), int(seq))


def judge(seen: Iterable[Numbered], sent: Mapping[int, int]) -> Tally:
    """Count what is wrong with what one receiver saw.

    Args:
        seen: messages in the order of arrival.
        sent: how many each sender sent, the receiver itself left out.
    """
    times = Counter[Numbered]()
    highest: dict[int, int] = {}
    reordered = 0
    for message in seen:
        if not times[message] and message.seq < highest.get(message.sender, -1):
            reordered += 1
        times[message] += 1
        highest[message.sender] = max(message.seq, highest.get(message.sender, -1))
    distinct = sum(1 for message in times if message.seq < sent.get(message.sender, 0))
    return Tally(times.total(), sum(sent.values()) - distinct, times.total() - len(times), reordered)


class Reader:
    """One receiver's place in its room's stream, or its own record once it differs."""

    __slots__ = ("at", "own", "tail")

    def __init__(self) -> None:
        self.at = 0
        self.tail = b""  # a line begun, while bytes are being looked at line by line; at most one line
        self.own: list[Numbered] | None = None


class RoomStream:
    """The bytes that the receivers of one room have in common. Grows with the messages of the run, by design."""

    def __init__(self, readers: int) -> None:
        self._common = bytearray()
        self._ends: list[int] = []
        self.messages: list[Numbered] = []
        self._at: Counter[int] = Counter({0: readers})
        self._everywhere = 0  # messages that each reader in step has

    def feed(self, reader: Reader, chunk: bytes) -> Sequence[bytes]:
        """Take what a receiver got; borders carry no meaning.

        Returns:
            The lines that are no messages (a PING, say), for the caller to act on.
        """
        if not reader.tail and reader.own is None and self._common.startswith(chunk, reader.at):
            self._move(reader, reader.at + len(chunk))
            return ()
        return self._feed_lines(reader, chunk)

    def settled(self) -> list[Numbered]:
        """Messages that have reached every receiver in step since the last call, oldest first."""
        if not self._at:
            return []
        lowest = min(self._at)
        start = self._everywhere
        while self._everywhere < len(self._ends) and self._ends[self._everywhere] <= lowest:
            self._everywhere += 1
        return self.messages[start : self._everywhere]

    def seen_by(self, reader: Reader) -> list[Numbered]:
        """All messages of a receiver, in the order of arrival."""
        if reader.own is not None:
            return reader.own
        return [message for message, end in zip(self.messages, self._ends, strict=True) if end <= reader.at]

    def _move(self, reader: Reader, to: int) -> None:
        self._at[reader.at] -= 1
        if not self._at[reader.at]:
            del self._at[reader.at]
        self._at[to] += 1
        reader.at = to

    def _feed_lines(self, reader: Reader, chunk: bytes) -> list[bytes]:
        """The slow way: line by line, other lines than messages left out; then in step again if it fits."""
        if reader.own is None and not reader.tail:
            border = self._common.rfind(b"\n", 0, reader.at) + 1
            chunk = bytes(self._common[border : reader.at]) + chunk
            self._move(reader, border)
        *lines, reader.tail = (reader.tail + chunk).split(b"\n")
        kept = [line for line in lines if PRIVMSG in line]
        others = [line for line in lines if PRIVMSG not in line]
        if reader.own is not None:
            reader.own += map(numbered, kept)
            return others
        piece = b"".join(line + b"\n" for line in kept)
        if self._common.startswith(piece, reader.at):
            self._move(reader, reader.at + len(piece))
        elif piece.startswith(fresh := bytes(self._common[reader.at :])):
            self._extend(piece[len(fresh) :])
            self._move(reader, len(self._common))
        else:
            reader.own = self.seen_by(reader) + [numbered(line) for line in kept]
            self._at -= Counter({reader.at: 1})
        return others

    def _extend(self, piece: bytes) -> None:
        end = len(self._common)
        for line in piece.splitlines(keepends=True):
            end += len(line)
            self._ends.append(end)
            self.messages.append(numbered(line))
        self._common += piece
