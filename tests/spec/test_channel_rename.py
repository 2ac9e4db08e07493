"""RENAME. Source: https://ircv3.net/specs/extensions/channel-rename (sections in parentheses)."""

from itertools import pairwise

import pytest

from gateway.model import GatewayId, Member, Uid
from gateway.store.codec import encode_member
from gateway.store.keys import log_keys, room_log
from gateway.wire.message import Message
from gateway.wire.names import RoomKey
from tests.harness.deadlines import eventually
from tests.harness.history import account_of, ask, batch, texts
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import OPERATOR_PASSWORD, Connect, Network
from tests.harness.steps import ALL, answers, change, commands, join, settle

RENAME = "draft/channel-rename"
KNOWING = (*ALL, RENAME, "standard-replies")


def shown(message: Message) -> tuple[object, ...]:
    """Source nick, command and parameters."""
    return message.source.partition("!")[0], message.command, message.params


async def renamed(by: IrcPeer, old: str, new: str, *others: IrcPeer) -> None:
    """Give a room another name, and wait until all of these, who know of renames, have seen it."""
    await by.send(f"RENAME {old} {new}")
    for peer in (by, *others):
        assert (await peer.expect("RENAME")).params[:2] == (old, new)


async def refusal(peer: IrcPeer, line: str) -> tuple[str, ...]:
    """The one answer to a line: its command, and its parameters but for the peer's nick and the text."""
    (answer,) = await answers(peer, line)
    return (answer.command, *(word for word in answer.params[:-1] if word != peer.nick))


async def test_everybody_is_told_at_its_place(dial: Connect, nick: str, room: str) -> None:
    """ ":nick!user@host RENAME #old #new :reason" to who negotiated the capability; "MUST always include the third
    parameter, an empty string MAY be used" ("Messages"); the renamer gets it as the answer, with its label."""
    ann, bob = await dial(nick, caps=KNOWING), await dial(f"{nick}b", caps=KNOWING)
    await join(room, ann, bob)
    await ann.send(f"@label=L RENAME {room} {room}-new :Typo fix", f"PRIVMSG {room}-new :hello")
    told = await ann.expect("RENAME")
    assert (shown(told), told.tags["label"]) == ((nick, "RENAME", (room, f"{room}-new", "Typo fix")), "L")
    seen = await bob.expect("RENAME")
    assert shown(seen) == shown(told)
    assert (seen.tags["msgid"], seen.tags["time"]) == (told.tags["msgid"], told.tags["time"])
    assert shown(await bob.expect("PRIVMSG")) == (nick, "PRIVMSG", (f"{room}-new", "hello"))
    await ann.send(f"RENAME {room}-new {room}-newer")
    assert (await bob.expect("RENAME")).params == (f"{room}-new", f"{room}-newer", "")


async def test_who_does_not_know_it_goes_and_comes(dial: Connect, nick: str, room: str) -> None:
    """ "Send the client a PART message for the old channel name, with part message matching the rename reason", then "a
    JOIN message followed by the usual messages that would be sent if the client had joined the new channel normally",
    each with what it negotiated; and others are shown neither ("Fallback")."""
    ann = await dial(nick, caps=KNOWING)
    plain, fuller = (
        await dial(f"{nick}p"),
        await dial(
            f"{nick}f", caps=("extended-join", "multi-prefix", "userhost-in-names", "draft/read-marker", "server-time")
        ),
    )
    await join(room, ann, plain, fuller)
    await answers(ann, f"TOPIC {room} :tea", f"MODE {room} +v {nick}")
    await settle(plain, fuller)
    await ann.send(f"RENAME {room} {room}-new :better")
    got = [await _up_to_names(peer) for peer in (plain, fuller)]
    for peer, lines in zip((plain, fuller), got, strict=True):
        assert shown(lines[0]) == (peer.nick, "PART", (room, "better"))
        assert shown(lines[1])[:2] == (peer.nick, "JOIN")
        assert lines[1].params[0] == f"{room}-new"
        assert (lines[2].command, lines[2].params[1:]) == ("332", (f"{room}-new", "tea"))
        assert (lines[3].command, lines[3].params[1]) == ("333", f"{room}-new")
        assert lines[-2].params[:3] == (peer.nick, "=", f"{room}-new")
    assert [m.command for m in got[0]] == ["PART", "JOIN", "332", "333", "353", "366"]
    assert set(got[0][-2].params[-1].split()) == {f"@{nick}", plain.nick, fuller.nick}
    assert [m.command for m in got[1]] == ["PART", "JOIN", "332", "333", "MARKREAD", "353", "366"]
    assert got[1][1].params[1:] == ("*", fuller.nick)
    assert got[1][4].params == (f"{room}-new", "*")
    assert f"@+{nick}!~{nick}@" in got[1][-2].params[-1]
    assert [m.command for m in await ann.barrier()] == ["RENAME"]


