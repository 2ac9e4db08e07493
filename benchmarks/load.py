"""A load of IRC members in a process of their own: it registers, joins, sends in windows and counts every delivery.

It speaks plain IRC, so any server can carry it; with `sets` over 1, those who only receive ask for capabilities, each
for the next one of so many different sets. Its parent talks to it in lines of JSON and words:
it says `seated` when all members sit in their rooms, waits for `go`, says `done` when each message has reached all
receivers of its room (or nothing moved for `STALL_S`), waits for `judge`, says the counts. End of input ends it.

The text of a message is `s<sender> <seq> xxx...`, 64 bytes. Of a sender at most `window` messages are under way; one is
under way until every member of its room that only receives has it. Standard library only.
"""

import argparse
import gc
import json
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from benchmarks.machine import raise_open_files
from benchmarks.streams import Numbered, Reader, RoomStream, Tally, judge

__all__ = ["Load", "LoadError", "Shape", "main"]

TEXT_BYTES = 64
STALL_S = 20.0  # nothing moved for this long: what is missing by then is lost
SEATING_S = 300.0  # for all members together; ngircd takes 5000 in about 10 s
READ_BYTES = 1 << 18
TOKEN = b"in-order"
CAPABILITY_SETS = (
    "",
    "server-time",
    "account-tag",
    "message-tags",
    "server-time account-tag",
    "message-tags server-time",
    "message-tags account-tag",
    "message-tags server-time account-tag",
    "message-tags server-time extended-join",
    "message-tags server-time account-tag extended-join account-notify",
)


class LoadError(Exception):
    """The server refused a member, closed its connection or did not answer in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is to be sent, to whom. Each member sits in one room."""

    rooms: int
    receivers: int  # per room
    senders: int  # per room
    messages: int  # per sender
    window: int  # messages under way, per sender
    sets: int = 1  # of capabilities among the receivers of a room, at most `len(CAPABILITY_SETS)`

    @property
    def members(self) -> int:
        """All of them, over all rooms."""
        return self.rooms * (self.receivers + self.senders)


