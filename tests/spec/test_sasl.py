"""Logging in. Source: IRCv3 sasl-3.1 and sasl-3.2."""

import base64
from pathlib import Path

import pytest

from tests.harness.network import CHEAP, OPERATOR_PASSWORD, Connect, Network
from tests.harness.sasl_client import authenticate_plain, authenticate_scram, log_in, plain

PASSWORD = "sesame-street"


async def registered(dial: Connect, nick: str, password: str = PASSWORD) -> None:
    """There is an account of that name, and nobody is logged in to it."""
    peer = await dial(nick)
    await peer.send(f"REGISTER * * {password}")
    assert (await peer.expect(lambda m: m.command in {"REGISTER", "FAIL"})).command == "REGISTER"
    await peer.send("QUIT")
    await peer.wait_closed()


async def test_mechanisms_are_listed(dial: Connect) -> None:
    """ "Servers SHOULD advertise the available SASL authentication mechanisms in the value of the sasl client
    capability in CAP LS"; without 302 there are no values."""
    peer = await dial("x", register=False)
    assert "sasl" in await peer.capabilities("")
    assert "sasl=PLAIN,SCRAM-SHA-256" in await peer.capabilities()


@pytest.mark.parametrize("authenticate", [authenticate_plain, authenticate_scram])
async def test_login_before_registration(dial: Connect, nick: str, authenticate: object) -> None:
    """ "If authentication is successful, a 900 and 903 numeric will be sent"; then the account's nick is there for
    it."""
    await registered(dial, nick)
    peer = await dial(nick, register=False)
    await peer.send("CAP LS 302", "CAP REQ sasl", f"NICK {nick}", "USER u 0 * :U")
    assert callable(authenticate)
    wrong = await authenticate(peer, nick, "not-it")
    assert (wrong.command, wrong.params[0]) == ("904", nick)
    assert (await authenticate(peer, nick.upper(), PASSWORD)).command == "903"
    await peer.send("CAP END", f"WHOIS {nick}")
    assert (await peer.expect("001")).params[0] == nick
    assert (await peer.expect("330")).params[1:3] == (nick, nick)


async def test_900_names_mask_and_account(dial: Connect, nick: str) -> None:
    """`900 <nick> <nick>!<ident>@<host> <account>`; what is not known yet is a star."""
    await registered(dial, nick)
    peer = await dial("x", register=False)
    await peer.send("CAP REQ sasl", "AUTHENTICATE PLAIN", *plain(nick, PASSWORD))
    assert (await peer.expect("900")).params[:3] == ("*", "*!*@127.0.0.1", nick)


async def test_chunks_of_400_bytes(dial: Connect, nick: str) -> None:
    """ "If the last chunk was exactly 400 bytes long, it must also be followed by AUTHENTICATE +"; passwords may have
    300 bytes, and be of any language."""
    exact = "p" * (300 - 2 - len(nick))
    for index, password in enumerate((exact, "é" * 150, "x" * 300)):
        name = f"{nick}{'abc'[index]}"
        await registered(dial, name, password)
        peer = await dial("x", register=False)
        await peer.send("CAP REQ sasl")
        assert (await authenticate_plain(peer, name, password)).command == "903"
        await peer.send("AUTHENTICATE PLAIN", *plain(name, password[:-1]))
        assert (await peer.expect("904")).command == "904"


async def test_an_unknown_mechanism(dial: Connect) -> None:
    """908 names those there are, 904 ends it, and another may be tried."""
    peer = await dial("x", register=False)
    await peer.send("CAP REQ sasl", "AUTHENTICATE EXTERNAL")
    assert (await peer.expect("908")).params[1] == "PLAIN,SCRAM-SHA-256"
    assert (await peer.read()).command == "904"
    await peer.send("AUTHENTICATE plain")
    assert (await peer.read()).params == ("+",)


async def test_abort_and_retry(dial: Connect, nick: str) -> None:
    """ "The client can abort an authentication by sending an asterisk as the data. The server will send a 906"."""
    await registered(dial, nick)
    peer = await dial(nick, register=False)
    await peer.send("CAP REQ sasl", "AUTHENTICATE PLAIN", "AUTHENTICATE *", "AUTHENTICATE *")
    await peer.expect("AUTHENTICATE")
    assert [(await peer.read()).command for _ in range(2)] == ["906", "906"]
    assert (await authenticate_scram(peer, nick, PASSWORD)).command == "903"


@pytest.mark.parametrize("lines", [["!!!"], ["AAA"], ["*x"], ["+"], ["AGE="], ["AABi"], ["YQBiAA=="]])
async def test_bad_responses(dial: Connect, lines: list[str]) -> None:
    """No base64, an empty name, an empty password: 904, and nothing is left of it."""
    peer = await dial("x", register=False)
    await peer.send("CAP REQ sasl", "AUTHENTICATE PLAIN", *(f"AUTHENTICATE {line}" for line in lines))
    await peer.expect("AUTHENTICATE")
    assert (await peer.read()).command == "904"
    await peer.send("AUTHENTICATE PLAIN")
    assert (await peer.read()).params == ("+",)


