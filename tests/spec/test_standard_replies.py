"""standard-replies. Source: https://ircv3.net/specs/extensions/standard-replies"""

import re

import pytest

from tests.harness.network import OPERATOR_PASSWORD, Connect
from tests.harness.steps import ALL, answers

# A line, and the command, the code and the context of what it is refused with.
REFUSED = [
    ("ACCOUNT GROUP", ("ACCOUNT", "ACCOUNT_REQUIRED", "GROUP")),
    ("ACCOUNT NONSENSE", ("ACCOUNT", "INVALID_PARAMS", "NONSENSE")),
    ("REGISTER 9bad * sesame-street", ("REGISTER", "BAD_ACCOUNT_NAME", "9bad")),
    ("VERIFY nobody 123", ("VERIFY", "INVALID_CODE", "nobody")),
    ("KLINE *@* :everybody", ("KLINE", "INVALID_MASK")),
    ("UNKLINE nobody@nowhere", ("UNKLINE", "NO_SUCH_BAN")),
    ("RESUME token", ("RESUME", "ALREADY_REGISTERED")),
]
# Their specification depends on standard replies, so who sends these knows them.
ALWAYS = {"REGISTER", "VERIFY"}


@pytest.mark.parametrize(("line", "params"), REFUSED, ids=[line.partition(" ")[0] for line, _ in REFUSED])
async def test_a_refusal(dial: Connect, nick: str, line: str, params: tuple[str, ...]) -> None:
    """FAIL, the command, a code of capitals, context, and a text for people as the last parameter; from the server."""
    peer = await dial(nick, caps=["standard-replies", *ALL])
    await answers(peer, f"OPER root :{OPERATOR_PASSWORD}")
    (fail,) = await answers(peer, f"@label=f {line}")
    assert (fail.command, fail.params[:-1]) == ("FAIL", params)
    assert re.fullmatch("[A-Z][A-Z0-9_]*", fail.params[1])
    assert fail.params[-1]
    assert (fail.source, fail.tags["label"]) == ("hubbub.local", "f")


@pytest.mark.parametrize(("line", "params"), REFUSED, ids=[line.partition(" ")[0] for line, _ in REFUSED])
async def test_without_the_capability(dial: Connect, nick: str, line: str, params: tuple[str, ...]) -> None:
    """Who has not negotiated it gets a numeric or a notice, except where the command itself says it knows FAIL."""
    peer = await dial(nick)
    await answers(peer, f"OPER root :{OPERATOR_PASSWORD}")
    (refused,) = await answers(peer, line)
    assert (refused.command == "FAIL") == (params[0] in ALWAYS)


async def test_a_note(dial: Connect, nick: str) -> None:
    """NOTE has the same form, for what went well."""
    peer = await dial(nick, caps=["standard-replies"])
    await answers(peer, "REGISTER * * sesame-street")
    (note,) = await answers(peer, "ACCOUNT INFO")
    assert (note.command, note.params[:-1]) == ("NOTE", ("ACCOUNT", "INFO", nick))
