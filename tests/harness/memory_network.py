"""Several gateways' engines over one memory store, each with members who remember what they were shown."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

from gateway.model import GatewayId, Known, LogKey, Member, MsgId, Outcome, Position, SendKey, Uid
from gateway.rooms.engine import Engine
from gateway.rooms.ports import Change, Saying
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session import capabilities
from gateway.session.render import render
from gateway.session.session import Session
from gateway.spoken import Said
from gateway.wire.names import RoomKey
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.events import join, member, said
from tests.harness.memory_store import MemoryRedis, MemoryStore

__all__ = ["KEY", "LOG", "TURN_WAIT_S", "Decided", "Gateway", "Network", "Sent", "network"]

KEY, LOG = RoomKey("#room"), LogKey("r:#room")
TURN_WAIT_S = 1.0  # so that nobody waits for a lease


class Sent(Saying):
    """Something said here; `position` and `first` tell what became of it."""

    def __init__(self, event: Said, permissions: Position | None, send_key: SendKey | None = None) -> None:
        super().__init__(event, permissions)
        self.send_key = send_key
        self.position: Position | None = None
        self.first: Known | None = None

    @property
    def acknowledged(self) -> bool:
        """Its author was told."""
        return self.position is not None or self.first is not None

    def arrived(self, line: bytes, position: Position) -> bytes:
        assert not self.acknowledged
        self.position = position
        return line

    def repeated(self, first: Known) -> None:
        assert not self.acknowledged
        self.first = first

    def allowed(self, replica: Replica) -> bool:
        return True

    def failed(self) -> None:
        raise AssertionError("nothing fails here")


class Decided:
    """A change that is decided on the replica as it is, as often as it has to be; None decides against it."""

    def __init__(
        self, decide: Callable[[Replica], Change | None], room: Room, msgid: MsgId, seat: Session | None
    ) -> None:
        self._decide = decide
        self._room = room
        self._msgid = msgid
        self._seat = seat
        self.seat = seat.attachment if seat is not None else None
        self.done = False

    def propose(self, replica: Replica) -> Change | None:
        change = self._decide(replica)
        if change is None:
            self.unchanged(Outcome.UNCHANGED)
        return change

    def arrived(self, line: bytes, position: Position) -> bytes:
        self.done = True
        if self._seat is not None:
            self._room.seat(self._seat)
        return line

    def allowed(self, replica: Replica) -> bool:
        return True

    def unchanged(self, outcome: Outcome) -> None:
        self._room.origins.pop(self._msgid, None)
        self.done = True

    def failed(self) -> None:
        raise AssertionError("nothing fails here")


class Gateway:
    """One engine, and one member called as the gateway, in the room."""

    def __init__(self, redis: MemoryRedis, name: str, *, kept_s: float, settle_s: float) -> None:
        self.id = GatewayId(name)
        self.store: MemoryStore = redis.store(self.id)
        self.engine = Engine(
            self.store,
            render,
            log_of_room=lambda key: LogKey(f"r:{key}"),
            log_of_inbox=lambda uid: LogKey(f"i:{uid.decode()}"),
            recent_lines=50,
            on_fenced=lambda: None,
            gateway=self.id,
            server_name="test",
            kept_s=kept_s,
            settle_s=settle_s,
            turn_wait_s=TURN_WAIT_S,
        )
        self.store.on_announcement = self.engine.announced
        self.store.on_read_end = self.engine.read_ended
        self.store.on_subscribed = self.engine.subscribed
        self.member: Member = member(name, gateway=name)
        self.lines: list[str] = []  # what its member was shown, without tags and sources
        self.session = Session(self.member.uid, "host", self._write)
        self.session.negotiate(capabilities.ECHO | capabilities.RENAME)
        self.room: Room
        self.sent: list[Sent] = []

    def _write(self, lines: bytes) -> None:
        self.lines += [line.partition(" ")[2] for line in lines.decode().split("\r\n")[:-1]]

    @property
    def heard(self) -> list[str]:
        """The texts its member was shown in the room, its own included."""
        return [line.partition(" :")[2] for line in self.lines if line.startswith("PRIVMSG")]

    @property
    def seen(self) -> list[str]:
        """Everything else, but for names of the room."""
        return [line for line in self.lines if not line.startswith(("PRIVMSG", "RENAME"))]

    @property
    def called(self) -> str:
        """What its member has to take for the name of the room; each RENAME it was shown began with the one before."""
        name = "#room"
        for line in self.lines:
            if line.startswith("RENAME"):
                _, before, now, _ = line.split(" ")
                assert before == name, f"{line} of a room that is called {name}"
                name = now
        return name

    def say(self, text: str, key: str = "") -> Sent:
        """Its member says something, `key` being its client's."""
        send_key = SendKey(self.member.uid, key.encode()) if key else None
        sent = Sent(said(self.member.nick, text), self.room.replica.permissions, send_key)
        self.engine.say(self.room, sent)
        self.sent.append(sent)
        return sent

    def write_to(self, uid: Uid, text: str, key: str = "") -> Sent:
        """Its member writes to somebody."""
        send_key = SendKey(self.member.uid, key.encode()) if key else None
        sent = Sent(said(self.member.nick, text), None, send_key)
        self.engine.inboxes.send(uid, sent)
        return sent

    def change(self, change: Change, seat: Session | None = None) -> Decided:
        """A change is asked for that does not depend on the replica; `seat` is in the room once it has arrived."""
        return self.decide(change.event.msgid, lambda replica: change, seat)

    def decide(self, msgid: MsgId, decide: Callable[[Replica], Change | None], seat: Session | None = None) -> Decided:
        """A change under that msgid is asked for."""
        decided = Decided(decide, self.room, msgid, seat)
        self.engine.change(self.room, msgid, decided)
        return decided

    def reconnect(self) -> None:
        """Both lanes are new."""
        self.store.up = True
        self.engine.subscriptions_lost()
        self.engine.commands_up()
        self.engine.subscriptions_up()


