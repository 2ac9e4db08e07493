"""Modes of users: +i, +B, +w, +s, -o. Source: https://modern.ircdocs.horse/#user-modes; IRCv3 bot-mode."""

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import OPERATOR_PASSWORD, Connect
from tests.harness.steps import ALL, answers, join


async def who(peer: IrcPeer, mask: str) -> set[tuple[str, str]]:
    """Nick and flags of each line."""
    await peer.send(f"WHO {mask}")
    found = set()
    while (message := await peer.read()).command != "315":
        if message.command == "352":
            found.add((message.params[5], message.params[6]))
    return found


async def test_modes_are_told_and_changed(dial: Connect) -> None:
    """221 and a MODE line of what changed; 501 for what is none, 502 for others; +o cannot be taken."""
    ann = await dial("umann")
    await ann.send("MODE umann +iBo-w", "MODE umann", "MODE umann +x", "MODE somebody +i", "MODE umann -i")
    messages = await ann.barrier()
    assert [(m.command, m.params[-1]) for m in messages if m.command in {"MODE", "221"}] == [
        ("MODE", "+Bi"),
        ("221", "+Bi"),
        ("MODE", "-i"),
    ]
    assert [m.command for m in messages][2:4] == ["501", "502"]


async def test_the_invisible_are_hidden_from_masks_of_strangers(dial: Connect, room: str) -> None:
    """Not from an exact nick, not from who shares a room."""
    ann, bob, cat = await dial("invann"), await dial("invbob"), await dial("invcat")
    await ann.send("MODE invann +i")
    await ann.expect("MODE")
    assert await who(bob, "inv*") == {("invbob", "H"), ("invcat", "H")}
    assert await who(bob, "invann") == {("invann", "H")}
    assert await who(ann, "INV?nn") == {("invann", "H")}
    await join(room, ann, cat)
    assert await who(cat, "inv*n*") == {("invann", "H")}


async def test_outsiders_of_a_room_do_not_see_the_invisible(dial: Connect, nick: str, room: str) -> None:
    """In NAMES and WHO of a room one is not in; who is in it, or in another with them, or an operator of the network,
    sees all ("NAMES message", "Invisible User Mode")."""
    ann, bob, cat, root = [await dial(f"{nick}{letter}") for letter in "abcr"]
    await join(room, ann, bob)
    await answers(ann, f"MODE {ann.nick} +i")

    async def seen(peer: IrcPeer) -> set[str]:
        names = [m.params[3] for m in await answers(peer, f"NAMES {room}") if m.command == "353"]
        in_names = {name.lstrip("@") for line in names for name in line.split(" ")}
        assert {name for name, _ in await who(peer, room)} == in_names
        return in_names

    assert await seen(cat) == {bob.nick}
    assert await seen(bob) == {ann.nick, bob.nick}
    await answers(root, f"OPER root :{OPERATOR_PASSWORD}")
    assert await seen(root) == {ann.nick, bob.nick}
    await join(f"{room}-too", ann, cat)
    assert await seen(cat) == {ann.nick, bob.nick}


async def test_bots_are_marked(dial: Connect, room: str) -> None:
    """`B` in WHO, 335 in WHOIS, the tag `bot` on what they say. Source: IRCv3 bot-mode."""
    bot, ann = await dial("robot"), await dial("botann", caps=ALL)
    await bot.send("MODE robot +B")
    await bot.expect("MODE")
    await join(room, ann, bot)
    assert await who(ann, "robot") == {("robot", "HB")}
    assert await who(ann, room) == {("robot", "HB"), ("botann", "H@")}
    await ann.send("WHOIS robot")
    assert (await ann.expect("335")).params[1] == "robot"
    await bot.send(f"PRIVMSG {room} :beep", "PRIVMSG botann :beep", f"NOTICE {room} :beep")
    assert all(["bot" in (await ann.expect(command)).tags for command in ("PRIVMSG", "PRIVMSG", "NOTICE")])
    await bot.send("MODE robot -B", f"PRIVMSG {room} :no bot")
    assert "bot" not in (await ann.expect("PRIVMSG")).tags


async def test_an_operator_may_step_back(dial: Connect) -> None:
    """-o ends the rights."""
    ann = await dial("stepann")
    await ann.send(f"OPER root :{OPERATOR_PASSWORD}")
    await ann.expect("381")
    await ann.send("MODE stepann", "MODE stepann -o", "STATS k")
    assert [m.params[-1] for m in await ann.collect("221", 1)] == ["+o"]
    assert (await ann.expect("MODE")).params == ("stepann", "-o")
    assert [m.command for m in await ann.barrier()] == ["481"]
