"""REDACT. Source: https://ircv3.net/specs/extensions/message-redaction (sections in parentheses)."""

import pytest

from gateway.wire.message import Message
from tests.harness.history import HISTORY, PASSWORD, PLAYBACK, account_of, ask, texts
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import OPERATOR_PASSWORD, Connect, Network
from tests.harness.resuming import TAGGED, come_back, connect
from tests.harness.steps import ALL, answers, change, join, settle


async def said(author: IrcPeer, hearer: IrcPeer, target: str, text: str = "oops") -> str:
    """Have something said; its msgid."""
    await author.send(f"PRIVMSG {target} :{text}")
    echo, got = [
        await peer.expect(lambda m: m.command == "PRIVMSG" and m.params[-1] == text) for peer in (author, hearer)
    ]
    assert echo.tags["msgid"] == got.tags["msgid"]
    return got.tags["msgid"]


def shown(message: Message) -> tuple[object, ...]:
    """Source nick, command and parameters."""
    return message.source.partition("!")[0], message.command, message.params


async def test_ones_own(dial: Connect, nick: str, room: str) -> None:
    """Forwarded as it came, with the source in front, to who knows it; the author sees it as it sees its messages
    ("Command")."""
    ann, bob = await dial(nick, caps=HISTORY), await dial(f"{nick}b", caps=HISTORY)
    await join(room, ann, bob)
    msgid = await said(bob, ann, room)
    await bob.send(f"REDACT {room} {msgid}")
    for peer in (ann, bob):
        redact = await peer.expect("REDACT")
        assert shown(redact) == (bob.nick, "REDACT", (room, msgid))
        assert redact.tags["msgid"] != msgid


async def test_operators_any(dial: Connect, nick: str, room: str) -> None:
    """Channel moderators delete what others said, with a reason, and nobody else does."""
    ann, bob, cat = [await dial(f"{nick}{letter}", caps=HISTORY) for letter in "abc"]
    await join(room, ann, bob, cat)
    msgid = await said(bob, ann, room)
    (answer,) = [m for m in await answers(cat, f"REDACT {room} {msgid} :mine") if m.command == "FAIL"]
    assert answer.params[:4] == ("REDACT", "REDACT_FORBIDDEN", room, msgid)
    await ann.send(f"REDACT {room} {msgid} :not here")
    for peer in (ann, bob, cat):
        assert shown(await peer.expect("REDACT")) == (ann.nick, "REDACT", (room, msgid, "not here"))


@pytest.mark.parametrize("inside", [True, False])
async def test_operators_of_the_network_anywhere(dial: Connect, nick: str, room: str, *, inside: bool) -> None:
    """ "...server operators" may delete what others said, also in rooms they are not in, secret ones too, and see that
    it is done as an author does ("in the same way as PRIVMSG messages"); their peers with +s are told of it, without a
    text."""
    ann, bob, root, other = [await dial(f"{nick}{letter}", caps=HISTORY) for letter in "abro"]
    await join(room, ann, bob, *([root] if inside else []))
    await change(ann, f"{room} +s", bob)
    msgid = await said(bob, ann, room)
    (refused,) = [m for m in await answers(root, f"REDACT {room} {msgid}") if m.command == "FAIL"]
    assert refused.params[1] == ("REDACT_FORBIDDEN" if inside else "INVALID_TARGET")
    for peer in (root, other):
        await answers(peer, f"OPER root :{OPERATOR_PASSWORD}", f"MODE {peer.nick} +s")
    await root.send(f"@label=done REDACT {room} {msgid} :against the rules")
    echo = await root.expect("REDACT")
    assert echo.tags["label"] == "done"
    assert shown(echo) == (root.nick, "REDACT", (room, msgid, "against the rules"))
    for peer in (ann, bob):
        told = await peer.expect("REDACT")
        assert shown(told) == shown(echo)
        assert told.tags["msgid"] == echo.tags["msgid"]
    notice = await other.expect(lambda m: m.command == "NOTICE" and "redacted" in m.params[-1])
    assert room in notice.params[-1]
    assert await texts(ann, f"LATEST {room} * 10") == []
    (refused,) = [m for m in await answers(root, f"REDACT {room}-not-there {msgid}") if m.command == "FAIL"]
    assert refused.params[1] == "INVALID_TARGET"


