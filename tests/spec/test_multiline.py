"""Messages of several lines. Source: https://ircv3.net/specs/extensions/multiline and
https://ircv3.net/specs/extensions/client-batch
"""

from collections.abc import Callable

import pytest

from gateway.session.multiline import MAX_BYTES, MAX_LINES
from gateway.wire.message import Message
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect

CAPS = ["batch", "draft/multiline", "echo-message", "labeled-response", "message-tags", "server-time"]
READER = ["batch", "draft/multiline", "message-tags"]
PLAIN = ["message-tags"]


def pasted(target: str, *lines: str, opening: str = "", reference: str = "1") -> list[str]:
    """The lines a client sends; `+` in front of a text: it goes on where the one before ended."""
    inside = [
        f"@batch={reference}{';draft/multiline-concat' if text[:1] == '+' else ''} PRIVMSG {target} "
        f":{text.removeprefix('+')}"
        for text in lines
    ]
    return [f"{opening}BATCH +{reference} draft/multiline {target}", *inside, f"BATCH -{reference}"]


async def joined(peer: IrcPeer, room: str) -> IrcPeer:
    """The peer, in the room."""
    await peer.send(f"JOIN {room}")
    await peer.expect("366")
    return peer


async def received(peer: IrcPeer) -> tuple[Message, list[Message]]:
    """The next multiline batch: its opening, and what is in it."""
    opening = await peer.expect(is_opening)
    reference, inside = opening.params[0][1:], []
    while (line := await peer.read()).command != "BATCH":
        assert line.tags["batch"] == reference
        inside.append(line)
    assert line.params == (f"-{reference}",)
    return opening, inside


def is_opening(message: Message) -> bool:
    """Whether a batch of several lines begins."""
    return message.command == "BATCH" and message.params[1:2] == ("draft/multiline",)


def value(inside: list[Message]) -> str:
    """The combined message ("Batch types")."""
    text = ""
    for number, line in enumerate(inside):
        text += ("\n" if number and "draft/multiline-concat" not in line.tags else "") + line.params[1]
    return text


async def test_limits_are_advertised(dial: Connect, nick: str) -> None:
    """The capability has a value with max-bytes, and better max-lines ("Capabilities"): only clients of version 302
    can be told."""
    peer = await dial(nick, register=False)
    await peer.send("CAP LS 302")
    words = []
    while True:
        said = await peer.expect("CAP")
        words += said.params[-1].split()
        if said.params[2] != "*":
            break
    assert f"draft/multiline=max-bytes={MAX_BYTES},max-lines={MAX_LINES}" in words
    old = await dial(f"{nick}2", register=False)
    await old.send("CAP LS")
    assert "draft/multiline" not in (await old.expect("CAP")).params[-1]


async def test_a_batch_reaches_who_knows_it(dial: Connect, nick: str, room: str) -> None:
    """It is delivered as a whole, line by line as it was sent, blank ones too, and its tags are on the BATCH ("Batch
    types", "Message tags")."""
    author, reader = (
        await joined(await dial(nick, caps=CAPS), room),
        await joined(await dial(f"{nick}2", caps=READER), room),
    )
    await author.send(*pasted(room, "hello", "", "how is ", "+everyone?", opening="@+draft/reply=x;label=abc "))
    opening, inside = await received(reader)
    assert opening.params[2] == room
    assert opening.source.startswith(f"{nick}!")
    assert opening.tags["+draft/reply"] == "x"
    assert value(inside) == "hello\n\nhow is everyone?"
    assert all(line.tags.keys() <= {"batch", "draft/multiline-concat"} for line in inside)
    # "Labeled response": the label is on the opening BATCH of the echo alone.
    echo, own = await received(author)
    assert echo.tags["label"] == "abc"
    assert echo.tags["msgid"] == opening.tags["msgid"]
    assert value(own) == value(inside)
    assert await author.barrier() == []


async def test_others_get_the_lines(dial: Connect, nick: str, room: str) -> None:
    """Who does not know it gets the lines as they were sent without the blank ones; the msgid is on the first alone
    ("Message ids"), the other tags of the message on each: "Tags MAY also be included on subsequent lines where it
    makes sense to do so" ("Fallback")."""
    author = await joined(await dial(nick, caps=CAPS), room)
    tagged = await joined(await dial(f"{nick}2", caps=[*PLAIN, "server-time"]), room)
    bare = await joined(await dial(f"{nick}3"), room)
    half = await joined(await dial(f"{nick}4", caps=["draft/multiline"]), room)  # the batch capability is missing
    await author.send(*pasted(room, "", "one", "+two", "", "three", opening="@+draft/reply=x "))
    lines = await tagged.collect("PRIVMSG", 3)
    assert [line.params for line in lines] == [(room, "one"), (room, "two"), (room, "three")]
    assert lines[0].tags.keys() == {"msgid", "+draft/reply", "time"}
    assert all(line.tags.keys() == {"+draft/reply", "time"} for line in lines[1:])
    assert {line.tags["+draft/reply"] for line in lines} == {"x"}
    for peer in (bare, half):
        assert [line.params[1] for line in await peer.collect("PRIVMSG", 3)] == ["one", "two", "three"]
    assert await bare.barrier() == []


