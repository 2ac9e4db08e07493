"""JOIN, PART, NAMES, TOPIC, LIST, and who hears of what. Source: https://modern.ircdocs.horse/#channel-operations."""

import pytest

from tests.harness.deadlines import eventually
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import ALL, answers, change, commands, join


async def test_the_first_member_is_operator(dial: Connect, room: str) -> None:
    """The founder has @, the next has nothing; both see each other."""
    ann, bob = await dial("opann"), await dial("opbob")
    await join(room, ann, bob)
    await bob.send(f"NAMES {room}")
    assert set((await bob.expect("353")).params[-1].split()) == {"@opann", "opbob"}


async def test_part_and_quit_are_seen_once(dial: Connect, room: str) -> None:
    """PART names the room and reason; QUIT comes once to who shares several rooms."""
    ann, bob = await dial("partann"), await dial("partbob")
    await join(room, ann, bob)
    await join(f"{room}x", ann, bob)
    await ann.send(f"PART {room} :so long", f"PART {room}")
    assert (await ann.expect("PART")).params == (room, "so long")
    await ann.expect("442")
    await bob.expect("PART")
    await ann.send(f"JOIN {room}")
    await ann.expect("366")
    await ann.send("QUIT :gone")
    await ann.wait_closed()
    assert (await bob.expect("QUIT")).params == ("Quit: gone",)
    assert "QUIT" not in [m.command for m in await bob.barrier()]
    await bob.send(f"NAMES {room}")
    assert (await bob.expect("353")).params[-1].split() == ["partbob"]


async def test_a_lost_connection_is_a_quit(dial: Connect, room: str) -> None:
    """A socket that closes without QUIT leaves its rooms."""
    ann, bob = await dial("lostann"), await dial("lostbob")
    await join(room, ann, bob)
    await ann.close()
    assert (await bob.expect("QUIT")).source.startswith("lostann!")


async def test_names_of_many_fit_their_lines(dial: Connect, room: str) -> None:
    """Every 353 line fits 512 bytes, and together they name everybody."""
    peers = [await dial(f"{'n' * 20}{i:02d}") for i in range(30)]
    for peer in peers:
        await peer.send(f"JOIN {room}")
    for peer in peers:
        await peer.expect("366")
    await peers[0].send(f"NAMES {room}")
    named: list[str] = []
    while (message := await peers[0].read()).command != "366":
        if message.command == "353":
            assert len(message.encode()) <= 512
            named += message.params[-1].split()
    assert sorted(name.lstrip("@") for name in named) == sorted(peer.nick for peer in peers)


async def test_who_and_whois(dial: Connect, room: str) -> None:
    """352 per member; 311 and the shared rooms; 401 and 318 for nobody."""
    ann, bob = await dial("whoann"), await dial("whobob")
    await join(room, ann, bob)
    await ann.send(f"WHO {room}")
    lines = await ann.collect("352", 2)
    assert {(m.params[5], m.params[6]) for m in lines} == {("whoann", "H@"), ("whobob", "H")}
    await ann.send("WHO whobob", "WHOIS whobob", "WHOIS nobody0")
    assert (await ann.expect("352")).params[5] == "whobob"
    assert (await ann.expect("319")).params[2] == room
    await ann.expect("401")
    await ann.expect("318")


async def test_modes_can_be_read(dial: Connect, room: str) -> None:
    """324 and 329 for a room, 221 for oneself, 482 for who may not change."""
    ann, bob = await dial("modeann"), await dial("modebob")
    await join(room, ann, bob)
    await bob.send(
        f"MODE {room}", f"MODE {room} b", f"MODE {room} +m", "MODE modebob", "MODE modeann", "MODE #nowhere0"
    )
    assert [m.command for m in await bob.barrier()] == ["324", "329", "368", "482", "221", "502", "403"]


