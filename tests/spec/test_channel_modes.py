"""MODE, over one gateway and over two. Source: https://modern.ircdocs.horse/#mode-message."""

import pytest

from tests.harness.deadlines import eventually
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect, Network
from tests.harness.steps import ALL, answers, change, commands, join


async def test_one_line_says_what_really_changed(dial: Connect, room: str) -> None:
    """No echo of what was so before; flags, ranks, key and limit in one MODE line to everybody."""
    ann, bob = await dial("mann"), await dial("mbob")
    await join(room, ann, bob)
    told = await change(ann, f"{room} +ntmk-t+lv sesame 5 MBOB", bob)
    assert told.params == (room, "+mk-t+lv", "sesame", "5", "mbob")
    assert told.source.startswith("mann!")
    await ann.send(f"MODE {room} +m-t+k sesame")
    assert await ann.barrier() == []
    await bob.send(f"MODE {room}", f"NAMES {room}")
    assert (await bob.expect("324")).params[1:] == (room, "+mnkl", "sesame", "5")
    assert set((await bob.expect("353")).params[-1].split()) == {"@mann", "+mbob"}
    told = await change(ann, f"{room} -klv+t any mbob", bob)
    assert told.params == (room, "-klv+t", "sesame", "mbob")


async def test_the_key_is_for_members(dial: Connect, room: str) -> None:
    """324 hides it from who is outside."""
    ann, bob = await dial("keyann"), await dial("keybob")
    await join(room, ann)
    await change(ann, f"{room} +k sesame")
    await bob.send(f"MODE {room}")
    assert (await bob.expect("324")).params[1:] == (room, "+ntk", "*")
    assert (await bob.expect("329")).params[1] == room


async def test_no_modes_are_a_plus(dial: Connect, room: str) -> None:
    """324 of a room without modes."""
    ann = await dial("plusann")
    await join(room, ann)
    await change(ann, f"{room} -nt")
    await ann.send(f"MODE {room}")
    assert (await ann.expect("324")).params[1:] == (room, "+")


async def test_refusals_to_an_operator(dial: Connect, room: str) -> None:
    """The numeric that the specification names, and nothing changes."""
    ann, _ = await dial("refann"), await dial("refout")
    await join(room, ann)
    for line, expected in [
        ("+k", ["461"]),
        ("+k :a b", ["696"]),
        ("+k :", ["696"]),
        ("+l 0", ["696"]),
        ("+l x", ["696"]),
        ("+o nobody-here", ["401"]),
        ("+o refout", ["441"]),
        ("+X", ["472"]),
        ("+o", ["461"]),
        ("+b :a b", ["696"]),
        ("+nt", []),
    ]:
        await ann.send(f"MODE {room} {line}")
        assert [m.command for m in await ann.barrier()] == expected, line


async def test_only_operators_change(dial: Connect, room: str) -> None:
    """482 for a member, a voiced one and an outsider; 403 for no room; asking is free."""
    ann, bob, cat = await dial("onlyann"), await dial("onlybob"), await dial("onlycat")
    await join(room, ann, bob)
    await change(ann, f"{room} +v onlybob", bob)
    await bob.send(f"MODE {room} +m", f"MODE {room} b")
    assert [m.command for m in await bob.barrier()] == ["482", "368"]
    await cat.send(f"MODE {room} -o onlyann", f"MODE {room} +b", "MODE #nowhere +m")
    assert [m.command for m in await cat.barrier()] == ["482", "368", "403"]


async def test_some_of_a_command_may_be_refused(dial: Connect, room: str) -> None:
    """What can be done is done; a labelled command has all of its answer under the label."""
    ann = await dial("someann", caps=ALL)
    await join(room, ann)
    await ann.send(f"@label=x MODE {room} +mXl 0")
    start = await ann.expect("BATCH")
    assert start.tags["label"] == "x"
    inside = [await ann.read() for _ in range(3)]
    assert [m.command for m in inside] == ["472", "696", "MODE"]
    assert inside[2].params == (room, "+m")
    assert {m.tags["batch"] for m in inside} == {start.params[0][1:]}


