"""CHATHISTORY. Source: https://ircv3.net/specs/extensions/chathistory (sections in parentheses)."""

import time

import pytest

from gateway.wire.message import Message
from gateway.wire.tags import format_time
from tests.harness.history import HISTORY, PLAYBACK, account_of, ask, batch, texts
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import answers, join, settle

Told = tuple[IrcPeer, str, list[Message]]
FAR = ("timestamp=1990-01-01T00:00:00.000Z", "timestamp=2190-01-01T00:00:00.000Z")


async def say(peer: IrcPeer, target: str, *lines: str) -> list[Message]:
    """The echoes of lines, one at a time, so that each has a millisecond of its own and may be named by its time."""
    echoes = []
    for text in lines:
        await peer.send(f"PRIVMSG {target} :{text}")
        echo = await peer.expect("PRIVMSG")
        assert echo.params[-1] == text
        echoes.append(echo)
        while format_time(time.time_ns() // 1_000_000) <= echo.tags["time"]:
            await peer.barrier()
    return echoes


@pytest.fixture
async def told(dial: Connect, nick: str, room: str) -> Told:
    """A peer in a room where ten lines were said."""
    ann = await dial(nick, caps=HISTORY)
    await join(room, ann)
    return ann, room, await say(ann, room, *map(str, range(10)))


async def test_a_batch_as_it_was_said(dial: Connect, told: Told, nick: str) -> None:
    """One batch of type chathistory with the room's own name; each line with the msgid and the time it had, tags and
    all ("CHATHISTORY Command", "Returned message notes")."""
    ann, room, said = told
    await answers(ann, f"TAGMSG {room}", f"@+x=y NOTICE {room} :n")
    start, inside = await batch(ann, f"CHATHISTORY LATEST {room.upper()} * 50")
    assert start.params[1:] == ("chathistory", room)
    known = [(m.source, m.command, m.params, m.tags["msgid"], m.tags["time"]) for m in said]
    assert [(m.source, m.command, m.params, m.tags["msgid"], m.tags["time"]) for m in inside[:-1]] == known
    assert (inside[-1].command, inside[-1].tags["+x"]) == ("NOTICE", "y")
    plain = await dial(f"{nick}p")
    await join(room, plain)
    lines = await answers(plain, f"CHATHISTORY LATEST {room} * 2")
    assert [(m.command, m.params[-1], dict(m.tags)) for m in lines] == [("PRIVMSG", "9", {}), ("NOTICE", "n", {})]


async def test_labelled(told: Told) -> None:
    """The answer to a labelled request is tied to it."""
    ann, room, _ = told
    first, second, line, *_ = await answers(ann, f"@label=L CHATHISTORY LATEST {room} * 1")
    assert (first.tags["label"], first.params[1]) == ("L", "labeled-response")
    assert (second.tags["batch"], second.params[1:]) == (first.params[0][1:], ("chathistory", room))
    assert (line.tags["batch"], line.params) == (second.params[0][1:], (room, "9"))


@pytest.mark.parametrize("by", ["msgid", "timestamp"])
async def test_ranges(told: Told, by: str) -> None:
    """LATEST, BEFORE, AFTER and BETWEEN leave out what they are given, keep to the limit from their own end, and come
    in ascending order; BETWEEN counts from its first reference, in either direction ("Subcommands")."""
    ann, room, said = told
    at = [f"{by}={m.tags['msgid' if by == 'msgid' else 'time']}" for m in said]
    assert len(set(at)) == 10
    assert await texts(ann, f"LATEST {room} * 3") == ["7", "8", "9"]
    assert await texts(ann, f"LATEST {room} {at[5]} 10") == ["6", "7", "8", "9"]
    assert await texts(ann, f"LATEST {room} {at[5]} 2") == ["8", "9"]
    assert await texts(ann, f"BEFORE {room} {at[5]} 3") == ["2", "3", "4"]
    assert await texts(ann, f"AFTER {room} {at[5]} 2") == ["6", "7"]
    assert await texts(ann, f"AFTER {room} {at[9]} 10") == []
    assert await texts(ann, f"BETWEEN {room} {at[2]} {at[8]} 10") == ["3", "4", "5", "6", "7"]
    assert await texts(ann, f"BETWEEN {room} {at[8]} {at[2]} 10") == ["3", "4", "5", "6", "7"]
    assert await texts(ann, f"BETWEEN {room} {at[2]} {at[8]} 2") == ["3", "4"]
    assert await texts(ann, f"BETWEEN {room} {at[8]} {at[2]} 2") == ["6", "7"]
    assert await texts(ann, f"BETWEEN {room} {at[2]} {at[2]} 2") == []


@pytest.mark.parametrize("by", ["msgid", "timestamp"])
async def test_around(told: Told, by: str) -> None:
    """As many as the limit, no more, with the message itself among them ("AROUND")."""
    ann, room, said = told
    at = f"{by}={said[5].tags['msgid' if by == 'msgid' else 'time']}"
    assert await texts(ann, f"AROUND {room} {at} 1") == ["5"]
    assert await texts(ann, f"AROUND {room} {at} 2") == ["5", "6"]
    assert await texts(ann, f"AROUND {room} {at} 5") == ["3", "4", "5", "6", "7"]


async def test_times_far_away(told: Told) -> None:
    """Any time that can be written is a reference, before everything or after."""
    ann, room, _ = told
    early, late = "timestamp=1969-12-31T23:59:59.999Z", "timestamp=9999-12-31T23:59:59.999Z"
    everything = list(map(str, range(10)))
    assert await texts(ann, f"AFTER {room} {early} 50") == everything
    assert await texts(ann, f"BEFORE {room} {late} 50") == everything
    assert await texts(ann, f"BEFORE {room} {early} 50") == []
    assert await texts(ann, f"AFTER {room} {late} 50") == []
    assert await texts(ann, f"BETWEEN {room} {late} {early} 2") == ["8", "9"]
    assert await texts(ann, f"AROUND {room} {late} 3") == ["9"]


async def test_a_limit_above_ours(told: Told) -> None:
    """CHATHISTORY in 005 is the most that one command gets ("ISUPPORT tokens")."""
    ann, room, _ = told
    lines = [m for m in await answers(ann, "VERSION") if m.command == "005"]
    tokens = {token for line in lines for token in line.params[1:-1]}
    assert {"CHATHISTORY=100", "MSGREFTYPES=msgid,timestamp"} <= tokens
    assert await texts(ann, f"LATEST {room} * 999999999") == list(map(str, range(10)))


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ("", "INVALID_PARAMS *"),
        ("NOTHING {room} * 5", "INVALID_PARAMS NOTHING"),
        ("LATEST", "INVALID_PARAMS LATEST"),
        ("LATEST {room} *", "INVALID_PARAMS LATEST"),
        ("LATEST {room} * 5 6", "INVALID_PARAMS LATEST"),
        ("BETWEEN {room} * 5", "INVALID_PARAMS BETWEEN"),
        ("LATEST {room} * none", "INVALID_PARAMS LATEST none"),
        ("LATEST {room} * 0", "INVALID_PARAMS LATEST 0"),
        ("LATEST {room} * -1", "INVALID_PARAMS LATEST -1"),
        ("BEFORE {room} * 5", "INVALID_PARAMS BEFORE *"),
        ("AFTER {room} timestamp=yesterday 5", "INVALID_PARAMS AFTER timestamp=yesterday"),
        ("AFTER {room} msgid= 5", "INVALID_PARAMS AFTER msgid="),
        ("AFTER {room} rubbish 5", "INVALID_PARAMS AFTER rubbish"),
        ("AFTER {room} mood=good 5", "INVALID_MSGREFTYPE AFTER {room} mood=good"),
        ("AFTER {room} msgid=nothere 5", "MESSAGE_ERROR AFTER {room} msgid=nothere"),
        ("LATEST #elsewhere * 5", "INVALID_TARGET LATEST #elsewhere"),
        ("LATEST nobody-at-all * 5", "INVALID_TARGET LATEST nobody-at-all"),
        ("LATEST !? * 5", "INVALID_TARGET LATEST !?"),
        ("TARGETS * * 5", "INVALID_PARAMS TARGETS *"),
        ("TARGETS msgid=a msgid=b 5", "INVALID_PARAMS TARGETS msgid"),
        ("TARGETS timestamp=2020-01-01T00:00:00.000Z 5", "INVALID_PARAMS TARGETS"),
    ],
)
async def test_refusals(dial: Connect, nick: str, room: str, request_: str, refusal: str) -> None:
    """FAIL with the code, the subcommand and the context of the specification, also for a client that has not said
    that it knows standard-replies ("Errors and Warnings")."""
    ann = await dial(nick, caps=HISTORY)
    await join(room, ann)
    (answer,) = await answers(ann, "CHATHISTORY " + request_.format(room=room))
    assert answer.command == "FAIL"
    assert " ".join(answer.params[:-1]) == "CHATHISTORY " + refusal.format(room=room)