async def test_only_to_who_knows_it(dial: Connect, nick: str, room: str) -> None:
    """ "MUST not forward this REDACT to target recipients that have not negotiated this capability"; without
    echo-message the author gets none, with a label an ACK."""
    ann, bob = await dial(nick, caps=HISTORY), await dial(f"{nick}b", caps=ALL)
    quiet = await dial(f"{nick}q", caps=("message-tags", "draft/message-redaction", "labeled-response", "batch"))
    await join(room, ann, bob, quiet)
    await quiet.send(f"PRIVMSG {room} :oops")
    msgid = (await ann.expect("PRIVMSG")).tags["msgid"]
    assert [m.command for m in await answers(quiet, f"@label=L REDACT {room} {msgid}")] == ["ACK"]
    assert shown(await ann.expect("REDACT")) == (quiet.nick, "REDACT", (room, msgid))
    assert [m.command for m in (await settle(ann, bob))[1]] == []


@pytest.mark.parametrize("command", ["NOTICE", "TAGMSG"])
async def test_whatever_was_said(dial: Connect, nick: str, room: str, command: str) -> None:
    """ "...MUST be a PRIVMSG, NOTICE, or TAGMSG"; a topic is none."""
    ann = await dial(nick, caps=PLAYBACK)
    await join(room, ann)
    await ann.send(f"@+x=y {command} {room} :x")
    msgid = (await ann.expect(command)).tags["msgid"]
    await ann.send(f"REDACT {room} {msgid}")
    assert (await ann.expect("REDACT")).params == (room, msgid)
    assert [m.command for m in await ask(ann, f"LATEST {room} * 10")] == ["JOIN", "REDACT"]
    await ann.send(f"TOPIC {room} :t")
    topic = (await ann.expect("TOPIC")).tags["msgid"]
    (answer,) = await answers(ann, f"REDACT {room} {topic}")
    assert answer.params[:4] == ("REDACT", "UNKNOWN_MSGID", room, topic)


async def test_history_has_it_no_more(dial: Connect, network: Network, nick: str, room: str) -> None:
    """It is excluded entirely; who plays events back sees the REDACT, which does not count; its place is still a
    reference; no newcomer is shown it ("Chat history"). Nor is its text anywhere in Redis."""
    ann, bob = await dial(nick, caps=HISTORY), await dial(f"{nick}b", caps=PLAYBACK)
    await join(room, ann, bob)
    await said(ann, bob, room, "one")
    secret = f"secret of {nick}"
    msgid = await said(ann, bob, room, secret)
    await said(ann, bob, room, "three")
    await ann.send(f"REDACT {room} {msgid} :why")
    for peer in (ann, bob):
        await peer.expect("REDACT")
    assert await texts(ann, f"LATEST {room} * 10") == ["one", "three"]
    played = await ask(bob, f"LATEST {room} * 2")
    assert [(m.command, m.params[1:]) for m in played] == [
        ("PRIVMSG", ("one",)), ("PRIVMSG", ("three",)), ("REDACT", (msgid, "why")),
    ]  # fmt: skip
    assert await texts(ann, f"BEFORE {room} msgid={msgid} 10") == ["one"]
    assert await texts(ann, f"AFTER {room} msgid={msgid} 10") == ["three"]
    cat = await dial(f"{nick}c")
    await cat.send(f"JOIN {room}")
    assert [m.params[-1] for m in await cat.barrier() if m.command == "PRIVMSG"] == ["one", "three"]
    with network.store.client() as redis:
        for key in redis.scan_iter(match="*:log"):
            assert secret.encode() not in repr(redis.xrange(key)).encode()


async def test_a_direct_message(dial: Connect, nick: str) -> None:
    """To a nick it goes as the message went; only its author takes it back; both histories have it no more."""
    ann, bob = await account_of(dial, nick), await account_of(dial, f"{nick}b")
    msgid = await said(ann, bob, bob.nick)
    kept = await said(bob, ann, ann.nick, "kept")
    (answer,) = await answers(bob, f"REDACT {ann.nick} {msgid}")
    assert answer.params[:4] == ("REDACT", "REDACT_FORBIDDEN", ann.nick, msgid)
    await ann.send(f"REDACT {bob.nick} {msgid} :no")
    for peer in (ann, bob):
        assert shown(await peer.expect("REDACT")) == (ann.nick, "REDACT", (bob.nick, msgid, "no"))
    assert [m.tags["msgid"] for m in await ask(ann, f"LATEST {bob.nick} * 10")] == [kept]
    assert [m.tags["msgid"] for m in await ask(bob, f"LATEST {ann.nick} * 10")] == [kept]
    (answer,) = await answers(ann, f"REDACT {bob.nick} {msgid}")
    assert answer.params[:2] == ("REDACT", "UNKNOWN_MSGID")


