"""Every command with too little, too much, and what is none. Source: https://modern.ircdocs.horse/#numerics"""

import pytest

from gateway.commands.table import COMMANDS
from gateway.wire.message import Message
from tests.harness.network import OPERATOR_PASSWORD, Connect
from tests.harness.steps import ALL, answers, commands, join

NOTHING = {"NOTICE", "PONG"}  # these are never answered
ENDS = {"QUIT"}
NO_ANSWER = {"400", "421", "451"}  # of a command that there is, to somebody registered


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - ENDS))
async def test_a_command_alone(dial: Connect, nick: str, command: str) -> None:
    """461 names a command that needs parameters, to the nick; each other one has an answer of its own; and life goes
    on ("ERR_NEEDMOREPARAMS")."""
    found = await answers(await dial(nick), command)
    if COMMANDS[command].min_params:
        assert [(m.command, m.params[:2]) for m in found] == [("461", (nick, command))]
    else:
        assert bool(found) == (command not in NOTHING)
        assert not {m.command for m in found} & NO_ANSWER


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - ENDS))
async def test_too_many_parameters(dial: Connect, nick: str, command: str) -> None:
    """What no command asks for is left out: an answer, and no failure; nothing of it is a line over 512 bytes."""
    peer = await dial(nick, caps=ALL)
    lines = [f"{command} {'x ' * 200}", f"{command} {'x' * 490}", f"{command} : : :", f"{command} {'x,' * 200}"]
    for message in await answers(peer, *lines):
        assert message.command != "400"
        assert len(message._replace(tags={}).encode()) <= 512
    assert (await commands(peer, "PING still-here"))[-1] == "PONG"


@pytest.mark.parametrize("command", sorted(name for name in COMMANDS if not COMMANDS[name].before_ready))
async def test_before_registration(dial: Connect, command: str) -> None:
    """451, whatever the parameters."""
    peer = await dial("x", register=False)
    for line in (command, f"{command} a b c"):
        (refused,) = await answers(peer, line)
        assert (refused.command, refused.params[0]) == ("451", "*")


def names_nobody(message: Message) -> bool:
    """Whether the middle parameters can be read back as they were meant."""
    return all(param and " " not in param and param[0] != ":" for param in message.params[:-1])


@pytest.mark.parametrize("target", ["a b", ":x", "", "\x01", "#" + "é" * 200, "*" * 300])
async def test_what_is_repeated_stays_one_parameter(dial: Connect, nick: str, room: str, target: str) -> None:
    """A refusal that names what was asked for does not fall apart by it."""
    peer = await dial(nick)
    await join(room, peer)
    await answers(peer, f"OPER root :{OPERATOR_PASSWORD}")
    single = ("NICK", "JOIN", "PART", "TOPIC", "NAMES", "LIST", "WHO", "WHOIS", "MODE", "KILL", "CAP", "STATS")
    lines = [f"{command} :{target}" for command in single]
    lines += [
        f"KICK {room} :{target}",
        f"INVITE {nick} :{target}",
        f"MODE {room} +o :{target}",
        f"CHATHISTORY :{target}",
    ]
    for line in lines:
        for message in await answers(peer, line):
            assert names_nobody(message), line


async def test_lines_that_say_nothing(dial: Connect, nick: str) -> None:
    """Empty lines are left out; a source that a client gives is not believed; extra spaces mean nothing
    ("Message Format")."""
    peer = await dial(nick)
    assert await commands(peer, "", "", f":somebody!else@here PRIVMSG {nick} :x") == ["PRIVMSG"]
    (pong,) = await answers(peer, "   PING    x   ")
    assert pong.params == ("hubbub.local", "x")
    await peer.send(f":faked!user@host PRIVMSG {nick} :mine")
    assert (await peer.expect("PRIVMSG")).source == f"{nick}!~{nick}@127.0.0.1"