async def test_a_response_that_is_too_long(dial: Connect) -> None:
    """905 for "the parameter longer than 400 bytes", and for more of them than any mechanism needs."""
    peer = await dial("x", register=False)
    await peer.send("CAP REQ sasl", "AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401)
    await peer.expect("905")
    await peer.send("AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 5)
    await peer.expect("905")


@pytest.mark.slow
async def test_a_thousand_lines(tmp_path: Path) -> None:
    """Answered or closed, and others are served meanwhile."""
    with Network.running(tmp_path, 1, **CHEAP) as network:
        async with (
            await network.connect("x", register=False) as peer,
            await network.connect("y", register=False) as other,
        ):
            await peer.send("CAP REQ sasl", "AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 1000)
            await other.send("NICK bystander", "USER u 0 * :U")
            await other.expect("001")
            assert (await peer.wait_closed())[-1].command == "ERROR"


@pytest.mark.parametrize("registered_first", [True, False])
async def test_an_account_that_is_banned(dial: Connect, network: Network, nick: str, *, registered_first: bool) -> None:
    """902 "is sent when the SASL authentication fails because the account is currently locked out, held, or otherwise
    administratively made unavailable"; "Servers MAY disconnect ANY client at any time as a result of failed
    authentication, including both unregistered and registered clients, but MUST provide the reason"."""
    await registered(dial, nick)
    victims = [await dial(f"{nick}{index}") for index, _ in enumerate(network.gateways)]
    for victim in victims:
        await log_in(victim, nick, PASSWORD)
    root = await dial(f"{nick}root")
    await root.send(f"OPER root :{OPERATOR_PASSWORD}", f"KLINE 60 a:{nick} :enough")
    for victim in victims:
        await victim.wait_closed()  # so the ban is known everywhere
    peer = await dial(f"{nick}guest", register=registered_first)
    await peer.send("CAP REQ sasl", "AUTHENTICATE PLAIN", *plain(nick, "not-it"))
    assert (await peer.expect(lambda m: m.command[0] == "9")).command == "904"
    await peer.send("AUTHENTICATE PLAIN", *plain(nick, PASSWORD))
    locked, banned, error = (await peer.wait_closed())[-3:]
    assert (locked.command, banned.command, error.command) == ("902", "465", "ERROR")
    assert "enough" in banned.params[-1]


async def test_without_the_capability(dial: Connect) -> None:
    """ "The client MUST enable the sasl capability before using the AUTHENTICATE command"."""
    peer = await dial("x", register=False)
    await peer.send("AUTHENTICATE PLAIN")
    assert (await peer.read()).command == "904"
    await peer.send("AUTHENTICATE")
    assert (await peer.read()).params[1] == "AUTHENTICATE"  # 461


async def test_nick_and_user_meanwhile(dial: Connect, nick: str) -> None:
    """Between its lines a client may send the rest of its registration."""
    await registered(dial, nick)
    peer = await dial(nick, register=False)
    await peer.send("CAP REQ sasl", "AUTHENTICATE PLAIN", f"NICK {nick}", "USER u 0 * :U", *plain(nick, PASSWORD))
    assert (await peer.expect("903")).params[0] == nick
    await peer.send("CAP END")
    await peer.expect("001")


async def test_cap_end_meanwhile(dial: Connect, nick: str) -> None:
    """ "If the client completes registration while the SASL authentication is still in progress, the server SHOULD
    abort it and send a 906 numeric, then register the client without authentication"."""
    peer = await dial(nick, register=False)
    await peer.send("CAP REQ sasl", f"NICK {nick}", "USER u 0 * :U", "AUTHENTICATE PLAIN", "CAP END")
    await peer.expect("906")
    await peer.expect("001")


async def test_cap_end_behind_a_whole_login(dial: Connect, nick: str) -> None:
    """All in one write: the login is done first, and registration has its account."""
    await registered(dial, nick)
    peer = await dial(nick, register=False)
    lines = ["CAP REQ sasl", f"NICK {nick}", "USER u 0 * :U", "AUTHENTICATE PLAIN", *plain(nick, PASSWORD), "CAP END"]
    await peer.send(*lines)
    await peer.expect("903")
    assert (await peer.expect("001")).params[0] == nick


async def test_after_registration_and_again(dial: Connect, nick: str) -> None:
    """ "Servers SHOULD allow a client, authenticated or otherwise, to reauthenticate at any time"."""
    for name in (nick, f"{nick}b"):
        await registered(dial, name)
    peer = await dial(f"{nick}guest", caps=["sasl"])
    for name in (nick, f"{nick}b", f"{nick}b"):
        assert (await authenticate_plain(peer, name, PASSWORD)).command == "903"
        await peer.send(f"WHOIS {nick}guest")
        assert (await peer.expect("330")).params[2] == name
    assert (await authenticate_plain(peer, nick, "wrong")).command == "904"
    await peer.send(f"WHOIS {nick}guest")
    assert (await peer.expect("330")).params[2] == f"{nick}b"


async def test_scram_for_nobody_looks_real(dial: Connect, nick: str) -> None:
    """The salt of a name nobody has is always the same, on every gateway; the iterations are those of an account."""
    await registered(dial, nick)
    seen: dict[str, set[str]] = {nick: set(), f"{nick}nobody": set()}
    for name, answers in seen.items():
        for _ in range(2):
            peer = await dial("x", register=False)
            line = base64.b64encode(f"n,,n={name},r=abc".encode()).decode()
            await peer.send("CAP REQ sasl", "AUTHENTICATE SCRAM-SHA-256", f"AUTHENTICATE {line}")
            first = (await peer.collect("AUTHENTICATE", 2))[1].params[0]
            answers.add(base64.b64decode(first).decode().partition(",")[2])
    assert all(len(answers) == 1 for answers in seen.values())
    (known,), (unknown,) = seen.values()
    assert len(known) == len(unknown)
    assert known.rpartition(",")[2] == unknown.rpartition(",")[2]
