"""From a connection to a session. Source: https://modern.ircdocs.horse/#connection-registration."""

from tests.harness.network import Connect


async def test_welcome_burst_is_complete(dial: Connect) -> None:
    """001 to 005 follow each other, and 376 or 422 ends the burst."""
    peer = await dial("welcome", register=False)
    await peer.send("NICK welcome", "USER w 0 * :W")
    numbers = [(await peer.read()).command for _ in range(4)]
    assert numbers == ["001", "002", "003", "004"]
    assert (await peer.read()).command == "005"
    await peer.expect(lambda m: m.command in {"376", "422"})


async def test_cap_negotiation_holds_registration_back(dial: Connect) -> None:
    """ "...the server MUST not complete registration until CAP END". Source: IRCv3 capability-negotiation."""
    peer = await dial("capper", register=False)
    await peer.send("CAP LS 302", "NICK capper", "USER c 0 * :C")
    listed = await peer.expect("CAP")
    assert {"message-tags", "server-time", "echo-message", "labeled-response", "batch", "draft/chathistory"} <= set(
        listed.params[-1].split()
    )
    assert [m.command for m in await peer.barrier()] == []
    await peer.send("CAP REQ :echo-message nonsense")
    assert (await peer.expect("CAP")).params[1:] == ("NAK", "echo-message nonsense")
    await peer.send("CAP REQ :echo-message batch", "CAP LIST", "CAP END")
    assert (await peer.expect("CAP")).params[1:] == ("ACK", "echo-message batch")
    assert set((await peer.expect("CAP")).params[2].split()) >= {"echo-message", "batch"}
    await peer.expect("001")


async def test_unknown_cap_subcommand(dial: Connect) -> None:
    """410 names the subcommand."""
    peer = await dial("cap410")
    await peer.send("CAP FOO")
    assert (await peer.expect("410")).params[1] == "FOO"


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


async def test_commands_before_registration(dial: Connect) -> None:
    """451 for anything but registration."""
    peer = await dial("early", register=False)
    await peer.send("JOIN #x", "FOO")
    assert [(await peer.read()).command for _ in range(2)] == ["451", "451"]


async def test_user_with_too_few_parameters(dial: Connect) -> None:
    """461 names the command; an empty real name is too few."""
    peer = await dial("fewparams", register=False)
    await peer.send("USER x 0 *", "USER x 0 * :")
    assert [(await peer.expect("461")).params[1] for _ in range(2)] == ["USER", "USER"]


async def test_reregistration_is_refused(dial: Connect) -> None:
    """462."""
    peer = await dial("twice")
    await peer.send("USER x 0 * :x", "PASS x")
    assert [m.command for m in await peer.barrier()] == ["462", "462"]


async def test_ping_needs_an_origin(dial: Connect) -> None:
    """409 without a parameter; PONG echoes the token."""
    peer = await dial("pinger")
    await peer.send("PING", "PING :a b")
    await peer.expect("409")
    assert (await peer.expect("PONG")).params == ("hubbub.local", "a b")


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