async def test_replay_on_join(dial: Connect, room: str) -> None:
    """A client without chathistory gets the last lines, with their first time and msgid, in a batch if it knows it."""
    ann = await dial("histann", caps=ALL)
    await join(room, ann)
    await ann.send(*(f"PRIVMSG {room} :line {i}" for i in range(55)))
    said = await ann.collect("PRIVMSG", 55)
    plain, tagged = await dial("histplain"), await dial("histtagged", caps=ALL)
    await plain.send(f"JOIN {room}")
    await plain.expect("366")
    assert [m.params[1] for m in await plain.barrier()] == [f"line {i}" for i in range(5, 55)]
    await tagged.send(f"JOIN {room}")
    assert (await tagged.expect("BATCH")).params[1:] == ("chathistory", room)
    replayed = await tagged.collect("PRIVMSG", 50)
    assert [(m.tags["msgid"], m.tags["time"]) for m in replayed] == [
        (m.tags["msgid"], m.tags["time"]) for m in said[5:]
    ]
    asking = await dial("histasking", caps=(*ALL, "draft/chathistory"))
    await asking.send(f"JOIN {room}")
    await asking.expect("366")
    assert await asking.barrier() == []


# -- JOIN -------------------------------------------------------------------------------------------------------------


async def test_what_a_join_is_answered_with(dial: Connect, nick: str, room: str) -> None:
    """JOIN with the room alone, no topic where none is set, 353 with oneself in it, 366 ("JOIN message")."""
    peer = await dial(nick)
    joined, names, end = await answers(peer, f"JOIN {room}")
    assert (joined.command, joined.params, joined.source) == ("JOIN", (room,), f"{nick}!~{nick}@127.0.0.1")
    assert (names.command, names.params) == ("353", (nick, "=", room, f"@{nick}"))
    assert (end.command, end.params[:2]) == ("366", (nick, room))
    assert await answers(peer, f"JOIN {room}", f"JOIN {room.upper()}") == []


async def test_a_join_of_a_list_names_each(dial: Connect, nick: str, room: str) -> None:
    """One JOIN line per room, however they were asked for; JOIN 0 leaves all ("JOIN message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, bob)
    assert await commands(ann, f"JOIN {room},{room}b,{room},,{room}c") == ["JOIN", "353", "366"] * 3
    assert (await bob.expect("JOIN")).params == (room,)
    parted = await answers(ann, "JOIN 0")
    assert {(m.command, m.params[0]) for m in parted} == {("PART", room), ("PART", f"{room}b"), ("PART", f"{room}c")}
    assert (await bob.expect("PART")).params[0] == room


@pytest.mark.parametrize("bad", ["inv@lid", "&local", "#", "#a:b", "#a\x07b", "nick", "+modeless", "#" + "x" * 64])
async def test_a_bad_name_among_good_ones(dial: Connect, nick: str, room: str, bad: str) -> None:
    """One error that names it; the others are joined ("JOIN message"). 476 says that "the supplied channel name is not
    a valid" one; 403 of one that is only too long for us "that it may be a valid name" (ERR_BADCHANMASK)."""
    found = await answers(await dial(nick), f"JOIN {room},{bad}", f"JOIN {bad}")
    number = "403" if len(bad) > 64 else "476"
    assert [m.command for m in found] == ["JOIN", "353", "366", number, number]
    assert {m.params[1] for m in found[3:]} == {bad}


