"""Several connections of one account share a nick, whichever gateways they are on.

Source: docs/protocol.md, "Several connections, one nick"; IRCv3 echo-message,
https://ircv3.net/specs/extensions/echo-message; ADR 23.
"""

from gateway.wire.message import Message
from tests.harness.deadlines import eventually
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import OPERATOR_PASSWORD, Connect
from tests.harness.resuming import RESUME
from tests.harness.sasl_client import authenticate_plain, plain

PASSWORD = "sesame-street"
CAPS = ("sasl", "standard-replies", "message-tags", "draft/chathistory")


async def first(dial: Connect, nick: str, *caps: str) -> IrcPeer:
    """Somebody with an account whose connections share its nick."""
    peer = await dial(nick, caps=(*CAPS, *caps))
    await peer.send(f"REGISTER * * {PASSWORD}", "ACCOUNT SET multiclient on")
    await noted(peer, "SET")
    return peer


async def noted(peer: IrcPeer, code: str) -> Message:
    """The NOTE with that code."""
    return await peer.expect(lambda m: m.command == "NOTE" and m.params[1] == code)


async def registering(dial: Connect, nick: str, *caps: str) -> IrcPeer:
    """One more connection, logged in and registering under the nick; the answer is still to be read."""
    peer = await dial(nick, register=False)
    await peer.send("CAP LS 302", f"CAP REQ :{' '.join((*CAPS, *caps))}", f"NICK {nick}", "USER other 0 * :Other")
    assert (await authenticate_plain(peer, nick, PASSWORD)).command == "903"
    await peer.send("CAP END")
    return peer


async def further(dial: Connect, nick: str, *caps: str) -> IrcPeer:
    """The same, welcomed."""
    peer = await registering(dial, nick, *caps)
    assert (await peer.expect("001")).params[0] == nick
    await peer.expect(lambda m: m.command in {"376", "422"})
    return peer


async def couple(dial: Connect, nick: str, room: str) -> tuple[IrcPeer, IrcPeer]:
    """Two connections that share a nick, both in the room."""
    phone = await first(dial, nick)
    laptop = await further(dial, nick)
    await phone.send(f"JOIN {room}")
    for peer in (phone, laptop):
        await peer.expect("366")
    return phone, laptop


async def in_room(dial: Connect, nick: str, room: str, *caps: str) -> IrcPeer:
    """Somebody else, in the room."""
    peer = await dial(nick, caps=caps)
    await peer.send(f"JOIN {room}")
    await peer.expect("366")
    return peer


async def count_sessions(peer: IrcPeer) -> int:
    """How many ACCOUNT SESSIONS lists."""
    await peer.send("ACCOUNT SESSIONS")
    return len([m for m in await peer.barrier() if m.command == "NOTE" and m.params[1] == "SESSION"])


async def one_lost(peer: IrcPeer) -> None:
    """Wait until another connection of the session is known to be lost."""

    async def lost() -> bool | None:
        await peer.send("ACCOUNT SESSIONS")
        return any("lost" in m.params[-1] for m in await peer.barrier() if m.command == "NOTE") or None

    await eventually(lost, what="a connection is listed as lost")


def talk(messages: list[Message]) -> list[tuple[str, str, str]]:
    """Author, target and text of what was said among the messages."""
    return [
        (m.source.partition("!")[0], m.params[0], m.params[1])
        for m in messages
        if m.command in {"PRIVMSG", "NOTICE"} and "!" in m.source
    ]


async def said(peer: IrcPeer) -> tuple[str, str, str]:
    """The next thing somebody says: author, target, text."""
    return talk([await peer.expect(lambda m: bool(talk([m])))])[0]


# -- coming and going -------------------------------------------------------------------------------------------------


async def test_the_second_connection_is_in_the_same_rooms(dial: Connect, nick: str, room: str) -> None:
    """It gets JOIN, topic and names of each; the first goes on, and nobody else sees anything."""
    phone = await first(dial, nick)
    other = await in_room(dial, f"{nick}bob", room)
    await phone.send(f"JOIN {room}")
    await other.expect("JOIN")
    await other.send(f"TOPIC {room} :what we do", f"MODE {room} +o {nick}")
    for peer in (phone, other):
        await peer.expect("MODE")
    laptop = await further(dial, nick)
    joined = await laptop.expect("JOIN")
    assert (joined.source.partition("!")[0], joined.params[0]) == (nick, room)
    assert (await laptop.expect("332")).params[2] == "what we do"
    assert f"@{nick}" in (await laptop.expect("353")).params[3].split()
    assert await other.barrier() == []
    assert await count_sessions(phone) == 2


