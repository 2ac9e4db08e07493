"""A session outlives its connection and its gateway: its client comes back anywhere, and nobody else sees anything.

Source: docs/protocol.md, "hubbub.chat/resume".
"""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import redis

from gateway.model import Uid
from gateway.passwords import hash_password
from gateway.store.keys import user_record
from tests.cluster.test_one_network import names
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer
from tests.harness.resuming import RESUME, TAGGED, come_back, connect, offer

pytestmark = pytest.mark.slow

Pair = tuple[GatewayProcess, GatewayProcess]


async def witness(stack: AsyncExitStack, gateway: GatewayProcess, nick: str, *rooms: str) -> IrcPeer:
    """A peer in the rooms, who must see nothing."""
    peer = await stack.enter_async_context(
        await IrcPeer.connect(gateway.host, gateway.port, nick, caps=("message-tags", "batch", "echo-message"))
    )
    for room in rooms:
        await peer.send(f"JOIN {room}")
        await peer.expect("366")
    return peer


async def away(peer: IrcPeer, nick: str) -> str:
    """What WHOIS tells of the nick's absence."""

    async def ask() -> str | None:
        await peer.send(f"WHOIS {nick}")
        told = [m for m in await peer.barrier() if m.command == "301"]
        return told[0].params[-1] if told else None

    return await eventually(ask, what=f"{nick} is away")


def texts(told: list[list[str]]) -> list[str]:
    """The texts of messages."""
    return [params[-1] for params in told]


async def test_a_lost_connection_is_no_quit_and_its_client_has_what_it_missed(
    pair: Pair, stack: AsyncExitStack
) -> None:
    """Away as "Link lost" meanwhile; back on the other gateway: rooms, topic, names, lines and direct messages."""
    one, two = pair
    bob = await witness(stack, two, "lost-bob", "#lost", "#lost2")
    ann, token = await connect(one, "lost-ann")
    await ann.send("JOIN #lost,#lost2", "TOPIC #lost :tea")
    await ann.send("PRIVMSG #lost :hello")
    await ann.expect("PRIVMSG")
    await ann.close()
    assert await away(bob, "lost-ann") == "Link lost"
    await bob.send(*(f"PRIVMSG #lost :{i}" for i in range(3)), "PRIVMSG #lost2 :x", "PRIVMSG lost-ann :psst")
    await bob.collect("PRIVMSG", 4)
    assert (await bob.expect("301")).params[1:] == ("lost-ann", "Link lost")
    back = await come_back(two, token)
    await stack.enter_async_context(back.peer)
    assert back.told[[m.command for m in back.told].index("RESUME")].params == ("SUCCESS", "lost-ann")
    assert back.lines("001")[0][0] == "lost-ann"
    assert [params[0] for params in back.lines("JOIN")] == ["#lost", "#lost2"]
    assert {params[2] for params in back.lines("353")} == {"#lost", "#lost2"}
    assert texts(back.lines("PRIVMSG")) == ["0", "1", "2", "x", "psst"]
    assert [params[1:] for params in back.lines("BATCH") if len(params) > 1] == [
        ["chathistory", "#lost"], ["chathistory", "#lost2"], ["chathistory", "lost-ann"],
    ]  # fmt: skip
    assert back.token not in {"", token}
    await back.peer.send("PRIVMSG #lost :back")
    assert (await bob.expect("PRIVMSG")).params == ("#lost", "back")
    await bob.send("PRIVMSG #lost :welcome", "PRIVMSG lost-ann :live")
    assert texts([list(m.params) for m in await back.peer.collect("PRIVMSG", 3)]) == ["back", "welcome", "live"]
    assert {"JOIN", "QUIT", "PART", "NICK"}.isdisjoint(m.command for m in await bob.barrier())
    assert await names(bob, "#lost") == {"@lost-bob", "lost-ann"}


