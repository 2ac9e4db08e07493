"""PRIVMSG and NOTICE. Source: https://modern.ircdocs.horse/#sending-messages, RFC 2812 section 3.3; STATUSMSG."""

import pytest

from tests.harness.network import Connect
from tests.harness.steps import ALL, answers, change, commands, join


async def test_text_reaches_the_others_once_and_not_the_author(dial: Connect, room: str) -> None:
    """Without echo-message the author gets nothing back."""
    ann, bob = await dial("talkann"), await dial("talkbob")
    await join(room, ann, bob)
    await ann.send(f"PRIVMSG {room} :one", f"NOTICE {room} :two")
    assert await ann.barrier() == []
    said = await bob.barrier()
    assert [(m.command, m.params) for m in said] == [("PRIVMSG", (room, "one")), ("NOTICE", (room, "two"))]
    assert said[0].source == "talkann!~talkann@127.0.0.1"


async def test_direct_message_both_ways_and_to_oneself(dial: Connect) -> None:
    """To a nick: it arrives, is echoed where wanted; to oneself it comes twice, one labelled."""
    ann, bob = await dial("dmann", caps=ALL), await dial("dmbob")
    await ann.send("PRIVMSG DmBob :psst")
    echo = await ann.expect("PRIVMSG")
    assert echo.params == ("DmBob", "psst")
    assert (await bob.expect("PRIVMSG")).params == ("DmBob", "psst")
    await ann.send("@label=me PRIVMSG dmann :note")
    copies = await ann.collect("PRIVMSG", 2)
    assert sorted(m.tags.get("label", "") for m in copies) == ["", "me"]
    assert len({m.tags["msgid"] for m in copies}) == 1


async def test_what_is_relayed_fits_a_line(dial: Connect, room: str) -> None:
    """Text that would make the relayed line longer than 512 bytes is cut at a character's border."""
    ann, bob = await dial("longann"), await dial("longbob")
    await join(room, ann, bob)
    await ann.send(f"PRIVMSG {room} :" + "ä" * 240)
    got = await bob.expect("PRIVMSG")
    assert len(got.encode()) <= 512
    assert set(got.params[1]) == {"ä"}


async def test_order_is_the_same_for_everybody(dial: Connect, room: str) -> None:
    """All members see all lines in one order, the author's own echo included."""
    peers = [await dial(f"order{i}", caps=ALL) for i in range(3)]
    await join(room, *peers)
    for peer in peers:
        await peer.send(*(f"PRIVMSG {room} :{peer.nick} {i}" for i in range(15)))
    seen = [[m.tags["msgid"] for m in await peer.collect("PRIVMSG", 45)] for peer in peers]
    assert seen[0] == seen[1] == seen[2]
    assert len(set(seen[0])) == 45


@pytest.mark.parametrize(
    ("line", "number", "params"),
    [
        ("PRIVMSG", "411", ()),
        ("PRIVMSG :", "411", ()),
        ("PRIVMSG {room}", "412", ()),
        ("PRIVMSG {room} :", "412", ()),
        ("PRIVMSG nobody-here :x", "401", ("nobody-here",)),
        ("PRIVMSG *! :x", "401", ("*!",)),
        ("PRIVMSG #nowhere-at-all :x", "404", ("#nowhere-at-all",)),
        ("PRIVMSG # :x", "403", ("#",)),
        ("PRIVMSG @ :x", "403", ("@",)),
        ("PRIVMSG a,b,c,d,e :x", "407", ("a,b,c,d,e",)),
    ],
)
async def test_each_refusal(dial: Connect, nick: str, room: str, line: str, number: str, params: tuple[str]) -> None:
    """The numeric that Modern lists for it, naming the target; the same as a NOTICE is answered by nothing, for
    errors are never sent to one ("NOTICE message")."""
    peer = await dial(nick)
    (refused,) = await answers(peer, line.format(room=room))
    assert (refused.command, refused.params[:-1]) == (number, (nick, *params))
    assert await answers(peer, line.format(room=room).replace("PRIVMSG", "NOTICE", 1)) == []


