"""CAP and cap-notify. Source: https://ircv3.net/specs/extensions/capability-negotiation"""

import pytest

from gateway.wire.message import Message
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import answers, commands

OFFERED = {
    *("account-notify", "account-tag", "batch", "cap-notify", "draft/account-registration", "draft/chathistory"),
    *("echo-message", "extended-join", "labeled-response", "message-tags", "multi-prefix", "sasl", "server-time"),
    *("standard-replies", "userhost-in-names"),
}


async def caps(peer: IrcPeer, *lines: str) -> list[Message]:
    """The CAP lines among the answers."""
    return [message for message in await answers(peer, *lines) if message.command == "CAP"]


async def listed(peer: IrcPeer, line: str) -> set[str]:
    """The names in a whole answer to LS or LIST, without values."""
    return {word.partition("=")[0] for message in await caps(peer, line) for word in message.params[-1].split()}


async def test_a_client_that_requests_nothing_is_registered_at_the_end(dial: Connect, nick: str) -> None:
    """Registration waits for CAP END, and needs no REQ ("The CAP END subcommand")."""
    peer = await dial(nick, register=False)
    assert await commands(peer, "CAP LS 302", f"NICK {nick}", "USER u 0 * :U") == ["CAP"] * len(
        await caps(await dial("y", register=False), "CAP LS 302")
    )
    await peer.send("CAP END")
    assert (await peer.read()).command == "001"


async def test_a_request_alone_holds_registration_back(dial: Connect, nick: str) -> None:
    """A client that sends REQ without LS is negotiating too ("The CAP REQ subcommand")."""
    peer = await dial(nick, register=False)
    assert await commands(peer, "CAP REQ batch", f"NICK {nick}", "USER u 0 * :U") == ["CAP"]
    await peer.send("CAP END")
    assert (await peer.read()).command == "001"


async def test_everything_promised_is_offered(dial: Connect) -> None:
    """LS lists what can be requested, and all of it is granted."""
    peer = await dial("x", register=False)
    names = await listed(peer, "CAP LS 302")
    assert names >= OFFERED
    for name in sorted(names):
        (answer,) = await caps(peer, f"CAP REQ {name}")
        assert answer.params[1:] == ("ACK", name)
    assert await listed(peer, "CAP LIST") == names


@pytest.mark.parametrize("version", ["", " 301", " x", " 30²"])
async def test_a_client_of_version_301_gets_one_line_without_values(dial: Connect, nick: str, version: str) -> None:
    """Features of 302, values and continued lines, are not sent to a client that did not ask for them ("CAP LS
    Version", "Multiline replies to CAP LS and CAP LIST"); and no name in the line is cut off."""
    peer = await dial("x", register=False)
    await peer.send(f"NICK {nick.ljust(30, 'x')}")
    (answer,) = await caps(peer, f"CAP LS{version}")
    assert answer.params[1] == "LS"
    assert len(answer.params) == 3
    assert "=" not in answer.params[2]
    assert set(answer.params[2].split()) <= await listed(peer, "CAP LS 302")
    assert {"server-time", "message-tags", "sasl", "batch", "multi-prefix"} <= set(answer.params[2].split())


async def test_a_long_list_is_continued_by_a_star(dial: Connect, nick: str) -> None:
    """All lines but the last of a list have a star in front of it; each fits 512 bytes ("Multiline replies")."""
    peer = await dial("x", register=False)
    await peer.send(f"NICK {nick.ljust(30, 'x')}")
    *first, last = await caps(peer, "CAP LS 302")
    assert all(message.params[2] == "*" and len(message.params) == 4 for message in first)
    assert len(last.params) == 3
    assert all(len(message.encode()) <= 512 for message in (*first, last))


async def test_a_list_of_nothing_is_empty(dial: Connect) -> None:
    """With no capability enabled LIST has an empty parameter ("The CAP LIST subcommand")."""
    peer = await dial("x", register=False)
    (answer,) = await caps(peer, "CAP LIST")
    assert answer.params == ("*", "LIST", "")


async def test_a_request_is_granted_or_refused_as_a_whole(dial: Connect) -> None:
    """NAK repeats what was asked, in its order, and changes nothing ("The CAP NAK subcommand")."""
    peer = await dial("x", register=False)
    for wanted in ("foo qux bar baz qux quux", "foo multi-prefix bar", "multi-prefix bar", "-multi-prefix foo"):
        (answer,) = await caps(peer, f"CAP REQ :{wanted}")
        assert answer.params == ("*", "NAK", wanted)
    assert await listed(peer, "CAP LIST") == set()
    (answer,) = await caps(peer, "CAP REQ multi-prefix")
    assert answer.params == ("*", "ACK", "multi-prefix")


async def test_capabilities_are_given_back(dial: Connect, nick: str) -> None:
    """A dash in front of a name disables it, at once ("The CAP REQ subcommand")."""
    peer, other = await dial(nick, caps=["server-time", "echo-message"]), await dial(f"{nick}o")
    await other.send(f"PRIVMSG {nick} :timed")
    assert "time" in (await peer.expect("PRIVMSG")).tags
    (answer,) = await caps(peer, "CAP REQ :-server-time")
    assert answer.params == (nick, "ACK", "-server-time")
    assert (await listed(peer, "CAP LIST")) - {"cap-notify"} == {"echo-message"}
    await other.send(f"PRIVMSG {nick} :plain")
    assert not (await peer.expect("PRIVMSG")).tags


async def test_a_grant_that_fits_no_line_takes_several(dial: Connect, nick: str) -> None:
    """A grant names everything that was requested; it may be spread over lines ("The CAP ACK subcommand")."""
    peer = await dial(nick.ljust(30, "x"))
    wanted = ["batch", "-batch"] * 37  # 481 bytes, and as long a nick as there may be
    got = [word for message in await caps(peer, f"CAP REQ :{' '.join(wanted)}") for word in message.params[2].split()]
    assert got == wanted


async def test_version_302_means_cap_notify(dial: Connect) -> None:
    """Who asks with 302 has cap-notify without a request, and cannot give it back ("cap-notify")."""
    peer = await dial("x", register=False)
    await caps(peer, "CAP LS 302")
    assert await listed(peer, "CAP LIST") == {"cap-notify"}
    await caps(peer, "CAP REQ :-cap-notify")
    assert "cap-notify" in await listed(peer, "CAP LIST")
    old = await dial("x", register=False)
    await caps(old, "CAP LS")
    assert await listed(old, "CAP LIST") == set()


async def test_negotiation_after_registration(dial: Connect, nick: str) -> None:
    """LS, LIST and REQ work at any time, END then means nothing; the client is named by its nick."""
    peer = await dial(nick)
    (granted,) = await caps(peer, "CAP REQ :batch server-time")
    assert granted.params == (nick, "ACK", "batch server-time")
    assert await commands(peer, "CAP END", "CAP END") == []
    assert await listed(peer, "CAP LIST") >= {"batch", "server-time"}


async def test_bad_subcommands(dial: Connect, nick: str) -> None:
    """410 names what was not understood, 461 that there was nothing; negotiation goes on ("Error numerics")."""
    peer = await dial("x", register=False)
    await peer.send("CAP FOO", "CAP", "CAP :a b", f"NICK {nick}", "USER u 0 * :U")
    assert (await peer.read()).params[:2] == ("*", "FOO")
    assert (await peer.read()).params[:2] == ("*", "CAP")
    assert (await peer.read()).command == "410"
    assert (await peer.expect("001")).params[0] == nick