async def test_a_join_by_one_is_seen_by_both(dial: Connect, nick: str, room: str) -> None:
    """As the own JOIN, with topic and names; so are PART and KICK, and who is out hears nothing more."""
    phone, laptop = await couple(dial, nick, room)
    other = await in_room(dial, f"{nick}bob", room)
    for peer in (phone, laptop):
        assert (await peer.expect("JOIN")).source.startswith(f"{nick}bob!")
    await laptop.send(f"PART {room} :enough")
    for peer in (phone, laptop, other):
        parted = await peer.expect("PART")
        assert (parted.source.partition("!")[0], parted.params) == (nick, (room, "enough"))
    await laptop.send(f"JOIN {room}")
    await laptop.expect("366")
    await phone.expect("366")
    assert (await other.expect("JOIN")).source.startswith(f"{nick}!")
    await other.send(f"MODE {room}")
    await other.barrier()
    await other.send(f"NAMES {room}")
    assert sorted((await other.expect("353")).params[3].replace("@", "").split()) == sorted([nick, f"{nick}bob"])


async def test_a_kick_takes_all_out(dial: Connect, nick: str, room: str) -> None:
    """One KICK, seen by each connection, and the member is gone."""
    op = await in_room(dial, f"{nick}op", room)
    phone, laptop = await couple(dial, nick, room)
    await op.send(f"KICK {room} {nick} :out")
    for peer in (phone, laptop):
        assert (await peer.expect("KICK")).params == (room, nick, "out")
    await laptop.send(f"PRIVMSG {room} :still here?")
    assert (await laptop.expect("404")).params[1] == room
    await op.send(f"NAMES {room}")
    assert (await op.expect("353")).params[3] == f"@{nick}op"


async def test_only_the_last_to_quit_quits(dial: Connect, nick: str, room: str) -> None:
    """The first QUIT is seen by nobody, whichever connection it is; with the last the session ends and its nick is
    free."""
    phone, laptop = await couple(dial, nick, room)
    other = await in_room(dial, f"{nick}bob", room)
    await phone.send("QUIT :off")
    await phone.wait_closed()
    await other.send(f"PRIVMSG {nick} :are you there?", f"PRIVMSG {room} :anybody?")
    heard = {await said(laptop), await said(laptop)}
    assert heard == {(f"{nick}bob", nick, "are you there?"), (f"{nick}bob", room, "anybody?")}
    await laptop.send(f"PRIVMSG {room} :yes")
    assert await said(other) == (nick, room, "yes")
    assert await other.barrier() == []
    await laptop.send("QUIT :bye")
    assert (await other.expect("QUIT")).params == ("Quit: bye",)
    await laptop.wait_closed()
    assert not [m for m in await other.barrier() if m.command == "QUIT"]
    await other.send(f"WHOIS {nick}")
    await other.expect("401")


async def test_a_lost_connection_leaves_the_others(dial: Connect, nick: str, room: str) -> None:
    """No QUIT, no absence while another is there."""
    phone, laptop = await couple(dial, nick, room)
    other = await in_room(dial, f"{nick}bob", room)
    await phone.close()
    await one_lost(laptop)
    await other.send(f"WHOIS {nick}", f"PRIVMSG {nick} :hello")
    assert not [m for m in await other.barrier() if m.command in {"301", "QUIT"}]
    assert await said(laptop) == (f"{nick}bob", nick, "hello")
    await laptop.close()

    async def absent() -> bool | None:
        await other.send(f"WHOIS {nick}")
        return any(m.command == "301" for m in await other.barrier()) or None

    await eventually(absent, what="with the last connection the session is lost")


async def test_one_attachment_resumes(dial: Connect, nick: str, room: str) -> None:
    """Its token brings back its own connection, with what that one missed; the other is not disturbed."""
    phone = await first(dial, nick, RESUME)
    laptop = await further(dial, nick, RESUME)
    token = (await laptop.expect(lambda m: m.command == "RESUME" and m.params[0] == "TOKEN")).params[1]
    other = await dial(f"{nick}bob")
    await laptop.close()
    await one_lost(phone)
    await other.send(f"PRIVMSG {nick} :meanwhile")
    assert await said(phone) == (f"{nick}bob", nick, "meanwhile")
    again = await dial(nick, register=False)
    await again.send(
        "CAP LS 302", f"CAP REQ :{RESUME} message-tags", "NICK x", "USER x 0 * :x", f"RESUME {token}", "CAP END"
    )
    assert (await again.expect("RESUME")).params == ("SUCCESS", nick)
    assert await said(again) == (f"{nick}bob", nick, "meanwhile")
    await again.expect(lambda m: m.command == "RESUME" and m.params[0] == "DONE")
    assert await count_sessions(phone) == 2
    await other.send(f"PRIVMSG {nick} :both?")
    for peer in (phone, again):
        assert await said(peer) == (f"{nick}bob", nick, "both?")