async def test_some_targets_of_a_list_may_fail(dial: Connect, nick: str, room: str) -> None:
    """Each target is served by itself; a relayed message names one target only ("PRIVMSG message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann, bob)
    assert await commands(ann, f"PRIVMSG nobody-here,{nick}b,{room} :hi") == ["401"]
    assert {m.params for m in await bob.collect("PRIVMSG", 2)} == {(f"{nick}b", "hi"), (room, "hi")}


async def test_names_are_not_case_sensitive(dial: Connect, nick: str, room: str) -> None:
    """CASEMAPPING=ascii: A-Z are a-z, in nicks and in rooms; other characters are themselves."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await ann.send(f"JOIN {room}x")
    await bob.send(f"JOIN {room.upper()}X")
    await bob.expect("366")
    await ann.send(f"PRIVMSG {nick.upper()}B :hi", f"PRIVMSG {room.upper()}X :there")
    assert [m.params[1] for m in await bob.collect("PRIVMSG", 2)] == ["hi", "there"]
    assert await commands(bob, f"JOIN {room}[", f"PRIVMSG {room}{{ :x") == ["JOIN", "353", "366", "404"]


@pytest.mark.parametrize("colon", ["", ":"])
async def test_lines_that_just_fit(dial: Connect, nick: str, colon: str) -> None:
    """512 bytes with CR LF are a line, 513 are not (417). What is too long with the source in front of it arrives cut,
    in whole characters ("Message Length")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    begin = f"PRIVMSG {nick}b {colon}"
    overhead = len(f":{nick}!~{nick}@127.0.0.1 PRIVMSG {nick}b :") - len(begin)
    full = 510 - len(begin)
    for size in (1, full - overhead - 1, full - overhead, full - overhead + 1, full - overhead + 4, full):
        for text in ("a" * size, "a" * (size - 4) + "\U0001f603", "a" * (size % 2) + "é" * (size // 2)):
            if not text:
                continue
            assert await commands(ann, begin + text) == []
            got = await bob.expect("PRIVMSG")
            assert text.startswith(got.params[1])
            assert len(got.params[1].encode()) > min(len(text.encode()), full - overhead) - 4
            # The parser leaves out a colon that no space makes necessary.
            assert len(f":{got.source} PRIVMSG {got.params[0]} :{got.params[1]}\r\n".encode()) <= 512
    assert await commands(ann, begin + "a" * (full + 1), "PING " + "x" * 506) == ["417", "417"]
    (pong,) = await answers(ann, "PING " + "x" * 505)
    assert pong.params[1].startswith("x" * 450)
    assert await commands(bob) == []


async def test_messages_to_ranks_are_for_those_ranks(dial: Connect, nick: str, room: str) -> None:
    """STATUSMSG: `@#room` reaches operators alone, from an operator and from anybody in the room, and names the prefix
    it was sent with."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}b"), await dial(f"{nick}c")
    await join(room, ann, bob, cat)
    await change(ann, f"{room} +o {nick}c", bob, cat)
    for author, receiver in ((cat, ann), (bob, ann)):
        assert await commands(author, f"PRIVMSG @{room} :for operators") == []
        assert (await receiver.expect("PRIVMSG")).params == (f"@{room}", "for operators")
    assert await commands(bob) == []


async def test_ping_is_a_barrier(dial: Connect, nick: str, room: str) -> None:
    """What was acknowledged to one client before another asked has reached the other before its PONG, whichever
    gateways they are on: "one server" to whoever compares (docs/protocol.md, "Commands")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann, bob)
    for number in range(25):
        assert await commands(ann, f"PRIVMSG {room} :{number}", f"NOTICE {nick}b :{number}") == []
        assert {(m.command, m.params[1]) for m in await bob.barrier()} == {
            ("PRIVMSG", str(number)),
            ("NOTICE", str(number)),
        }
