"""From a connection to a session. Source: https://modern.ircdocs.horse/#connection-registration."""

import re
from pathlib import Path

import pytest

from tests.harness.deadlines import eventually
from tests.harness.network import Connect, Network
from tests.harness.steps import answers, commands, join


async def test_a_taken_nick_is_refused_and_the_next_one_works(dial: Connect) -> None:
    """433, then registration goes on with another nick."""
    await dial("taken")
    second = await dial("second", register=False)
    await second.send("NICK TAKEN", "USER s 0 * :S")
    assert (await second.expect("433")).params[:2] == ("*", "TAKEN")
    await second.send("NICK second")
    assert (await second.expect("001")).params[0] == "second"


async def test_nick_is_free_before_the_socket_closes_on_quit(dial: Connect) -> None:
    """Who reconnects at once after QUIT gets the nick again."""
    first = await dial("again")
    await first.send("QUIT :bye")
    assert (await first.wait_closed())[-1].command == "ERROR"
    await dial("again")


async def test_bad_nicks(dial: Connect) -> None:
    """431 for none, 432 for a malformed one; the old nick stays."""
    peer = await dial("goodnick")
    await peer.send("NICK", "NICK :", "NICK 1abc", "NICK a*b", "NICK :a b")
    assert [m.command for m in await peer.barrier()] == ["431", "431", "432", "432", "432"]
    await peer.send("WHOIS goodnick")
    assert (await peer.expect("311")).params[1] == "goodnick"


async def test_renaming_is_seen_once_by_who_shares_several_rooms(dial: Connect, room: str) -> None:
    """A NICK comes once, however many rooms are shared, and lines before it carry the old nick."""
    ann, bob = await dial("renann"), await dial("renbob")
    for peer in (ann, bob):
        await peer.send(f"JOIN {room},{room}b,{room}c")
        await peer.collect("366", 3)
    await ann.send("NICK renanna", f"PRIVMSG {room}c :after")
    assert (await ann.expect("NICK")).params == ("renanna",)
    await bob.expect("NICK")
    said = await bob.expect(lambda m: m.command in {"NICK", "PRIVMSG"})
    assert (said.command, said.source.partition("!")[0]) == ("PRIVMSG", "renanna")
    await ann.send("NICK RENANNA")
    assert (await bob.expect("NICK")).params == ("RENANNA",)


async def test_reregistration_is_refused(dial: Connect) -> None:
    """462."""
    peer = await dial("twice")
    await peer.send("USER x 0 * :x", "PASS x")
    assert [m.command for m in await peer.barrier()] == ["462", "462"]


async def test_capabilities_may_change_in_a_room(dial: Connect, room: str) -> None:
    """Who negotiates after JOIN gets lines in the new form from the next one on, and its echo."""
    ann, bob = await dial("lateann"), await dial("latebob")
    for peer in (ann, bob):
        await peer.send(f"JOIN {room}")
        await peer.expect("366")
    await ann.send("CAP REQ :server-time echo-message")
    assert (await ann.expect("CAP")).params[1] == "ACK"
    await bob.send(f"PRIVMSG {room} :timed")
    assert "time" in (await ann.expect("PRIVMSG")).tags
    await ann.send(f"PRIVMSG {room} :echoed")
    assert (await ann.expect("PRIVMSG")).params[1] == "echoed"
    assert [m.params[1] for m in await bob.collect("PRIVMSG", 1)] == ["echoed"]


@pytest.mark.parametrize("bad", ["*", "1abc", "a*b", "a!b", "a@b", "#a", "a,b", "ünï", "a.b", ":a", "-a", "n" * 31])
async def test_a_bad_nick_does_not_end_a_registration(dial: Connect, nick: str, bad: str) -> None:
    """432 names the bad one; the next NICK completes the registration ("NICK message", ERR_ERRONEUSNICKNAME)."""
    peer = await dial(nick, register=False)
    await peer.send(f"NICK :{bad}" if bad.startswith(":") else f"NICK {bad}", "USER u s e r")
    refused = await peer.read()
    assert (refused.command, refused.params[0]) == ("432", "*")
    assert refused.params[1] == (bad if bad != ":a" else "*")
    await peer.send(f"NICK {nick}")
    assert (await peer.read()).params[0] == nick