async def _up_to_names(peer: IrcPeer) -> list[Message]:
    lines = [await peer.expect("PART")]
    while lines[-1].command != "366":
        lines.append(await peer.read())
    return lines


@pytest.mark.parametrize("caps", [(), ("labeled-response", "batch", "draft/read-marker", "server-time")])
async def test_a_renamer_that_does_not_know_it(dial: Connect, nick: str, room: str, caps: tuple[str, ...]) -> None:
    """ "the server SHOULD rename the channel, but use the fallback mechanism to report the name change to that client";
    with a label as one answer, names and all."""
    ann = await dial(nick, caps=caps)
    await join(room, ann)
    told = await answers(ann, ("@label=L " if caps else "") + f"RENAME {room} {room}-new")
    inside = [m for m in told if m.command != "BATCH"]
    assert [shown(m)[1:] for m in inside[:2]] == [("PART", (room,)), ("JOIN", (f"{room}-new",))]
    assert [m.command for m in inside[2:]] == [*(["MARKREAD"] if caps else []), "353", "366"]
    if caps:
        assert (told[0].tags["label"], told[0].params[1]) == ("L", "labeled-response")
        assert {m.tags["batch"] for m in inside} == {told[0].params[0][1:]}


async def test_names_are_not_sent_to_who_wants_none(dial: Connect, nick: str, room: str) -> None:
    """What an ordinary JOIN does not bring, this one does not either (IRCv3 no-implicit-names)."""
    ann, bob = await dial(nick, caps=KNOWING), await dial(f"{nick}b", caps=("no-implicit-names",))
    await join(room, ann)
    await answers(bob, f"JOIN {room}")
    await renamed(ann, room, f"{room}-new")
    assert [(await bob.read()).command for _ in "PJ"] == ["PART", "JOIN"]
    assert await commands(bob) == []


async def test_another_spelling(dial: Connect, nick: str, room: str) -> None:
    """ "Implementations MUST allow channels to be renamed while only changing the casing"; "This fallback SHOULD NOT be
    used if the rename only changes the case" ("Fallback"). Who joins by either sees it spelt so."""
    ann, bob, cat = await dial(nick, caps=KNOWING), await dial(f"{nick}b"), await dial(f"{nick}c")
    await join(room, ann, bob)
    await renamed(ann, room, room.upper())
    await answers(ann, f"PRIVMSG {room} :after it")
    assert shown(await bob.read()) == (nick, "PRIVMSG", (room.upper(), "after it"))
    await cat.send(f"JOIN {room}")
    assert (await cat.expect("JOIN")).params == (room.upper(),)
    await bob.expect("JOIN")
    assert await commands(bob, f"RENAME {room} {room.upper()}x") == ["482"]


