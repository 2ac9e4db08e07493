"""A client's key for what it says: known keys append nothing, and their authors are told what was first.

Over Redis, Valkey and the memory store. Source: the header of `room_msg.lua`.
"""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.events import Entry
from gateway.model import ORIGIN, Answer, Known, LogKey, MsgId, Outcome, SendKey
from gateway.store.keys import log_keys
from gateway.store.urls import Durability
from tests.harness.events import join, member, said
from tests.harness.log_site import LogSite, change, redis_site, say
from tests.harness.memory_store import MAX_KEYS
from tests.store.conftest import OpenSite

ANN, BOB = b"u:ann", b"a:bob"
_examples = count()


async def msgids(site: LogSite, log: LogKey) -> list[bytes]:
    """What is in the log."""
    return [entry.event.msgid for entry in await entries_of(site, log)]


async def entries_of(site: LogSite, log: LogKey) -> list[Entry]:
    """The log."""
    entries = await site.store.read_after(log, ORIGIN, 50_000)
    assert entries is not None
    return entries


async def test_a_known_key_appends_nothing_and_names_the_first(open_site: OpenSite, log: LogKey) -> None:
    """From any gateway; the number of the batch is used up, and nothing is announced."""
    one, two = await open_site("g1"), await open_site("g2")
    key = SendKey(ANN, b"k1")
    first = (await say(one, log, 1, [said("ann", "first")], None, key)).positions[0]
    await two.subscribe(log)
    again = await say(two, log, 1, [said("ann", "again")], None, key)
    assert again == Answer(Outcome.DONE, (first,), known=((0, Known(first, MsgId(b"first"), own=True)),))
    assert (await msgids(two, log), await two.store.produced(log)) == ([b"first"], 1)
    await two.settle()
    assert two.heard == []


async def test_anothers_key_is_told_as_such(open_site: OpenSite, log: LogKey) -> None:
    """Nothing is appended for it either."""
    site = await open_site("g1")
    first = (await say(site, log, 1, [said("ann", "first")], None, SendKey(ANN, b"k"))).positions[0]
    answer = await say(site, log, 2, [said("bob", "other")], None, SendKey(BOB, b"k"))
    assert answer.known == ((0, Known(first, MsgId(b"first"), own=False)),)
    assert await msgids(site, log) == [b"first"]


async def test_a_batch_may_hold_known_and_new_ones(open_site: OpenSite, log: LogKey) -> None:
    """Keyed and unkeyed, known and new, the same key twice: each by itself, one announcement of what is new."""
    site = await open_site("g1")
    first = (await say(site, log, 1, [said("ann", "a")], None, SendKey(ANN, b"a"))).positions[0]
    await site.subscribe(log)
    texts = ["a2", "plain", "b", "b2", "last"]
    keys = [SendKey(ANN, b"a"), None, SendKey(ANN, b"b"), SendKey(ANN, b"b"), None]
    answer = await say(site, log, 2, [said("ann", text) for text in texts], None, *keys)
    entries = await entries_of(site, log)
    assert [entry.event.msgid for entry in entries] == [b"a", b"plain", b"b", b"last"]
    places = [entry.position for entry in entries]
    assert answer.positions == (first, places[1], places[2], places[2], places[3])
    assert [(index, known.msgid) for index, known in answer.known] == [(0, b"a"), (3, b"b")]
    await site.settle()
    assert site.heard == [(log, first, entries[1:])]


async def test_a_retry_tells_which_keys_were_known(open_site: OpenSite, log: LogKey) -> None:
    """Its first answer was lost: DUPLICATE has, for each event with a key, what it was used for; perhaps itself."""
    site = await open_site("g1")
    first = (await say(site, log, 1, [said("ann", "a")], None, SendKey(ANN, b"a"))).positions[0]
    events = [said("ann", "a2"), said("ann", "new"), said("ann", "plain")]
    keys = [SendKey(ANN, b"a"), SendKey(ANN, b"new"), None]
    await say(site, log, 2, events, None, *keys)
    again = await say(site, log, 2, events, None, *keys)
    entries = await entries_of(site, log)
    assert again.outcome is Outcome.DUPLICATE
    assert again.positions == (entries[-1].position,)
    assert again.known == (
        (0, Known(first, MsgId(b"a"), own=True)),
        (1, Known(entries[1].position, MsgId(b"new"), own=True)),
    )
    assert len(entries) == 3


