"""What is too old is never shown, whether it has been trimmed or not, and not taken back after its time."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator

import pytest

from gateway.errors import FullError
from gateway.events import Entry
from gateway.model import LogKey, Uid
from gateway.rooms.ports import Saying
from gateway.rooms.retention import Kept
from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_inside import GatewayInside
from tests.harness.history import HISTORY, ask, batch
from tests.harness.irc_peer import IrcPeer
from tests.harness.resuming import RESUME, come_back, token_of
from tests.harness.steps import answers, join

FAR = "timestamp=1990-01-01T00:00:00.000Z timestamp=2190-01-01T00:00:00.000Z"


@pytest.fixture
async def inside(store_url: str) -> AsyncIterator[GatewayInside]:
    """A server whose clock is that of Redis, with limits."""
    async with GatewayInside.running(store_url) as inside:
        services = inside.services
        services.clock_s = time.time
        services.network = dataclasses.replace(services.network, history=Kept(1000, 3600), redaction_window_s=60)
        yield inside


async def connect(inside: GatewayInside, nick: str, *caps: str) -> IrcPeer:
    """A peer."""
    return await IrcPeer.connect(inside.host, inside.port, nick, caps=caps)


async def test_too_old(inside: GatewayInside, nick: str, room: str) -> None:
    """CHATHISTORY, TARGETS, SEARCH and the lines on join are without it, of rooms and of direct messages."""
    ann = await connect(inside, nick, *HISTORY, "soju.im/search")
    await join(room, ann)
    await answers(ann, f"PRIVMSG {room} :old", f"PRIVMSG {nick} :old")
    for target in (room, nick):
        assert [m.params[-1] for m in await ask(ann, f"LATEST {target} * 10")] == ["old"]
        assert [m.params[-1] for m in await ask(ann, f"AFTER {target} {FAR.split(' ', maxsplit=1)[0]} 10")] == ["old"]
    assert len((await batch(ann, f"CHATHISTORY TARGETS {FAR} 10"))[1]) == 2
    assert len((await batch(ann, "SEARCH text=old"))[1]) == 2
    inside.services.clock_s = lambda: time.time() + 3601
    for target in (room, nick):
        assert await ask(ann, f"LATEST {target} * 10") == []
        assert await ask(ann, f"AFTER {target} {FAR.split(' ', maxsplit=1)[0]} 10") == []
    assert (await batch(ann, f"CHATHISTORY TARGETS {FAR} 10"))[1] == []
    assert (await batch(ann, "SEARCH text=old"))[1] == []
    bob = await connect(inside, f"{nick}b")
    assert "PRIVMSG" not in [m.command for m in await answers(bob, f"JOIN {room}")]
    for peer in (ann, bob):
        await peer.close()


async def test_a_room_may_only_keep_less(inside: GatewayInside, nick: str, room: str) -> None:
    """An age above the network's changes nothing."""
    ann = await connect(inside, nick, *HISTORY)
    await join(room, ann)
    await answers(ann, f"MODE {room} +H 10:9w", f"PRIVMSG {room} :old")
    assert len(await ask(ann, f"LATEST {room} * 10")) == 1
    inside.services.clock_s = lambda: time.time() + 3601
    assert await ask(ann, f"LATEST {room} * 10") == []
    await ann.close()


async def test_too_late_to_take_it_back(inside: GatewayInside, nick: str, room: str) -> None:
    """FAIL REDACT REDACT_WINDOW_EXPIRED with the window in seconds, for authors; operators are not bound by it."""
    ann, bob = await connect(inside, nick, *HISTORY), await connect(inside, f"{nick}b", *HISTORY)
    await join(room, ann, bob)
    await bob.send(f"PRIVMSG {room} :x")
    in_room = (await bob.expect("PRIVMSG")).tags["msgid"]
    await bob.send(f"PRIVMSG {nick} :x")
    direct = (await bob.expect("PRIVMSG")).tags["msgid"]
    inside.services.clock_s = lambda: time.time() + 61
    for target, msgid in ((room, in_room), (nick, direct)):
        await bob.send(f"REDACT {target} {msgid}")
        refusal = await bob.expect("FAIL")
        assert refusal.params[:-1] == ("REDACT", "REDACT_WINDOW_EXPIRED", target, msgid, "60")
    await ann.send(f"REDACT {room} {in_room}")
    assert (await bob.expect("REDACT")).params == (room, in_room)
    for peer in (ann, bob):
        await peer.close()