async def test_to_one_person(dial: Connect, nick: str) -> None:
    """A direct message of several lines, and one to oneself."""
    author, reader = await dial(nick, caps=CAPS), await dial(f"{nick}2", caps=READER)
    await author.send(*pasted(f"{nick}2", "a", "b"))
    assert value((await received(reader))[1]) == "a\nb"
    assert value((await received(author))[1]) == "a\nb"
    await author.send(*pasted(nick, "c", "d"))
    assert [value((await received(author))[1]) for _ in range(2)] == ["c\nd", "c\nd"]
    await author.send(*pasted(f"nobody{nick}", "e", "f", opening="@label=l "))
    refused = await author.expect("401")
    assert refused.tags["label"] == "l"


async def test_to_operators_alone(dial: Connect, nick: str, room: str) -> None:
    """STATUSMSG takes several lines too, and its history is not everybody's."""
    operator = await joined(await dial(nick, caps=READER), room)
    author = await joined(await dial(f"{nick}2", caps=CAPS), room)
    await author.send(*pasted(f"@{room}", "psst", "psst"))
    opening, inside = await received(operator)
    assert (opening.params[2], value(inside)) == (f"@{room}", "psst\npsst")
    late = await joined(await dial(f"{nick}3", caps=[*READER, "draft/chathistory"]), room)
    await late.send(f"CHATHISTORY LATEST {room} * 10")
    assert not [line for line in await late.barrier() if line.command == "PRIVMSG"]


async def test_history_has_it_as_one_message(dial: Connect, nick: str, room: str) -> None:
    """In CHATHISTORY and in the replay on join: a batch within the batch, or lines, and one msgid."""
    author = await joined(await dial(nick, caps=CAPS), room)
    await author.send(f"PRIVMSG {room} :before", *pasted(room, "one", "two"))
    echo, _ = await received(author)
    asks = await joined(await dial(f"{nick}2", caps=[*READER, "draft/chathistory"]), room)
    await asks.send(f"CHATHISTORY LATEST {room} * 1")
    outer = await asks.expect(lambda m: m.command == "BATCH" and "chathistory" in m.params)
    opening, inside = await received(asks)
    assert opening.tags["batch"] == outer.params[0][1:]
    assert opening.tags["msgid"] == echo.tags["msgid"]
    assert value(inside) == "one\ntwo"
    assert (await asks.expect("BATCH")).params == (f"-{outer.params[0][1:]}",)
    await asks.send(f"CHATHISTORY BEFORE {room} msgid={echo.tags['msgid']} 10")
    assert (await asks.expect("PRIVMSG")).params[1] == "before"
    old = await dial(f"{nick}3", caps=["batch"])
    await old.send(f"JOIN {room}")
    assert [line.params[1] for line in await old.collect("PRIVMSG", 3)] == ["before", "one", "two"]
    plain = await dial(f"{nick}4")
    await plain.send(f"JOIN {room}")
    assert [line.params[1] for line in await plain.collect("PRIVMSG", 3)] == ["before", "one", "two"]


async def test_a_key_says_it_once(dial: Connect, nick: str, room: str) -> None:
    """`hubbub.chat/idem` on the opening BATCH: sent again, its author gets the first one's echo."""
    author = await joined(await dial(nick, caps=[*CAPS, "hubbub.chat/idem"]), room)
    reader = await joined(await dial(f"{nick}2", caps=READER), room)
    for _ in range(2):
        await author.send(*pasted(room, "a", "b", opening="@hubbub.chat/idem=k1 "))
    first, second = await received(author), await received(author)
    assert first[0].tags["msgid"] == second[0].tags["msgid"]
    await received(reader)
    assert await reader.barrier() == []


async def test_rights_hold_for_all_lines(dial: Connect, nick: str, room: str) -> None:
    """`+m` refuses it once, `+C` also for a CTCP that is not in the first line."""
    operator = await joined(await dial(nick), room)
    author = await joined(await dial(f"{nick}2", caps=CAPS), room)
    await operator.send(f"MODE {room} +C")
    await author.expect("MODE")
    await author.send(*pasted(room, "harmless", "\x01VERSION\x01", opening="@label=l1 "))
    assert (await author.expect("404")).tags["label"] == "l1"
    await operator.send(f"MODE {room} -C+m")
    await author.expect("MODE")
    await author.send(*pasted(room, "a", "b"))
    await author.expect("404")
    await operator.send("PING x")
    assert not [line for line in await operator.barrier() if line.command == "PRIVMSG"]


