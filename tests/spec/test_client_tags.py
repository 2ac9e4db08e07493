"""Tags that are the clients' own business: relayed as they are, to who knows tags.

Source: https://ircv3.net/specs/extensions/message-tags ("Client-only tags") and the tags' own pages:
https://ircv3.net/specs/client-tags/reply , /typing , /react , /channel-context
"""

import pytest

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect

TAGS = [
    ("+reply", "63F2C2"),
    ("+draft/reply", "63F2C2"),
    ("+typing", "active"),
    ("+draft/react", "🐟"),
    ("+draft/unreact", "🐟"),
    ("+channel-context", "#room"),
    ("+draft/channel-context", "#room"),
    ("+example.org/own", "a b;c\\d"),
]


def escaped(value: str) -> str:
    """Source: message-tags, "Escaping values"."""
    for char, code in (("\\", "\\\\"), (";", "\\:"), (" ", "\\s")):
        value = value.replace(char, code)
    return value


async def joined(peer: IrcPeer, room: str) -> IrcPeer:
    """The peer, in the room."""
    await peer.send(f"JOIN {room}")
    await peer.expect("366")
    return peer


@pytest.mark.parametrize(("tag", "value"), TAGS)
async def test_they_pass(dial: Connect, nick: str, room: str, tag: str, value: str) -> None:
    """Servers MUST relay client-only tags that they allow, with messages and with TAGMSG, to rooms and to people."""
    author = await joined(await dial(nick, caps=["message-tags", "echo-message"]), room)
    reader = await joined(await dial(f"{nick}2", caps=["message-tags"]), room)
    for target in (room, f"{nick}2"):
        for command in (f"PRIVMSG {target} :x", f"NOTICE {target} :x", f"TAGMSG {target}"):
            await author.send(f"@{tag}={escaped(value)} {command}")
            message = await reader.expect(command.split(" ")[0])
            assert message.tags[tag] == value
            assert (await author.expect(command.split(" ")[0])).tags[tag] == value


async def test_to_nobody_else(dial: Connect, nick: str, room: str) -> None:
    """No tags, and no TAGMSG, to who did not negotiate message-tags; what has no `+` is not relayed to anybody."""
    author = await joined(await dial(nick, caps=["message-tags"]), room)
    plain = await joined(await dial(f"{nick}2"), room)
    tagged = await joined(await dial(f"{nick}3", caps=["message-tags"]), room)
    await author.send(f"@+typing=active TAGMSG {room}", f"@+reply=x;time=y;custom=z PRIVMSG {room} :x")
    assert (await tagged.expect("PRIVMSG")).tags.keys() == {"+reply", "msgid"}
    only = await plain.expect(lambda m: m.command in {"TAGMSG", "PRIVMSG"})
    assert (only.command, dict(only.tags)) == ("PRIVMSG", {})


async def test_they_are_kept(dial: Connect, nick: str, room: str) -> None:
    """History has replies and reactions with the message they came with, so a thread can be rebuilt later."""
    author = await joined(await dial(nick, caps=["message-tags"]), room)
    await author.send(f"@+reply=x PRIVMSG {room} :yes", f"@+draft/react=🐟;+reply=x TAGMSG {room}")
    await author.barrier()
    late = await joined(
        await dial(f"{nick}2", caps=["message-tags", "batch", "draft/chathistory", "draft/event-playback"]), room
    )
    await late.send(f"CHATHISTORY LATEST {room} * 10")
    assert (await late.expect("PRIVMSG")).tags["+reply"] == "x"
    assert (await late.expect("TAGMSG")).tags["+draft/react"] == "🐟"


async def test_none_is_denied(dial: Connect, nick: str) -> None:
    """CLIENTTAGDENY would name what is not relayed; without it, everything is."""
    peer = await dial(nick)
    await peer.send("VERSION")
    tokens: list[str] = []
    for message in await peer.barrier():
        tokens += message.params if message.command == "005" else ()
    assert tokens
    assert not [token for token in tokens if token.startswith("CLIENTTAGDENY")]
