"""WHO, WHOX, WHOIS, LUSERS, MOTD, TIME, VERSION.

Source: https://modern.ircdocs.horse/#server-queries-and-commands, #user-based-queries;
https://ircv3.net/specs/extensions/whox
"""

import re
from pathlib import Path

import pytest

from gateway.wire.message import Message
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import OPERATOR_PASSWORD, Connect, Network
from tests.harness.steps import answers, change, commands, join

# https://modern.ircdocs.horse/#whois-message: the numerics an answer may have.
WHOIS_NUMERICS = {
    *("276", "301", "307", "311", "312", "313", "317", "318", "319", "320", "330", "335", "338", "378", "379", "671"),
}


async def who(peer: IrcPeer, line: str) -> list[Message]:
    """The lines of one answer; its end is checked to repeat the mask as it was sent."""
    *found, end = await answers(peer, f"WHO {line}")
    assert (end.command, end.params[1]) == ("315", line.split(" ", maxsplit=1)[0])
    return found


@pytest.fixture
async def pair(dial: Connect, nick: str, room: str) -> tuple[IrcPeer, IrcPeer]:
    """Ann, whose user and real name are her own, and bob, in one room."""
    ann, bob = await dial(f"{nick}Ann", register=False), await dial(f"{nick}Bob")
    await ann.send(f"NICK {ann.nick}", "USER annuser 0 * :Ann's  Real Name")
    await ann.expect("422")
    await join(room, ann, bob)
    return ann, bob


async def test_who_of_a_nick(pair: tuple[IrcPeer, IrcPeer]) -> None:
    """A nick, whatever its case, or a mask of nicks: one line with user, host, server, nick, flags, hops and real
    name, then 315 with the mask in the case it was sent ("WHO message")."""
    ann, bob = pair
    for mask in (ann.nick, ann.nick.lower(), ann.nick.upper(), f"{ann.nick[:-1].lower()}*", f"{ann.nick[:-1]}?"):
        (line,) = await who(bob, mask)
        assert line.command == "352"
        assert line.params[0] == bob.nick
        assert line.params[2:] == ("~annuser", "127.0.0.1", "hubbub.local", ann.nick, "H", "0 Ann's  Real Name")
        assert line.params[1] == "*"


@pytest.mark.parametrize(
    ("mask", "flags", "found"),
    [
        ("~{nick}an?", "", "a"),  # the user name
        ("~{nick}ann", "", "a"),
        ("*{nick}ann@127.0.0.1", "", "a"),
        ("{nick}Bob!*", "", "b"),
        ("{nick}*!*@127.*", "", "ab"),
        ("{nick}*!*@10.*", "", ""),
        ("Name of {nick}ann", "", "a"),
        ("name of {nick}*", "r", "ab"),
        ("name of {nick}*", "nuh", ""),
        ("{nick}*", "n", "ab"),
        ("{nick}*", "u", ""),
        ("~{nick}*", "u", "ab"),
        ("{nick}acc", "a", "b"),
        ("{nick}a?c", "", "b"),
        ("{nick}acc", "", ""),  # it could be a nick
        ("{nick}*", "on", "b"),
    ],
)
async def test_who_finds_by_more_than_the_nick(dial: Connect, nick: str, mask: str, flags: str, found: str) -> None:
    """ "Servers MAY match other user-specific values": user name, host, real name, account, and `nick!user@host` as a
    whole. "Servers MAY support additional non-standard flags before the percent character" (WHOX): `nuhra` choose
    among these, `o` means operators only."""
    ann = await dial(f"{nick}Ann", register=False)
    await ann.send(f"NICK {ann.nick}", f"USER {nick}ann 0 * :Name of {nick}ann")
    await ann.expect("422")
    bob = await dial(f"{nick}Bob", caps=["draft/account-registration"], register=False)
    await bob.send(f"NICK {bob.nick}", f"USER {nick}bob 0 * :Name of {nick}bob", "CAP END")
    await bob.expect("422")
    await bob.send(f"REGISTER {nick}acc * sesame-street")
    await bob.expect("REGISTER")
    await answers(bob, f"OPER root :{OPERATOR_PASSWORD}")
    asked = mask.format(nick=nick)
    await bob.send(f"WHO {asked.replace(' ', '?')} {flags}%n" if flags else f"WHO :{asked}")
    nicks = {message.params[5 if message.command == "352" else 1] for message in (await bob.barrier())[:-1]}
    assert nicks == {f"{nick}{'Ann' if letter == 'a' else 'Bob'}" for letter in found}


async def test_who_of_everybody(pair: tuple[IrcPeer, IrcPeer]) -> None:
    """`*` finds all, and so does `0` (RFC 2812 section 3.6.1), and no mask at all."""
    ann, bob = pair
    for line in ("WHO *", "WHO", "WHO 0"):
        found = await answers(bob, line)
        assert {ann.nick, bob.nick} <= {m.params[5] for m in found if m.command == "352"}
        assert found[-1].params[1] == ("0" if "0" in line else "*")