async def test_a_room_keeps_the_spelling_of_its_founder(dial: Connect, nick: str, room: str) -> None:
    """Names that differ in case alone are one room, and everybody is told the same name."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    name = f"{room}-Café"
    await ann.send(f"JOIN {name}")
    await ann.expect("366")
    found = await answers(bob, f"JOIN {room.upper()}-CAFé", f"NAMES {room}-cafÉ")
    assert {m.params[-1] for m in found[:1]} == {name}
    assert found[1].params[2] == name
    assert found[-1].command == "366"
    assert (await ann.expect("JOIN")).params == (name,)


# -- PART -------------------------------------------------------------------------------------------------------------


async def test_parting(dial: Connect, nick: str, room: str) -> None:
    """All members see it with its reason, oneself too; who has left is a stranger ("PART message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    for line, params in [(f"PART {room}", (room,)), (f"PART {room} :bye everyone", (room, "bye everyone"))]:
        await join(room, ann, bob)
        (own,) = await answers(bob, line)
        assert own == await ann.expect("PART")
        assert own.params == params
        assert await commands(bob, f"PART {room}", f"PRIVMSG {room} :x") == ["442", "404"]
        await answers(ann, f"PART {room}")


async def test_parting_from_a_list(dial: Connect, nick: str, room: str) -> None:
    """One PART each; 403 for no room, 442 for one that others are in ("PART message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(f"{room}b", bob)
    await join(room, ann)
    await join(f"{room}a", ann)
    found = await answers(ann, f"PART {room},{room}b,#nowhere-at-all,{room}a :x", "PART")
    assert [m.command for m in found] == ["PART", "442", "403", "PART", "461"]


# -- NAMES ------------------------------------------------------------------------------------------------------------


async def test_names_of_a_room(dial: Connect, nick: str, room: str) -> None:
    """`=` for a public room, all members with their rank, and no space at the end; then 366 ("NAMES message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann, bob)
    await ann.send(f"NAMES {room}")
    names, end = await ann.read(), await ann.read()
    assert names.params[:3] == (nick, "=", room)
    assert sorted(names.params[3].split(" ")) == sorted([f"@{nick}", f"{nick}b"])
    assert (end.command, end.params[:2]) == ("366", (nick, room))


async def test_names_of_several_rooms(dial: Connect, nick: str, room: str) -> None:
    """353 for each, and one 366 that repeats the list ("NAMES message", "RPL_ENDOFNAMES")."""
    ann = await dial(nick)
    await answers(ann, f"JOIN {room},{room}b")
    found = await answers(ann, f"NAMES {room},{room}b")
    assert [m.params[1:] for m in found[:2]] == [("=", room, f"@{nick}"), ("=", f"{room}b", f"@{nick}")]
    assert [(m.command, m.params[1]) for m in found[2:]] == [("366", f"{room},{room}b")]
    long = ",".join(f"#{letter * 60}" for letter in "abcd")
    (end,) = await answers(ann, f"NAMES {long}")
    assert (end.command, end.params[1]) == ("366", long)


@pytest.mark.parametrize("name", ["#nowhere-at-all", "invalid", "#", "@#x"])
async def test_names_of_nothing(dial: Connect, nick: str, name: str) -> None:
    """366 with the name that was given, and no error ("NAMES message")."""
    (end,) = await answers(await dial(nick), f"NAMES {name}")
    assert (end.command, end.params[:2]) == ("366", (nick, name))


async def test_multi_prefix(dial: Connect, nick: str, room: str) -> None:
    """With multi-prefix all ranks in 353 and 352, the highest first; else the highest alone.

    Source: https://ircv3.net/specs/extensions/multi-prefix
    """
    ann, bob = await dial(nick), await dial(f"{nick}b", caps=["multi-prefix"])
    await join(room, ann, bob)
    await change(ann, f"{room} +v {nick}", bob)
    for peer, ranks in ((ann, "@"), (bob, "@+")):
        found = await answers(peer, f"NAMES {room}", f"WHO {room}", f"WHOIS {nick}")
        assert f"{ranks}{nick}" in next(m.params[3] for m in found if m.command == "353").split(" ")
        assert f"H{ranks}" in {m.params[6] for m in found if m.command == "352"}


async def test_userhost_in_names(dial: Connect, nick: str, room: str) -> None:
    """With the capability 353 has whole masks behind the ranks, in the answer to JOIN and to NAMES.

    Source: https://ircv3.net/specs/extensions/userhost-in-names
    """
    ann, bob = await dial(nick), await dial(f"{nick}b", caps=["userhost-in-names"])
    await join(room, ann)
    found = await answers(bob, f"JOIN {room}", f"NAMES {room}")
    named = [set(m.params[3].split(" ")) for m in found if m.command == "353"]
    assert named == [{f"@{nick}!~{nick}@127.0.0.1", f"{nick}b!~{nick}b@127.0.0.1"}] * 2


# -- TOPIC ------------------------------------------------------------------------------------------------------------


async def test_a_topic_that_is_unset(dial: Connect, nick: str, room: str) -> None:
    """No 331 on joining; 331 for who asks; unsetting is told with an empty text ("TOPIC message", "RPL_NOTOPIC")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    assert "331" not in await commands(ann, f"JOIN {room}")
    await join(room, bob)
    await ann.barrier()
    assert await commands(bob, f"TOPIC {room}") == ["331"]
    for text in ("new topic", ""):
        (own,) = await answers(ann, f"TOPIC {room} :{text}")
        assert own == await bob.expect("TOPIC")
        assert own.params == (room, text)
    assert await commands(await dial(f"{nick}c"), f"JOIN {room}", f"TOPIC {room}") == ["JOIN", "353", "366", "331"]


async def test_the_same_topic_again(dial: Connect, nick: str, room: str) -> None:
    """Nobody is told, and who set it and when stays: "If the topic of a channel is changed or cleared, every client in
    that channel (including the author of the topic change) will receive a TOPIC command" ("TOPIC message"). Who may not
    set it is told so all the same."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann, bob)
    assert await answers(ann, f"TOPIC {room} :") == []
    await answers(ann, f"TOPIC {room} :tea")
    await change(ann, f"{room} -t", bob)
    set_by = (await answers(bob, f"TOPIC {room}"))[-1].params
    assert await answers(bob, f"TOPIC {room} :tea") == []
    assert await ann.barrier() == []
    assert (await answers(bob, f"TOPIC {room}"))[-1].params == set_by
    await change(ann, f"{room} +t", bob)
    assert await commands(bob, f"TOPIC {room} :tea") == ["482"]


async def test_a_topic_is_told_to_newcomers(dial: Connect, nick: str, room: str) -> None:
    """332 and, with who set it and when, 333, between JOIN and names ("RPL_TOPICWHOTIME")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann)
    await answers(ann, f"TOPIC {room} :the topic")
    found = await answers(bob, f"JOIN {room}", f"TOPIC {room}")
    assert [m.command for m in found] == ["JOIN", "332", "333", "353", "366", "332", "333"]
    assert found[1].params == (f"{nick}b", room, "the topic")
    assert found[2].params[1:3] == (room, f"{nick}!~{nick}@127.0.0.1")
    assert int(found[2].params[3]) > 1_700_000_000


@pytest.mark.parametrize("line", ["TOPIC #nowhere-at-all", "TOPIC #nowhere-at-all :x", "TOPIC nonsense", "TOPIC : "])
async def test_a_topic_of_nothing(dial: Connect, nick: str, line: str) -> None:
    """403 ("TOPIC message")."""
    assert await commands(await dial(nick), line) == ["403"]


# -- LIST -------------------------------------------------------------------------------------------------------------


async def test_list_of_rooms(dial: Connect, nick: str, room: str) -> None:
    """321, 322 with size and topic, 323; no error for a room that is not there; secret ones for members alone
    ("LIST message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await answers(ann, f"JOIN {room},{room}s", f"MODE {room}s +s", f"TOPIC {room} :about")
    assert await commands(bob, "LIST #nowhere-at-all") == ["321", "323"]

    async def listed(peer: IrcPeer, line: str) -> dict[str, tuple[str, ...]]:
        return {m.params[1]: m.params[2:] for m in await answers(peer, line) if m.command == "322"}

    async def known() -> dict[str, tuple[str, ...]] | None:
        found = await listed(bob, "LIST")
        return found if found.get(room) == ("1", "about") else None

    found = await eventually(known, what="LIST has the room")
    assert f"{room}s" not in found
    assert set(await listed(ann, f"LIST {room},{room}s")) == {room, f"{room}s"}
    assert await listed(bob, f"LIST {room},{room}s") == {room: ("1", "about")}
