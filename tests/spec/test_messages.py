"""PRIVMSG, NOTICE, TAGMSG, and the labels and echoes that go with them."""

from gateway.wire.message import Message
from tests.harness.network import Connect
from tests.harness.steps import ALL, join


async def test_text_reaches_the_others_once_and_not_the_author(dial: Connect, room: str) -> None:
    """Without echo-message the author gets nothing back."""
    ann, bob = await dial("talkann"), await dial("talkbob")
    await join(room, ann, bob)
    await ann.send(f"PRIVMSG {room} :one", f"NOTICE {room} :two")
    assert await ann.barrier() == []
    said = await bob.barrier()
    assert [(m.command, m.params) for m in said] == [("PRIVMSG", (room, "one")), ("NOTICE", (room, "two"))]
    assert said[0].source == "talkann!~talkann@127.0.0.1"


async def test_echo_has_the_msgid_and_time_that_the_others_get(dial: Connect, room: str) -> None:
    """ "msgid" and "time" are made once: equal in echo and delivery. Source: IRCv3 message-ids."""
    ann, bob = await dial("echoann", caps=ALL), await dial("echobob", caps=ALL)
    await join(room, ann, bob)
    await ann.send(f"@+typing=active;label=L1;other=x PRIVMSG {room} :hi")
    echo, got = await ann.expect("PRIVMSG"), await bob.expect("PRIVMSG")
    assert echo.tags["label"] == "L1"
    assert "label" not in got.tags
    assert {k: v for k, v in echo.tags.items() if k != "label"} == dict(got.tags)
    assert got.tags["+typing"] == "active"
    assert "other" not in got.tags


async def test_labelled_without_echo_is_acknowledged(dial: Connect, room: str) -> None:
    """ "...servers MUST respond with an ACK". Source: IRCv3 labeled-response."""
    ann = await dial("ackann", caps=("labeled-response", "batch", "message-tags"))
    await join(room, ann)
    await ann.send(f"@label=a PRIVMSG {room} :x", f"@label=b PRIVMSG {room} :y")
    assert [(m.command, m.tags["label"]) for m in await ann.collect("ACK", 2)] == [("ACK", "a"), ("ACK", "b")]


async def test_labelled_join_is_one_batch(dial: Connect, room: str) -> None:
    """More than one line travels in a labeled-response batch, each line inside with its reference."""
    ann = await dial("labjoin", caps=ALL)
    await ann.send(f"@label=j1 JOIN {room}")
    start = await ann.expect("BATCH")
    assert (start.tags["label"], start.params[1]) == ("j1", "labeled-response")
    reference = start.params[0][1:]
    inside: list[Message] = []
    while (message := await ann.read()).command != "BATCH":
        inside.append(message)
    assert message.params == (f"-{reference}",)
    assert [m.command for m in inside] == ["JOIN", "353", "366"]
    assert {m.tags["batch"] for m in inside} == {reference}


async def test_tagmsg_goes_to_tag_clients_only(dial: Connect, room: str) -> None:
    """A client without message-tags never sees TAGMSG."""
    ann, bob, old = await dial("tagann", caps=ALL), await dial("tagbob", caps=ALL), await dial("tagold")
    await join(room, ann, bob, old)
    await ann.send(f"@+typing=active TAGMSG {room}")
    assert (await bob.expect("TAGMSG")).tags["+typing"] == "active"
    assert await old.barrier() == []


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


async def test_refusals(dial: Connect, room: str) -> None:
    """The standard numerics; NOTICE never answers errors (RFC 2812 section 3.3.2)."""
    ann = await dial("refann")
    await ann.send(
        "PRIVMSG", f"PRIVMSG {room}", "PRIVMSG nobodyhere :x", f"PRIVMSG {room} :x", "PRIVMSG #a,#b,#c,#d,#e :x"
    )
    assert [m.command for m in await ann.barrier()] == ["411", "412", "401", "404", "407"]
    await ann.send("NOTICE", f"NOTICE {room}", "NOTICE nobodyhere :x", f"NOTICE {room} :x")
    assert await ann.barrier() == []


async def test_labelled_refusal_carries_the_label(dial: Connect, room: str) -> None:
    """One line of answer: the label is on it."""
    ann = await dial("labref", caps=ALL)
    await ann.send(f"@label=r PRIVMSG {room} :x")
    assert (await ann.expect("404")).tags["label"] == "r"


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