async def test_a_batch_that_is_refused_keeps_no_key(open_site: OpenSite, log: LogKey) -> None:
    """STALE and HOLE: the key is as new as before."""
    site = await open_site("g1")
    founded = (await change(site, log, 1, join(member("ann", modes="o")))).positions[0]
    key = SendKey(ANN, b"k")
    assert (await say(site, log, 2, [said("ann", "x")], ORIGIN, key)).outcome is Outcome.STALE
    assert (await say(site, log, 9, [said("ann", "x")], founded, key)).outcome is Outcome.HOLE
    answer = await say(site, log, 2, [said("ann", "x")], founded, key)
    assert (answer.outcome, answer.known) == (Outcome.DONE, ())


async def test_rooms_have_keys_of_their_own(open_site: OpenSite, log: LogKey) -> None:
    """The same key in another log is another."""
    site, key = await open_site("g1"), SendKey(ANN, b"k")
    other = LogKey(f"{log}-other")
    await say(site, log, 1, [said("ann", "here")], None, key)
    assert (await say(site, other, 1, [said("ann", "there")], None, key)).known == ()


@pytest.mark.parametrize("key", [b"*", b" ", b"a b", b"\xff\x00", b"%s", b"=", b"k" * 64])
async def test_any_bytes_may_be_a_key(open_site: OpenSite, log: LogKey, key: bytes) -> None:
    """Nothing in a key is read."""
    site = await open_site("g1")
    await say(site, log, 1, [said("ann", "x")], None, SendKey(ANN, key))
    assert len((await say(site, log, 2, [said("ann", "y")], None, SendKey(ANN, key))).known) == 1


@pytest.mark.slow
async def test_keys_are_bounded_by_two_generations(open_site: OpenSite, log: LogKey) -> None:
    """The newest 10 000 are always known, the oldest of more than 20 000 are not any more."""
    site, batch, number = await open_site("g1"), 500, 0
    total = 2 * MAX_KEYS + batch
    for start in range(0, total, batch):
        number += 1
        names = [b"%d" % index for index in range(start, start + batch)]
        events = [said("ann", f"m{name.decode()}") for name in names]
        await say(site, log, number, events, None, *(SendKey(ANN, name) for name in names))
    for index, known in [(0, False), (total - MAX_KEYS, True), (total - 1, True)]:
        number += 1
        answer = await say(site, log, number, [said("ann", f"again{index}")], None, SendKey(ANN, b"%d" % index))
        assert bool(answer.known) is known, index


async def test_keys_are_kept_for_a_day(store_url: str, log: LogKey) -> None:
    """A generation lives for two days and takes new keys during the first: none is younger than a day when it goes."""
    async with redis_site(store_url, Durability.REDIS, f"kept-{log}") as site:
        names, call = log_keys(log), site.lanes.commands.call
        await say(site, log, 1, [said("ann", "x")], None, SendKey(ANN, b"x"))
        assert 172_790 < await call("TTL", names.sent) <= 172_800
        await call("EXPIRE", names.sent, 86_399)  # a day and a second later
        await say(site, log, 2, [said("ann", "y")], None, SendKey(ANN, b"y"))
        assert (await call("HKEYS", names.sent), await call("HKEYS", names.sent_before)) == ([b"y"], [b"x"])
        assert 86_000 < await call("TTL", names.sent_before) < await call("TTL", names.sent)
        assert len((await say(site, log, 3, [said("ann", "z")], None, SendKey(ANN, b"x"))).known) == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=4), max_size=8))
async def test_whatever_is_sent_a_key_is_used_once(open_site: OpenSite, log: LogKey, batches: list[list[str]]) -> None:
    """Every batch is sent twice: each key is in the log at most once, in the order of its first use."""
    fresh, site = LogKey(f"{log}-{next(_examples)}"), await open_site("g1")
    used, expected = set(), []
    for number, keys in enumerate(batches, 1):
        events = [said("ann", f"{key}-{number}-{place}") for place, key in enumerate(keys)]
        for key, event in zip(keys, events, strict=True):
            if not key or key not in used:
                expected.append(event.msgid)
            used.add(key)
        send_keys = [SendKey(ANN, key.encode()) if key else None for key in keys]
        for _ in range(2):
            await say(site, fresh, number, events, None, *send_keys)
    assert await msgids(site, fresh) == expected
