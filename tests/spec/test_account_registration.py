"""Making an account. Source: IRCv3 draft/account-registration (the sentences are from its text)."""

from pathlib import Path

import pytest

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import CHEAP, Connect, Network
from tests.harness.sasl_client import authenticate_plain, authenticate_scram


async def answer(peer: IrcPeer, line: str) -> tuple[str, ...]:
    """What REGISTER or VERIFY is answered with, the text left out."""
    await peer.send(line)
    message = await peer.expect(lambda m: m.command in {"REGISTER", "VERIFY", "FAIL", "461"})
    return (message.command, *message.params[:-1])


async def test_the_capability_says_what_is_offered(dial: Connect) -> None:
    """ "The capability has an optional value, a comma-separated list of key-value pairs"."""
    peer = await dial("x", register=False)
    assert "draft/account-registration=before-connect,custom-account-name" in await peer.capabilities()


async def test_register_before_connect(dial: Connect, nick: str) -> None:
    """ "Afterward, the client is assumed to be authenticated to the <account> as if it used SASL"."""
    peer = await dial(nick, register=False)
    await peer.send("CAP LS 302", f"NICK {nick}", "REGISTER * * sesame-street")
    assert (await peer.expect("REGISTER")).params[:2] == ("SUCCESS", nick)
    assert (await peer.expect("900")).params[2] == nick
    await peer.send("USER u 0 * :U", "CAP END", f"WHOIS {nick}")
    assert (await peer.expect("330")).params[1:3] == (nick, nick)
    again = await dial(f"{nick}2", caps=["sasl"])
    assert (await authenticate_scram(again, nick, "sesame-street")).command == "903"


async def test_register_after_connect(dial: Connect, nick: str) -> None:
    """The account has the nick's name unless another is asked for."""
    peer = await dial(nick)
    assert await answer(peer, "REGISTER * ann@example.org sesame-street") == ("REGISTER", "SUCCESS", nick)
    assert await answer(peer, "REGISTER * * other") == ("FAIL", "REGISTER", "ALREADY_AUTHENTICATED", nick)
    other = await dial(f"{nick}b")
    assert await answer(other, f"REGISTER {nick}c * sesame-street") == ("REGISTER", "SUCCESS", f"{nick}c")


async def test_an_account_is_registered_once(dial: Connect, nick: str) -> None:
    """ "ACCOUNT_EXISTS ... because someone already registered it", on whichever gateway and however it is spelt."""
    await answer(await dial(nick), f"REGISTER {nick}acc * sesame-street")
    other = await dial(f"{nick}b")
    exists = ("FAIL", "REGISTER", "ACCOUNT_EXISTS", f"{nick}ACC")
    assert await answer(other, f"REGISTER {nick}ACC * other-word") == exists


async def test_a_nick_in_use_is_not_registered_by_others(dial: Connect, nick: str) -> None:
    """Nobody can register the nick of somebody who is here."""
    await dial(nick)
    thief = await dial("x", register=False)
    await thief.send(f"NICK {nick}")
    assert await answer(thief, "REGISTER * * sesame-street") == ("FAIL", "REGISTER", "ACCOUNT_EXISTS", nick)
    assert await answer(thief, f"REGISTER {nick.upper()} * sesame-street") == (
        "FAIL", "REGISTER", "ACCOUNT_EXISTS", nick.upper(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("REGISTER 9live * sesame-street", "BAD_ACCOUNT_NAME"),
        ("REGISTER a*b * sesame-street", "BAD_ACCOUNT_NAME"),
        ("REGISTER " + "n" * 31 + " * sesame-street", "BAD_ACCOUNT_NAME"),
        ("REGISTER * nonsense sesame-street", "INVALID_EMAIL"),
        ("REGISTER * a@b sesame-street", "INVALID_EMAIL"),
        ("REGISTER * * :", "WEAK_PASSWORD"),
        ("REGISTER * * ab", "WEAK_PASSWORD"),
        ("REGISTER * * {nick}", "WEAK_PASSWORD"),
        ("REGISTER * * " + "é" * 151, "UNACCEPTABLE_PASSWORD"),
        ("REGISTER * * :two words", "UNACCEPTABLE_PASSWORD"),
        ("REGISTER * * ::colon-first", "UNACCEPTABLE_PASSWORD"),
        ("REGISTER * * bell\x07bell", "UNACCEPTABLE_PASSWORD"),
    ],
)
async def test_what_is_refused(dial: Connect, nick: str, line: str, code: str) -> None:
    """Each with the code of the specification, as FAIL whatever was negotiated, and nothing is registered."""
    peer = await dial(nick)
    assert (await answer(peer, line.format(nick=nick)))[:3] == ("FAIL", "REGISTER", code)
    assert await answer(peer, "REGISTER * * sesame-street") == ("REGISTER", "SUCCESS", nick)