async def test_no_nick_does_not_end_a_registration(dial: Connect, nick: str) -> None:
    """431 for an empty one, or none ("NICK message", ERR_NONICKNAMEGIVEN)."""
    peer = await dial(nick, register=False)
    await peer.send("NICK :", "NICK", "USER u s e r")
    assert [(await peer.read()).command for _ in range(2)] == ["431", "431"]
    await peer.send(f"NICK {nick}")
    assert (await peer.read()).command == "001"


async def test_a_failed_change_leaves_the_nick(dial: Connect, nick: str) -> None:
    """One 433, and the old nick goes on working ("NICK message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    assert await commands(bob, f"NICK {nick.upper()}") == ["433"]
    assert await commands(ann, f"PRIVMSG {nick}b :hi") == []
    assert (await bob.expect("PRIVMSG")).params == (f"{nick}b", "hi")


async def test_a_change_of_case(dial: Connect, nick: str, room: str) -> None:
    """The own nick may be spelt anew, and all see it; the same spelling again is answered by nothing."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann, bob)
    (change,) = await answers(ann, f"NICK {nick.upper()}")
    assert (change.command, change.params) == ("NICK", (nick.upper(),))
    assert (await bob.expect("NICK")).params == (nick.upper(),)
    assert await commands(ann, f"NICK {nick.upper()}") == []
    assert await commands(bob) == []


async def test_a_nick_is_free_when_it_was_changed(dial: Connect, nick: str) -> None:
    """Once the change is seen, somebody else may have the old one, whatever its case."""
    ann = await dial(nick)
    assert await commands(ann, f"NICK {nick}new") == ["NICK"]
    await dial(nick.upper())


async def test_a_nick_is_free_when_its_connection_ended(dial: Connect, nick: str) -> None:
    """Also without QUIT, and where it was never registered."""
    early = await dial("x", register=False)
    await early.send(f"NICK {nick}", "QUIT")
    assert (await early.wait_closed())[-1].command == "ERROR"
    first = await dial(nick)
    await first.close()

    async def taken() -> bool | None:
        peer = await dial(nick, register=False)
        await peer.send(f"NICK {nick}", "USER u 0 * :U")
        answer = await peer.read()
        await peer.close()
        return True if answer.command == "001" else None

    await eventually(taken, what="the nick is free after the end of its connection")


async def test_of_two_at_once_one_gets_the_nick(dial: Connect, nick: str) -> None:
    """The other gets 433 and may choose again; also on different gateways."""
    peers = [await dial(nick, register=False) for _ in range(4)]
    for peer in peers:
        await peer.send(f"NICK {nick}")
    for peer in peers:
        await peer.send("USER u 0 * :U")
    answered = sorted([(await peer.expect(lambda m: m.command in {"001", "433"})).command for peer in peers])
    assert answered == ["001", "433", "433", "433"]


async def test_quit_is_answered_by_error(dial: Connect, nick: str, room: str) -> None:
    """ERROR, then the end of the connection, before registration too; the others see the reason ("QUIT message")."""
    early = await dial("x", register=False)
    await early.send("QUIT :never mind")
    assert [m.command for m in await early.wait_closed()] == ["ERROR"]
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann, bob)
    await bob.send("QUIT :so long", "PRIVMSG nobody :not read any more")
    assert [m.command for m in await bob.wait_closed()] == ["ERROR"]
    quit_ = await ann.expect("QUIT")
    assert (quit_.source.partition("!")[0], quit_.params) == (f"{nick}b", ("Quit: so long",))


@pytest.mark.parametrize("line", ["USER u 0 *", "USER u", "USER", "USER u 0 * :", "USER : 0 * :U"])
async def test_user_needs_a_name_and_a_realname(dial: Connect, nick: str, line: str) -> None:
    """461 names the command; a name or a real name that is empty counts as missing ("USER message")."""
    peer = await dial(nick, register=False)
    await peer.send(f"NICK {nick}", line)
    assert (await peer.read()).params[:2] == (nick, "USER")
    await peer.send("USER u 0 * :U")
    assert (await peer.read()).command == "001"