async def test_all_of_it_stays(dial: Connect, nick: str, room: str) -> None:
    """ "A channel rename preserves all channel state, such as membership, mode and topic": also lists, key, and how far
    each has read."""
    ann, bob = await dial(nick, caps=(*KNOWING, "draft/read-marker")), await dial(f"{nick}b", caps=KNOWING)
    await join(room, ann, bob)
    stamp = "timestamp=2019-06-01T12:00:00.123Z"
    await answers(ann, f"TOPIC {room} :tea", f"MARKREAD {room} {stamp}")
    await change(ann, f"{room} +smkv sesame {bob.nick}", bob)
    await change(ann, f"{room} +b x!*@*", bob)
    new = f"{room}-new"
    await renamed(ann, room, new, bob)
    told = await answers(bob, f"MODE {new}", f"MODE {new} b", f"TOPIC {new}", f"NAMES {new}")
    assert {m.params[1] for m in told if m.command in {"324", "367", "368", "332", "333"}} == {new}
    (modes,) = [m.params[2:] for m in told if m.command == "324"]
    assert modes == ("+mnstk", "sesame")
    assert [m.params[2] for m in told if m.command == "367"] == ["x!*@*"]
    assert [m.params[2] for m in told if m.command == "332"] == ["tea"]
    assert set(next(m.params[-1] for m in told if m.command == "353").split()) == {f"@{nick}", f"+{bob.nick}"}
    assert [m.params for m in await answers(ann, f"MARKREAD {new}", f"MARKREAD {room}")] == [(new, stamp)] * 2


async def test_who_may(dial: Connect, nick: str, room: str) -> None:
    """461, 403, 442 and 482 "are more appropriate" than a FAIL ("Errors")."""
    ann, bob, cat = [await dial(f"{nick}{letter}", caps=KNOWING) for letter in "abc"]
    await join(room, ann, bob)
    await change(ann, f"{room} +v {bob.nick}", bob)
    assert await refusal(bob, f"RENAME {room}") == ("461", "RENAME")
    assert await refusal(bob, f"RENAME {room}-none {room}-new") == ("403", f"{room}-none")
    assert await refusal(bob, f"RENAME nobody {room}-new") == ("403", "nobody")
    assert await refusal(bob, f"RENAME {room} {room}-new") == ("482", room)
    assert await refusal(cat, f"RENAME {room} {room}-new") == ("442", room)
    await change(ann, f"{room} +s", bob)
    assert await refusal(cat, f"RENAME {room} {room}-new") == ("403", room)
    assert await commands(cat, f"JOIN {room}-new") == ["JOIN", "353", "366"]  # nothing has claimed it


async def test_names_that_are_taken(dial: Connect, nick: str, room: str) -> None:
    """ "FAIL RENAME CHANNEL_NAME_IN_USE <old-channel> <new-channel>": by a room that is there, in any case; by one that
    is called so since its rename, or was called so before; by itself."""
    ann = await dial(nick, caps=KNOWING)
    await join(room, ann)
    await join(f"{room}x", ann)
    taken = ("FAIL", "RENAME", "CHANNEL_NAME_IN_USE")
    assert await refusal(ann, f"RENAME {room} {room}X") == (*taken, room, f"{room}X")
    assert await refusal(ann, f"RENAME {room} {room}") == (*taken, room, room)
    await renamed(ann, f"{room}x", f"{room}y")
    for name in (f"{room}x", f"{room}Y"):
        assert await refusal(ann, f"RENAME {room} {name}") == (*taken, room, name)
    assert (await refusal(ann, f"RENAME {room}y {room}"))[:3] == taken


@pytest.mark.parametrize("name", ["&local", "%local", "plain", "#a,b", "#", "#" + 64 * "x"])
async def test_names_that_cannot_be(dial: Connect, nick: str, room: str, name: str) -> None:
    """ "FAIL RENAME CANNOT_RENAME <old-channel> <new-channel>": another prefix, or what is no name."""
    ann = await dial(nick, caps=KNOWING)
    await join(room, ann)
    assert await refusal(ann, f"RENAME {room} {name}") == ("FAIL", "RENAME", "CANNOT_RENAME", room, name)


