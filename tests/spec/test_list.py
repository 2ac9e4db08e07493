"""LIST with conditions. Source: https://modern.ircdocs.horse/#list-message, #elist-parameter, #safelist-parameter."""

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import join


async def listed(peer: IrcPeer, room: str, conditions: str) -> set[tuple[str, str]]:
    """Rooms of this test and their members, of LIST with conditions."""
    await peer.send(f"LIST {conditions}")
    told = await peer.barrier()
    assert (told[0].command, told[-1].command) == ("321", "323")
    mine = (m for m in told if m.command == "322" and m.params[1].startswith(room))
    return {(m.params[1].removeprefix(room), m.params[2]) for m in mine}


CONDITIONS = {
    "{room}*": "small large",
    "{room}L*": "large",
    "!*LARGE,{room}*": "small",
    ">1,{room}*": "large",
    "<2": "small",
    "<2,>1": "",
    "C<5": "small large",
    "c>5": "",
    "T<5": "large",
    "T>5": "",
    "{room}small,{room}large,{room}none": "small large",
    ">x,{room}*": "small large",
    "": "small large",
    "{room}small,{room}large >1": "large",
    "{room}small <2": "small",
    "{room}small >1,T<5": "",
}


async def test_conditions(dial: Connect, nick: str, room: str) -> None:
    """Masks and their opposite; numbers of members; minutes since the room (C) or its topic (T) was made. A room
    without a topic has none that is old or new. What is no condition is a name. Both may come as one parameter, and as
    two: "Parameters: [<channel>{,<channel>}] [<elistcond>{,<elistcond>}]"."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(f"{room}small", ann)
    await join(f"{room}large", ann, bob)
    await ann.send(f"TOPIC {room}large :tea")
    for peer in (ann, bob):
        await peer.expect("TOPIC")
    assert await listed(bob, room, f"{room}*") == {("small", "1"), ("large", "2")}
    for conditions, found in CONDITIONS.items():
        rooms = {name for name, _ in await listed(bob, room, conditions.format(room=room))}
        assert rooms == set(found.split()), conditions


async def test_secret_rooms_are_listed_to_members(dial: Connect, nick: str, room: str) -> None:
    """`+s`: to nobody else, whatever the mask."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann)
    await ann.send(f"MODE {room} +s")
    await ann.expect("MODE")
    assert await listed(ann, room, room) == {("", "1")}
    assert await listed(bob, room, f"{room}*") == set()


async def test_it_is_right_at_once(dial: Connect, nick: str, room: str) -> None:
    """Who has joined or left is counted in the next answer, whichever gateways are asked; a room without members is
    listed no more."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}b"), await dial(f"{nick}c")
    await join(f"{room}x", ann)
    assert await listed(cat, room, "") == {("x", "1")}
    await join(f"{room}x", bob)
    assert await listed(cat, room, "") == {("x", "2")}
    await ann.send(f"KICK {room}x {nick}b")
    await ann.barrier()
    assert await listed(cat, room, "") == {("x", "1")}
    await ann.send("QUIT")
    await ann.wait_closed()
    assert await listed(cat, room, "") == set()