async def test_a_device_without_a_token_takes_the_place_it_lost(dial: Connect, nick: str) -> None:
    """No ghost is left behind where the server knew of the loss."""
    phone = await first(dial, nick)
    laptop = await further(dial, nick)
    await laptop.close()
    await one_lost(phone)
    await further(dial, nick)
    assert await count_sessions(phone) == 2


# -- what is said -----------------------------------------------------------------------------------------------------


async def test_what_one_says_the_others_get(dial: Connect, nick: str, room: str) -> None:
    """From the own nick, under the same msgid, with or without echo-message; who said it gets it as echo-message wants
    ("servers MUST ... for messages that the client sent" is about that client's own)."""
    phone, laptop = await couple(dial, nick, room)
    echoing = await further(dial, nick, "echo-message")
    await echoing.expect("366")
    other = await in_room(dial, f"{nick}bob", room, "message-tags")
    await laptop.send(f"PRIVMSG {room} :one")
    lines = [await peer.expect("PRIVMSG") for peer in (phone, echoing, other)]
    assert {(line.source.partition("!")[0], line.params) for line in lines} == {(nick, (room, "one"))}
    assert len({line.tags["msgid"] for line in lines}) == 1
    assert talk(await laptop.barrier()) == []
    await echoing.send(f"PRIVMSG {room} :two")
    for peer in (echoing, phone, laptop, other):
        assert await said(peer) == (nick, room, "two")
    assert talk(await echoing.barrier()) == []


async def test_direct_messages_reach_all_and_so_do_the_answers(dial: Connect, nick: str) -> None:
    """What is sent to the nick comes to each; what one sends to somebody comes to the others once, under its msgid."""
    phone = await first(dial, nick)
    laptop = await further(dial, nick)
    other = await dial(f"{nick}bob", caps=("message-tags",))
    await other.send(f"PRIVMSG {nick} :hello")
    for peer in (phone, laptop):
        assert await said(peer) == (f"{nick}bob", nick, "hello")
    for sender, receiver in ((phone, laptop), (laptop, phone)):
        await sender.send(f"PRIVMSG {nick}bob :hi", f"NOTICE {nick}bob :note")
        for _ in range(2):
            told, copied = (
                await other.expect(lambda m: "!" in m.source),
                await receiver.expect(lambda m: "!" in m.source),
            )
            assert (copied.command, copied.params, copied.source) == (told.command, told.params, told.source)
            assert copied.tags["msgid"] == told.tags["msgid"]
        assert talk(await sender.barrier()) == []
        assert talk(await receiver.barrier()) == []
    await phone.send(f"PRIVMSG {nick} :to myself")
    for peer in (phone, laptop):
        assert await said(peer) == (nick, nick, "to myself")


# -- what is changed --------------------------------------------------------------------------------------------------


async def test_a_nick_change_by_one_is_everybodys(dial: Connect, nick: str, room: str) -> None:
    """Each connection gets its own NICK, others one."""
    phone, laptop = await couple(dial, nick, room)
    other = await in_room(dial, f"{nick}bob", room)
    await laptop.send(f"NICK {nick}new")
    for peer in (phone, laptop, other):
        changed = await peer.expect("NICK")
        assert (changed.source.partition("!")[0], changed.params) == (nick, (f"{nick}new",))
    await phone.send(f"PRIVMSG {room} :it is me")
    assert await said(other) == (f"{nick}new", room, "it is me")
    assert not [m for m in await other.barrier() if m.command == "NICK"]


async def test_modes_of_the_user_are_everybodys(dial: Connect, nick: str) -> None:
    """MODE on one is shown on the other."""
    phone = await first(dial, nick)
    laptop = await further(dial, nick)
    await phone.send(f"MODE {nick} +i")
    for peer in (phone, laptop):
        assert (await peer.expect("MODE")).params == (nick, "+i")
    await laptop.send(f"MODE {nick}")
    assert "i" in (await laptop.expect("221")).params[1]