async def test_who_of_a_room(pair: tuple[IrcPeer, IrcPeer], room: str, dial: Connect, nick: str) -> None:
    """One line per member with the room's name and the rank; each room its own ("RPL_WHOREPLY")."""
    ann, bob = pair
    await join(f"{room}x", ann, bob)
    for name in (room, f"{room}x"):
        found = {m.params[5]: (m.params[1], m.params[6]) for m in await who(bob, name)}
        assert found == {ann.nick: (name, "H@"), bob.nick: (name, "H")}
    assert {m.params[5] for m in await who(await dial(f"{nick}o"), room.upper())} == {ann.nick, bob.nick}


@pytest.mark.parametrize("mask", ["nobody-here", "#nowhere-at-all", "nobody*", "a!b@c", "@", "?" * 60])
async def test_who_of_nobody(dial: Connect, nick: str, mask: str) -> None:
    """315 alone ("WHO message")."""
    assert await who(await dial(nick), mask) == []


async def test_who_marks_operators(pair: tuple[IrcPeer, IrcPeer], room: str) -> None:
    """`H` or `G`, then `*` for an operator of the network, then ranks ("RPL_WHOREPLY")."""
    ann, bob = pair
    await answers(ann, f"OPER root :{OPERATOR_PASSWORD}")
    for mask in (ann.nick, f"{ann.nick[:-1].lower()}*"):
        assert [m.params[6] for m in await who(bob, mask)] == ["H*"]
    assert {m.params[6] for m in await who(bob, room)} == {"H*@", "H"}


@pytest.mark.parametrize("fields", ["tcuihsnfdlaor", "roaldfnshiuct", "tcnuihsnfdlaor"])
async def test_whox_has_its_own_order(pair: tuple[IrcPeer, IrcPeer], fields: str) -> None:
    """The chosen fields come in the order of the specification, however they were asked for; no account is `0`."""
    ann, bob = pair
    (line,) = await who(bob, f"{ann.nick} %{fields},123")
    assert line.command == "354"
    token, channel, user, ip, host, server, nick, flags, hops, idle, account, level, realname = line.params[1:]
    assert (token, channel, user, ip, host, server) == (
        "123",
        "*",
        "~annuser",
        "127.0.0.1",
        "127.0.0.1",
        "hubbub.local",
    )
    assert (nick, flags, account, realname) == (ann.nick, "H", "0", "Ann's  Real Name")
    assert hops.isdecimal()
    assert idle.isdecimal()
    assert level


async def test_whox_fields(pair: tuple[IrcPeer, IrcPeer], room: str) -> None:
    """Only what was asked for; a token has up to three digits; without `t` it is left out."""
    ann, bob = pair
    (line,) = await who(bob, f"{ann.nick} %tn,321")
    assert line.params[1:] == ("321", ann.nick)
    (line,) = await who(bob, f"{ann.nick} %n,321")
    assert line.params[1:] == (ann.nick,)
    (line,) = await who(bob, f"{ann.nick} %tn")
    assert line.params[1:] == ("0", ann.nick)
    assert {m.params[1:] for m in await who(bob, f"{room} %cnf")} == {
        (room, ann.nick, "H@"),
        (room, bob.nick, "H"),
    }


@pytest.mark.parametrize("in_front", ["", "hubbub.local ", "{nick} "])
async def test_whois(pair: tuple[IrcPeer, IrcPeer], in_front: str) -> None:
    """User, host and real name, which are three different things; a server or the nick may stand in front
    ("WHOIS message")."""
    ann, bob = pair
    found = await answers(bob, f"WHOIS {in_front.format(nick=ann.nick)}{ann.nick}")
    assert found[0].command == "311"
    assert found[0].params == (bob.nick, ann.nick, "~annuser", "127.0.0.1", "*", "Ann's  Real Name")
    assert found[-1].params[:2] == (bob.nick, ann.nick)


async def test_whois_has_only_what_the_list_has(pair: tuple[IrcPeer, IrcPeer], room: str) -> None:
    """Each numeric is one of the list and has its parameters ("WHOIS message")."""
    ann, bob = pair
    await answers(ann, f"OPER root :{OPERATOR_PASSWORD}")
    found = {m.command: m.params[1:] for m in await answers(bob, f"WHOIS {ann.nick.upper()}")}
    assert set(found) <= WHOIS_NUMERICS
    assert found["312"][:2] == (ann.nick, "hubbub.local")
    assert found["313"][0] == ann.nick
    assert found["319"] == (ann.nick, f"@{room}")
    assert all(re.fullmatch("[0-9]+", number) for number in found["317"][1:3])
    assert len(found["317"]) == 4
    assert "330" not in found