@pytest.mark.parametrize(("letter", "entry", "end"), [("b", "367", "368"), ("e", "348", "349"), ("I", "346", "347")])
async def test_lists(dial: Connect, room: str, letter: str, entry: str, end: str) -> None:
    """Masks are completed, kept with who set them and when, told in order, and taken away."""
    ann, bob = await dial(f"list{letter}ann"), await dial(f"list{letter}bob")
    await join(room, ann, bob)
    told = await change(ann, f"{room} +{letter}{letter} x *!*@y", bob)
    assert told.params == (room, f"+{letter}{letter}", "x!*@*", "*!*@y")
    await ann.send(f"MODE {room} +{letter} X!*@*", f"MODE {room} -{letter} z")
    assert await ann.barrier() == []
    await bob.send(f"MODE {room} {letter}")
    lines = await bob.collect(entry, 2)
    assert {m.params[2] for m in lines} == {"x!*@*", "*!*@y"}
    assert all(m.params[1] == room and m.params[3].startswith(f"list{letter}ann!") for m in lines)
    assert all(int(m.params[4]) > 1_700_000_000 for m in lines)
    assert (await bob.expect(end)).params[1] == room
    told = await change(ann, f"{room} -{letter} X", bob)
    assert told.params == (room, f"-{letter}", "x!*@*")
    await bob.send(f"MODE {room} +{letter}")
    assert [m.command for m in await bob.barrier()] == [entry, end]


async def test_a_full_list(dial: Connect, room: str) -> None:
    """478 names the list; 100 masks fit."""
    ann = await dial("fullann")
    await join(room, ann)
    for start in range(0, 102, 6):
        await ann.send(f"MODE {room} +bbbbbb " + " ".join(f"n{i}" for i in range(start, start + 6)))
    messages = await ann.barrier()
    assert [m.params[1:3] for m in messages if m.command == "478"] == [(room, "b")]
    await ann.send(f"MODE {room} b")
    assert len([m for m in await ann.barrier() if m.command == "367"]) == 100


async def test_long_changes_take_several_lines(dial: Connect, room: str) -> None:
    """Six long masks fit no line of 512 bytes: each line fits, together they are all."""
    ann = await dial("l" * 30)
    await join(room, ann)
    masks = [f"{i}{'x' * 68}!*@*" for i in range(6)]
    await ann.send(f"MODE {room} +bbbbbb {' '.join(masks)}")
    lines = [m for m in await ann.barrier() if m.command == "MODE"]
    assert len(lines) > 1
    assert all(len(m.encode()) <= 512 for m in lines)
    assert [mask for m in lines for mask in m.params[2:]] == masks


async def test_moderation_silences(dial: Connect, room: str) -> None:
    """+m, +b and m: refuse with 404 who has no rank; +v, +e and taking them back let speak again."""
    ann, bob = await dial("modann"), await dial("modbob")
    await join(room, ann, bob)

    async def heard(expected: bool) -> None:
        await bob.send(f"PRIVMSG {room} :may I")
        assert [m.command for m in await bob.barrier()] == ([] if expected else ["404"])
        if expected:
            assert (await ann.expect("PRIVMSG")).params == (room, "may I")
        else:
            assert "PRIVMSG" not in [m.command for m in await ann.barrier()]

    for line, expected in [
        ("+m", False),
        ("+v modbob", True),
        ("-v modbob", False),
        ("-m", True),
        ("+b modbob", False),
        ("+e *!~modbob@*", True),
        ("-e *!~modbob@*", False),
        ("-b modbob", True),
        ("+b m:modbob", False),
        ("+o modbob", True),
        ("-o modbob", False),
        ("-b m:modbob", True),
    ]:
        await change(ann, f"{room} {line}", bob)
        await heard(expected)


async def test_ctcp_can_be_blocked(dial: Connect, room: str) -> None:
    """+C: 404 for CTCP but ACTION."""
    ann, bob = await dial("ctann"), await dial("ctbob")
    await join(room, ann, bob)
    await change(ann, f"{room} +C", bob)
    await bob.send(f"PRIVMSG {room} :\x01VERSION\x01", f"PRIVMSG {room} :\x01ACTION waves\x01")
    assert [m.command for m in await bob.barrier()] == ["404"]
    assert (await ann.expect("PRIVMSG")).params[1] == "\x01ACTION waves\x01"


async def test_from_outside(dial: Connect, room: str) -> None:
    """Without +n who is not in may speak, with its echo; +m, +b and +n refuse it."""
    ann, bob = await dial("outann"), await dial("outbob", caps=ALL)
    await join(room, ann)
    await bob.send(f"PRIVMSG {room} :hello")
    await bob.expect("404")
    await change(ann, f"{room} -n")
    await bob.send(f"@label=o PRIVMSG {room} :hello", f"NOTICE {room} :psst")
    echo = await bob.expect("PRIVMSG")
    assert (echo.params, echo.tags["label"]) == ((room, "hello"), "o")
    assert (await ann.expect("PRIVMSG")).source.startswith("outbob!")
    assert (await ann.expect("NOTICE")).params == (room, "psst")
    await change(ann, f"{room} +b outbob")
    await bob.send(f"PRIVMSG {room} :hello")
    await bob.expect("404")
    await change(ann, f"{room} -b+m outbob")
    await bob.send(f"PRIVMSG {room} :hello")
    await bob.expect("404")
    assert "PRIVMSG" not in [m.command for m in await ann.barrier()]


