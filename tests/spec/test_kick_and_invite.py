"""KICK, INVITE and the modes that keep people out, over one gateway and over two.

Source: https://modern.ircdocs.horse/#kick-message, #invite-message, #join-message.
"""

import asyncio

from tests.harness.network import Connect
from tests.harness.steps import ALL, answers, change, commands, join


async def test_a_kick_ends_the_membership(dial: Connect, room: str) -> None:
    """All see it, the victim too; it is out, hears nothing more, and may come back by itself."""
    ann, bob, cat = await dial("kann"), await dial("kbob"), await dial("kcat")
    await join(room, ann, bob, cat)
    await ann.send(f"KICK {room} KBOB :spam", f"PRIVMSG {room} :after")
    for peer in (ann, bob, cat):
        kick = await peer.expect("KICK")
        assert kick.params == (room, "kbob", "spam")
        assert kick.source.startswith("kann!")
    assert (await cat.expect("PRIVMSG")).params[1] == "after"
    assert await commands(bob, f"PRIVMSG {room} :let me", f"PART {room}") == ["404", "442"]
    await cat.send(f"NAMES {room}")
    assert set((await cat.expect("353")).params[-1].split()) == {"@kann", "kcat"}
    await bob.send(f"JOIN {room}")
    assert set((await bob.expect("353")).params[-1].split()) == {"@kann", "kcat", "kbob"}


async def test_kicks_in_one_command(dial: Connect, room: str) -> None:
    """Several of one room, or one of each room; without a comment it is the kicker's nick."""
    ann, bob, cat = await dial("lkann"), await dial("lkbob"), await dial("lkcat")
    await join(room, ann, bob, cat)
    await join(f"{room}x", ann, bob)
    await ann.send(f"KICK {room},{room}x lkcat,lkbob")
    assert [m.params for m in await ann.collect("KICK", 2)] == [
        (room, "lkcat", "lkann"),
        (f"{room}x", "lkbob", "lkann"),
    ]
    await ann.send(f"KICK {room} lkbob,lkcat,lkann :all of us")
    assert [m.command for m in await ann.barrier()] == ["KICK", "441", "KICK"]
    await ann.send(f"NAMES {room}")
    assert (await ann.read()).command == "366"


async def test_kick_refusals(dial: Connect, room: str) -> None:
    """461, 403, 442, 482, 441: each for what it is."""
    ann, bob, cat = await dial("rkann"), await dial("rkbob"), await dial("rkcat")
    await join(room, ann, bob)
    assert await commands(bob, f"KICK {room}", f"KICK {room} rkann", "KICK #nowhere0 rkann") == ["461", "482", "403"]
    assert await commands(cat, f"KICK {room} rkann") == ["442"]
    assert await commands(ann, f"KICK {room} rkcat", f"KICK {room} nobody0", f"KICK {room},#b rkbob,a,b") == [
        "441",
        "441",
        "461",
    ]


async def test_a_labelled_kick_has_one_answer(dial: Connect, room: str) -> None:
    """All kicks of a labelled command are in its batch."""
    ann, bob, cat = await dial("bkann", caps=ALL), await dial("bkbob"), await dial("bkcat")
    await join(room, ann, bob, cat)
    await ann.send(f"@label=k KICK {room} bkbob,nobody0,bkcat")
    start = await ann.expect("BATCH")
    assert start.tags["label"] == "k"
    assert [(await ann.read()).command for _ in range(4)] == ["KICK", "441", "KICK", "BATCH"]


async def test_bans_keep_out(dial: Connect, room: str) -> None:
    """474 for who is banned, unless an exception fits; `m:` only silences."""
    ann, bob = await dial("bann"), await dial("bbob")
    await join(room, ann)
    await change(ann, f"{room} +b bbob")
    assert await commands(bob, f"JOIN {room}") == ["474"]
    await change(ann, f"{room} +e *!*@127.0.0.1")
    assert await commands(bob, f"JOIN {room}", f"PART {room}") == ["JOIN", "353", "366", "PART"]
    await ann.expect("PART")
    await change(ann, f"{room} -e+b *!*@127.0.0.1 m:bbob")
    await change(ann, f"{room} -b bbob")
    assert await commands(bob, f"JOIN {room}", f"PRIVMSG {room} :x") == ["JOIN", "353", "366", "404"]