async def test_a_client_that_asks_for_history_itself_is_sent_none(pair: Pair, stack: AsyncExitStack) -> None:
    """With draft/chathistory it asks as on any join; direct messages come all the same, after the msgid it names."""
    one, two = pair
    bob = await witness(stack, two, "asks-bob", "#asks")
    caps = (*TAGGED, "draft/chathistory")
    ann, token = await connect(one, "asks-ann", *caps)
    await ann.send("JOIN #asks")
    await ann.expect("366")
    await bob.send("PRIVMSG asks-ann :first", "PRIVMSG asks-ann :second")
    seen = (await ann.expect("PRIVMSG")).tags["msgid"]
    await ann.close()
    await away(bob, "asks-ann")
    await bob.send("PRIVMSG #asks :in the room", "PRIVMSG asks-ann :third")
    await bob.barrier()
    back = await come_back(one, token, msgid=seen, caps=caps)
    await stack.enter_async_context(back.peer)
    assert texts(back.lines("PRIVMSG")) == ["second", "third"]
    await back.peer.send("CHATHISTORY LATEST #asks * 5")
    assert (await back.peer.expect("PRIVMSG")).params == ("#asks", "in the room")


@pytest.mark.parametrize(("had", "told"), [("*", ["never read"]), ("", [])], ids=["it has none", "it does not say"])
async def test_what_was_sent_and_never_read_is_sent_again(
    pair: Pair, stack: AsyncExitStack, had: str, told: list[str]
) -> None:
    """Who says that it has no direct message yet gets all of them; else the server goes by what it had sent."""
    one, two = pair
    bob = await witness(stack, two, f"unread-bob{len(told)}", "#unread")
    ann, token = await connect(one, f"unread-ann{len(told)}", *TAGGED, "draft/chathistory")
    await ann.send("JOIN #unread")
    await ann.expect("366")
    await bob.send(f"PRIVMSG {ann.nick} :never read")
    await bob.expect("PRIVMSG")
    await bob.send("PRIVMSG #unread :behind it")
    await ann.expect(lambda message: message.params[:1] == ("#unread",))  # so it was sent before
    await ann.close()
    back = await come_back(two, token, msgid=had, caps=(*TAGGED, "draft/chathistory"))
    await stack.enter_async_context(back.peer)
    assert texts(back.lines("PRIVMSG")) == told


async def test_a_half_open_connection_is_superseded_in_silence(pair: Pair, stack: AsyncExitStack) -> None:
    """The old gateway drops its half as soon as another has the session, with rooms and without, on itself too."""
    one, two = pair
    bob = await witness(stack, two, "half-bob", "#half")
    for number, (place, rooms) in enumerate([(two, "#half"), (two, ""), (one, "#half"), (one, "")]):
        nick = f"half-ann{number}"
        ann, token = await connect(one, nick)
        await stack.enter_async_context(ann)
        if rooms:
            await ann.send(f"JOIN {rooms}")
            await ann.expect("366")
            await bob.expect("JOIN")
        back = await come_back(place, token)
        await stack.enter_async_context(back.peer)
        last = (await ann.wait_closed())[-1]
        assert (last.command, last.params) == ("ERROR", ("Closing link: Resumed elsewhere",))
        assert [m.command for m in await bob.barrier()] == []
        await back.peer.send(f"PRIVMSG half-bob :{nick}")
        assert (await bob.expect("PRIVMSG")).source.startswith(f"{nick}!")
        await bob.send(f"PRIVMSG {nick} :yes")
        assert (await back.peer.expect("PRIVMSG")).params[1] == nick  # the echo
        assert (await back.peer.expect("PRIVMSG")).source.startswith("half-bob!")
        if rooms:
            await bob.send(f"PRIVMSG {rooms} :still there?")
            assert (await back.peer.expect("PRIVMSG")).params[0] == rooms
        await bob.barrier()