async def test_a_room_of_others(dial: Connect, nick: str, room: str) -> None:
    """Who is not in a room reads nothing of it, and does not learn that it is there ("Security Considerations"); who
    comes in reads what was said before; who has left reads no more."""
    ann, bob = await dial(nick, caps=HISTORY), await dial(f"{nick}b", caps=HISTORY)
    await join(room, ann)
    await say(ann, room, "before")
    for line in (f"CHATHISTORY LATEST {room} * 5", "CHATHISTORY LATEST #no-such-room * 5"):
        (answer,) = await answers(bob, line)
        assert (answer.command, answer.params[:3]) == ("FAIL", ("CHATHISTORY", "INVALID_TARGET", "LATEST"))
    await join(room, bob)
    assert await texts(bob, f"LATEST {room} * 5") == ["before"]
    (_, answer) = await answers(bob, f"PART {room}", f"CHATHISTORY LATEST {room} * 5")
    assert (answer.command, answer.params[1]) == ("FAIL", "INVALID_TARGET")


# -- direct messages -------------------------------------------------------------------------------------------------


async def talk(one: IrcPeer, other: IrcPeer, lines: int) -> list[Message]:
    """Each says something in turn; what both have got of it, which is the same."""
    said = []
    for number in range(lines):
        author, hearer = (one, other) if number % 2 == 0 else (other, one)
        (echo,) = await say(author, hearer.nick, f"{author.nick} {number}")
        got = await hearer.expect("PRIVMSG")
        assert (got.params, got.source, got.tags) == (echo.params, echo.source, echo.tags)
        said.append(echo)
    return said