async def test_messages_to_ranks(dial: Connect, room: str) -> None:
    """STATUSMSG: `@#room` reaches operators, `+#room` the voiced too; its author sees its echo; no history has it."""
    ann, bob, cat = await dial("stann"), await dial("stbob"), await dial("stcat", caps=ALL)
    await join(room, ann, bob, cat)
    await change(ann, f"{room} +v stbob", bob, cat)
    await cat.send(f"PRIVMSG @{room} :to ops", f"NOTICE +{room} :to voiced", f"PRIVMSG {room} :to all")
    assert [m.params for m in (await ann.collect("PRIVMSG", 1))] == [(f"@{room}", "to ops")]
    assert (await ann.expect("NOTICE")).params == (f"+{room}", "to voiced")
    assert (await ann.expect("PRIVMSG")).params == (room, "to all")
    assert (await bob.expect("NOTICE")).params == (f"+{room}", "to voiced")
    assert (await bob.expect("PRIVMSG")).params == (room, "to all")
    assert [(await cat.read()).params[0] for _ in range(3)] == [f"@{room}", f"+{room}", room]
    dan = await dial("stdan")
    await dan.send(f"JOIN {room}", f"PRIVMSG @{room}x :x")
    await dan.expect("366")
    assert [m.command for m in await dan.barrier()] == ["PRIVMSG", "404"]


async def test_secret_rooms(dial: Connect, room: str) -> None:
    """+s: outsiders find it in no NAMES, LIST, WHO, TOPIC or MODE; for members 353 says `@`."""
    ann, bob = await dial("secann"), await dial("secbob")
    await join(room, ann)
    await ann.send(f"MODE {room} +s", f"TOPIC {room} :hidden")
    await ann.expect("TOPIC")
    await bob.send(f"NAMES {room}", f"LIST {room}", f"WHO {room}", f"TOPIC {room}", f"MODE {room}", f"PART {room}")
    assert [m.command for m in await bob.barrier()] == ["366", "321", "323", "315", "403", "403", "403"]
    await ann.send(f"NAMES {room}")
    assert (await ann.expect("353")).params[1] == "@"
    await bob.send(f"JOIN {room}")
    assert (await bob.expect("353")).params[1] == "@"


async def test_topic_rights(dial: Connect, room: str) -> None:
    """With +t operators only, voice is not enough; without it any member; never from outside; 403 for no room."""
    ann, bob = await dial("tpann"), await dial("tpbob")
    await join(room, ann, bob)
    await change(ann, f"{room} +v tpbob", bob)
    await bob.send(f"TOPIC {room} :x")
    await bob.expect("482")
    await change(ann, f"{room} -t", bob)
    await bob.send(f"TOPIC {room} :@")
    assert (await ann.expect("TOPIC")).params == (room, "@")
    cat = await dial("tpcat")
    await cat.send(f"TOPIC {room} :y", "TOPIC #nowhere-at-all :y", f"TOPIC {room}")
    assert [m.command for m in await cat.barrier()] == ["442", "403", "332", "333"]


async def test_a_room_that_ended_begins_afresh(dial: Connect, room: str) -> None:
    """Modes go with the last member; what was said in an open room stays, in a closed one it is gone."""
    ann = await dial("endann")
    await join(room, ann)
    await ann.send(f"PRIVMSG {room} :in the open", f"MODE {room} +mb x", f"PART {room}")
    await ann.expect("PART")
    bob = await dial("endbob")
    await bob.send(f"JOIN {room}", f"MODE {room}", f"MODE {room} b")
    messages = await bob.barrier()
    assert [m.params[1] for m in messages if m.command == "PRIVMSG"] == ["in the open"]
    assert [m.params[2] for m in messages if m.command == "324"] == ["+nt"]
    assert "367" not in [m.command for m in messages]
    assert "@endbob" in next(m.params[-1] for m in messages if m.command == "353")
    await bob.send(f"MODE {room} +i", f"PRIVMSG {room} :behind the door", f"TOPIC {room} :secret", f"PART {room}")
    await bob.expect("PART")
    cat = await dial("endcat", caps=(*ALL, "draft/chathistory"))
    await cat.send(f"JOIN {room}", f"CHATHISTORY LATEST {room} * 50", f"TOPIC {room}")
    messages = await cat.barrier()
    assert "PRIVMSG" not in [m.command for m in messages]
    assert "331" in [m.command for m in messages]


