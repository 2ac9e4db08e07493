"""A room's writer on its own: authors who remember what they are told, a replica that lags as a test wants it."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.model import ORIGIN, Answer, GatewayId, LogKey, MsgId, Outcome, Position
from gateway.rooms.outbox import Outbox
from gateway.rooms.ports import Change, Saying
from gateway.rooms.replica import Replica
from gateway.rooms.writer import Writer
from gateway.spoken import Said
from tests.harness.events import join, member, said
from tests.harness.memory_store import MemoryRedis, MemoryStore

__all__ = ["ANN", "G1", "G2", "LOG", "Author", "Desk", "Remark", "founded"]

LOG = LogKey("r:#room")
G1, G2 = GatewayId("g1"), GatewayId("g2")
ANN = member("ann", modes="o")


class Author:
    """Where what is said or changed comes from; remembers what it is told."""

    def __init__(self, decide: Callable[[Replica], Change | None] | None = None, *, may_say: bool = True) -> None:
        self.seat = None
        self.told: list[str] = []
        self._decide = decide
        self._may_say = may_say

    def arrived(self, line: bytes, position: Position) -> bytes:
        self.told.append("arrived")
        return b""

    def allowed(self, replica: Replica) -> bool:
        self.told.append(f"asked at {replica.permissions.decode()}")
        return self._may_say

    def failed(self) -> None:
        self.told.append("failed")

    def propose(self, replica: Replica) -> Change | None:
        self.told.append(f"decided at {replica.permissions.decode()}")
        assert self._decide is not None
        return self._decide(replica)

    def unchanged(self, outcome: Outcome) -> None:
        self.told.append("unchanged")


class Remark(Saying):
    """Something said by an author."""

    def __init__(self, event: Said, permissions: Position | None, author: Author) -> None:
        super().__init__(event, permissions)
        self._author = author

    def arrived(self, line: bytes, position: Position) -> bytes:
        return self._author.arrived(line, position)

    def allowed(self, replica: Replica) -> bool:
        return self._author.allowed(replica)

    def failed(self) -> None:
        self._author.failed()


class Heard:
    """A guide that lets everything go, and notes on the desk what came of it (`rooms.writer.Guide`)."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk

    def may_start(self, writer: Writer) -> bool:
        return True

    def may_send(self, writer: Writer) -> bool:
        return True

    def may_add(self, writer: Writer) -> bool:
        return True

    def written(self, writer: Writer, batch: Sequence[Saying], answer: Answer) -> None:
        self._desk.written.append(answer.outcome)

    def lost(self, writer: Writer) -> None:
        writer.pump()

    def dropped(self, writer: Writer, msgid: MsgId, outcome: Outcome) -> None:
        self._desk.written.append(outcome)

    def unanswered(self, writer: Writer) -> None:
        self._desk.unanswered += 1

    def fenced(self) -> None:
        self._desk.fenced += 1


class Desk:
    """A writer with its replica, which follows the log as far as the test lets it."""

    def __init__(self, redis: MemoryRedis) -> None:
        self.redis = redis
        self.store: MemoryStore = redis.store(G1)
        self.replica = Replica("#room")
        self.written: list[Outcome] = []
        self.fenced = self.unanswered = 0
        self.writer = Writer(self.store, LOG, Heard(self), Outbox(lambda: 0.0), replica=self.replica)
        self.writer.number = 0

    def say(self, *texts: str, author: Author | None = None) -> Author:
        """Queue what somebody says, allowed on the replica as it is."""
        author = author or Author()
        for text in texts:
            self.writer.put(Remark(said("ann", text), self.replica.permissions, author))
        return author

    def follow(self) -> None:
        """Apply everything Redis has."""
        entries = self.redis.log(LOG).entries
        known = [entry.position for entry in entries].index(self.replica.last) + 1 if self.replica.last != ORIGIN else 0
        for entry in entries[known:]:
            self.replica.apply(entry)
        self.writer.applied()

    def log(self) -> list[str]:
        """The msgids in the log."""
        return [entry.event.msgid.decode() for entry in self.redis.log(LOG).entries]

    async def settle(self, *, turns: int = 10) -> None:
        """Let all answers come."""
        for _ in range(turns):
            await asyncio.sleep(0)


async def founded() -> Desk:
    """A writer on a new log, with ann, its operator, in the room."""
    desk = Desk(MemoryRedis())
    desk.redis.room_tx(LOG, G2, 1, join(ANN))
    desk.follow()
    return desk