async def test_keys(dial: Connect, room: str) -> None:
    """475 without the right one; keys of a list of rooms belong to the rooms in order."""
    ann, bob = await dial("kyann"), await dial("kybob")
    await join(room, ann)
    await join(f"{room}x", ann)
    await change(ann, f"{room} +k one")
    await change(ann, f"{room}x +k two")
    assert await commands(bob, f"JOIN {room}", f"JOIN {room} two") == ["475", "475"]
    assert await commands(bob, f"JOIN {room},{room}x one,two") == ["JOIN", "353", "366"] * 2


async def test_invite_only_and_invitations(dial: Connect, room: str) -> None:
    """473 without one; the invited hear of it, see it in their list, and come in once; +I needs none."""
    ann, bob = await dial("iann"), await dial("ibob")
    await join(room, ann)
    await change(ann, f"{room} +i")
    assert await commands(bob, f"JOIN {room}", "INVITE") == ["473", "337"]
    await ann.send(f"INVITE IBOB {room}")
    assert (await ann.expect("341")).params == ("iann", "ibob", room)
    invite = await bob.expect("INVITE")
    assert (invite.params, invite.source.partition("!")[0]) == (("ibob", room), "iann")
    await bob.send("INVITE")
    assert (await bob.expect("336")).params[1] == room
    assert await commands(bob, f"JOIN {room}", "INVITE", f"PART {room}", f"JOIN {room}") == [
        "337",
        "JOIN",
        "353",
        "366",
        "337",
        "PART",
        "473",
    ]
    await change(ann, f"{room} +I ibob")
    assert await commands(bob, f"JOIN {room}") == ["JOIN", "353", "366"]


async def test_an_invitation_overrides_everything(dial: Connect, room: str) -> None:
    """+i, +k, +l and +b at once."""
    ann, bob = await dial("ovann"), await dial("ovbob")
    await join(room, ann)
    await change(ann, f"{room} +iklb key 1 ovbob")
    await ann.send(f"INVITE ovbob {room}")
    await bob.expect("INVITE")
    assert await commands(bob, f"JOIN {room}") == ["JOIN", "353", "366"]


async def test_invite_refusals(dial: Connect, room: str) -> None:
    """461, 401, 403, 442, 443, and 482 where only operators may."""
    ann, bob, cat = await dial("irann"), await dial("irbob"), await dial("ircat")
    await join(room, ann, bob)
    assert await commands(bob, "INVITE ircat", f"INVITE nobody0 {room}", "INVITE ircat #nowhere0") == [
        "461",
        "401",
        "403",
    ]
    assert await commands(cat, f"INVITE irbob {room}") == ["442"]
    assert await commands(bob, f"INVITE irann {room}", f"INVITE ircat {room}") == ["443", "341"]
    await cat.expect("INVITE")
    await change(ann, f"{room} +i", bob)
    assert await commands(bob, f"INVITE ircat {room}") == ["482"]


async def test_a_limit_holds_under_any_rush(dial: Connect, room: str) -> None:
    """As many as it says get in, whichever gateways they are on; the others get 471, and a place that is free again
    can be taken."""
    ann = await dial("rush")
    await join(room, ann)
    await change(ann, f"{room} +l 5")
    rushing = [await dial(f"rush{i}") for i in range(12)]
    await asyncio.gather(*(peer.send(f"JOIN {room}") for peer in rushing))
    answers = await asyncio.gather(*(peer.expect(lambda m: m.command in {"366", "471"}) for peer in rushing))
    inside = [peer for peer, answer in zip(rushing, answers, strict=True) if answer.command == "366"]
    assert len(inside) == 4
    await ann.barrier()
    await ann.send(f"NAMES {room}")
    assert len((await ann.expect("353")).params[-1].split()) == 5
    await inside[0].send(f"PART {room}")
    await ann.expect("PART")
    outside = next(peer for peer in rushing if peer not in inside)
    assert await commands(outside, f"JOIN {room}") == ["JOIN", "353", "366"]