class Network:
    """All of it. The member of the first gateway founded the room."""

    def __init__(self, redis: MemoryRedis, gateways: list[Gateway]) -> None:
        self.redis = redis
        self.gateways = gateways
        self._numbers = count()

    def replicate(self) -> None:
        """The replica is equal now."""
        self.redis.replicate()

    async def fail_over(self, clock_ms: int = 1000) -> None:
        """The master is lost, and the replica takes over, its clock so much ahead: everybody reconnects."""
        self.lose()
        self.redis.fail_over()
        self.redis.now_ms += clock_ms
        for gateway in self.gateways:
            gateway.reconnect()

    def flush(self) -> None:
        """FLUSHALL, and every gateway has noticed."""
        self.redis.flush_all()
        self.redis.now_ms += 1000
        for gateway in self.gateways:
            gateway.engine.compare_all()

    def lose(self) -> None:
        """Redis is away; what was announced is heard, what is answered is not."""
        for gateway in self.gateways:
            gateway.store.up = False
            gateway.engine.subscriptions_lost()

    def texts(self) -> list[bytes]:
        """The msgids of what is in the log as said."""
        return [entry.event.msgid for entry in self.redis.log(LOG).entries if isinstance(entry.event, Said)]

    async def quiet(self) -> None:
        """Wait until everybody stands at the end of the log, with nothing to write."""

        async def still() -> bool | None:
            head = self.redis.log(LOG).last
            rooms = [gateway.room for gateway in self.gateways]
            done = all(room.replica.last == head and room.follower.live and room.writer.idle for room in rooms)
            return (done and not any(room.origins for room in rooms)) or None

        await eventually(still, what="the network is quiet")

    async def settled(self) -> None:
        """Wait until nobody doubts any more."""

        async def no_doubts() -> bool | None:
            return not any(gateway.room.settling_until_s for gateway in self.gateways) or None

        await self.quiet()
        await eventually(no_doubts, what="everything is settled")

    def judge(self) -> None:
        """All replicas are what Redis has."""
        log = self.redis.log(LOG)
        for gateway in self.gateways:
            replica = gateway.room.replica
            assert replica.members == log.members
            assert (replica.last, replica.permissions) == (log.last, log.permissions)
            assert replica.topic.text == log.fields.get("topic", "")
            assert (replica.name, replica.modes) == (log.fields["name"], log.fields["modes"])
            assert set(replica.former) == {name[2:] for name in log.lists if name.startswith("n ")}
            assert gateway.called == replica.name

    @asynccontextmanager
    async def newcomer(self, name: str) -> AsyncIterator[Gateway]:
        """One more gateway, which opens the room now; its member is in. Nobody counts it among `gateways`."""
        gateway = Gateway(self.redis, name, kept_s=60.0, settle_s=0.3)
        async with _running(gateway):
            joining = gateway.change(join(gateway.member, permissions=None, msgid=f"join-{name}"), gateway.session)

            async def joined() -> bool | None:
                return joining.done or None

            await eventually(joined, what=f"{name} is in")
            await self.quiet()
            gateway.lines.clear()
            yield gateway


@asynccontextmanager
async def _running(gateway: Gateway) -> AsyncIterator[None]:
    """Its engine, with the room open."""
    started = asyncio.Event()
    running = asyncio.create_task(gateway.engine.run(started))
    await started.wait()
    async with gateway.engine.open_room(KEY, "#room") as gateway.room:
        yield
        running.cancel()
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait([running])


@asynccontextmanager
async def network(*names: str, kept_s: float = 60.0, settle_s: float = 0.3) -> AsyncIterator[Network]:
    """Gateways of these names, running, their members in the room; nothing may fail where only the loop would hear of
    it."""
    unheard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
    redis = MemoryRedis()
    gateways = [Gateway(redis, name, kept_s=kept_s, settle_s=settle_s) for name in names]
    async with AsyncExitStack() as stack:
        for gateway in gateways:
            await stack.enter_async_context(_running(gateway))
        made = Network(redis, gateways)
        for index, gateway in enumerate(gateways):
            who = gateway.member._replace(modes="" if index else "o")
            gateway.change(join(who, permissions=None, msgid=f"join-{who.nick}"), gateway.session)
            await made.quiet()
        for gateway in gateways:
            gateway.lines.clear()
        yield made
    assert unheard == []
