"""Numbered batches, never changed before a definite answer: so each event is appended exactly once, in order."""

import asyncio

import pytest

from gateway.errors import FullError
from gateway.model import LogKey, Outcome
from gateway.rooms.outbox import Outbox
from gateway.rooms.ports import Proposal
from gateway.rooms.writer import MAX_BATCH, MAX_QUEUED, Writer
from gateway.spoken import Said
from tests.harness.desk import ANN, G1, G2, LOG, Author, Desk, Heard, Remark, founded
from tests.harness.events import join, leave, member, promote, said, set_topic
from tests.harness.memory_store import Loss


@pytest.fixture
async def desk() -> Desk:
    """A writer on a new log, with ann, its operator, in the room."""
    return await founded()


async def test_nothing_is_sent_before_the_number_is_known(desk: Desk) -> None:
    """A batch with a guessed number could be taken for an old one, and be lost."""
    desk.writer.number = None
    desk.say("one")
    desk.writer.pump()
    await desk.settle()
    assert desk.store.sent == []
    desk.writer.number = 0
    desk.writer.pump()
    await desk.settle()
    assert desk.log() == ["join-ann", "one"]


async def test_one_batch_in_flight_and_the_rest_in_the_next(desk: Desk) -> None:
    """What comes meanwhile waits and travels together, under the next number."""
    desk.say("one")
    desk.writer.pump()
    desk.say("two", "three")
    desk.writer.pump()
    assert [number for number, _, _ in desk.store.sent] == [1]
    await desk.settle()
    assert [(number, len(events)) for number, _, events in desk.store.sent] == [(1, 1), (2, 2)]
    assert desk.log() == ["join-ann", "one", "two", "three"]
    assert desk.writer.idle


async def test_a_batch_has_a_limit(desk: Desk) -> None:
    """Redis is never held for longer than one batch of the limit takes."""
    desk.say(*(str(i) for i in range(MAX_BATCH + 1)))
    desk.writer.pump()
    await desk.settle()
    assert [len(events) for _, _, events in desk.store.sent] == [MAX_BATCH, 1]


@pytest.mark.parametrize("loss", Loss)
async def test_after_a_loss_the_very_same_batch_goes_out_again(desk: Desk, loss: Loss) -> None:
    """Whichever way the connection broke, each event is in the log once, and what came later is not mixed in."""
    desk.store.losses = [loss, loss]
    desk.say("one", "two")
    for later in ("three", "four", "five"):
        desk.writer.pump()
        await desk.settle()
        desk.say(later)
    desk.writer.pump()
    await desk.settle()
    assert desk.store.sent[0] == desk.store.sent[1] == desk.store.sent[2]
    assert desk.unanswered == 2
    assert desk.log() == ["join-ann", "one", "two", "three", "four", "five"]
    assert desk.written[0] is (Outcome.DUPLICATE if loss is Loss.OF_THE_ANSWER else Outcome.DONE)


async def test_a_state_change_is_resent_as_it_was_decided(desk: Desk) -> None:
    """Not decided again: the first attempt may have been carried out."""
    desk.store.losses = [Loss.OF_THE_ANSWER]
    author = Author(lambda replica: join(member("bob"), permissions=replica.permissions))
    desk.writer.put(author)
    desk.writer.pump()
    await desk.settle()
    desk.writer.pump()
    await desk.settle()
    assert desk.log() == ["join-ann", "join-bob"]
    assert len(author.told) == 1
    assert desk.writer.idle


async def test_nothing_is_sent_while_the_store_is_away(desk: Desk) -> None:
    """It waits, in order, for `pump` after the store is back."""
    desk.store.up = False
    desk.say("one")
    desk.writer.pump()
    await desk.settle()
    assert desk.store.sent == []
    desk.store.up = True
    desk.writer.pump()
    await desk.settle()
    assert desk.log() == ["join-ann", "one"]


async def test_a_hole_is_filled_from_the_number_redis_has(desk: Desk) -> None:
    """After a failover Redis may have forgotten batches: ours goes out under the number it waits for."""
    desk.writer.number = 7
    desk.say("one")
    desk.writer.pump()
    await desk.settle()
    assert [number for number, _, _ in desk.store.sent] == [8, 1]
    assert (desk.log(), desk.writer.number) == (["join-ann", "one"], 1)