class Member:
    """One connection. Only a sender's `in_flight` and `sent` move; its reader keeps a record of its own."""

    __slots__ = ("in_flight", "name", "reader", "room", "seated", "sent", "socket", "stream")

    def __init__(self, name: str, room: int, stream: RoomStream, capabilities: str, address: tuple[str, int]) -> None:
        self.name = name
        self.room = room
        self.stream = stream
        self.seated = False
        self.in_flight = 0
        self.sent = 0
        self.reader = Reader()
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        asked, done = (f"CAP REQ :{capabilities}\r\n", "CAP END\r\n") if capabilities else ("", "")
        self.send(f"{asked}NICK {name}\r\nUSER {name} 0 * :{name}\r\n{done}".encode())

    def send(self, lines: bytes) -> None:
        """Send at once. What a window holds fits a socket's buffer many times over.

        Raises:
            LoadError: it does not fit: the server has stopped reading.
        """
        try:
            taken = self.socket.send(lines)
        except BlockingIOError:
            taken = 0
        if taken != len(lines):
            raise LoadError(f"{self.name}: the server does not read")

    def receive(self) -> bytes:
        """What has come, at least one byte.

        Raises:
            LoadError: the connection is closed.
        """
        try:
            chunk = self.socket.recv(READ_BYTES)
        except ConnectionError as exc:
            raise LoadError(f"{self.name}: {exc}") from exc
        if not chunk:
            raise LoadError(f"{self.name}: closed by the server")
        return chunk

    def lines(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their ends."""
        *lines, self.reader.tail = (self.reader.tail + chunk).split(b"\n")
        return [line.rstrip(b"\r") for line in lines]


class Load:
    """All members, on one epoll."""

    def __init__(self, shape: Shape, addresses: list[tuple[str, int]], at_once: int) -> None:
        self._shape = shape
        self._addresses = addresses
        self._at_once = at_once
        self._epoll = select.epoll()
        self._members: dict[int, Member] = {}
        self._senders: dict[int, Member] = {}
        # One stream for those of a room who get the same bytes.
        readers = [len(range(index, shape.receivers, shape.sets)) for index in range(shape.sets)]
        self._rooms = [[RoomStream(number) for number in readers] for _ in range(shape.rooms)]
        self._settled_in: Counter[Numbered] = Counter()  # by how many of its room's streams, until by all
        self._in_order = 0

    def seat_all(self) -> float:
        """Register and join everyone, `at_once` at a time; seconds it took.

        Raises:
            LoadError: a member was refused, or the time is up.
        """
        start = time.perf_counter()
        places = self._places()
        seated = 0
        while seated < self._shape.members:
            while len(self._members) < min(seated + self._at_once, self._shape.members):
                self._connect(*next(places))
            for member in self._ready(1.0):
                if member.seated:
                    self._take(member)
                elif self._seat(member):
                    seated += 1
            if time.perf_counter() - start > SEATING_S:
                raise LoadError(f"{seated} of {self._shape.members} members seated after {SEATING_S} s")
        took_s = time.perf_counter() - start
        self._barrier()
        return took_s

    def run(self) -> float:
        """Send everything and wait until the receivers have it; seconds it took."""
        start = moved = time.perf_counter()
        for index in self._senders:
            self._top_up(index)
        under_way = len(self._senders) * self._shape.messages
        while under_way:
            rooms = set()
            for member in self._ready(0.5):
                self._take(member)
                rooms.add(member.room)
            settled = [message.sender for room in rooms for message in self._settled(self._rooms[room])]
            for index in settled:
                self._senders[index].in_flight -= 1
            for index in set(settled):
                self._top_up(index)
            under_way -= len(settled)
            now = time.perf_counter()
            if settled:
                moved = now
            elif now - moved > STALL_S:
                break
        return time.perf_counter() - start

    def _settled(self, streams: list[RoomStream]) -> list[Numbered]:
        """Messages of a room that have reached everybody since the last call."""
        if len(streams) == 1:
            return streams[0].settled()
        everywhere = []
        for message in (message for stream in streams for message in stream.settled()):
            self._settled_in[message] += 1
            if self._settled_in[message] == len(streams):
                del self._settled_in[message]
                everywhere.append(message)
        return everywhere

    def judge(self) -> Tally:
        """Wait until nothing is under way to anyone, then count."""
        self._barrier()
        tally = Tally()
        for member in self._members.values():
            first = member.room * self._shape.senders
            others = [
                index for index in range(first, first + self._shape.senders) if self._senders[index] is not member
            ]
            seen = member.stream.seen_by(member.reader)
            tally += judge(seen, {index: self._senders[index].sent for index in others})
        return tally

    def _places(self) -> Iterator[tuple[int, int]]:
        """Room and place in it; all rooms fill evenly, those who send come last."""
        for place in range(self._shape.receivers + self._shape.senders):
            for room in range(self._shape.rooms):
                yield room, place

    def _connect(self, room: int, place: int) -> None:
        receives = place < self._shape.receivers
        index = place % self._shape.sets if receives else 0
        capabilities = CAPABILITY_SETS[index] if receives else ""
        address = self._addresses[place % len(self._addresses)]
        member = Member(f"m{room}x{place}", room, self._rooms[room][index], capabilities, address)
        self._members[member.socket.fileno()] = member
        self._epoll.register(member.socket, select.EPOLLIN)
        if not receives:
            self._senders[room * self._shape.senders + place - self._shape.receivers] = member
            member.reader.own = []

    def _ready(self, timeout_s: float) -> list[Member]:
        return [self._members[descriptor] for descriptor, _ in self._epoll.poll(timeout_s)]

    def _seat(self, member: Member) -> bool:
        """Take the next step of registration; True when the member sits in its room."""
        for line in member.lines(member.receive()):
            numeric = line.partition(b" ")[2][:4]
            if numeric in (b"376 ", b"422 "):
                member.send(b"JOIN #bench%d\r\n" % member.room)
            elif numeric == b"366 ":
                member.seated = True
            elif numeric[:1] in (b"4", b"5") or b" NAK " in line or line.startswith(b"ERROR"):
                raise LoadError(f"{member.name}: {line.decode(errors='replace')}")
            self._answer(member, line)
        return member.seated

    def _take(self, member: Member) -> None:
        for line in member.stream.feed(member.reader, member.receive()):
            self._answer(member, line)

    def _answer(self, member: Member, line: bytes) -> None:
        if line.startswith(b"PING "):
            member.send(b"PONG" + line[4:].rstrip() + b"\r\n")
        elif TOKEN in line:
            self._in_order += 1

    def _barrier(self) -> None:
        """PING everyone and wait for the answers: what was under way before has been received then."""
        self._in_order = 0
        deadline = time.perf_counter() + STALL_S
        for member in self._members.values():
            member.send(b"PING " + TOKEN + b"\r\n")
        while self._in_order < len(self._members):
            for member in self._ready(0.5):
                self._take(member)
            if time.perf_counter() > deadline:
                raise LoadError(f"{self._in_order} of {len(self._members)} PINGs answered after {STALL_S} s")

    def _top_up(self, index: int) -> None:
        """Fill a sender's window, in one write."""
        sender = self._senders[index]
        count = min(self._shape.window - sender.in_flight, self._shape.messages - sender.sent)
        texts = (b"s%d %d " % (index, seq) for seq in range(sender.sent, sender.sent + count))
        head = b"PRIVMSG #bench%d :" % sender.room
        sender.sent += count
        sender.in_flight += count
        if count:
            sender.send(b"".join(head + text.ljust(TEXT_BYTES, b"x") + b"\r\n" for text in texts))


def say(**facts: object) -> None:
    """One line of JSON to the parent."""
    print(json.dumps(facts), flush=True)


def main() -> None:
    """`python -m benchmarks.load`; `benchmarks.servers` starts it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", action="append", required=True, metavar="HOST:PORT")
    parser.add_argument("--at-once", type=int, default=256)
    for name in ("rooms", "receivers", "senders", "messages", "window", "sets"):
        parser.add_argument(f"--{name}", type=int, required=True)
    args = vars(parser.parse_args())
    addresses = [(host, int(port)) for host, _, port in (at.rpartition(":") for at in args.pop("at"))]
    raise_open_files()
    gc.disable()  # nothing here has cycles, and 5000 members are many objects to walk
    at_once = args.pop("at_once")
    shape = Shape(**args)
    load = Load(shape, addresses, at_once)
    try:
        say(seated=shape.members, took_s=load.seat_all())
        if sys.stdin.readline() == "go\n":
            say(took_s=load.run())
        if sys.stdin.readline() == "judge\n":
            say(**asdict(load.judge()))
        sys.stdin.readline()
    except LoadError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
