"""Make Redis and this gateway equal again, whatever either has lost.

A gateway sends again what Redis acknowledged to it and has no more (a failover loses the tail), writes back what Redis
has lost for good (rooms, its own members), and looks every 30 s whether each log still ends where it follows it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial

from gateway.errors import StoreError
from gateway.events import Joined
from gateway.model import GatewayId, Head, LogKey, Member, MsgId, Outcome, Position, Uid, order
from gateway.rooms.expected import Expected
from gateway.rooms.follower import Follower
from gateway.rooms.inboxes import Inbox
from gateway.rooms.loading import reload, reload_inbox
from gateway.rooms.outbox import Outbox
from gateway.rooms.ports import Change, LogStore, Render
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.rooms.steps import Anew
from gateway.rooms.writer import Writer
from gateway.spoken import Redacted

__all__ = ["CHECK_EVERY_S", "SETTLE_S", "Repair"]

CHECK_EVERY_S = 30.0  # each log's end is compared with ours
SETTLE_S = 30.0  # after a failover, for all gateways to send again what it lost; longer than a dead one's lease
WRITES_PER_S = 2000  # of what is written back, so that others' messages get through
_LEAD_S = 0.03  # what may be written at once
_SLICE = 50  # logs asked for in one turn of the loop
_log = logging.getLogger(__name__)


class _StillHere:
    """A member of ours whom Redis has lost (`rooms.ports.Proposal`)."""

    __slots__ = ("_put_back", "_uid", "seat")

    def __init__(self, uid: Uid, put_back: Callable[[Replica, Uid], Change | None]) -> None:
        self.seat = None
        self._uid = uid
        self._put_back = put_back

    def propose(self, replica: Replica) -> Change | None:
        """In again as it was, unless it has left meanwhile."""
        return self._put_back(replica, self._uid)

    def arrived(self, line: bytes, position: Position) -> bytes:
        """Nobody is told: it never left."""
        return b""

    def allowed(self, replica: Replica) -> bool:
        """It is in."""
        return True

    def unchanged(self, outcome: Outcome) -> None:
        """It was sent before."""

    def failed(self) -> None:
        """The next look finds it again."""


class _TakenBack:
    """Something said that a failover had us write again, although it had been taken back (`rooms.ports.Proposal`)."""

    __slots__ = ("_event", "seat")

    def __init__(self, event: Redacted) -> None:
        self.seat = None
        self._event = event

    def propose(self, replica: Replica) -> Change | None:
        event = self._event
        return Change(event=event, permissions=None, uid=event.uid, removed=(event.position,))

    def arrived(self, line: bytes, position: Position) -> bytes:
        return b""

    def allowed(self, replica: Replica) -> bool:
        return True

    def unchanged(self, outcome: Outcome) -> None:
        pass

    def failed(self) -> None:
        pass


class Repair:
    """The engine's part that compares and mends. It owns no rooms and no writers."""

    def __init__(
        self,
        store: LogStore,
        render: Render,
        outbox: Outbox,
        expected: Expected,
        *,
        gateway: GatewayId,
        server_name: str,
        kept: Set[Uid],
        followers: Mapping[LogKey, Follower],
        writer_of: Callable[[LogKey], Writer | None],
        catch_up: Callable[[Follower], None],
        settle_s: float,
        turn_wait_s: float,
    ) -> None:
        self._store = store
        self._render = render
        self._outbox = outbox
        self._gateway = gateway
        self._server_name = server_name
        self._kept = kept
        self._followers = followers
        self._writer_of = writer_of
        self._catch_up = catch_up
        self._expected = expected
        self._settle_s = settle_s
        self._turn_wait_s = turn_wait_s
        self._loop = asyncio.get_running_loop()
        self._settling: dict[Room, None] = {}
        self._next_write_s = 0.0
        self._look_now = asyncio.Event()
        self._reasserted = 0  # for msgids

    async def run(self) -> None:
        """Look at every log, every 30 s and whenever `look` asks for it, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(CHECK_EVERY_S):
                    await self._look_now.wait()
                self._look_now.clear()
                await self._look(0.0)
            except TimeoutError:
                await self._look(CHECK_EVERY_S / 2)

    def look(self) -> None:
        """Compare all logs now: Redis may be another."""
        self._look_now.set()

    async def _look(self, within_s: float) -> None:
        logs = list(self._followers)
        pause_s = max(within_s * _SLICE / max(len(logs), _SLICE), _SLICE / WRITES_PER_S)
        for start in range(0, len(logs), _SLICE):
            for log in logs[start : start + _SLICE]:
                if (follower := self._followers.get(log)) is not None and follower.live:
                    self._ask(log, follower.last)
            await asyncio.sleep(pause_s)

    def ask_recent(self) -> None:
        """A new connection: has Redis all it acknowledged to us lately?"""
        for log in self._outbox.logs:
            self._ask(log, None)

    def _ask(self, log: LogKey, stood_at: Position | None) -> None:
        def answered(head: Head | StoreError) -> None:
            if not isinstance(head, StoreError):
                self._compare(log, head, stood_at)

        self._store.ask_head(log, answered)

    def _compare(self, log: LogKey, head: Head, stood_at: Position | None) -> None:
        if (writer := self._writer_of(log)) is not None:
            writer.look(head.produced)
        follower = self._followers.get(log)
        if stood_at is None or follower is None or follower.last is None:
            return
        if order(head.last) < order(stood_at):
            self._catch_up(follower)  # it will find that this is not the log it knew
        elif order(head.last) > order(follower.last):
            self._expected.note(log, head.last)  # the announcement may be under way

    # -- a log that is not the one we followed ------------------------------------------------------------------------

    async def reload(self, follower: Follower, room: Room | None) -> None:
        """Go on from what Redis has now. Raises `StoreError`."""
        _log.warning("log_resynchronised", extra={"log": follower.log})
        await self._pace(4)
        if room is None:
            assert isinstance(follower, Inbox)
            await reload_inbox(self._store, follower)
        else:
            await self._reload_room(room)
            self.withdraw(room)
        # What was expected of a log that is gone may lie beyond the new one's end for long.
        self._expected.drop(follower.log)

    async def _reload_room(self, room: Room) -> None:
        now_s = self._loop.time()
        produced, anew = await reload(
            self._store, room, self._render, settled_s=now_s + self._settle_s, turns_s=now_s + self._turn_wait_s,
            source=self._server_name,
        )  # fmt: skip
        ours = [uid for uid, known in room.doubts.items() if known is None and self._is_ours(room, uid)]
        if anew:
            self._charge(len(ours))
            room.writer.compare(produced, anew=Anew(room.seen, ours, partial(self._put_back, room.replica)))
        else:
            room.writer.compare(produced)
        if room.turns.pending:
            self._loop.call_later(self._turn_wait_s, room.writer.pump)
        if room.settling_until_s:
            self._settling[room] = None
            if not anew:
                await self._reassert(room, ours)

    async def _reassert(self, room: Room, ours: Sequence[Uid]) -> None:
        """Write back our own members Redis does not know."""
        for uid in ours:
            await self._pace(1)
            room.writer.put(_StillHere(uid, self._put_back))
            room.writer.pump()

    def _put_back(self, replica: Replica, uid: Uid) -> Change | None:
        """In again as it was, unless it is in none of it any more."""
        if (member := replica.members.get(uid)) is None:
            return None
        self._reasserted += 1
        event = Joined(uid, MsgId(f"here-{self._gateway}-{self._reasserted}".encode()), member)
        return Change(event=event, permissions=None, uid=uid, need="out", member=member)

    def withdraw(self, room: Room) -> None:
        """What was taken back is not written again, and taken back again where this gateway already has."""
        withdrawn, room.withdrawn = room.withdrawn, []
        for msgid, position in withdrawn:
            ours = self._outbox.withdraw(room.follower.log, msgid) or room.writer.carries(msgid)
            if ours and position is not None:
                self._take_back(room, msgid, position)

    def _take_back(self, room: Room, msgid: MsgId, position: Position) -> None:
        """Take away again what stands at that place: in one step with the word that it was taken back, for nobody finds
        on from a place that is gone without one."""
        self._reasserted += 1
        own = MsgId(f"gone-{self._gateway}-{self._reasserted}".encode())
        room.writer.put(_TakenBack(Redacted(Uid(b""), own, self._server_name, msgid, position, "")))
        room.writer.pump()

    def _is_ours(self, room: Room, uid: Uid) -> bool:
        member: Member | None = room.replica.members.get(uid)
        if member is None:
            return False
        return member.gateway == self._gateway or room.sits(uid) or (not member.gateway and uid in self._kept)

    async def _pace(self, writes: int) -> None:
        self._charge(writes)
        if (wait_s := self._next_write_s - self._loop.time()) > _LEAD_S:
            await asyncio.sleep(wait_s)

    def _charge(self, writes: int) -> None:
        """They are under way at once; others wait."""
        self._next_write_s = max(self._loop.time(), self._next_write_s) + writes / WRITES_PER_S

    def settled(self) -> list[Room]:
        """End the settling of rooms whose time has come; they have lines to deliver."""
        now_s = self._loop.time()
        due = [room for room in self._settling if now_s >= room.settling_until_s]
        for room in due:
            if room.follower.live:
                del self._settling[room]
                room.resolve(self._render, self._server_name)
            else:
                room.settling_until_s = now_s + self._settle_s
        return due
