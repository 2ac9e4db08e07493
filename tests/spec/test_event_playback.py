"""draft/event-playback. Source: https://ircv3.net/specs/extensions/chathistory"""

import pytest

from tests.harness.history import HISTORY, PLAYBACK, ask
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import answers, join


async def commands(peer: IrcPeer, room: str) -> list[str]:
    """What history has."""
    return [message.command for message in await ask(peer, f"LATEST {room} * 100")]


async def test_events_as_they_were_seen(dial: Connect, nick: str, room: str) -> None:
    """JOIN, PART, QUIT, KICK, NICK, MODE and TOPIC are in the batch as they were seen: line, time, msgid and order."""
    caps = (*PLAYBACK, "extended-join", "account-tag")
    ann, bob, cat = [await dial(f"{nick}{letter}", caps=caps) for letter in "abc"]
    await join(room, ann)
    seen = []

    async def see(by: IrcPeer, line: str, command: str) -> None:
        await by.send(line)
        seen.append(await ann.expect(command))

    await see(bob, f"JOIN {room}", "JOIN")
    await see(cat, f"JOIN {room}", "JOIN")
    await see(ann, f"TOPIC {room} :a topic", "TOPIC")
    await see(ann, f"MODE {room} +vk {bob.nick} key", "MODE")
    await see(bob, f"NICK {nick}bb", "NICK")
    await see(bob, f"PRIVMSG {room} :hello", "PRIVMSG")
    await see(bob, f"PART {room} :bye", "PART")
    await see(ann, f"KICK {room} {cat.nick} :out", "KICK")
    await see(cat, f"JOIN {room} key", "JOIN")
    await see(cat, f"NICK {nick}cc", "NICK")
    await see(cat, "QUIT :gone", "QUIT")
    played = await ask(ann, f"LATEST {room} * 11")
    assert [(m.source, m.command, m.params) for m in played] == [(m.source, m.command, m.params) for m in seen]
    for before, now in zip(seen, played, strict=True):
        assert {key: value for key, value in now.tags.items() if key != "batch"} == dict(before.tags)


async def test_nothing_but_text_without_it(dial: Connect, nick: str, room: str) -> None:
    """ "...the server MUST NOT send any lines other than PRIVMSG and NOTICE": not even a TAGMSG."""
    ann, bob = await dial(nick, caps=HISTORY), await dial(f"{nick}b", caps=PLAYBACK)
    await join(room, ann, bob)
    await answers(ann, f"PRIVMSG {room} :a", f"@+x=y TAGMSG {room}", f"TOPIC {room} :b", f"NOTICE {room} :c")
    assert await commands(ann, room) == ["PRIVMSG", "NOTICE"]
    assert await commands(bob, room) == ["JOIN", "JOIN", "PRIVMSG", "TAGMSG", "TOPIC", "NOTICE"]
    await answers(ann, "CAP REQ draft/event-playback")
    assert await commands(ann, room) == await commands(bob, room)


async def test_events_count(dial: Connect, nick: str, room: str) -> None:
    """Each is a message as far as the limit goes, and a reference by its msgid."""
    ann = await dial(nick, caps=PLAYBACK)
    await join(room, ann)
    await answers(ann, f"TOPIC {room} :b", f"PRIVMSG {room} :c")
    first, second, third = await ask(ann, f"LATEST {room} * 10")
    assert [m.command for m in (first, second, third)] == ["JOIN", "TOPIC", "PRIVMSG"]
    assert await ask(ann, f"LATEST {room} * 2") != [first, second]
    assert [m.command for m in await ask(ann, f"LATEST {room} * 2")] == ["TOPIC", "PRIVMSG"]
    assert [m.command for m in await ask(ann, f"BEFORE {room} msgid={second.tags['msgid']} 5")] == ["JOIN"]


@pytest.mark.parametrize("direct", [False, True], ids=["room", "direct"])
async def test_reactions_are_kept(dial: Connect, nick: str, room: str, *, direct: bool) -> None:
    """TAGMSG with reactions and replies comes back with all of its tags; that somebody was typing does not."""
    ann, bob = await dial(nick, caps=PLAYBACK), await dial(f"{nick}b", caps=PLAYBACK)
    await join(room, ann, bob)
    to_ann, to_bob = (bob.nick, ann.nick) if direct else (room, room)
    await ann.send(f"PRIVMSG {to_ann} :look")
    said = await bob.expect("PRIVMSG")
    msgid = said.tags["msgid"]
    await bob.send(
        f"@+typing=active TAGMSG {to_bob}",
        f"@+reply={msgid};+draft/react=👍 TAGMSG {to_bob}",
        f"@+reply={msgid};+draft/unreact=👍 TAGMSG {to_bob}",
    )
    await bob.collect("TAGMSG", 3)
    for peer, target in ((ann, to_ann), (bob, to_bob)):
        played = [m for m in await ask(peer, f"AFTER {target} msgid={msgid} 10") if m.command == "TAGMSG"]
        assert [m.tags.get("+draft/react", m.tags.get("+draft/unreact")) for m in played] == ["👍", "👍"]
        assert [m.tags["+reply"] for m in played] == [msgid, msgid]