async def test_tokens_are_good_once_and_for_one_session(pair: Pair, stack: AsyncExitStack) -> None:
    """Used up, malformed, unknown, of another: INVALID_TOKEN, a normal welcome follows, the session is untouched."""
    one, two = pair
    ann, token = await connect(one, "tok-ann")
    await ann.close()
    back = await come_back(two, token)
    await stack.enter_async_context(back.peer)
    uid, _, secret = back.token.partition(".")
    # The former token is good until the client has said something since its welcome: then it has the new one.
    await back.peer.send("JOIN #tok")

    with redis.Redis.from_url(one.redis_url) as client:

        async def used_up() -> bool | None:
            return not client.hexists(user_record(Uid(uid.encode())), "former") or None

        await eventually(used_up, what="the former token is good no more")
    other = f"{'xy'[uid.startswith('x')]}{uid[1:]}"
    wrong = [token, f"{uid}.{secret[:-1]}", f"{other}.{secret}", "nonsense", f"{uid}.", f".{secret}", "x" * 300, uid]
    for index, shown in enumerate(wrong):
        peer = await offer(one, shown, nick=f"tok-wrong{index}")
        assert (await peer.expect("FAIL")).params[:2] == ("RESUME", "INVALID_TOKEN")
        assert (await peer.expect("001")).params[0] == f"tok-wrong{index}"
        await peer.close()
    await back.peer.send("PRIVMSG #tok :untouched")
    assert (await back.peer.expect("PRIVMSG")).params == ("#tok", "untouched")


async def test_the_former_token_will_do_where_redis_has_lost_the_newer(pair: Pair, stack: AsyncExitStack) -> None:
    """Both are shown, the newer first: the one that Redis knows counts. Two wrong ones are refused once."""
    one, two = pair
    ann, token = await connect(one, "two-ann")
    await ann.send("JOIN #two")
    await ann.expect("366")
    await ann.close()
    lost = f"{token.partition('.')[0]}.{'lost' * 8}"
    back = await come_back(two, f"{lost},{token}")
    assert [params[0] for params in back.lines("JOIN")] == ["#two"]
    await back.peer.close()
    again = await come_back(one, f"{back.token},{token}")
    await stack.enter_async_context(again.peer)
    peer = await offer(two, f"{lost},{lost}", nick="two-wrong")
    await stack.enter_async_context(peer)
    assert (await peer.expect("FAIL")).params[:2] == ("RESUME", "INVALID_TOKEN")
    assert [message.command for message in await peer.barrier() if message.command == "FAIL"] == []


async def test_of_many_who_show_one_token_one_gets_the_session(pair: Pair, stack: AsyncExitStack) -> None:
    """At once, on both gateways: IN_USE or INVALID_TOKEN for those who are too late, welcomed as themselves. Who comes
    when the first has finished, before it has said anything, may still show the same token; one keeps the session."""
    bob = await witness(stack, pair[0], "many-bob", "#many")
    ann, token = await connect(pair[0], "many-ann")
    await ann.send("JOIN #many")
    await ann.expect("366")
    await ann.close()
    await away(bob, "many-ann")
    await bob.barrier()
    peers = await asyncio.gather(*(offer(pair[i % 2], token, nick=f"many{i}") for i in range(8)))
    answers, winners = [], []
    for peer in peers:
        await stack.enter_async_context(peer)
        answer = await peer.expect(lambda m: m.command in {"FAIL", "RESUME"})
        answers.append(answer.params[0] if answer.command == "RESUME" else answer.params[1])
        assert (await peer.expect("001")).params[0] == ("many-ann" if answer.command == "RESUME" else peer.nick)
        winners += [peer] if answer.command == "RESUME" else []
    assert "SUCCESS" in answers
    assert set(answers) <= {"SUCCESS", "IN_USE", "INVALID_TOKEN"}
    closed = 0
    for peer in winners:
        await peer.send("PING still")
        closed += (await peer.expect(lambda m: m.command == "ERROR" or m.params[-1] == "still")).command == "ERROR"
    assert closed == len(winners) - 1
    assert await names(bob, "#many") == {"@many-bob", "many-ann"}


async def test_a_session_that_was_ended_on_purpose_is_over(pair: Pair, stack: AsyncExitStack) -> None:
    """QUIT: others see it at once, and the token gets SESSION_ENDED."""
    bob = await witness(stack, pair[1], "quit-bob", "#quit")
    ann, token = await connect(pair[0], "quit-ann")
    await ann.send("JOIN #quit")
    await ann.expect("366")
    await ann.send("QUIT :bye")
    assert (await bob.expect("QUIT")).params == ("Quit: bye",)
    await ann.wait_closed()
    await ann.close()
    peer = await stack.enter_async_context(await offer(pair[1], token, nick="quit-ann"))
    assert (await peer.expect("FAIL")).params[:2] == ("RESUME", "SESSION_ENDED")
    assert (await peer.expect("001")).params[0] == "quit-ann"