async def test_a_refusal_to_who_does_not_know_it(dial: Connect, nick: str, room: str) -> None:
    """ "The server MAY send FAIL messages to such clients": with standard-replies, else a NOTICE."""
    for letter, caps, expected in (("a", (), "NOTICE"), ("b", ("standard-replies",), "FAIL")):
        ann = await dial(f"{nick}{letter}", caps=caps)
        await join(f"{room}{letter}", ann)
        assert await commands(ann, f"RENAME {room}{letter} &x") == [expected]


async def test_a_room_of_very_many_is_not_renamed(dial: Connect, network: Network, nick: str, room: str) -> None:
    """Each of them might have to be sent all names; an operator of the network is told so too."""
    keys = log_keys(room_log(RoomKey(room)))
    members = {
        f"crowd{number}": encode_member(
            Member(Uid(b""), f"crowd{number}", "~c", "host", "", "Crowd", GatewayId("nowhere"), "")
        )
        for number in range(1000)
    }
    with network.store.client() as client:
        client.hset(keys.members, mapping=members)
    root = await dial(nick, caps=KNOWING)
    await answers(root, f"OPER root :{OPERATOR_PASSWORD}")
    await root.send(f"JOIN {room}")
    await root.expect("366")
    assert await refusal(root, f"RENAME {room} {room}-new") == ("FAIL", "RENAME", "CANNOT_RENAME", room, f"{room}-new")
    with network.store.client() as client:
        client.hdel(keys.members, "crowd0", "crowd1")


async def test_the_former_name_leads_to_the_room(dial: Connect, nick: str, room: str) -> None:
    """ "FAIL JOIN CHANNEL_RENAMED" to who knows of renames, who joins by the new name itself; 470 and the JOIN to
    others ("Channel redirection"). Nobody founds a room of the former name meanwhile, and who is in is told as well."""
    ann, bob, cat = await dial(nick, caps=KNOWING), await dial(f"{nick}b", caps=KNOWING), await dial(f"{nick}c")
    await join(room, ann)
    new = f"{room}-new"
    await renamed(ann, room, new)
    for peer in (ann, bob):
        assert await refusal(peer, f"JOIN {room.upper()}") == ("FAIL", "JOIN", "CHANNEL_RENAMED", room.upper(), new)
    told = await answers(cat, f"JOIN {room}")
    assert (told[0].command, told[0].params[1:3]) == ("470", (room, new))
    assert shown(told[1]) == (cat.nick, "JOIN", (new,))
    assert [m.command for m in told[2:]] == ["353", "366"]
    assert await commands(bob, f"JOIN {new}") == ["JOIN", "353", "366"]
    await cat.expect("JOIN")
    assert await commands(cat, f"JOIN {new}") == []
    assert await commands(cat, f"JOIN {room}") == ["470"]


async def test_a_secret_name_is_not_told(dial: Connect, nick: str, room: str) -> None:
    """Who knows the former name of a secret room learns the new one only by getting in."""
    ann, bob, cat = await dial(nick, caps=KNOWING), await dial(f"{nick}b", caps=KNOWING), await dial(f"{nick}c")
    await join(room, ann)
    await change(ann, f"{room} +sk sesame")
    await renamed(ann, room, f"{room}-new")
    assert await refusal(bob, f"JOIN {room}") == ("475", room)
    assert await refusal(cat, f"JOIN {room}") == ("475", room)
    assert await commands(bob, f"TOPIC {room}", f"MODE {room}") == ["403", "403"]
    assert [shown(m)[1:] for m in (await answers(bob, f"JOIN {room} sesame"))[:1]] == [("JOIN", (f"{room}-new",))]


