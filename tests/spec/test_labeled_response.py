"""labeled-response and batch. Source: https://ircv3.net/specs/extensions/labeled-response, /batch"""

import re

import pytest

from gateway.wire.message import Message
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import ALL, answers, join


def inside(messages: list[Message], label: str) -> list[Message]:
    """The lines of the one batch that answers with a label; everything in it is checked to be so marked."""
    start, *lines, end = messages
    reference = start.params[0].removeprefix("+")
    assert (start.command, start.params[1:], start.tags["label"]) == ("BATCH", ("labeled-response",), label)
    assert re.fullmatch(r"[A-Za-z0-9-]+", reference)
    assert (end.command, end.params) == ("BATCH", (f"-{reference}",))
    nested = {m.params[0][1:] for m in lines if m.command == "BATCH" and m.params[0].startswith("+")}
    assert {m.tags.get("batch") for m in lines} <= {reference, *nested}
    assert not any("label" in m.tags for m in lines)
    return lines


async def labelled(peer: IrcPeer, line: str) -> list[Message]:
    """All that comes back for one labelled line."""
    return await answers(peer, f"@label=L1 {line}")


@pytest.mark.parametrize("command", ["PRIVMSG", "NOTICE", "TAGMSG"])
async def test_the_label_is_the_authors(dial: Connect, nick: str, room: str, command: str) -> None:
    """The echo has the label, what others get has not; to oneself come two copies, one with it ("Tags")."""
    ann, bob = await dial(nick, caps=ALL), await dial(f"{nick}b", caps=ALL)
    await join(room, ann, bob)
    text = "" if command == "TAGMSG" else " :hi"
    for target in (f"{nick}b", room):
        (echo,) = await labelled(ann, f"{command} {target}{text}")
        got = await bob.expect(command)
        assert (echo.tags["label"], echo.params) == ("L1", got.params)
        assert "label" not in got.tags
    await ann.send(f"@label=me {command} {nick}{text}")
    copies = await ann.collect(command, 2)
    assert sorted(m.tags.get("label", "") for m in copies) == ["", "me"]
    assert len({m.tags["msgid"] for m in copies}) == 1


async def test_several_targets_are_one_answer(dial: Connect, nick: str) -> None:
    """Echoes of one command to several targets come in one batch; receivers see none of it."""
    ann = await dial(nick, caps=ALL)
    others = [await dial(f"{nick}{letter}", caps=ALL) for letter in "bcd"]
    await ann.send(f"@label=L1 PRIVMSG {nick}b,{nick}c,{nick}d :hi")
    lines = inside([await ann.read() for _ in range(5)], "L1")
    assert [m.params[0] for m in lines] == [other.nick for other in others]
    for other in others:
        got = await other.expect("PRIVMSG")
        assert got.tags.keys() == {"time", "msgid"}


async def test_one_line_carries_the_label_itself(dial: Connect, nick: str) -> None:
    """An answer of one line is in no batch ("Batched responses")."""
    ann = await dial(nick, caps=ALL)
    for line, command in [("PING x", "PONG"), ("NOSUCH x", "421"), ("TIME", "391"), ("MODE", "461"), ("JOIN x", "476")]:
        (answer,) = await labelled(ann, line)
        assert (answer.command, answer.tags["label"]) == (command, "L1")
        assert "batch" not in answer.tags


@pytest.mark.parametrize("line", ["PONG x", "PONG", "NOTICE nobody-here :x", "NOTICE", "CAP END", "NICK {nick}"])
async def test_no_answer_is_an_ack(dial: Connect, nick: str, line: str) -> None:
    """A command that is answered by nothing is acknowledged ("Empty responses")."""
    ann = await dial(nick, caps=ALL)
    (ack,) = await labelled(ann, line.format(nick=nick))
    assert (ack.command, ack.params, ack.tags["label"]) == ("ACK", (), "L1")