@pytest.mark.parametrize("account", [True, False])
async def test_whoever_was_told_is_away_under_another_nick(
    dial: Connect, network: Network, nick: str, *, account: bool
) -> None:
    """The copy in the inbox goes too, by whom it was said to and not by the nick: nothing is shown to who comes back,
    and nothing is left of the text."""
    ann, secret = await account_of(dial, nick), f"secret of {nick}"
    bob, token = await connect(network.gateways[-1], f"{nick}b", *TAGGED, "sasl")
    if account:
        await bob.send(f"REGISTER * * {PASSWORD}")
        await bob.expect("900")
    await ann.send(f"PRIVMSG {bob.nick} :read this")
    read = await bob.expect("PRIVMSG")
    msgid = await said(ann, bob, bob.nick, secret)
    await bob.send(f"NICK {nick}c")
    await bob.expect("NICK")
    await bob.close()
    await ann.send(f"REDACT {bob.nick} {msgid}")
    await ann.expect("REDACT")
    await ann.barrier()
    with network.store.client() as redis:
        streams = [key for key in redis.scan_iter("c1:*") if redis.type(key) == b"stream"]
        assert not [key for key in streams for _, fields in redis.xrange(key) if secret.encode() in fields[b"e"]]
    back = await come_back(network.gateways[0], token, msgid=read.tags["msgid"])
    assert back.lines("PRIVMSG") == []
    await back.peer.close()


async def test_an_account_in_another_session(dial: Connect, nick: str, room: str) -> None:
    """What an account said is its own in its next session too."""
    ann, bob = await dial(nick, caps=HISTORY), await account_of(dial, f"{nick}b")
    await join(room, ann, bob)
    msgid = await said(bob, ann, room)
    await bob.send("QUIT")
    await bob.wait_closed()
    bob = await account_of(dial, f"{nick}b", again=True)
    await join(room, bob)
    await bob.send(f"REDACT {room} {msgid}")
    assert (await ann.expect("REDACT")).params == (room, msgid)


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("REDACT", "NEED_MORE_PARAMS"),
        ("REDACT {room}", "NEED_MORE_PARAMS"),
        ("REDACT {room} nothere", "UNKNOWN_MSGID {room} nothere"),
        ("REDACT {room} 000001abcdef-x", "UNKNOWN_MSGID {room} 000001abcdef-x"),
        ("REDACT #elsewhere x", "INVALID_TARGET #elsewhere"),
        ("REDACT nobody-at-all x", "INVALID_TARGET nobody-at-all"),
        ("REDACT !? x", "INVALID_TARGET !?"),
    ],
)
async def test_refusals(dial: Connect, nick: str, room: str, line: str, refusal: str) -> None:
    """FAIL with the code and the context of the specification ("Errors"); for what it has no code for, the one that
    other specifications have."""
    ann = await dial(nick, caps=HISTORY)
    await join(room, ann)
    (answer,) = await answers(ann, line.format(room=room))
    assert (answer.command, " ".join(answer.params[:-1])) == ("FAIL", "REDACT " + refusal.format(room=room))


async def test_rights_of_another_room(dial: Connect, nick: str, room: str) -> None:
    """Being operator of one room says nothing about what was said in another."""
    ann, bob = await dial(nick, caps=HISTORY), await dial(f"{nick}b", caps=HISTORY)
    await join(f"{room}-of-ann", ann)
    await join(room, bob, ann)
    msgid = await said(bob, ann, room)
    for target, code in ((room, "REDACT_FORBIDDEN"), (f"{room}-of-ann", "UNKNOWN_MSGID")):
        (answer,) = await answers(ann, f"REDACT {target} {msgid}")
        assert answer.params[:4] == ("REDACT", code, target, msgid)
    assert await texts(bob, f"LATEST {room} * 10") == ["oops"]