async def test_every_command_knows_both_names(dial: Connect, nick: str, room: str) -> None:
    """Of the room by its new name, and by its former one as well; the answers name the new."""
    ann, bob, cat = [await dial(f"{nick}{letter}", caps=KNOWING) for letter in "abc"]
    await join(room, ann, bob)
    new = f"{room}-new"
    await renamed(ann, room, new, bob)
    for name in (new, room):
        await ann.send(
            f"PRIVMSG {name} :to all", f"NOTICE @{name} :to some", f"TAGMSG {name}", f"TOPIC {name} :of {name}"
        )
        for peer, lines in ((ann, 4), (bob, 3)):
            said = [await peer.read() for _ in range(lines)]
            assert {m.params[0].lstrip("@") for m in said} == {new}
        assert (await change(ann, f"{name} +v {bob.nick}", bob)).params[0] == new
        await change(ann, f"{name} -v {bob.nick}", bob)
        told = await answers(cat, f"MODE {name}", f"TOPIC {name}", f"NAMES {name}", f"WHO {name}")
        assert {m.params[1] for m in told if m.command in {"324", "332", "352"}} == {new}
        assert {m.params[2] for m in told if m.command == "353"} == {new}
        await ann.send(f"INVITE {cat.nick} {name}")
        assert (await cat.expect("INVITE")).params == (cat.nick, new)
        await answers(cat, f"JOIN {new}")
        await ann.send(f"KICK {name} {cat.nick}")
        assert (await cat.expect("KICK")).params[:2] == (new, cat.nick)
        await settle(ann, bob)
    await bob.send(f"PART {room}")
    assert (await bob.expect("PART")).params == (new,)
    await change(ann, f"{new} -n")
    await bob.send(f"PRIVMSG {room} :from outside")
    assert (await ann.expect("PRIVMSG")).params == (new, "from outside")


async def test_lists_have_the_new_name(dial: Connect, nick: str, room: str) -> None:
    """LIST, by a mask of the new name and not of the former, and WHOIS."""
    ann, bob = await dial(nick, caps=KNOWING), await dial(f"{nick}b")
    await join(room, ann)
    new = f"{room}-new"
    await renamed(ann, room, new)
    for mask, found in ((f"{room}*", [new]), (room, []), (new, [new])):
        assert [m.params[1] for m in await answers(bob, f"LIST {mask}") if m.command == "322"] == found
    (rooms,) = [m.params[-1] for m in await answers(bob, f"WHOIS {nick}") if m.command == "319"]
    assert f"@{new}" in rooms.split()
    await change(ann, f"{new} +s")
    assert [m.params[1] for m in await answers(ann, f"LIST {new}") if m.command == "322"] == [new]


async def test_an_invitation_by_the_former_name_lets_in(dial: Connect, nick: str, room: str) -> None:
    """It was made for the room, whatever that is called; and it is used up."""
    ann, bob = await dial(nick, caps=KNOWING), await dial(f"{nick}b")
    await join(room, ann)
    await change(ann, f"{room} +i")
    await ann.send(f"INVITE {bob.nick} {room}")
    await bob.expect("INVITE")
    await renamed(ann, room, f"{room}-new")
    assert [m.params[-1] for m in await answers(bob, "INVITE") if m.command == "336"] == [room]
    assert await commands(bob, f"JOIN {room}") == ["470", "JOIN", "353", "366"]
    assert await commands(bob, "INVITE") == ["337"]