async def test_what_is_taken_back_or_read_is_so_for_all(dial: Connect, nick: str) -> None:
    """REDACT of a direct message and MARKREAD reach the other connections (draft/message-redaction, draft/read-marker),
    and who sent them hears of them once."""
    caps = ("draft/message-redaction", "draft/read-marker", "echo-message")
    phone = await first(dial, nick, *caps)
    laptop = await further(dial, nick, *caps)
    await dial(f"{nick}bob")
    await phone.send(f"PRIVMSG {nick}bob :oops")
    msgid = (await phone.expect("PRIVMSG")).tags["msgid"]
    assert (await laptop.expect("PRIVMSG")).tags["msgid"] == msgid
    stamp = "timestamp=2026-01-01T00:00:00.000Z"
    await phone.send(f"REDACT {nick}bob {msgid} :typo", f"MARKREAD {nick}bob {stamp}")
    for peer in (phone, laptop):
        assert (await peer.expect("REDACT")).params == (f"{nick}bob", msgid, "typo")
        assert (await peer.expect("MARKREAD")).params == (f"{nick}bob", stamp)
    for peer in (phone, laptop):
        assert not [m for m in await peer.barrier() if m.command in {"REDACT", "MARKREAD"}]


async def test_it_is_away_when_all_are(dial: Connect, nick: str, room: str) -> None:
    """AWAY of one is its own; with the last of them the others are told, and of the first that is back."""
    phone, laptop = await couple(dial, nick, room)
    other = await in_room(dial, f"{nick}bob", room, "away-notify")
    await phone.send("AWAY :phone")
    await phone.expect("306")
    await other.send(f"WHOIS {nick}")
    assert not [m for m in await other.barrier() if m.command in {"AWAY", "301"}]
    await laptop.send("AWAY :laptop")
    await laptop.expect("306")
    assert (await other.expect("AWAY")).params[0] in {"phone", "laptop"}
    await phone.send("AWAY")
    await phone.expect("305")
    assert (await other.expect("AWAY")).params == ()
    await phone.send("QUIT")
    assert (await other.expect("AWAY")).params == ("laptop",)
    await further(dial, nick)
    assert (await other.expect("AWAY")).params == ()
    assert not [m for m in await other.barrier() if m.command in {"QUIT", "JOIN"}]


async def test_an_absence_of_one_that_was_left_alone_counts(dial: Connect, nick: str, room: str) -> None:
    """What a connection says while it is the only one is its own word as well, when there are others again."""
    phone, laptop = await couple(dial, nick, room)
    other = await in_room(dial, f"{nick}bob", room, "away-notify")
    await laptop.send("QUIT")
    await laptop.wait_closed()
    assert await count_sessions(phone) == 1
    await phone.send("AWAY :phone")
    assert (await other.expect("AWAY")).params == ("phone",)
    laptop = await further(dial, nick)
    assert (await other.expect("AWAY")).params == ()
    await laptop.send("AWAY :laptop")
    assert (await other.expect("AWAY")).params[0] in {"phone", "laptop"}
    await laptop.send("QUIT")
    await laptop.wait_closed()
    await other.send(f"WHOIS {nick}")
    assert (await other.expect("301")).params[2] == "phone"


async def test_who_watches_the_nick_hears_of_the_absence_of_all(dial: Connect, nick: str) -> None:
    """Without a room in common (IRCv3 extended-monitor, away-notify): once when all are away, once when one is back."""
    watcher = await dial(f"{nick}bob", caps=("extended-monitor", "away-notify"))
    phone = await first(dial, nick)
    await watcher.send(f"MONITOR + {nick}")
    await watcher.expect("730")
    await phone.send("AWAY :phone")
    assert (await watcher.expect("AWAY")).params == ("phone",)
    laptop = await further(dial, nick)
    assert (await watcher.expect("AWAY")).params == ()
    await laptop.send("AWAY :laptop")
    assert (await watcher.expect("AWAY")).params[0] in {"phone", "laptop"}
    await phone.send("AWAY")
    assert (await watcher.expect("AWAY")).params == ()
    await phone.send("QUIT")
    assert (await watcher.expect("AWAY")).params == ("laptop",)
    assert [m.command for m in await watcher.barrier()] == []


async def test_a_real_name_is_everybodys(dial: Connect, nick: str) -> None:
    """SETNAME on one is shown on the other."""
    phone = await first(dial, nick, "setname")
    laptop = await further(dial, nick, "setname")
    await laptop.send("SETNAME :Somebody Else")
    for peer in (phone, laptop):
        assert (await peer.expect("SETNAME")).params == ("Somebody Else",)


# -- who may ----------------------------------------------------------------------------------------------------------