async def test_what_else_waits_in_the_inbox_has_its_effect(pair: Pair, stack: AsyncExitStack) -> None:
    """An invitation that came meanwhile lets its receiver in; WHO finds who has lost its connection, as away."""
    bob = await witness(stack, pair[1], "inv-bob", "#inv")
    ann, token = await connect(pair[0], "inv-ann")
    await ann.close()
    await away(bob, "inv-ann")
    await bob.send("MODE #inv +i", "WHO inv-ann", "INVITE inv-ann #inv")
    assert "G" in (await bob.expect("352")).params[6]
    await bob.expect("341")
    back = await come_back(pair[1], token)
    await stack.enter_async_context(back.peer)
    await back.peer.send("JOIN #inv")
    assert (await back.peer.expect(lambda m: m.command in {"JOIN", "473"})).command == "JOIN"


async def test_resume_in_the_wrong_place(pair: Pair, stack: AsyncExitStack) -> None:
    """Without a token, and after registration: a refusal, nothing more; a NOTICE where FAIL is not known."""
    ann, token = await connect(pair[0], "wrong-ann")
    await stack.enter_async_context(ann)
    await ann.send("RESUME", f"RESUME {token}")
    assert [(await ann.expect("FAIL")).params[1] for _ in range(2)] == ["ALREADY_REGISTERED"] * 2
    peer = await stack.enter_async_context(
        await IrcPeer.connect(pair[0].host, pair[0].port, "wrong-bob", register=False)
    )
    await peer.send("CAP LS 302", "RESUME")
    assert (await peer.expect("NOTICE")).params[1].startswith("RESUME: ")


async def test_a_token_comes_with_the_capability_whenever_that_is(pair: Pair, stack: AsyncExitStack) -> None:
    """Requested after registration too; without it there is none, and a lost connection is a departure."""
    bob = await witness(stack, pair[1], "late-bob", "#late")
    ann = await stack.enter_async_context(await IrcPeer.connect(pair[0].host, pair[0].port, "late-ann"))
    await ann.send("JOIN #late", f"CAP REQ :{RESUME}")
    token = (await ann.expect("RESUME")).params[1]
    back = await come_back(pair[1], token)
    await back.peer.close()
    other = await IrcPeer.connect(pair[0].host, pair[0].port, "late-other")
    await other.send("JOIN #late")
    await other.expect("366")
    await other.close()
    quit_ = await bob.expect("QUIT")
    assert quit_.source.startswith("late-other!")


async def test_a_nick_change_and_a_part_are_part_of_the_session(pair: Pair, stack: AsyncExitStack) -> None:
    """It comes back with its last nick, in the rooms it is in; the others are not told."""
    bob = await witness(stack, pair[1], "chg-bob", "#chg", "#chg2")
    ann, token = await connect(pair[0], "chg-ann")
    await ann.send("JOIN #chg,#chg2", "NICK chg-anna", "PART #chg2")
    await ann.expect("PART")
    await ann.close()
    await away(bob, "chg-anna")
    back = await come_back(pair[1], token)
    await stack.enter_async_context(back.peer)
    assert back.lines("001")[0][0] == "chg-anna"
    assert [params[0] for params in back.lines("JOIN")] == ["#chg"]
    await back.peer.send("NICK chg-ann")
    assert (await bob.expect("NICK")).source.startswith("chg-ann")