async def test_a_kick_names_one_member_of_one_room(dial: Connect, nick: str, room: str) -> None:
    """A command with several is told as several KICK lines, to the kicker, the kicked and the others
    ("KICK message")."""
    ann, dan = await dial(nick), await dial(f"{nick}d")
    victims = [await dial(f"{nick}{letter}") for letter in "bc"]
    await join(room, ann, dan, *victims)
    for line in (f"KICK {room} {nick}b,{nick}c :bye", f"KICK {room},{room} {nick}b,{nick}c :bye"):
        expected = [(room, f"{nick}b", "bye"), (room, f"{nick}c", "bye")]
        assert [m.params for m in await answers(ann, line) if m.command == "KICK"] == expected
        assert [m.params for m in await dan.collect("KICK", 2)] == expected
        for victim in victims:
            await victim.expect("KICK")
            await victim.barrier()
        await join(room, *victims)


async def test_operators_are_kicked_too(dial: Connect, nick: str, room: str) -> None:
    """482 for who has no rank, whoever the target is; an operator may kick another ("KICK message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann, bob)
    (refused,) = await answers(bob, f"KICK {room} {nick}")
    assert (refused.command, refused.params[:2]) == ("482", (f"{nick}b", room))
    await change(ann, f"{room} +o {nick}b", bob)
    assert await commands(bob, f"KICK {room} {nick}") == ["KICK"]
    assert (await ann.expect("KICK")).params == (room, nick, f"{nick}b")


async def test_an_invitation(dial: Connect, nick: str, room: str) -> None:
    """341 with nick and room, in this order; INVITE to the invited alone, whoever may invite ("INVITE message",
    "RPL_INVITING"). Without +i any member may."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}b"), await dial(f"{nick}c")
    await join(room, ann, cat)
    for inviter in (ann, cat):
        (done,) = await answers(inviter, f"INVITE {nick}b {room}")
        assert (done.command, done.params) == ("341", (inviter.nick, f"{nick}b", room))
        invite = await bob.expect("INVITE")
        assert (invite.params, invite.source.partition("!")[0]) == ((f"{nick}b", room), inviter.nick)
    assert await commands(cat) == await commands(ann) == []


async def test_an_invitation_lifts_a_ban_once(dial: Connect, nick: str, room: str) -> None:
    """It is used up by one JOIN ("INVITE message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann)
    await change(ann, f"{room} +b {nick}b!*@*")
    assert await commands(bob, f"JOIN {room}") == ["474"]
    assert await commands(ann, f"INVITE {nick}b {room}") == ["341"]
    await bob.expect("INVITE")
    assert (await commands(bob, f"JOIN {room}"))[0] == "JOIN"
    await answers(ann, f"KICK {room} {nick}b")
    assert await commands(bob, f"JOIN {room}") == ["KICK", "474"]


async def test_invite_exceptions(dial: Connect, nick: str, room: str) -> None:
    """+I lets in whom it fits and nobody else, as long as it is there; without +i it means nothing
    ("Invite Exception Channel Mode")."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}Bob"), await dial(f"{nick}c")
    await join(room, ann)
    assert (await change(ann, f"{room} +I {nick}bob!*@*")).params == (room, "+I", f"{nick}bob!*@*")
    assert await commands(cat, f"JOIN {room}", f"PART {room}") == ["JOIN", "353", "366", "PART"]
    await ann.expect("PART")
    await change(ann, f"{room} +i")
    assert await commands(cat, f"JOIN {room}") == ["473"]
    assert await commands(bob, f"JOIN {room}", f"PART {room}") == ["JOIN", "353", "366", "PART"]
    await ann.expect("PART")
    entry, end = await answers(ann, f"MODE {room} +I")
    assert (entry.command, entry.params[1:3], end.command) == ("346", (room, f"{nick}bob!*@*"), "347")
    await change(ann, f"{room} -I {nick}bob!*@*")
    assert await commands(bob, f"JOIN {room}") == ["473"]