async def test_without_a_nick(dial: Connect) -> None:
    """ "FAIL REGISTER NEED_NICK * if the client sends REGISTER before sending a NICK command"."""
    peer = await dial("x", register=False)
    assert await answer(peer, "REGISTER * * sesame-street") == ("FAIL", "REGISTER", "NEED_NICK", "*")
    await peer.send("REGISTER * *")
    assert (await peer.read()).command == "461"


async def test_there_is_nothing_to_verify(dial: Connect, nick: str) -> None:
    """ "INVALID_CODE: the <code> in the VERIFY command is invalid", for accounts are there at once."""
    peer = await dial(nick)
    assert await answer(peer, f"VERIFY {nick} 123") == ("FAIL", "VERIFY", "INVALID_CODE", nick)
    await answer(peer, "REGISTER * * sesame-street")
    assert await answer(peer, f"VERIFY {nick} 123") == ("FAIL", "VERIFY", "ALREADY_AUTHENTICATED", nick)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("registration", "listed", "early", "late"),
    [
        ("off", None, "TEMPORARILY_UNAVAILABLE", "TEMPORARILY_UNAVAILABLE"),
        ("on", "draft/account-registration", "COMPLETE_CONNECTION_REQUIRED", "ACCOUNT_NAME_MUST_BE_NICK"),
        (
            "email-required,before-connect",
            "draft/account-registration=before-connect,email-required",
            "ACCOUNT_NAME_MUST_BE_NICK",
            "ACCOUNT_NAME_MUST_BE_NICK",
        ),
    ],
)
async def test_as_configured(tmp_path: Path, registration: str, listed: str | None, early: str, late: str) -> None:
    """What is not offered is not advertised, and refused with its own code."""
    with Network.running(tmp_path, 1, account_registration=registration, **CHEAP) as network:
        async with await network.connect("early", register=False) as peer:
            words = await peer.capabilities()
            await peer.send("NICK early")
            assert [word for word in words if word.startswith("draft/account")] == ([listed] if listed else [])
            assert (await answer(peer, "REGISTER other * sesame-street"))[2] == early
            await peer.send("USER u 0 * :U", "CAP END")
            await peer.expect("001")
            assert (await answer(peer, "REGISTER other * sesame-street"))[2] == late
            if "email" in registration:
                assert (await answer(peer, "REGISTER * * sesame-street"))[2] == "INVALID_EMAIL"
                assert (await answer(peer, "REGISTER * a@example.org sesame-street"))[0] == "REGISTER"


@pytest.mark.slow
async def test_the_password_of_the_server_is_not_gone_round(tmp_path: Path) -> None:
    """ "this functionality cannot be used to bypass ... requirements that clients send a server password with PASS"."""
    with Network.running(tmp_path, 1, password="letmein", **CHEAP) as network:
        async with await network.connect("early", register=False) as peer:
            assert "draft/account-registration=custom-account-name" in await peer.capabilities()
            await peer.send("NICK early")
            assert (await answer(peer, "REGISTER * * sesame-street"))[2] == "COMPLETE_CONNECTION_REQUIRED"


async def test_many_at_once_for_one_name(dial: Connect, nick: str) -> None:
    """One gets it."""
    peers = [await dial(f"{nick}{letter}") for letter in "abcdef"]
    for peer in peers:
        await peer.send(f"REGISTER {nick} * password-of-{peer.nick}")
    answers = [await peer.expect(lambda m: m.command in {"REGISTER", "FAIL"}) for peer in peers]
    won = [peer for peer, message in zip(peers, answers, strict=True) if message.command == "REGISTER"]
    assert len(won) == 1
    await won[0].send("CAP REQ sasl")
    assert (await authenticate_plain(won[0], nick, f"password-of-{won[0].nick}")).command == "903"


async def test_no_secret_is_in_the_log(network: Network, dial: Connect, nick: str) -> None:
    """Neither a password nor what stands for it."""
    peer = await dial(nick, caps=["sasl"])
    await answer(peer, "REGISTER * * planted-secret")
    await authenticate_plain(peer, nick, "planted-secret")
    await authenticate_plain(peer, nick, "planted-secret-wrong")
    await peer.barrier()
    assert not [line for gateway in network.gateways for line in gateway.log if "planted" in line or "argon2" in line]
