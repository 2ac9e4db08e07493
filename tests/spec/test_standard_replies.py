"""FAIL, WARN and NOTE. Source: https://ircv3.net/specs/extensions/standard-replies"""

import re

from tests.harness.network import Connect


async def test_the_form(dial: Connect, nick: str) -> None:
    """`FAIL <command> <code> [<context>...] <description>`: the command it is about (or `*`), a code of letters that a
    program reads, and a text for people; from the server ("Format")."""
    peer = await dial(nick, caps=["standard-replies"])
    await peer.send("CHATHISTORY NOSUCH", b"PRIVMSG x :\xff", "ACCOUNT INFO")
    for command in ("CHATHISTORY", "*", "ACCOUNT"):
        message = await peer.expect("FAIL")
        assert message.params[0] == command
        assert re.fullmatch(r"[A-Z0-9_]+", message.params[1])
        assert message.params[-1]
        assert "!" not in message.source


async def test_a_label_is_answered(dial: Connect, nick: str) -> None:
    """A refusal is an answer like any other, so it carries the command's label (labeled-response)."""
    peer = await dial(nick, caps=["standard-replies", "labeled-response", "batch", "message-tags"])
    await peer.send("@label=l1 CHATHISTORY NOSUCH")
    assert (await peer.expect("FAIL")).tags["label"] == "l1"


async def test_who_did_not_ask_for_them(dial: Connect, nick: str) -> None:
    """Gets the same as a NOTICE or a numeric, so that nobody is left without an answer ("Capability")."""
    peer = await dial(nick)
    await peer.send("CHATHISTORY NOSUCH", "ACCOUNT INFO")
    answers = await peer.barrier()
    assert [message.command for message in answers] == ["NOTICE", "NOTICE"]