async def test_what_is_advertised(dial: Connect, room: str) -> None:
    """004 and 005 say what holds: the tokens, and the figures in them are the ones that act."""
    ann = await dial("advann")
    await ann.send("VERSION")
    tokens = {token for m in await ann.barrier() if m.command == "005" for token in m.params[1:-1]}
    assert tokens >= {
        *("PREFIX=(ov)@+", "STATUSMSG=@+", "CHANMODES=beI,k,Hl,Cimnst", "EXCEPTS=e", "INVEX=I", "BOT=B", "MODES=6"),
        *("EXTBAN=,am", "ACCOUNTEXTBAN=a", "MAXLIST=b:100,e:100,I:100", "KEYLEN=32", "KICKLEN=255"),
        "TARGMAX=JOIN:,KICK:4,MONITOR:,NAMES:4,NOTICE:4,PART:,PRIVMSG:4,TAGMSG:4,WHOIS:1,WHOWAS:4",
    }
    await join(room, ann)
    await ann.send(f"MODE {room} +bbbbbbb a b c d e f g", f"MODE {room} +k {'x' * 32}", f"MODE {room} +k {'x' * 33}")
    messages = await ann.barrier()
    assert [m.command for m in messages] == ["MODE", "MODE", "696"]
    assert len(messages[0].params) == 2 + 6
    await ann.send(f"KICK {room} a,b,c,d,e :{'x' * 300}", f"KICK {room} advann :{'x' * 300}")
    messages = await ann.barrier()
    assert [m.command for m in messages] == ["441"] * 4 + ["KICK"]
    assert len(messages[-1].params[2]) == 255


async def test_004(network: Network) -> None:
    """Modes of users, of rooms, and of rooms with a parameter."""
    gateway = network.gateways[-1]
    async with await IrcPeer.connect(gateway.host, gateway.port, "fouroh", register=False) as peer:
        await peer.send("NICK fouroh", "USER x 0 * :x")
        assert (await peer.expect("004")).params[3:] == ("Biosw", "CHIbeiklmnostv", "HIbeklov")


# -- what conformance suites ask of each mode --------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["0", "-1", "abc", "", "²", "1.5", "9" * 12])
async def test_a_limit_that_is_none(dial: Connect, nick: str, room: str, limit: str) -> None:
    """696 names room, mode and value (a star for one that cannot be repeated), and nobody is kept out
    ("Client Limit Channel Mode", ERR_INVALIDMODEPARAM)."""
    ann = await dial(nick)
    await join(room, ann)
    (refused,) = await answers(ann, f"MODE {room} +l :{limit}")
    assert (refused.command, refused.params[:4]) == ("696", (nick, room, "l", limit or "*"))
    assert (await commands(await dial(f"{nick}b"), f"JOIN {room}"))[0] == "JOIN"