def known(messages: list[Message]) -> list[tuple[object, ...]]:
    """What history has to give back."""
    return [(m.source, m.command, m.params, m.tags["msgid"], m.tags["time"]) for m in messages]


async def test_direct_messages_both_ways(dial: Connect, nick: str) -> None:
    """With a nick as the target, what both sent, for both, in any spelling; and nothing of third ones."""
    ann, bob, cat = [await dial(f"{nick}{letter}", caps=HISTORY) for letter in "abc"]
    said = await talk(ann, bob, 4)
    with_cat = await talk(cat, ann, 2)
    for peer, other in ((ann, bob), (bob, ann)):
        assert known(await ask(peer, f"LATEST {other.nick} * 10")) == known(said)
        assert known(await ask(peer, f"LATEST {other.nick.upper()} * 10")) == known(said)
        at = f"msgid={said[1].tags['msgid']}"
        assert known(await ask(peer, f"AFTER {other.nick} {at} 10")) == known(said[2:])
        assert known(await ask(peer, f"BEFORE {other.nick} timestamp={said[1].tags['time']} 10")) == known(said[:1])
        assert known(await ask(peer, f"AROUND {other.nick} {at} 3")) == known(said[:3])
    assert known(await ask(ann, f"LATEST {cat.nick} * 10")) == known(with_cat)
    assert await ask(bob, f"LATEST {cat.nick} * 10") == []


async def test_to_oneself(dial: Connect, nick: str) -> None:
    """Kept once, though two copies come."""
    ann = await dial(nick, caps=HISTORY)
    await ann.send(f"PRIVMSG {nick} :memo")
    echo, copy = await ann.collect("PRIVMSG", 2)
    assert echo.tags == copy.tags
    assert known(await ask(ann, f"LATEST {nick} * 10")) == known([echo])


async def test_another_nick_is_the_same_person(dial: Connect, nick: str) -> None:
    """ "The server SHOULD attempt to include history involving other nicknames"."""
    ann, bob = await dial(nick, caps=HISTORY), await dial(f"{nick}b", caps=HISTORY)
    said = await talk(ann, bob, 2)
    await answers(bob, f"NICK {nick}bb")
    assert known(await ask(ann, f"LATEST {nick}bb * 10")) == known(said)
    assert known(await ask(bob, f"LATEST {nick} * 10")) == known(said)


async def test_an_account_outlives_its_session(dial: Connect, nick: str) -> None:
    """What an account said and was told is there in its next session, on another gateway, for both."""
    ann, bob = await account_of(dial, nick), await account_of(dial, f"{nick}b")
    said = await talk(ann, bob, 3)
    for peer in (ann, bob):
        await peer.send("QUIT")
        await peer.wait_closed()
    ann = await account_of(dial, nick, again=True)
    assert known(await ask(ann, f"LATEST {nick}b * 10")) == known(said)
    await dial(f"{nick}x")
    bob = await account_of(dial, f"{nick}b", again=True)
    assert known(await ask(bob, f"LATEST {nick} * 10")) == known(said)


async def test_a_guests_nick_gives_nothing(dial: Connect, nick: str) -> None:
    """Who takes a nick reads nothing of what was said to the one before ("users cannot obtain history they are not
    authorised to view"); whom that one talked with still does, until the nick is somebody else's."""
    ann, guest = await account_of(dial, nick), await dial(f"{nick}g", caps=HISTORY)
    said = await talk(ann, guest, 2)
    await guest.send("QUIT")
    await guest.wait_closed()
    assert known(await ask(ann, f"LATEST {nick}g * 10")) == known(said)
    thief = await account_of(dial, f"{nick}g")
    assert await ask(thief, f"LATEST {nick} * 10") == []
    assert await ask(ann, f"LATEST {nick}g * 10") == []