async def test_a_user_name_of_nothing_valid(dial: Connect, nick: str) -> None:
    """468 where nothing of the name may stand in a mask, "Your username is not valid" (https://defs.ircdocs.horse,
    ERR_INVALIDUSERNAME); another USER may follow."""
    peer = await dial(nick, register=False)
    await peer.send(f"NICK {nick}", "USER @! 0 * :U")
    refused = await peer.read()
    assert (refused.command, refused.params[0], len(refused.params)) == ("468", nick, 2)
    await peer.send("USER u 0 * :U")
    assert (await peer.read()).command == "001"


async def test_the_users_name_and_realname(dial: Connect, nick: str) -> None:
    """The user name has a tilde, for nobody asked an ident server, at most USERLEN bytes, no control characters, and
    nothing that divides a mask; the real name keeps its spaces ("USER message")."""
    peer = await dial(nick, register=False)
    await peer.send(f"NICK {nick}", f"USER u@\x01\x02!{'u' * 40} 0 * :A Real  Name", f"WHOIS {nick}")
    user = await peer.expect("311")
    assert (user.params[2], user.params[5]) == ("~" + "u" * 17, "A Real  Name")


async def test_the_order_does_not_matter(dial: Connect, nick: str) -> None:
    """USER may come before NICK ("Connection Registration")."""
    peer = await dial(nick, register=False)
    await peer.send("USER u 0 * :U", f"NICK {nick}")
    assert (await peer.read()).command == "001"


async def test_the_burst(dial: Connect, nick: str) -> None:
    """001 to 004 and 005 in order, each to the nick, then the message of the day or 422; 001 names the mask, 004 has
    only letters ("Connection Registration")."""
    peer = await dial(nick, register=False)
    await peer.send(f"NICK {nick}", "USER u 0 * :U")
    burst = [await peer.read()]
    while burst[-1].command not in {"376", "422"}:
        burst.append(await peer.read())
    assert [m.command for m in burst][:5] == ["001", "002", "003", "004", "005"]
    assert {m.params[0] for m in burst} == {nick}
    assert {m.source for m in burst} == {"hubbub.local"}
    assert burst[0].params[-1].endswith(f"{nick}!~u@127.0.0.1")
    assert len(burst[3].params) >= 5
    assert all(re.fullmatch("[A-Za-z]+", letters) for letters in burst[3].params[3:])
    assert all(len(m.encode()) <= 512 for m in burst)


@pytest.mark.parametrize("line", ["JOIN #x", "PRIVMSG x :y", "MODE x", "WHO *", "OPER a b", "LIST", "CHATHISTORY x"])
async def test_the_rest_waits_for_registration(dial: Connect, line: str) -> None:
    """451 (ERR_NOTREGISTERED), and nothing is done."""
    peer = await dial("x", register=False)
    (refused,) = await answers(peer, line)
    assert (refused.command, refused.params[0]) == ("451", "*")


async def test_ping(dial: Connect, nick: str) -> None:
    """PONG names the server and repeats the token, also before registration, also an empty one; 409 without any
    ("PING message"). A PONG is answered by nothing."""
    for peer in (await dial(nick), await dial("x", register=False)):
        await peer.send("PING abcdef", "PING :with spaces", "PING", "PING :")
        assert (await peer.read()).params == ("hubbub.local", "abcdef")
        assert (await peer.read()).params == ("hubbub.local", "with spaces")
        assert (await peer.read()).command == "409"
        assert (await peer.read()).params == ("hubbub.local", "")
        assert await commands(peer, "PONG x", "PONG") == []


@pytest.mark.slow
async def test_the_password_of_a_server(tmp_path: Path) -> None:
    """PASS before NICK and USER lets in; without it, or with a wrong one, 464 and the end ("PASS message")."""
    with Network.running(tmp_path, 1, password="let me in") as network:
        async with await network.connect("x", register=False) as peer:
            await peer.send("PASS", "PASS wrong", "PASS :let me in", "NICK right", "USER u 0 * :U")
            assert (await peer.read()).params[1] == "PASS"  # 461
            assert (await peer.read()).command == "001"
        for lines in (["NICK wrong", "USER u 0 * :U"], ["PASS let", "NICK wrong", "USER u 0 * :U", "PASS :let me in"]):
            async with await network.connect("x", register=False) as peer:
                await peer.send(*lines)
                assert [m.command for m in await peer.wait_closed()] == ["464", "ERROR"]
