"""/oper and /quote: what an operator of the network does from inside the chat. Source: RFC 2812 sections 3.1.4, 4.7."""

from pathlib import Path

import pytest

from client.actions import Invalid
from client.commands import parse
from gateway.passwords import hash_password
from gateway.wire.limits import MAX_BODY_BYTES
from tests.client.at_gateways import ann_at
from tests.client.play import Play
from tests.harness.deadlines import DEADLINE_S
from tests.harness.gateway_process import GatewayProcess
from tests.harness.terminal import ENTER, UP, terminal

SECRET = "sesame-street"


def in_tea() -> Play:
    """Ann, in a room."""
    play = Play()
    play.connect("standard-replies")
    play.enter()
    play.seen()
    play.said()
    return play


def test_what_comes_of_oper_is_told() -> None:
    """381, 464 and the mode; the password is shown nowhere."""
    play = in_tea()
    play.console.typed(f"/oper root {SECRET}")
    assert play.said() == [f"OPER root {SECRET}"]
    play.hear(":irc 464 ann :Password incorrect", ":irc 381 ann :You are now an IRC operator", ":ann!a@h MODE ann +o")
    assert play.seen() == ["-- Password incorrect", "-- You are now an IRC operator"]
    assert SECRET not in repr(parse(f"/oper root {SECRET}"))


def test_a_command_of_the_protocol_goes_as_it_stands() -> None:
    """And what the server answers is told, whatever it is."""
    play = in_tea()
    play.console.typed("/quote drain gw-1")
    play.console.typed("/quote WALLOPS :we restart in a minute")
    assert play.said() == ["DRAIN gw-1", "WALLOPS :we restart in a minute"]
    play.hear(":irc NOTE DRAIN DRAINING gw-1 :It drains", ":bob!b@h WALLOPS :we restart in a minute")
    assert play.seen() == ["-- It drains", "-- bob to all: we restart in a minute"]


@pytest.mark.parametrize(
    "line",
    [
        "/quote",
        "/quote :irc DIE",
        "/quote @a=b DIE",
        "/quote PRIVMSG #tea :hello",
        "/quote quit",
        "/quote :irc",
        "/quote AWAY :" + MAX_BODY_BYTES * "x",
    ],
)
def test_what_is_none_or_the_clients_own_is_refused(line: str) -> None:
    """What is said has its order and is kept until it is acknowledged; a command besides would be neither."""
    assert isinstance(parse(line), Invalid)


@pytest.mark.slow
def test_a_gateway_is_shut_down_from_inside_the_chat(tmp_path: Path) -> None:
    """OPER, then DIE: it ends with 0. The password is in no file and does not come back by Up."""
    opers = tmp_path / "opers.toml"
    opers.write_text(f'root = "{hash_password(SECRET)}"\n')
    gateway = GatewayProcess(state_dir=tmp_path / "gateway", opers=str(opers)).start()
    try:
        with terminal(tmp_path / "ann", *ann_at(gateway)) as ann:
            ann.sees("ann joined")
            ann.prompts("[ann #tea]")
            ann.type("said before" + ENTER)
            ann.sees("| said before")
            ann.type(f"/oper root {SECRET}" + ENTER)
            ann.sees("operator")
            ann.type(UP)
            ann.prompts("[ann #tea] said before")
            ann.type("\x15/quote DIE" + ENTER)
            assert gateway.wait(2 * DEADLINE_S) == 0
        assert not [
            path for path in (tmp_path / "ann").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
        ]
    finally:
        gateway.stop()