INVALID: dict[str, Callable[[str], list[str]]] = {
    "an unknown type": lambda room: [f"BATCH +1 example/other {room}"],
    "no target": lambda room: ["BATCH +1 draft/multiline"],
    "two targets": lambda room: [f"BATCH +1 draft/multiline {room},{room}"],
    "no sign": lambda room: [f"BATCH 1 draft/multiline {room}"],
    "a reference with other characters": lambda room: [f"BATCH +a_b draft/multiline {room}"],
    "nothing open": lambda room: ["BATCH -1"],
    "a line of no batch": lambda room: [f"@batch=9 PRIVMSG {room} :x"],
    "nothing in it": pasted,
    "only blank lines": lambda room: pasted(room, "", ""),
    "a blank line that goes on": lambda room: pasted(room, "a", "+"),
    "another command": lambda room: [f"BATCH +1 draft/multiline {room}", f"@batch=1 NOTICE {room} :x", "BATCH -1"],
    "a batch in it": lambda room: [
        f"BATCH +1 draft/multiline {room}",
        f"@batch=1 BATCH +2 draft/multiline {room}",
        "BATCH -1",
    ],
    "tags inside": lambda room: [f"BATCH +1 draft/multiline {room}", f"@batch=1;+a=b PRIVMSG {room} :x", "BATCH -1"],
}


@pytest.mark.parametrize("case", INVALID)
async def test_mistakes_are_told_once(dial: Connect, nick: str, room: str, case: str) -> None:
    """`MULTILINE_INVALID` for any other error ("Errors"); nothing of it is said, and the next batch is."""
    author = await joined(await dial(nick, caps=CAPS), room)
    await author.send(*INVALID[case](room))
    answers = await author.barrier()
    assert [(line.command, *line.params[:2]) for line in answers] == [("FAIL", "BATCH", "MULTILINE_INVALID")]
    await author.send(*pasted(room, "now", "right"))
    assert value((await received(author))[1]) == "now\nright"


@pytest.mark.parametrize(
    ("broken", "refusal"),
    [(b"\xff", "FAIL"), (b"a\0b", "400"), (b"x" * 600, "417"), (b"x" * 20_000, "417")],
)
async def test_a_line_that_is_refused_takes_the_message_along(
    dial: Connect, nick: str, room: str, broken: bytes, refusal: str
) -> None:
    """What cannot be read, or is too long for a line, is told as always, and then that nothing was said: a message
    without one of its lines would be another."""
    author = await joined(await dial(nick, caps=CAPS), room)
    opening, *inside, closing = pasted(room, "one", "two", opening="@label=l ")
    await author.send(opening, *inside, b"@batch=1 PRIVMSG %b :%b" % (room.encode(), broken), closing)
    first, last = await author.barrier()
    assert first.command == refusal
    assert (last.command, last.params[:2], last.tags["label"]) == ("FAIL", ("BATCH", "MULTILINE_INVALID"), "l")


async def test_a_line_to_somebody_else(dial: Connect, nick: str, room: str) -> None:
    """`MULTILINE_INVALID_TARGET <batch-target> <provided-target>`, with the label of the batch ("Errors")."""
    author = await joined(await dial(nick, caps=CAPS), room)
    await author.send(
        f"@label=l BATCH +1 draft/multiline {room}",
        "@batch=1 PRIVMSG #other :x",
        f"@batch=1 PRIVMSG {room} :y",
        "BATCH -1",
    )
    (answer,) = await author.barrier()
    assert answer.params[:4] == ("BATCH", "MULTILINE_INVALID_TARGET", room, "#other")
    assert answer.tags["label"] == "l"


async def test_limits_hold(dial: Connect, nick: str, room: str) -> None:
    """What is exactly as long as allowed is said, where a line feed that joins counts for a byte; one byte or line more
    is refused with the limit ("Errors")."""
    author = await joined(await dial(nick, caps=CAPS), room)
    whole, rest = divmod(MAX_BYTES, 256)
    fits = ["x" * 255] * whole + ["x" * (rest + 1)] if rest else ["x" * 255] * (whole - 1) + ["x" * 256]
    assert sum(map(len, fits)) + len(fits) - 1 == MAX_BYTES
    await author.send(*pasted(room, *fits))
    assert len(value((await received(author))[1])) == MAX_BYTES
    await author.send(*pasted(room, *fits[:-1], fits[-1] + "x"))
    (answer,) = await author.barrier()
    assert answer.params[1:3] == ("MULTILINE_MAX_BYTES", str(MAX_BYTES))
    await author.send(*pasted(room, *["x"] * MAX_LINES))
    assert len((await received(author))[1]) == MAX_LINES
    await author.send(*pasted(room, *["x"] * (MAX_LINES + 1)))
    (answer,) = await author.barrier()
    assert answer.params[1:3] == ("MULTILINE_MAX_LINES", str(MAX_LINES))


async def test_without_the_capability(dial: Connect, nick: str, room: str) -> None:
    """A client that did not ask for it has no batches of its own; the tag `batch` means nothing from it."""
    peer = await joined(await dial(nick, caps=["message-tags", "echo-message"]), room)
    await peer.send(f"BATCH +1 draft/multiline {room}", f"@batch=1 PRIVMSG {room} :x")
    assert (await peer.expect("FAIL")).params[:2] == ("BATCH", "MULTILINE_INVALID")
    assert (await peer.expect("PRIVMSG")).params[1] == "x"