async def rooms_of(peer: IrcPeer, nick: str) -> set[str]:
    """What WHOIS says somebody is in."""
    return {
        word
        for message in await answers(peer, f"WHOIS {nick}")
        if message.command == "319"
        for word in message.params[2].split(" ")
    }


async def test_whois_tells_rooms_one_may_know(dial: Connect, nick: str, room: str) -> None:
    """Those both are in and other public ones; no secret one that is not shared; of who is `+i` only shared ones;
    with the ranks. Of oneself all ("RPL_WHOISCHANNELS", "Secret Channel Mode", "Invisible User Mode")."""
    ann, bob, cat = [await dial(f"{nick}{letter}") for letter in "abc"]
    await join(room, bob, ann)
    await join(f"{room}Public", ann)
    await join(f"{room}secret", ann)
    await change(ann, f"{room}secret +s")
    assert await rooms_of(bob, ann.nick) == {room, f"@{room}Public"}
    assert await rooms_of(cat, ann.nick) == {room, f"@{room}Public"}
    assert await rooms_of(ann, ann.nick) == {room, f"@{room}Public", f"@{room}secret"}
    await join(f"{room}secret", cat)
    assert await rooms_of(cat, ann.nick) == {room, f"@{room}Public", f"@{room}secret"}
    await answers(ann, f"MODE {ann.nick} +i")
    assert await rooms_of(bob, ann.nick) == {room}
    assert await rooms_of(cat, ann.nick) == {f"@{room}secret"}
    await answers(ann, f"PART {room}")
    assert await rooms_of(bob, ann.nick) == set()


async def test_whois_of_somebody_in_many_rooms(dial: Connect, nick: str, room: str) -> None:
    """319 is sent as often as it takes to tell all ("RPL_WHOISCHANNELS")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    rooms = [f"{room}{'x' * 40}{number}" for number in range(20)]
    await answers(ann, *(f"JOIN {','.join(rooms[start : start + 5])}" for start in range(0, 20, 5)))
    assert await rooms_of(bob, nick) == {f"@{name}" for name in rooms}


@pytest.mark.parametrize("target", ["nobody-here", "*", "a!b", "n" * 80])
async def test_whois_of_nobody(dial: Connect, nick: str, target: str) -> None:
    """401 and 318, both with the name that was asked for."""
    found = await answers(await dial(nick), f"WHOIS {target}")
    assert [(m.command, m.params[1]) for m in found] == [("401", target), ("318", target)]


async def test_whois_without_a_name(dial: Connect, nick: str) -> None:
    """431 or 461."""
    assert (await commands(await dial(nick), "WHOIS"))[0] in {"431", "461"}


async def test_lusers(dial: Connect, nick: str) -> None:
    """The figures are whole numbers in their places, and agree with each other: "local" users are all users, for the
    gateways are one server ("LUSERS message")."""
    peer = await dial(nick)
    found = {m.command: m.params[1:] for m in await answers(peer, "LUSERS")}
    assert set(found) == {"251", "252", "253", "254", "255", "265", "266"}
    visible, invisible, servers = map(int, re.findall("[0-9]+", found["251"][0]))
    assert servers == 1
    assert all(found[number][0].isdecimal() and len(found[number]) == 2 for number in ("252", "253", "254"))
    assert int(re.findall("[0-9]+", found["255"][0])[0]) == visible + invisible
    for number in ("265", "266"):
        present, most, _ = found[number]
        assert int(present) == visible + invisible
        assert int(most) >= int(present)


async def test_motd_time_version(dial: Connect, nick: str) -> None:
    """422 without a message of the day; TIME and VERSION name the server."""
    peer = await dial(nick)
    found = await answers(peer, "MOTD", "TIME", "VERSION")
    assert [m.command for m in found][:3] == ["422", "391", "351"]
    assert found[1].params[:2] == (nick, "hubbub.local")
    assert found[2].params[2] == "hubbub.local"


async def test_an_unknown_command(dial: Connect, nick: str) -> None:
    """421 names it ("ERR_UNKNOWNCOMMAND")."""
    (refused,) = await answers(await dial(nick), "NoSuchThing a b")
    assert (refused.command, refused.params[:2]) == ("421", (nick, "NOSUCHTHING"))


@pytest.mark.slow
async def test_a_message_of_the_day(tmp_path: Path) -> None:
    """375, each line as 372, 376; and where no operators are configured, OPER is refused by 491 ("RPL_MOTD")."""
    motd = tmp_path / "motd"
    motd.write_text("one\n\n two  words\n")
    with Network.running(tmp_path, 1, motd_file=str(motd)) as network:
        async with await network.connect("reader") as peer:
            start, *lines, end = await answers(peer, "MOTD")
            assert (start.command, end.command) == ("375", "376")
            assert [(m.command, m.params[1]) for m in lines] == [
                ("372", "- one"),
                ("372", "- "),
                ("372", "-  two  words"),
            ]
            assert await commands(peer, "OPER root x") == ["491"]
