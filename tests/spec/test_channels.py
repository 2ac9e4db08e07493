"""JOIN, PART, QUIT, TOPIC, NAMES, WHO, LIST, MODE. Source: https://modern.ircdocs.horse/#channel-operations."""

from tests.harness.deadlines import eventually
from tests.harness.network import Connect
from tests.harness.steps import ALL, join


async def test_the_first_member_is_operator(dial: Connect, room: str) -> None:
    """The founder has @, the next has nothing; both see each other."""
    ann, bob = await dial("opann"), await dial("opbob")
    await join(room, ann, bob)
    await bob.send(f"NAMES {room}")
    assert set((await bob.expect("353")).params[-1].split()) == {"@opann", "opbob"}


async def test_join_names_exactly_the_bad_room(dial: Connect, room: str) -> None:
    """JOIN of a good and a bad name joins one and refuses one; a repeated JOIN is silent."""
    ann = await dial("joinbad")
    await ann.send(f"JOIN {room},bad name", f"JOIN {room}", "JOIN #has\x07bell")
    messages = await ann.barrier()
    assert [m.command for m in messages] == ["JOIN", "353", "366", "403", "403"]
    assert messages[3].params[1] == "bad"


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


async def test_topic(dial: Connect, room: str) -> None:
    """331 without one; set by operators only (+t); newcomers get 332 and 333."""
    ann, bob = await dial("topann"), await dial("topbob")
    await join(room, ann, bob)
    await ann.send(f"TOPIC {room}")
    await ann.expect("331")
    await bob.send(f"TOPIC {room} :mine")
    assert (await bob.expect("482")).params[1] == room
    await ann.send(f"TOPIC {room} :Ours: today")
    assert (await bob.expect("TOPIC")).params == (room, "Ours: today")
    carol = await dial("topcarol")
    await carol.send(f"JOIN {room}")
    assert (await carol.expect("332")).params[2] == "Ours: today"
    assert (await carol.expect("333")).params[2].startswith("topann!")
    await ann.send(f"TOPIC {room} :")
    assert (await bob.expect("TOPIC")).params == (room, "")
    await carol.send(f"TOPIC {room}", "TOPIC #no-such-room")
    await carol.expect("331")
    await carol.expect("403")


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


async def test_list_knows_the_room_soon(dial: Connect, room: str) -> None:
    """LIST shows name, size and topic within seconds of the change."""
    ann, bob = await dial("listann"), await dial("listbob")
    await join(room, ann, bob)
    await ann.send(f"TOPIC {room} :listed")
    await ann.expect("TOPIC")

    async def row() -> tuple[str, ...] | None:
        await bob.send(f"LIST {room}")
        message = await bob.expect(lambda m: m.command in {"322", "323"})
        return message.params if message.command == "322" and message.params[2] == "2" else None

    assert (await eventually(row, what="LIST shows two members"))[1:] == (room, "2", "listed")


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