async def test_a_limit(dial: Connect, nick: str, room: str) -> None:
    """471 when it is reached, not for who is in already, nor in another room; it may be raised, lowered under the
    number of members, and taken away ("Client Limit Channel Mode")."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}b"), await dial(f"{nick}c")
    await join(room, ann, bob)
    await join(f"{room}x", ann)
    assert (await change(ann, f"{room} +l 2", bob)).params == (room, "+l", "2")
    (refused,) = await answers(cat, f"JOIN {room}")
    assert (refused.command, refused.params[:2]) == ("471", (f"{nick}c", room))
    assert (await commands(cat, f"JOIN {room}x"))[0] == "JOIN"
    await change(ann, f"{room} +l 3", bob)
    assert (await commands(cat, f"JOIN {room}"))[0] == "JOIN"
    await change(ann, f"{room} +l 1", bob)
    assert await commands(bob, f"PRIVMSG {room} :still here") == []
    assert (await cat.expect("PRIVMSG")).params == (room, "still here")
    await answers(cat, f"PART {room}")
    assert await commands(cat, f"JOIN {room}") == ["471"]
    assert (await change(ann, f"{room} -l", bob)).params == (room, "-l")
    assert (await commands(cat, f"JOIN {room}"))[0] == "JOIN"


@pytest.mark.parametrize("key", ["passphrase with spaces", "long" * 100, "", ":colon", "a,b", "bell\x07"])
async def test_a_key_that_is_none(dial: Connect, nick: str, room: str, key: str) -> None:
    """696 with a star in place of the value; the room stays open ("Key Channel Mode")."""
    ann = await dial(nick)
    await join(room, ann)
    (refused,) = await answers(ann, f"MODE {room} +k :{key}")
    assert (refused.command, refused.params[:4]) == ("696", (nick, room, "k", "*"))
    assert (await commands(await dial(f"{nick}b"), f"JOIN {room}"))[0] == "JOIN"


async def test_asking_for_the_modes(dial: Connect, nick: str, room: str) -> None:
    """324 and 329 and nothing else; all letters it lists can be taken away in one command, and then it is `+`
    ("RPL_CHANNELMODEIS")."""
    ann = await dial(nick)
    await join(room, ann)
    await answers(ann, f"MODE {room} +imnst")
    modes, created = await answers(ann, f"MODE {room}")
    assert (modes.command, created.command) == ("324", "329")
    assert modes.params[:2] == created.params[:2] == (nick, room)
    assert int(created.params[2]) > 1_700_000_000
    assert set(modes.params[2]) == set("+imnst")
    (told,) = await answers(ann, f"MODE {room} -{modes.params[2][1:]}")
    assert set(told.params[1]) == set("-imnst")
    assert (await answers(ann, f"MODE {room}"))[0].params[2:] == ("+",)


async def test_giving_ranks(dial: Connect, nick: str, room: str) -> None:
    """One answer for each case of MODE +o: who may not (482), who is elsewhere (441) or nowhere (401), no room (403);
    and one line to all where it is done ("MODE message")."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}b"), await dial(f"{nick}c")
    await join(room, ann, bob)
    await join(f"{room}x", cat, bob)
    assert await commands(bob, f"MODE {room} +o {nick}b") == ["482"]
    assert await commands(ann, f"MODE {room} +o {nick}c") == ["441"]
    assert await commands(ann, f"MODE {room} +o nobody-here") == ["401"]
    assert await commands(ann, f"MODE #nowhere-at-all +o {nick}", "MODE #nowhere-at-all +o nobody-here") == ["403"] * 2
    assert await commands(ann, f"MODE {room}x +o {nick}b", f"MODE {room}x +o {nick}") == ["482"] * 2
    (told,) = await answers(ann, f"MODE {room} +o {nick.upper()}B")
    assert told == await bob.expect("MODE")
    assert told.params == (room, "+o", f"{nick}b")


async def test_masks_have_no_case(dial: Connect, nick: str, room: str) -> None:
    """A ban fits a nick however it is spelt, and can be lifted however it is spelt ("Ban Channel Mode"); the same for
    a mute."""
    ann, bob = await dial(nick), await dial(f"{nick}Bob")
    await join(room, ann)
    await change(ann, f"{room} +b {nick.upper()}BOB!*@*")
    (refused,) = await answers(bob, f"JOIN {room}")
    assert (refused.command, refused.params[1]) == ("474", room)
    await change(ann, f"{room} -b {nick}bob!*@*")
    await join(room, bob)
    await change(ann, f"{room} +b m:{nick.upper()}BOB!*@*", bob)
    assert await commands(bob, f"PRIVMSG {room} :x", f"NOTICE {room} :x") == ["404"]
    await change(ann, f"{room} +e m:*!~{nick}bob@*", bob)
    assert await commands(bob, f"PRIVMSG {room} :excepted") == []
    assert (await ann.expect("PRIVMSG")).params[1] == "excepted"
    await change(ann, f"{room} -be m:{nick}bob m:*!~{nick}bob@*", bob)
    assert await commands(bob, f"PRIVMSG {room} :free") == []
    assert (await ann.expect("PRIVMSG")).params[1] == "free"


async def test_a_secret_room_is_listed_to_members(dial: Connect, nick: str, room: str) -> None:
    """LIST has it for who is in, and for nobody else; a 353 of it says `@` ("Secret Channel Mode")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann)
    await change(ann, f"{room} +s")

    async def listed(peer: IrcPeer) -> bool | None:
        return "322" in await commands(peer, f"LIST {room}") or None

    await eventually(lambda: listed(ann), what="LIST has the room for its member")
    assert await commands(bob, f"LIST {room}", f"WHO {room}") == ["321", "323", "315"]
    await join(room, bob)
    assert await listed(bob)


async def test_unknown_modes(dial: Connect, nick: str, room: str) -> None:
    """472 names the letter; what is known beside it is done ("ERR_UNKNOWNMODE")."""
    ann = await dial(nick)
    await join(room, ann)
    found = await answers(ann, f"MODE {room} +Zmy", f"MODE {room} +", f"MODE {room} :", f"MODE {room} 1")
    assert [(m.command, m.params[1]) for m in found] == [("472", "Z"), ("472", "y"), ("MODE", "+m"), ("472", "1")]