async def test_what_is_stale_waits_for_the_replica_and_is_decided_again(desk: Desk) -> None:
    """STALE: not before the replica has the new permissions, and then on them; order is kept."""
    old = desk.replica.permissions
    desk.redis.room_tx(LOG, G2, 2, promote(ANN))
    author = desk.say("one", "two")
    change = Author(lambda replica: set_topic(ANN, "t", permissions=replica.permissions))
    desk.writer.put(change)
    desk.writer.pump()
    await desk.settle()
    desk.writer.pump()
    await desk.settle()
    assert desk.written == [Outcome.STALE]
    assert (author.told, change.told, len(desk.store.sent)) == ([], [], 1)
    desk.follow()
    new = desk.replica.permissions
    assert new != old
    await desk.settle()
    assert author.told == [f"asked at {new.decode()}"] * 2
    assert change.told == [f"decided at {new.decode()}"]
    assert desk.log() == ["join-ann", "mode", "one", "two", "topic"]
    # No number was used up by what was stale.
    assert [number for number, _, _ in desk.store.sent] == [1, 1, 2]


async def test_who_may_not_speak_any_more_is_left_out(desk: Desk) -> None:
    """Of a stale batch only what is still allowed is appended."""
    desk.redis.room_tx(LOG, G2, 2, promote(ANN))
    gone = desk.say("one", author=Author(may_say=False))
    desk.say("two")
    desk.writer.pump()
    await desk.settle()
    desk.follow()
    await desk.settle()
    assert desk.log() == ["join-ann", "mode", "two"]
    assert len(gone.told) == 1
    assert desk.writer.idle


async def test_a_change_between_sayings_keeps_its_place(desk: Desk) -> None:
    """The queue is one order: said, changed, said."""
    desk.say("one")
    desk.writer.put(Author(lambda replica: set_topic(ANN, "t", permissions=replica.permissions)))
    desk.say("two")
    desk.writer.pump()
    await desk.settle()
    assert desk.log() == ["join-ann", "one", "topic", "two"]


async def test_a_change_that_is_refused_lets_the_next_one_through(desk: Desk) -> None:
    """A proposal that decides against itself is not sent, and holds nobody."""
    refused: Proposal = Author(lambda replica: None)
    desk.writer.put(refused)
    desk.say("one")
    desk.writer.pump()
    await desk.settle()
    assert desk.log() == ["join-ann", "one"]


async def test_a_change_with_nothing_to_do_is_told(desk: Desk) -> None:
    """UNCHANGED reaches the author; the number is used up, and the next batch has the next one."""
    author = Author(lambda replica: leave(member("nobody")))
    desk.writer.put(author)
    desk.say("one")
    desk.writer.pump()
    await desk.settle()
    assert author.told[-1] == "unchanged"
    assert [number for number, _, _ in desk.store.sent] == [1, 2]
    assert desk.log() == ["join-ann", "one"]


async def test_a_reaped_gateway_stops(desk: Desk) -> None:
    """FENCED is told once, and nothing more is sent."""
    desk.redis.room_tx(LOG, G1, 1, join(member("bob"), permissions=None))
    desk.redis.room_reap(LOG, G1)
    desk.writer.number = 1
    desk.say("one")
    desk.writer.pump()
    await desk.settle()
    assert (desk.fenced, len(desk.store.sent)) == (1, 1)
    assert "one" not in desk.log()


async def test_a_full_queue_refuses(desk: Desk) -> None:
    """Past the limit `put` says so, and what waits already is untouched."""
    desk.store.up = False
    desk.say(*(str(i) for i in range(MAX_QUEUED)))
    with pytest.raises(FullError):
        desk.say("too much")
    desk.store.up = True
    desk.writer.pump()
    await desk.settle(turns=2 * MAX_QUEUED // MAX_BATCH)
    assert desk.log()[1:] == [str(i) for i in range(MAX_QUEUED)]


async def test_giving_up_tells_everybody_who_waits(desk: Desk) -> None:
    """Those in the queue fail; the batch in flight may have been appended, so it stays."""
    flying = desk.say("one")
    desk.writer.pump()
    waiting = desk.say("two")
    change = Author(lambda replica: None)
    desk.writer.put(change)
    desk.writer.give_up()
    await desk.settle()
    assert (flying.told, waiting.told, change.told) == ([], ["failed"], ["failed"])
    assert desk.log() == ["join-ann", "one"]


async def test_an_inbox_needs_no_replica(desk: Desk) -> None:
    """Without permissions to check nothing is ever stale."""
    log = LogKey("i:bob")
    writer = Writer(desk.store, log, Heard(desk), Outbox(lambda: 0.0), replica=None)
    writer.number = 0
    event: Said = said("ann", "psst")
    writer.put(Remark(event, None, Author()))
    writer.pump()
    await asyncio.sleep(0)
    assert [entry.event for entry in desk.redis.log(log).entries] == [event]
    assert desk.store.sent == [(1, None, (event,))]