async def test_it_is_the_accounts_choice(dial: Connect, nick: str) -> None:
    """Off: the second connection takes the nick over, as before. What is not on, off or default is refused."""
    phone = await first(dial, nick)
    await phone.send("ACCOUNT SET multiclient maybe")
    assert (await phone.expect("FAIL")).params[:3] == ("ACCOUNT", "INVALID_PARAMS", "SET")
    await phone.send("ACCOUNT SET multiclient off")
    await noted(phone, "SET")
    await phone.send("ACCOUNT INFO")
    assert "takes the nick over" in (await noted(phone, "INFO")).params[-1]
    await further(dial, nick)
    assert (await phone.wait_closed())[-1].params == ("Closing link: Resumed elsewhere",)


async def test_other_nicks_of_the_account_stay_apart(dial: Connect, nick: str) -> None:
    """A session of the account under another nick is its own."""
    phone = await first(dial, nick)
    apart = await dial(f"{nick}two", caps=CAPS)
    assert (await authenticate_plain(apart, nick, PASSWORD)).command == "903"
    assert await count_sessions(phone) == await count_sessions(apart) == 1
    other = await dial(f"{nick}bob")
    await other.send(f"PRIVMSG {nick}two :apart")
    assert await said(apart) == (f"{nick}bob", f"{nick}two", "apart")
    assert talk(await phone.barrier()) == []


async def test_there_is_a_limit(dial: Connect, nick: str) -> None:
    """The ninth connection is told so, and may choose another nick."""
    peers = [await first(dial, nick), *[await further(dial, nick) for _ in range(7)]]
    assert await count_sessions(peers[0]) == 8
    ninth = await registering(dial, nick)
    assert (await ninth.expect("FAIL")).params[:3] == ("NICK", "TOO_MANY_CONNECTIONS", nick)
    assert (await ninth.expect("433")).params[1] == nick
    await ninth.send(f"NICK {nick}nine")
    assert (await ninth.expect("001")).params[0] == f"{nick}nine"


async def test_who_logs_out_is_alone(dial: Connect, nick: str, room: str) -> None:
    """Only the account joined them: the others end, and others in the room see no QUIT."""
    phone, laptop = await couple(dial, nick, room)
    other = await in_room(dial, f"{nick}bob", room)
    await laptop.send("ACCOUNT LOGOUT")
    assert (await phone.wait_closed())[-1].command == "ERROR"
    await laptop.expect("901")
    await laptop.expect("NICK")  # the old one is the account's
    assert not [m for m in await other.barrier() if m.command == "QUIT"]


async def test_a_deleted_account_leaves_one(dial: Connect, nick: str) -> None:
    """DELETE logs out; nobody else goes on under the account."""
    phone = await first(dial, nick)
    laptop = await further(dial, nick)
    await phone.send(f"ACCOUNT DELETE {PASSWORD}")
    assert (await laptop.wait_closed())[-1].command == "ERROR"
    await phone.expect("901")


async def test_a_kill_ends_all(dial: Connect, nick: str, room: str) -> None:
    """Each connection, and one that is lost too: the others see one QUIT."""
    phone, laptop = await couple(dial, nick, room)
    ghost = await further(dial, nick, RESUME)
    other = await in_room(dial, f"{nick}bob", room)
    await ghost.close()
    await one_lost(laptop)
    await other.send("OPER root :let the tests in")
    await other.expect("381")
    await other.send(f"KILL {nick} :enough")
    for peer in (phone, laptop):
        assert "Killed" in (await peer.wait_closed())[-1].params[0]
    assert "Killed" in (await other.expect("QUIT")).params[0]
    assert not [m for m in await other.barrier() if m.command == "QUIT"]

    async def gone() -> bool | None:
        await other.send(f"WHOIS {nick}")
        return "401" in [m.command for m in await other.barrier()] or None

    await eventually(gone, what="the nick is free")


async def test_a_ban_of_the_account_ends_all(dial: Connect, nick: str, room: str) -> None:
    """KLINE by account: each connection is closed, on whichever gateway, and the others see one QUIT."""
    root = await dial(f"{nick}root")
    await root.send(f"OPER root :{OPERATOR_PASSWORD}")
    await root.expect("381")
    phone, laptop = await couple(dial, nick, room)
    other = await in_room(dial, f"{nick}bob", room)
    await root.send(f"KLINE 60 a:{nick} :enough")
    for peer in (phone, laptop):
        assert [m.command for m in await peer.wait_closed()][-2:] == ["465", "ERROR"]
    await other.expect("QUIT")
    assert "QUIT" not in [m.command for m in await other.barrier()]
    again = await dial(nick, register=False)
    await again.send("CAP REQ sasl", "AUTHENTICATE PLAIN", *plain(nick, PASSWORD))
    assert [m.command for m in await again.wait_closed()][-3:] == ["902", "465", "ERROR"]
    await root.send(f"UNKLINE a:{nick}")
    await root.expect("NOTICE")