@pytest.mark.slow
async def test_a_killed_gateway_costs_its_clients_nothing(two_gateways: Pair, stack: AsyncExitStack) -> None:
    """SIGKILL: who comes back at once and who comes back after the burial are in their rooms; what was said is there,
    at most the lines of one beat twice; who could not prove itself leaves once."""
    one, two = two_gateways
    bob = await witness(stack, two, "bob", "#kill", "#kill2")
    early, early_token = await connect(one, "early")
    late, late_token = await connect(one, "late")
    plain = await IrcPeer.connect(one.host, one.port, "plain")
    for peer in (early, late, plain):
        await peer.send("JOIN #kill,#kill2")
        await peer.collect("366", 2)
    one.kill()
    for peer in (early, late, plain):
        await peer.close()
    await bob.send("PRIVMSG #kill :who is left?", "PRIVMSG late :psst")
    await bob.barrier()
    back = await come_back(two, early_token)
    await stack.enter_async_context(back.peer)
    assert texts(back.lines("PRIVMSG")) == ["who is left?"]
    quits = [await bob.expect("QUIT", deadline_s=30.0)]
    assert [m.source.partition("!")[0] for m in quits] == ["plain"]
    assert await away(bob, "late") == "Link lost"
    back = await come_back(two, late_token)
    await stack.enter_async_context(back.peer)
    assert texts(back.lines("PRIVMSG")) == ["who is left?", "psst"]
    assert [params[0] for params in back.lines("JOIN")] == ["#kill", "#kill2"]
    assert {"QUIT", "JOIN", "PART"}.isdisjoint(m.command for m in await bob.barrier())
    assert await names(bob, "#kill") == {"@bob", "early", "late"}


@pytest.mark.slow
async def test_a_kill_ends_a_session_that_has_no_connection(tmp_path: Path, stack: AsyncExitStack) -> None:
    """Long before its grace is over: one QUIT with the reason, and its client is told that it is over."""
    opers = tmp_path / "opers.toml"
    opers.write_text(f'root = "{hash_password("secret")}"\n')
    with (
        PrivateServer.running(tmp_path / "store") as store,
        gateways(tmp_path, store.url, opers=str(opers)) as (one, two),
    ):
        bob = await witness(stack, one, "bob", "#doomed")
        ann, token = await connect(two, "ann")
        await ann.send("JOIN #doomed")
        await ann.expect("366")
        await ann.close()

        async def detached() -> bool | None:
            return await away(bob, "ann") == "Link lost" or None

        await eventually(detached, what="its connection is gone")
        await bob.send("OPER root secret", "KILL ann :enough")
        gone = await bob.expect("QUIT", deadline_s=6 * DEADLINE_S)
        assert (gone.source.partition("!")[0], gone.params) == ("ann", ("Killed (bob (enough))",))
        peer = await stack.enter_async_context(await offer(one, token, nick="ann"))
        assert (await peer.expect("FAIL")).params[:2] == ("RESUME", "SESSION_ENDED")
        assert (await peer.expect("001")).params[0] == "ann"


@pytest.mark.slow
async def test_after_the_grace_there_is_one_quit(tmp_path: Path, stack: AsyncExitStack) -> None:
    """Two gateways race to end several sessions of a lost gateway and of lost connections: each quits once, in a
    netsplit where several go at once; a client that comes later is told that its session has ended."""
    with (
        PrivateServer.running(tmp_path / "store") as store,
        gateways(tmp_path, store.url, "abc", grace_s=3) as (doomed, one, two),
    ):
        bob = await witness(stack, one, "bob", "#grace", "#grace2")
        plain = await stack.enter_async_context(await IrcPeer.connect(two.host, two.port, "cy"))
        await plain.send("JOIN #grace")
        await plain.expect("366")
        lost = [await connect(doomed, f"lost{i}") for i in range(3)]
        for peer, _ in lost:
            await peer.send("JOIN #grace,#grace2")
            await peer.collect("366", 2)
        doomed.kill()
        for peer, _ in lost:
            await peer.close()
        quits = await bob.collect("QUIT", 3, deadline_s=40.0)
        assert {m.source.partition("!")[0] for m in quits} == {"lost0", "lost1", "lost2"}
        assert {m.tags.get("batch") for m in quits} == {"netsplit"}
        assert {m.params for m in quits} == {("Gateway lost",)}
        heard = await plain.collect("QUIT", 3)
        assert len({m.source for m in heard}) == 3
        for who in (bob, plain):
            assert {"QUIT", "PART"}.isdisjoint(m.command for m in await who.barrier())
        peer = await stack.enter_async_context(await offer(two, lost[0][1], nick="lost0"))
        assert (await peer.expect("FAIL")).params[:2] == ("RESUME", "SESSION_ENDED")
        assert (await peer.expect("001")).params[0] == "lost0"
        other, _ = await connect(one, "faint")
        await other.send("JOIN #grace")
        await other.expect("366")
        await other.close()
        gone = await bob.expect("QUIT", deadline_s=20.0)
        assert (gone.source.partition("!")[0], gone.params) == ("faint", ("Connection closed",))


