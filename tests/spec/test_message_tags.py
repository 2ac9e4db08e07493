r"""message-tags, message-ids, server-time, echo-message.

Source: https://ircv3.net/specs/extensions/message-tags, /message-ids, /server-time, /echo-message
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway.wire.message import Message
from tests.harness.network import Connect
from tests.harness.steps import ALL, answers, commands, join


async def test_who_gets_which_tags(dial: Connect, nick: str, room: str) -> None:
    """Client-only tags go to who negotiated message-tags, server-time to who negotiated that, none to others; a tag
    without a plus is relayed to nobody ("Rules for tags sent by clients")."""
    ann, bob = await dial(nick, caps=["message-tags"]), await dial(f"{nick}b", caps=["message-tags", "echo-message"])
    old, timed = await dial(f"{nick}o"), await dial(f"{nick}t", caps=["server-time"])
    await join(room, ann, bob, old, timed)
    await ann.send(f"@+baz=bat;fizz=buzz PRIVMSG {room} hi")
    got = await bob.expect("PRIVMSG")
    assert (got.params, dict(got.tags)) == ((room, "hi"), {"+baz": "bat", "msgid": got.tags["msgid"]})
    assert not (await old.expect("PRIVMSG")).tags
    assert set((await timed.expect("PRIVMSG")).tags) == {"time"}
    await bob.send(f"@+bat=baz;+fizz=buzz PRIVMSG {room} :hi yourself")
    heard, echo = await ann.expect("PRIVMSG"), await bob.expect("PRIVMSG")
    assert heard == echo
    assert {"+bat": "baz", "+fizz": "buzz"}.items() <= echo.tags.items()


async def test_tagmsg(dial: Connect, nick: str, room: str) -> None:
    r"""TAGMSG reaches, with a msgid, who negotiated message-tags and no one else, to rooms and to nicks; values are
    escaped as they were ("The TAGMSG tag-only message", "Escaping values")."""
    ann, bob = await dial(nick, caps=["message-tags"]), await dial(f"{nick}b", caps=["message-tags", "echo-message"])
    old, timed = await dial(f"{nick}o"), await dial(f"{nick}t", caps=["server-time"])
    await join(room, ann, bob, old, timed)
    await bob.send(rf"@+buzz=fizz\:bu\szz;cat=dog;+steel=wo\btz TAGMSG {room}")
    heard, echo = await ann.expect("TAGMSG"), await bob.expect("TAGMSG")
    assert heard == echo
    assert heard.params == (room,)
    assert {key: value for key, value in heard.tags.items() if key != "msgid"} == {
        "+buzz": "fizz;bu zz",
        "+steel": "wobtz",
    }
    await bob.send(f"@+typing=active TAGMSG {nick}", f"@+typing=active TAGMSG {nick}o", f"PRIVMSG {room} :end")
    assert (await ann.expect("TAGMSG")).params == (nick,)
    assert [(await peer.read()).command for peer in (old, timed)] == ["PRIVMSG"] * 2


@pytest.mark.parametrize(
    "tag", ["+typing=active", "+draft/react=👍", "+reply=abc", "+example.com/k", "+a=", "+draft/x=1"]
)
async def test_any_client_only_tag_is_relayed(dial: Connect, nick: str, tag: str) -> None:
    """Servers relay client-only tags whatever they mean ("Rules for servers"); nothing is denied by CLIENTTAGDENY."""
    ann, bob = await dial(nick, caps=ALL), await dial(f"{nick}b", caps=ALL)
    await ann.send(f"@{tag} PRIVMSG {nick}b :x", f"@{tag} TAGMSG {nick}b")
    key, _, value = tag.partition("=")
    for command in ("PRIVMSG", "TAGMSG"):
        assert (await bob.expect(command)).tags[key] == value


async def test_refusals_of_tagmsg(dial: Connect, nick: str, room: str) -> None:
    """TAGMSG is refused as PRIVMSG is: 411, 401, 404, 407."""
    peer = await dial(nick, caps=["message-tags"])
    lines = ["TAGMSG", "@+a TAGMSG nobody-here", f"@+a TAGMSG {room}", "@+a TAGMSG a,b,c,d,e"]
    assert await commands(peer, *lines) == ["411", "401", "404", "407"]


async def test_sizes(dial: Connect, nick: str, room: str) -> None:
    """4094 bytes of tags from a client, besides 512 of the rest; one more is 417, and nothing is relayed ("Size
    limit")."""
    ann, bob = await dial(nick, caps=["message-tags", "echo-message"]), await dial(f"{nick}b", caps=["message-tags"])
    await join(room, ann, bob)
    fits = f"@foo=bar;+baz={'a' * 4081} TAGMSG {room}"
    assert fits.index("TAGMSG") == 4096
    await ann.send(fits)
    echo, got = await ann.expect("TAGMSG"), await bob.expect("TAGMSG")
    assert echo == got
    assert got.tags["+baz"] == "a" * 4081
    text = "b" * (510 - len(f"PRIVMSG {room} "))
    await ann.send(f"@foo=bar;+baz={'a' * 4081} PRIVMSG {room} {text}")
    echo, got = await ann.expect("PRIVMSG"), await bob.expect("PRIVMSG")
    assert echo == got
    assert got.tags["+baz"] == "a" * 4081
    assert len(got.params[1]) >= 400
    too_long = [
        f"@foo=bar;+baz={'a' * 4082} TAGMSG {room}",
        f"@foo=bar;+baz={'a' * 4082} PRIVMSG {room} {text[1:]}",
        f"@+baz={'a' * 4096} PRIVMSG {room} hi",
        f"@+a PRIVMSG {room} {text}c",
    ]
    assert await commands(ann, *too_long) == ["417"] * 4
    assert await commands(bob) == []


async def test_no_tags_on_answers_to_who_did_not_ask(dial: Connect, nick: str, room: str) -> None:
    """Tags go to no client that has not negotiated any of the capabilities that use them."""
    ann, bob = await dial(nick, caps=ALL), await dial(f"{nick}b")
    await join(room, ann, bob)
    await ann.send(f"@+a=b PRIVMSG {room} :x", f"TOPIC {room} :t", f"KICK {room} {nick}b")
    assert not any(message.tags for message in await bob.collect(lambda m: True, 3))


async def test_a_tag_given_twice_has_its_last_value(dial: Connect, nick: str) -> None:
    """Of equal keys the last counts, and it is relayed once ("Rules for tags")."""
    ann, bob = await dial(nick, caps=ALL), await dial(f"{nick}b", caps=ALL)
    await ann.send(f"@+a=1;+a=2 PRIVMSG {nick}b :x")
    assert (await bob.expect("PRIVMSG")).tags["+a"] == "2"


async def test_capabilities_may_come_late(dial: Connect, nick: str) -> None:
    """Who negotiates message-tags after registration gets tags from then on."""
    ann, bob = await dial(nick, caps=ALL), await dial(f"{nick}b")
    await ann.send(f"@+a=1 PRIVMSG {nick}b :x")
    assert not (await bob.expect("PRIVMSG")).tags
    await answers(bob, "CAP REQ :message-tags")
    await ann.send(f"@+a=2 PRIVMSG {nick}b :x")
    assert (await bob.expect("PRIVMSG")).tags["+a"] == "2"


@pytest.mark.parametrize("command", ["PRIVMSG", "NOTICE", "TAGMSG"])
async def test_echo_and_delivery_are_equal(dial: Connect, nick: str, room: str, command: str) -> None:
    """The echo has the parameters and the tags, msgid and time, that the others get, to a room and to a nick, also
    where nobody else is there (echo-message; message-ids, "same message, same id")."""
    ann, bob = await dial(nick, caps=ALL), await dial(f"{nick}b", caps=ALL)
    text = "" if command == "TAGMSG" else " :hello everyone"
    await join(room, ann)
    await ann.send(f"{command} {room}{text}")
    assert (await ann.expect(command)).params[0] == room
    await join(room, bob)
    for target in (room, f"{nick}b"):
        await ann.send(f"@label=l;+a=b {command} {target}{text}")
        echo, got = await ann.expect(command), await bob.expect(command)
        assert echo.tags["label"] == "l"
        assert echo._replace(tags={key: value for key, value in echo.tags.items() if key != "label"}) == got
        assert set(got.tags) == {"time", "msgid", "+a"}


async def test_echo_is_what_was_relayed(dial: Connect, nick: str, room: str) -> None:
    """What the server changed, as a text too long for the line, the author sees as the others do (echo-message)."""
    ann, bob = await dial(nick, caps=["echo-message"]), await dial(f"{nick}b")
    await join(room, ann, bob)
    await ann.send(f"PRIVMSG {room.upper()} :{'é' * 245}")
    echo, got = await ann.expect("PRIVMSG"), await bob.expect("PRIVMSG")
    assert echo == got
    assert len(got.encode()) <= 512
    assert set(got.params[1]) == {"é"}


async def test_msgids(dial: Connect, nick: str, room: str) -> None:
    """Each message has its own, without a space, not beginning with a colon (message-ids)."""
    ann = await dial(nick, caps=ALL)
    await join(room, ann)
    await ann.send(*[f"PRIVMSG {room} :same"] * 20, *[f"NOTICE {nick} :same"] * 5)
    ids = [m.tags["msgid"] for m in await ann.collect("PRIVMSG", 20)]
    ids += [m.tags["msgid"] for m in await ann.collect("NOTICE", 10)][::2]
    assert len(set(ids)) == 25
    assert all(re.fullmatch(r"[^:\s][^\s]*", one) for one in ids)


def said_by(nick: str) -> Callable[[Message], bool]:
    """Fits what somebody said."""
    return lambda message: message.source.startswith(f"{nick}!")


async def test_server_time(dial: Connect, nick: str, room: str) -> None:
    """`YYYY-MM-DDThh:mm:ss.sssZ`, in UTC, now, and never earlier than the line before it in the room (server-time)."""
    ann, bob = await dial(nick, caps=ALL), await dial(f"{nick}b", caps=ALL)
    await join(room, ann, bob)
    times = []
    for number in range(10):
        author = (ann, bob)[number % 2]
        await author.send(f"PRIVMSG {room} :x")
        times.append((await author.expect(said_by(author.nick))).tags["time"])
        await bob.barrier()
        await ann.barrier()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one) for one in times)
    assert times == sorted(times)
    away = datetime.now(UTC) - datetime.fromisoformat(times[-1].replace("Z", "+00:00"))
    assert abs(away) < timedelta(minutes=1)


async def test_events_of_rooms_have_their_time_and_id(dial: Connect, nick: str, room: str) -> None:
    """JOIN, TOPIC, MODE, KICK, NICK, PART and QUIT carry time and msgid as messages do, the same to everybody."""
    ann, bob, cat = [await dial(f"{nick}{letter}", caps=ALL) for letter in "abc"]
    await join(room, ann, bob, cat)
    await ann.send(f"TOPIC {room} :t", f"MODE {room} +m", f"KICK {room} {cat.nick}")
    for command in ("TOPIC", "MODE", "KICK"):
        seen = [await peer.expect(command) for peer in (ann, bob, cat)]
        assert seen[0] == seen[1] == seen[2]
        assert set(seen[0].tags) == {"time", "msgid"}
    await bob.send(f"PART {room}", f"JOIN {room}", "QUIT")
    for command in ("PART", "JOIN", "QUIT"):
        assert set((await ann.expect(command)).tags) == {"time", "msgid"}