async def test_history_goes_along(dial: Connect, nick: str, room: str) -> None:
    """All of it is there under the new name, as if it had always been called so, in CHATHISTORY, SEARCH and what is
    played to newcomers; and REDACT takes back what was said under the former one."""
    caps = (*KNOWING, "draft/chathistory", "soju.im/search", "draft/message-redaction")
    ann, bob = await dial(nick, caps=caps), await dial(f"{nick}b", caps=ALL)
    await join(room, ann)
    await ann.send(f"PRIVMSG {room} :before")
    msgid = (await ann.expect("PRIVMSG")).tags["msgid"]
    new = f"{room}-new"
    await renamed(ann, room, new)
    await ann.send(f"PRIVMSG {new} :after")
    await ann.expect("PRIVMSG")
    found = await ask(ann, f"LATEST {new} * 10")
    assert [m.params for m in found] == [(new, "before"), (new, "after")]
    assert [m.params for m in (await batch(ann, f"CHATHISTORY LATEST {room} * 10"))[1]] == [m.params for m in found]
    assert [m.params for m in (await batch(ann, f"SEARCH in={room};text=before"))[1]] == [(new, "before")]
    assert (new, "before") in [m.params for m in (await batch(ann, "SEARCH text=before"))[1]]
    await bob.send(f"JOIN {new}")
    start = await bob.expect("BATCH")
    assert start.params[1:] == ("chathistory", new)
    assert (await bob.read()).params == (new, "before")
    await ann.send(f"REDACT {room} {msgid}")
    assert (await ann.expect("REDACT")).params == (new, msgid)
    assert await texts(ann, f"LATEST {new} * 10") == ["after"]


async def test_there_and_back_again(dial: Connect, nick: str, room: str) -> None:
    """A room may take any name it had, however often, and a chain of names leads to its end."""
    ann, bob = await dial(nick, caps=KNOWING), await dial(f"{nick}b")
    await join(room, ann)
    for old, new in (("", "b"), ("b", "c"), ("c", ""), ("", "c"), ("c", "b"), ("b", "d")):
        await renamed(ann, f"{room}{old}", f"{room}{new}")
    for name in ("", "b", "c"):
        assert await refusal(ann, f"JOIN {room}{name}") == (
            "FAIL", "JOIN", "CHANNEL_RENAMED", f"{room}{name}", f"{room}d",
        )  # fmt: skip
    await renamed(ann, f"{room}d", room)
    assert await commands(bob, f"JOIN {room}") == ["JOIN", "353", "366"]


async def test_names_are_free_when_the_room_ends(dial: Connect, nick: str, room: str) -> None:
    """Its former ones at once; by its last name, or its first, who comes founds it again, under the name they come by:
    what was said in an open room is there, and the other name is free."""
    ann, bob = await dial(nick, caps=(*KNOWING, "draft/chathistory")), await dial(f"{nick}b", caps=KNOWING)
    for last, other in (("c", ""), ("", "c")):
        here = f"{room}{'x' if last else 'y'}"
        await join(here, ann)
        await answers(ann, f"PRIVMSG {here} :tea")
        await renamed(ann, here, f"{here}b")
        await renamed(ann, f"{here}b", f"{here}c")
        await answers(ann, f"PART {here}c")
        assert await commands(bob, f"JOIN {here}b") == ["JOIN", "353", "366"]  # another room
        await join(f"{here}{last}", ann)
        assert await commands(ann, f"MODE {here}{last} +i") == ["MODE"]
        assert await texts(ann, f"LATEST {here}{last} * 5") == ["tea"]
        (answer, *_) = await answers(bob, f"JOIN {here}{other}")
        # Its log is where the first name is, so that one leads to it, and the other is free.
        assert answer.command == ("FAIL" if last else "JOIN")


async def test_a_room_that_has_ended_does_not_keep_its_name_from_others(dial: Connect, nick: str, room: str) -> None:
    """Who looks whether a name is free, and leaves again, has not taken it; one that an account owns is taken."""
    ann = await dial(nick, caps=KNOWING)
    await join(room, ann)
    await join(f"{room}-new", ann)
    await answers(ann, f"PART {room}-new")
    await renamed(ann, room, f"{room}-new")
    assert await commands(ann, f"TOPIC {room}-new :tea", f"JOIN {room}-new") == ["TOPIC"]
    owner = await account_of(dial, f"{nick}o", caps=KNOWING)
    await join(f"{room}-own", owner)
    await answers(owner, f"PART {room}-own")
    assert (await refusal(ann, f"RENAME {room}-new {room}-own"))[2] == "CHANNEL_NAME_IN_USE"