@pytest.mark.slow
async def test_a_rolling_restart_is_seen_by_nobody(two_gateways: Pair, stack: AsyncExitStack) -> None:
    """SIGTERM to each gateway in turn while people talk: no QUIT, no JOIN, no line lost or twice for who comes back."""
    one, two = two_gateways
    caps = (*TAGGED, "draft/chathistory")
    peer, token = await connect(one, "talker", *caps)
    bob, bob_token = await connect(two, "bob", *caps)
    for who in (peer, bob):
        await stack.enter_async_context(who)
        await who.send("JOIN #roll")
        await who.expect("366")
    await peer.barrier()
    for leaving, other in ((one, two), (two, one)):
        mover, staying, shown = (peer, bob, token) if leaving is one else (bob, peer, bob_token)
        stopping = asyncio.create_task(asyncio.to_thread(leaving.stop))
        last = await mover.wait_closed()
        assert last[-1].params == ("Closing link: Gateway shutting down",)
        await staying.send("PRIVMSG #roll :meanwhile")
        await staying.expect("PRIVMSG")
        back = await come_back(other, shown, caps=caps)
        assert await stopping == 0
        await stack.enter_async_context(back.peer)
        if leaving is one:
            peer = back.peer
        else:
            bob = back.peer
        await back.peer.send("PRIVMSG #roll :back")
        assert (await staying.expect(lambda m: m.command != "PONG")).params == ("#roll", "back")
        await back.peer.expect("PRIVMSG")
        if leaving is one:
            leaving.restart()
            # The other one goes next, and its client finds the first one again.
            moved = await come_back(one, back.token, caps=caps)
            await stack.enter_async_context(moved.peer)
            peer = moved.peer
    assert await names(peer, "#roll") == {"@talker", "bob"}


@pytest.mark.slow
async def test_a_gateway_that_was_frozen_writes_nothing_when_it_wakes(
    two_gateways: Pair, stack: AsyncExitStack
) -> None:
    """Buried while it slept: what its clients sent meanwhile goes nowhere, they are closed, and it ends with 75."""
    one, two = two_gateways
    bob = await witness(stack, two, "bob", "#frozen")
    ann, token = await connect(one, "ann")
    await stack.enter_async_context(ann)
    plain = await stack.enter_async_context(await IrcPeer.connect(one.host, one.port, "plain"))
    for peer in (ann, plain):
        await peer.send("JOIN #frozen")
        await peer.expect("366")
    one.send_signal(signal.SIGSTOP)
    # The kernel takes the connection; the gateway hears of it when it wakes.
    zombie = await stack.enter_async_context(await IrcPeer.connect(one.host, one.port, "zombie", register=False))
    await zombie.send("NICK zombie", "USER z 0 * :z")
    for peer in (ann, plain):
        await peer.send("PRIVMSG #frozen :too late", "PRIVMSG bob :too late", "JOIN #frozen2", "QUIT :too late")
    assert (await bob.expect("QUIT", deadline_s=30.0)).source.startswith("plain!")
    back = await come_back(two, token)
    await stack.enter_async_context(back.peer)
    one.send_signal(signal.SIGCONT)
    assert await asyncio.to_thread(one.wait, 4 * DEADLINE_S) == 75
    for peer in (ann, plain, zombie):
        await peer.wait_closed()
    await bob.send("WHOIS zombie")
    await bob.expect("401")
    await bob.expect("318")
    assert [m.command for m in await bob.barrier()] == []
    await back.peer.send("PRIVMSG #frozen :mine")
    assert (await bob.expect("PRIVMSG")).params == ("#frozen", "mine")
    assert await names(bob, "#frozen") == {"@bob", "ann"}
    assert await names(bob, "#frozen2") == set()
