"""What is over its limits goes from the log, a little at a time, and never what gateways follow by.

Source: the header of `log_trim.lua`.
"""

from itertools import count

import pytest

from gateway.model import GatewayId, LogKey, Position, time_ms
from gateway.rooms.retention import MIN_AGE_S, Kept
from gateway.store import keys
from gateway.store.lanes import Lanes
from gateway.store.logs import TRIMMED_AT_ONCE, Logs
from gateway.store.scripts import sha

_numbers = count(1)
LATER_MS = 1000 * MIN_AGE_S + 1000


@pytest.fixture
def log() -> LogKey:
    """A log nobody else uses."""
    return LogKey(f"r:#trim{next(_numbers)}")


async def fill(lanes: Lanes, log: LogKey, entries: int) -> int:
    """That many entries; when the last one was written."""
    names, first = keys.log_keys(log), 1
    events = [b"M u m%d - - :n!u@h PRIVMSG #x :x" % number for number in range(entries)]
    answer: list[bytes] = []
    for start in range(0, entries, 1000):
        answer = await lanes.commands.call(
            "EVALSHA", sha("room_msg"), 2, names.state, names.log, names.channel, 10_000, "g", first, b"",
            *events[start : start + 1000],
        )  # fmt: skip
        first += 1
    return time_ms(Position(answer[-1]))


async def left(lanes: Lanes, log: LogKey) -> list[bytes]:
    """The msgids in the log."""
    return [entry.event.msgid for entry in await Logs(lanes, GatewayId("g")).read_between(log, b"-", b"+", 20_000)]


async def test_so_many_entries(lanes: Lanes, log: LogKey) -> None:
    """The newest stay, once they are older than what gateways may still need."""
    logs, written_ms = Logs(lanes, GatewayId("g")), await fill(lanes, log, 10)
    await logs.trim(log, Kept(3), written_ms)
    assert len(await left(lanes, log)) == 10
    await logs.trim(log, Kept(3), written_ms + LATER_MS)
    assert await left(lanes, log) == [b"m7", b"m8", b"m9"]
    await logs.trim(log, Kept(3), written_ms + LATER_MS)
    assert len(await left(lanes, log)) == 3


async def test_up_to_an_age(lanes: Lanes, log: LogKey) -> None:
    """All that is older goes, but for the last entry: it is where followers stand."""
    logs, written_ms = Logs(lanes, GatewayId("g")), await fill(lanes, log, 10)
    await logs.trim(log, Kept(100, 3600), written_ms + 3_590_000)
    assert len(await left(lanes, log)) == 10
    await logs.trim(log, Kept(100, 3600), written_ms + 3_601_000)
    assert await left(lanes, log) == [b"m9"]
    last = (await logs.read_before(log, None, 1))[0].position
    assert await logs.read_after(log, last, 10) == []
    await logs.trim(log, Kept(0), written_ms + 10**9)
    assert await left(lanes, log) == [b"m9"]


async def test_a_long_log_in_small_steps(lanes: Lanes, log: LogKey) -> None:
    """One call of the script removes no more than it is told to; a trimming goes on until it is done."""
    written_ms = await fill(lanes, log, 3 * TRIMMED_AT_ONCE + 7)
    late_ms = written_ms + LATER_MS
    arguments = ("EVALSHA", sha("log_trim"), 1, keys.log_keys(log).log, 5, 0, late_ms, TRIMMED_AT_ONCE)
    assert await lanes.commands.call(*arguments) == TRIMMED_AT_ONCE
    await Logs(lanes, GatewayId("g")).trim(log, Kept(5), late_ms)
    assert len(await left(lanes, log)) == 5
    await Logs(lanes, GatewayId("g")).trim(LogKey(f"{log}-none"), Kept(5), late_ms)


async def test_a_conversation_ends_by_itself(lanes: Lanes) -> None:
    """Each message keeps it on; what it has that is old goes about then."""
    log = keys.conversation_log("a:ann", f"u:{next(_numbers)}")
    logs, written_ms = Logs(lanes, GatewayId("g")), await fill(lanes, log, 300)
    logs.keep_for(log, 100, written_ms + 1)
    names = keys.log_keys(log)
    for key in (names.state, names.log):
        assert 90 < await lanes.commands.call("TTL", key) <= 100
    assert len(await left(lanes, log)) <= 100  # whole nodes go
