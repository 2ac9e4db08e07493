"""`hubbub.chat/idem`: what a client sends again under the same key is said once, through any gateway.

Source: docs/protocol.md, "Sending again".
"""

import pytest

from gateway.wire.message import Message
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect

CAPS = ("message-tags", "server-time", "echo-message", "labeled-response", "batch", "standard-replies")
IDEM = (*CAPS, "hubbub.chat/idem")


def keyed(key: str, line: str, label: str = "") -> str:
    """A line with its key."""
    return f"@hubbub.chat/idem={key}{';label=' + label if label else ''} {line}"


def identity(message: Message) -> tuple[str, str]:
    """What makes an echo that of one message."""
    return message.tags["msgid"], message.tags["time"]


async def test_a_line_sent_again_is_echoed_as_the_first(connect: Connect, room: str) -> None:
    """Same msgid and time, with its own label; the others hear it once, and the key is not relayed."""
    ann, bob = await connect("again1", caps=IDEM), await connect("again2", caps=CAPS)
    for peer in (ann, bob):
        await peer.send(f"JOIN {room}")
        await peer.expect("366")
    await ann.send(keyed("k1", f"PRIVMSG {room} :hello", "one"))
    first = await ann.expect("PRIVMSG")
    await ann.send(keyed("k1", f"PRIVMSG {room} :hello", "two"), keyed("k1", f"PRIVMSG {room} :hello"))
    second, third = await ann.collect("PRIVMSG", 2)
    assert identity(first) == identity(second) == identity(third)
    assert (first.tags["label"], second.tags["label"], third.tags.get("label")) == ("one", "two", None)
    await ann.send(f"PRIVMSG {room} :end")
    heard = await bob.collect("PRIVMSG", 2)
    assert [message.params[1] for message in heard] == ["hello", "end"]
    assert "hubbub.chat/idem" not in heard[0].tags


@pytest.mark.parametrize("command", ["PRIVMSG", "NOTICE"])
async def test_anothers_key_is_refused(connect: Connect, room: str, command: str) -> None:
    """IDEM_KEY_TAKEN with the target, and nothing is said; a NOTICE is answered too, since the client asked for it."""
    ann = await connect(f"own{command}", caps=IDEM)
    bob = await connect(f"other{command}", caps=IDEM)
    for peer in (ann, bob):
        await peer.send(f"JOIN {room}")
        await peer.expect("366")
    await ann.send(keyed("k", f"PRIVMSG {room} :mine"))
    await ann.expect("PRIVMSG")
    await bob.send(keyed("k", f"{command} {room} :not mine", "x"))
    refusal = await bob.expect("FAIL")
    assert refusal.params[:3] == (command, "IDEM_KEY_TAKEN", room)
    assert refusal.tags["label"] == "x"
    assert not [message for message in await ann.barrier() if message.command == command]


@pytest.mark.parametrize("key", ["", "k" * 65, "ü" * 33])
async def test_a_bad_key_is_refused(connect: Connect, room: str, key: str) -> None:
    """Empty, or over 64 bytes: nothing is sent, to no target."""
    ann = await connect(f"bad{len(key)}", caps=IDEM)
    await ann.send(f"JOIN {room}")
    await ann.expect("366")
    await ann.send(keyed(key, f"PRIVMSG {room},{ann.nick} :x"))
    refusals = await ann.collect("FAIL", 2)
    assert [refusal.params[:3] for refusal in refusals] == [
        ("PRIVMSG", "IDEM_KEY_INVALID", target) for target in (room, ann.nick)
    ]
    assert not [message for message in await ann.barrier() if message.command == "PRIVMSG"]


async def test_a_key_of_64_bytes_is_one(connect: Connect, room: str) -> None:
    """The limit itself."""
    ann = await connect("longest", caps=IDEM)
    await ann.send(f"JOIN {room}")
    await ann.expect("366")
    await ann.send(*(keyed("ü" * 32, f"PRIVMSG {room} :x") for _ in range(2)))
    first, second = await ann.collect("PRIVMSG", 2)
    assert identity(first) == identity(second)


async def test_without_the_capability_a_key_means_nothing(connect: Connect, room: str) -> None:
    """As any tag that is not known: said twice."""
    ann = await connect("nocap", caps=CAPS)
    await ann.send(f"JOIN {room}")
    await ann.expect("366")
    await ann.send(*(keyed("k", f"PRIVMSG {room} :x") for _ in range(2)))
    first, second = await ann.collect("PRIVMSG", 2)
    assert identity(first) != identity(second)


async def test_direct_messages_and_several_targets_have_keys_too(connect: Connect, room: str) -> None:
    """Per target: one command to a room and a nick, sent twice, arrives once at each and is echoed twice."""
    ann, bob = await connect("dm1", caps=IDEM), await connect("dm2", caps=CAPS)
    for peer in (ann, bob):
        await peer.send(f"JOIN {room}")
        await peer.expect("366")
    for _ in range(2):
        await ann.send(keyed("k", f"PRIVMSG {room},dm2 :both"))
    echoes = await ann.collect("PRIVMSG", 4)
    assert len({identity(echo) for echo in echoes if echo.params[0] == room}) == 1
    assert len({echo.tags["msgid"] for echo in echoes if echo.params[0] == "dm2"}) == 1
    await ann.send("PRIVMSG dm2 :end")
    heard = [(await bob.expect("PRIVMSG")).params for _ in range(3)]
    assert sorted(heard) == sorted([(room, "both"), ("dm2", "both"), ("dm2", "end")])


async def test_a_tagmsg_has_a_key_too(connect: Connect, room: str) -> None:
    """Its echo is the first one's."""
    ann = await connect("tagger", caps=IDEM)
    await ann.send(f"JOIN {room}")
    await ann.expect("366")
    for _ in range(2):
        await ann.send(f"@hubbub.chat/idem=t;+typing=active TAGMSG {room}")
    first, second = await ann.collect("TAGMSG", 2)
    assert identity(first) == identity(second)


@pytest.mark.slow
async def test_another_gateway_knows_the_key(two_gateways: tuple[GatewayProcess, GatewayProcess]) -> None:
    """The gateway is killed after the line was appended; the client sends it to another, where its key is another's:
    it has a new uid there, and takes that for: it was delivered. Everybody has it once."""
    one, two = two_gateways
    async with await IrcPeer.connect(two.host, two.port, "bob", caps=CAPS) as bob:
        await bob.send("JOIN #room")
        await bob.expect("366")
        async with await IrcPeer.connect(one.host, one.port, "ann", caps=IDEM) as ann:
            await ann.send("JOIN #room", keyed("k", "PRIVMSG #room :once"))
            assert (await bob.expect("PRIVMSG")).params[1] == "once"
        one.kill()
        async with await IrcPeer.connect(two.host, two.port, "ann2", caps=IDEM) as ann:
            await ann.send("JOIN #room", keyed("k", "PRIVMSG #room :once"))
            assert (await ann.expect("FAIL")).params[:3] == ("PRIVMSG", "IDEM_KEY_TAKEN", "#room")
        assert not [message for message in await bob.barrier() if message.command == "PRIVMSG"]