@pytest.mark.parametrize("asked", ["CHATHISTORY LATEST {room} * 10", "SEARCH text=oops"])
async def test_taken_back_while_it_was_read(inside: GatewayInside, nick: str, room: str, asked: str) -> None:
    """Who has been told that a message was taken back is not shown it by an answer that Redis gave before."""
    history = inside.services.history
    ann, bob = [await connect(inside, f"{nick}{letter}", *HISTORY, "soju.im/search") for letter in "ab"]
    await join(room, ann, bob)
    await bob.send(f"PRIVMSG {room} :oops", f"PRIVMSG {room} :oops again")
    msgid = (await ann.expect("PRIVMSG")).tags["msgid"]
    read, read_back = asyncio.Event(), history.read_back

    async def slowly(log: LogKey, before: bytes, after: bytes, limit: int) -> list[Entry]:
        page = await read_back(log, before, after, limit)
        read.set()
        await told.wait()
        return page

    told = asyncio.Event()
    history.read_back = slowly  # type: ignore[method-assign]
    await ann.send(asked.format(room=room))
    await read.wait()
    await bob.send(f"REDACT {room} {msgid}")
    await ann.expect("REDACT")
    told.set()
    assert [m.params[-1] for m in await ann.barrier() if m.command == "PRIVMSG"] == ["oops again"]
    for peer in (ann, bob):
        await peer.close()


async def test_who_comes_back_reads_no_more_than_a_newcomer(inside: GatewayInside, nick: str, room: str) -> None:
    """Where nobody knows how far its former connection had read, it gets the lines of a join: none, in a room without
    history."""
    bob = await connect(inside, f"{nick}b", *HISTORY)
    await join(room, bob)
    await answers(bob, f"PRIVMSG {room} :said before")
    for mode, expected in (("+H 10", ["said before"]), ("+H 0", [])):
        await answers(bob, f"MODE {room} {mode}")
        ann = await connect(inside, nick, RESUME)
        token = await token_of(ann)
        await ann.send(f"JOIN {room}")
        await ann.expect("366")
        back = await come_back(inside, token)  # type: ignore[arg-type] # as good as a process
        assert [text for _, text in back.lines("PRIVMSG")] == expected
        await back.peer.send("QUIT")
        for peer in (ann, back.peer):
            await peer.wait_closed()
            await peer.close()
    await bob.close()


async def test_all_who_wait_for_a_session_go_on(inside: GatewayInside, nick: str) -> None:
    """A command that took too long may still wait when the next one does."""
    peer = await connect(inside, nick)
    (session,) = inside.services.sessions.values()
    session.in_flight = 1
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as waiting:
        for _ in range(3):
            waiting.create_task(inside.services.settled(session))
        await asyncio.sleep(0)
        session.settled()
    assert session.on_settled is None
    await peer.close()


async def test_a_direct_message_that_was_refused_is_said_when_sent_again(inside: GatewayInside, nick: str) -> None:
    """With the same key: it is delivered and in history, once; and refused again, it does not take away what is."""
    inboxes = inside.services.engine.inboxes
    ann = await connect(inside, nick, *HISTORY, "standard-replies", "hubbub.chat/idem")
    bob = await connect(inside, f"{nick}b", *HISTORY)
    line, send = f"@hubbub.chat/idem=key PRIVMSG {bob.nick} :hello", inboxes.send

    def full(to: Uid, saying: Saying) -> None:
        raise FullError("inbox")

    for expected in ([], ["hello"]):
        inboxes.send = full  # type: ignore[method-assign]
        await ann.send(line)
        assert (await ann.expect("FAIL")).params[1] == "TEMPORARILY_UNAVAILABLE"
        inboxes.send = send  # type: ignore[method-assign]
        assert [m.params[-1] for m in await ask(ann, f"LATEST {bob.nick} * 10")] == expected
        await ann.send(line)
        assert (await ann.expect("PRIVMSG")).params[-1] == "hello"
        assert [m.params[-1] for m in await ask(ann, f"LATEST {bob.nick} * 10")] == ["hello"]
    assert [m.params[-1] for m in await bob.barrier() if m.command == "PRIVMSG"] == ["hello"]
    for peer in (ann, bob):
        await peer.close()
