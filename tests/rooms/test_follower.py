"""However announcements fare, what a follower applies is the log: in order, nothing twice, nothing left out."""

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gateway.events import Entry
from gateway.model import ORIGIN, LogKey, Position
from gateway.rooms.follower import MAX_HELD, Follower
from tests.harness.events import said

LOG = LogKey("r:#room")
Announcement = tuple[Position, list[Entry]]


def entry(number: int) -> Entry:
    """The entry at the number's place."""
    return Entry(Position(b"%d-0" % number), said("ann", str(number)))


class Applying(Follower):
    """Applies by calling somebody."""

    def __init__(self, apply: Callable[[list[Entry]], None], last: Position | None) -> None:
        super().__init__(LOG, asyncio.get_running_loop().create_future(), last)
        self._call = apply

    def _apply(self, entries: list[Entry]) -> None:
        self._call(entries)


def follower(apply: Callable[[list[Entry]], None], last: Position | None = ORIGIN) -> Follower:
    """One that is subscribed, and not caught up."""
    made = Applying(apply, last)
    made.subscribed = True
    return made


class World:
    """A reference log, its announcements on their way, and a gateway that follows as the engine does."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.announcements: list[Announcement] = []
        self.applied: list[Entry] = []
        self.follower = follower(self.applied.extend)
        self.reading: tuple[list[Entry], bool] | None = None  # a reply on its way: entries, whether to the head

    def append(self, number: int) -> None:
        """A batch is appended; its announcement is made."""
        prev = self.log[-1].position if self.log else ORIGIN
        first = len(self.log) + 1
        batch = [entry(place) for place in range(first, first + number)]
        self.log += batch
        self.announcements.append((prev, batch))

    def hear(self, index: int) -> None:
        """Any announcement so far arrives, perhaps again, perhaps late."""
        if self.announcements:
            self.follower.announced(*self.announcements[index % len(self.announcements)])

    def read(self, limit: int) -> None:
        """A catch-up asks Redis, which answers for this moment."""
        if not self.follower.live and self.reading is None:
            applied = len(self.applied)
            entries = self.log[applied : applied + limit]
            self.reading = entries, len(entries) < limit

    def receive(self) -> None:
        """The answer of Redis arrives."""
        if self.reading is not None:
            (entries, at_head), self.reading = self.reading, None
            self.follower.advance(entries)
            if at_head:
                self.follower.settle()

    def check(self) -> None:
        """The claim, at any moment."""
        assert self.applied == self.log[: len(self.applied)]
        assert self.follower.last == (self.applied[-1].position if self.applied else ORIGIN)


steps = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 3)),
    st.tuples(st.just("next"), st.just(-1)),
    st.tuples(st.just("hear"), st.integers(0, 50)),
    st.tuples(st.just("read"), st.integers(1, 4)),
    st.tuples(st.just("receive"), st.just(0)),
)


@given(st.lists(steps, max_size=60))
async def test_any_interleaving_gives_the_log(run: list[tuple[str, int]]) -> None:
    """Announcements lost, doubled, late or held during a catch-up of several reads: the log, and in the end all of it.

    The end is one more announcement that arrives: whatever was lost before it is found then.
    """
    world = World()
    for kind, value in run:
        match kind:
            case "append":
                world.append(value)
            case "next" | "hear":
                world.hear(value)
            case "read":
                world.read(value)
            case _:
                world.receive()
        world.check()
    world.append(1)
    world.hear(-1)
    for _ in range(len(world.log) + 2):
        world.receive()
        world.read(1000)
        world.check()
    assert world.follower.live
    assert world.applied == world.log


async def test_a_live_follower_asks_nobody() -> None:
    """An announcement that continues where the follower stands is applied at once."""
    applied: list[Entry] = []
    made = follower(applied.extend)
    assert made.settle()
    assert made.announced(ORIGIN, [entry(1), entry(2)])
    assert made.announced(entry(2).position, [entry(3)])
    assert applied == [entry(1), entry(2), entry(3)]


async def test_an_old_position_on_a_live_log_is_a_fork() -> None:
    """A failover may put another line of history in place of ours: what does not continue here is looked up."""
    applied: list[Entry] = []
    made = follower(applied.extend)
    made.settle()
    made.announced(ORIGIN, [entry(1), entry(2)])
    other = Entry(entry(2).position, said("bob", "other"))
    assert not made.announced(entry(1).position, [other])
    assert not made.live
    assert applied == [entry(1), entry(2)]


async def test_without_a_subscription_nobody_is_live() -> None:
    """A catch-up that ends after the subscription was lost does not make the follower trust announcements."""
    made = follower(lambda entries: None)
    made.subscribed = False
    assert not made.settle()
    assert not made.announced(ORIGIN, [entry(1)])


async def test_before_a_snapshot_everything_is_held() -> None:
    """With nothing known yet an announcement cannot be applied; after the snapshot what it has is left out."""
    applied: list[Entry] = []
    made = follower(applied.extend, None)
    assert not made.announced(ORIGIN, [entry(1)])
    assert not made.announced(entry(1).position, [entry(2)])
    assert not made.settle()
    made.start_at(entry(1).position)
    assert made.settle()
    assert applied == [entry(2)]


async def test_what_is_held_is_bounded() -> None:
    """Past the limit all held announcements are dropped, and the log is read instead."""
    applied: list[Entry] = []
    made = follower(applied.extend)
    for number in range(1, MAX_HELD + 2):
        made.announced(entry(number - 1).position if number > 1 else ORIGIN, [entry(number)])
    assert not made.settle()
    made.advance([entry(number) for number in range(1, MAX_HELD + 1)])
    assert made.settle()
    assert [one.position for one in applied] == [entry(number).position for number in range(1, MAX_HELD + 2)]