async def test_no_more_than_was_said(dial: Connect, nick: str, room: str) -> None:
    """Invitations travel in the same inbox, and are no history."""
    ann, bob = await dial(nick, caps=PLAYBACK), await dial(f"{nick}b", caps=PLAYBACK)
    await join(room, ann)
    await ann.send(f"INVITE {bob.nick} {room}", f"@+typing=active TAGMSG {bob.nick}", f"PRIVMSG {bob.nick} :x")
    await bob.expect("PRIVMSG")
    await settle(ann)
    assert await texts(ann, f"LATEST {bob.nick} * 10") == ["x"]


# -- TARGETS ---------------------------------------------------------------------------------------------------------


async def targets(peer: IrcPeer, first: str, second: str, limit: int = 50) -> list[tuple[str, ...]]:
    """Names and times of one answer."""
    start, inside = await batch(peer, f"CHATHISTORY TARGETS {first} {second} {limit}")
    assert start.params[1:] == ("draft/chathistory-targets",)
    assert all((m.command, m.params[0]) == ("CHATHISTORY", "TARGETS") for m in inside)
    return [m.params[1:] for m in inside]


async def test_targets(dial: Connect, nick: str, room: str) -> None:
    """Rooms the peer is in and nicks it has talked with, by the time of the last message, in a batch of its own type;
    limited and counted as BETWEEN is ("TARGETS")."""
    ann, bob, cat = [await dial(f"{nick}{letter}", caps=HISTORY) for letter in "abc"]
    await join(room, ann)
    await join(f"{room}-empty", ann)
    said = await say(ann, room, "one") + await talk(bob, ann, 1) + await say(ann, cat.nick, "three")
    found = [(target, m.tags["time"]) for target, m in zip((room, bob.nick, cat.nick), said, strict=True)]
    assert await targets(ann, *FAR) == found
    assert await targets(ann, *FAR, limit=2) == found[:2]
    assert await targets(ann, FAR[1], FAR[0], limit=2) == found[1:]
    assert await targets(ann, f"timestamp={said[0].tags['time']}", FAR[1]) == found[1:]
    assert await targets(ann, FAR[0], f"timestamp={said[2].tags['time']}") == found[:2]
    assert await targets(bob, *FAR) == [(ann.nick, said[1].tags["time"])]
    await answers(ann, f"PART {room}")
    assert await targets(ann, *FAR) == found[1:]


async def test_a_guest_who_logs_in_is_the_account(dial: Connect, nick: str) -> None:
    """What was said before stays with the session (ours: docs/protocol.md, "History")."""
    ann, bob = await dial(nick, caps=HISTORY), await dial(f"{nick}b", caps=HISTORY)
    await say(ann, bob.nick, "as a guest")
    await ann.send("REGISTER * * sesame-street")
    await ann.expect("REGISTER")
    await say(ann, bob.nick, "as the account")
    for peer, target in ((ann, bob.nick), (bob, nick)):
        assert await texts(peer, f"LATEST {target} * 10") == ["as the account"]
    await ann.send("ACCOUNT LOGOUT")
    await ann.expect("901")
    assert await texts(ann, f"LATEST {bob.nick} * 10") == ["as a guest"]


# -- what is kept ----------------------------------------------------------------------------------------------------


async def test_a_room_keeps_less(dial: Connect, told: Told, nick: str) -> None:
    """Mode `H`, of operators: so many entries, up to an age; none at all with 0; a value that cannot be is refused
    (ours: docs/protocol.md)."""
    ann, room, _ = told
    bob = await dial(f"{nick}b", caps=HISTORY)
    await join(room, bob)
    await settle(ann, bob)
    assert [m.command for m in await answers(bob, f"MODE {room} +H 3")] == ["482"]
    for wrong in ("", "x", "3:", "3:5", "3:0d", "3:1y", "20000", "-1", "3:1h1h"):
        (answer,) = await answers(ann, f"MODE {room} +H {wrong}")
        assert answer.command == ("461" if not wrong else "696"), wrong
    await answers(ann, f"MODE {room} +H 3:1d")
    # The mode change is an entry too, and so is bob's JOIN.
    assert await texts(ann, f"LATEST {room} * 50") == ["9"]
    assert await texts(bob, f"BEFORE {room} {FAR[1]} 50") == ["9"]
    (answer, _) = await answers(bob, f"MODE {room}")
    assert answer.params[2:] == ("+ntH", "3:1d")
    await answers(ann, f"MODE {room} +H 0")
    await say(ann, room, "off the record")
    assert await texts(bob, f"LATEST {room} * 50") == []
    await answers(ann, f"MODE {room} -H")
    assert await texts(bob, f"LATEST {room} * 2") == ["9", "off the record"]