async def test_a_message_without_echo_is_acknowledged(dial: Connect, nick: str, room: str) -> None:
    """Without echo-message the ACK says that it was sent, in order ("Empty responses")."""
    ann = await dial(nick, caps=["labeled-response", "batch", "message-tags"])
    await join(room, ann)
    await ann.send(f"@label=a PRIVMSG {room} :x", f"@label=b PRIVMSG {room} :y")
    assert [(m.command, m.tags["label"]) for m in await ann.collect("ACK", 2)] == [("ACK", "a"), ("ACK", "b")]


async def test_a_long_answer_is_a_batch(dial: Connect, nick: str, room: str) -> None:
    """JOIN, NAMES, WHO, WHOIS, MOTD, LIST, MODE, TOPIC: all lines of each are in one batch with the label."""
    ann = await dial(nick, caps=ALL)
    assert [m.command for m in inside(await labelled(ann, f"JOIN {room}"), "L1")] == ["JOIN", "353", "366"]
    await answers(ann, f"TOPIC {room} :t")
    for line, last in [
        (f"NAMES {room}", "366"),
        (f"WHO {room}", "315"),
        (f"WHOIS {nick}", "318"),
        ("WHOIS nobody-here", "318"),
        ("LUSERS", "266"),
        (f"LIST {room}", "323"),
        (f"MODE {room}", "329"),
        (f"TOPIC {room}", "333"),
        ("VERSION", "005"),
    ]:
        assert inside(await labelled(ann, line), "L1")[-1].command == last, line


async def test_a_refusal_carries_the_label(dial: Connect, nick: str, room: str) -> None:
    """Errors are answers too."""
    ann = await dial(nick, caps=ALL)
    for line, number in [(f"PRIVMSG {room} :x", "404"), ("PRIVMSG nobody-here :x", "401"), (f"PRIVMSG {room}", "412")]:
        (answer,) = await labelled(ann, line)
        assert (answer.command, answer.tags["label"]) == (number, "L1")


async def test_a_change_of_a_room_is_answered_at_its_place(dial: Connect, nick: str, room: str) -> None:
    """TOPIC, MODE, PART and NICK come back once, with the label, and to others without."""
    ann, bob = await dial(nick, caps=ALL), await dial(f"{nick}b", caps=ALL)
    await join(room, ann, bob)
    for line in (f"TOPIC {room} :t", f"MODE {room} +m", f"PART {room}"):
        (answer,) = await labelled(ann, line)
        assert (answer.command, answer.tags["label"]) == (line.split()[0], "L1")
        assert "label" not in (await bob.expect(answer.command)).tags
    (answer,) = await labelled(ann, f"NICK {nick}z")
    assert (answer.command, answer.tags["label"]) == ("NICK", "L1")


async def test_a_label_that_is_none(dial: Connect, nick: str) -> None:
    """Labels have at most 64 bytes, and mean nothing without the capability ("Tags")."""
    ann, old = await dial(nick, caps=ALL), await dial(f"{nick}o", caps=["message-tags"])
    assert "label" in (await answers(ann, f"@label={'l' * 64} PING x"))[0].tags
    assert "label" not in (await answers(ann, f"@label={'l' * 65} PING x"))[0].tags
    assert "label" not in (await answers(ann, "@label PING x"))[0].tags
    assert "label" not in (await labelled(old, "PING x"))[0].tags


async def test_a_label_is_given_back_as_it_was_escaped(dial: Connect, nick: str) -> None:
    """Its value is opaque to the server."""
    ann = await dial(nick, caps=ALL)
    (answer,) = await answers(ann, r"@label=a\:b\sc\\d PING x")
    assert answer.tags["label"] == r"a;b c\d"


async def test_batches_only_to_who_knows_them(dial: Connect, nick: str, room: str) -> None:
    """Without batch no line of it is sent, and what would be inside comes alone ("batch")."""
    ann = await dial(nick, caps=["labeled-response", "message-tags"])
    got = await labelled(ann, f"JOIN {room}")
    assert [m.command for m in got] == ["JOIN", "353", "366"]
    assert not any("batch" in m.tags for m in got)