async def test_an_owned_room_keeps_its_names(dial: Connect, nick: str, room: str) -> None:
    """Its founder comes back to it by any of them, as its operator; nobody else takes one."""
    ann, bob = await account_of(dial, nick, caps=KNOWING), await dial(f"{nick}b", caps=KNOWING)
    await join(room, ann)
    await renamed(ann, room, f"{room}b")
    await renamed(ann, f"{room}b", f"{room}c")
    await answers(ann, f"PART {room}c")
    for name in ("", "b", "c"):
        await bob.send(f"JOIN {room}{name}")
        assert (await bob.expect("JOIN")).params == (f"{room}c",)
        await answers(bob, f"PART {room}c")
    await ann.send(f"JOIN {room}b")
    assert (await ann.expect("JOIN")).params == (f"{room}c",)
    assert (await ann.expect("353")).params[-1] == f"@{nick}"


@pytest.mark.parametrize("inside", [True, False])
async def test_operators_of_the_network(dial: Connect, nick: str, room: str, *, inside: bool) -> None:
    """They rename any room, also a secret one from outside; their peers with +s are told of it, without the reason."""
    ann, root, other = [await dial(f"{nick}{letter}", caps=KNOWING) for letter in "aro"]
    await join(room, ann, *([root] if inside else []))
    await change(ann, f"{room} +s")
    if inside:
        await root.expect("MODE")
    assert (await refusal(root, f"RENAME {room} {room}-new"))[0] == ("482" if inside else "403")
    for peer in (root, other):
        await answers(peer, f"OPER root :{OPERATOR_PASSWORD}", f"MODE {peer.nick} +s")
    await root.send(f"@label=L RENAME {room} {room}-new :rules")
    answer = await root.expect(lambda m: m.tags.get("label") == "L")
    assert answer.command == ("RENAME" if inside else "NOTE")
    assert shown(await ann.expect("RENAME")) == (root.nick, "RENAME", (room, f"{room}-new", "rules"))
    notice = await other.expect(lambda m: m.command == "NOTICE" and "renamed" in m.params[-1])
    assert {room, f"{room}-new"} <= set(notice.params[-1].split())
    assert "rules" not in notice.params[-1]


async def test_a_long_line_is_cut_where_the_name_grew(dial: Connect, nick: str, room: str) -> None:
    """History under a longer name still fits the wire's lines, and breaks no character."""
    caps = (*KNOWING, "draft/chathistory")
    ann = await dial(nick, caps=caps)
    await join(room, ann)
    head = f":{nick}!{nick}@127.0.0.1 PRIVMSG {room} :"
    await ann.send(f"PRIVMSG {room} :" + "é" * ((510 - len(head)) // 2))
    await ann.expect("PRIVMSG")
    new = room + "x" * (64 - len(room))
    await renamed(ann, room, new)
    (line,) = await ask(ann, f"LATEST {new} * 5")
    assert line.params[0] == new
    assert set(line.params[1]) == {"é"}
    assert len(line._replace(tags={}).encode()) <= 512


async def test_names_that_too_many_were_given(dial: Connect, nick: str, room: str) -> None:
    """The last ten lead to a room; the one before them is free again, but for the first, where its log is."""
    ann, bob = await dial(nick, caps=KNOWING), await dial(f"{nick}b", caps=KNOWING)
    await join(room, ann)
    names = [room, *(f"{room}n{number}" for number in range(12))]
    for old, new in pairwise(names):
        await renamed(ann, old, new)
    assert (await refusal(bob, f"JOIN {names[2]}"))[2:] == ("CHANNEL_RENAMED", names[2], names[-1])
    assert (await refusal(bob, f"JOIN {names[0]}"))[2:] == ("CHANNEL_RENAMED", names[0], names[-1])

    async def free() -> bool | None:
        return "JOIN" in await commands(bob, f"JOIN {names[1]}") or None

    await eventually(free, what="the oldest name is free")
