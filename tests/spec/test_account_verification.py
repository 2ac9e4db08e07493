"""Accounts that are verified by e-mail. Source: IRCv3 draft/account-registration (the sentences are from its text).

The mail server is a real one on a port that the gateways know; in a test that starts none it is away.
"""

import re
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import CHEAP, ONE_AND_TWO, Connect, Network
from tests.harness.sasl_client import authenticate_plain, log_in
from tests.harness.smtp_server import SmtpSite

PASSWORD = "sesame-street"
SENT = ("REGISTER", "VERIFICATION_REQUIRED")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A port that is nobody else's, and on which nobody listens by itself."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture(scope="module", params=ONE_AND_TWO)
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Network]:
    """One gateway, or two, that send mail there."""
    settings = {"smtp_url": f"smtp://127.0.0.1:{port}?starttls=off", "email_from": "chat@example.net"}
    with Network.running(tmp_path_factory.mktemp("network"), request.param, **settings, **CHEAP) as network:
        yield network


@pytest.fixture
async def site(port: int) -> AsyncIterator[SmtpSite]:
    """The server."""
    async with SmtpSite.running(port=port) as site:
        yield site


async def answer(peer: IrcPeer, line: str) -> tuple[str, ...]:
    """What REGISTER or VERIFY is answered with, the text left out."""
    await peer.send(line)
    message = await peer.expect(lambda m: m.command in {"REGISTER", "VERIFY", "FAIL"})
    return (message.command, *message.params[:-1])


async def code_in(site: SmtpSite, account: str) -> str:
    """The code in the next mail, which is for that account."""
    found = re.search(rf"/verify {re.escape(account)} (\S+)", (await site.next_mail()).get_content())
    assert found
    return found[1]


async def test_a_code_makes_the_account(site: SmtpSite, dial: Connect, nick: str) -> None:
    """ "REGISTER VERIFICATION_REQUIRED ... when further action is required", and VERIFY, on another gateway where there
    are two: "the client is assumed to be authenticated to the <account> as if it used SASL"."""
    peer, phone = await dial(nick), await dial(f"{nick}p", caps=["sasl"])
    assert await answer(peer, f"REGISTER * {nick}@example.org {PASSWORD}") == (*SENT, nick)
    code = await code_in(site, nick)
    assert site.envelopes[-1].rcpt_tos == [f"{nick}@example.org"]
    assert (await authenticate_plain(phone, nick, PASSWORD)).command == "904"
    await peer.send(f"WHOIS {nick}")
    assert "330" not in [m.command for m in await peer.barrier()]
    assert await answer(phone, f"VERIFY {nick} {code}") == ("VERIFY", "SUCCESS", nick)
    assert (await phone.expect("900")).params[2] == nick
    assert (await authenticate_plain(phone, nick, PASSWORD)).command == "903"
    await log_in(peer, nick, PASSWORD)


async def test_before_the_connection_is_complete(site: SmtpSite, dial: Connect, nick: str) -> None:
    """As in the example under "before-connect": VERIFY logs in, and the connection goes on; or the connection goes on
    first, under the nick that is being registered."""
    peer = await dial(nick, register=False)
    await peer.send("CAP LS 302", f"NICK {nick}", "USER u 0 * :U")
    assert await answer(peer, f"REGISTER * {nick}@example.org {PASSWORD}") == (*SENT, nick)
    assert await answer(peer, f"VERIFY {nick} {await code_in(site, nick)}") == ("VERIFY", "SUCCESS", nick)
    await peer.send("CAP END", f"WHOIS {nick}")
    assert (await peer.expect("330")).params[1:3] == (nick, nick)
    other = await dial("x", register=False)
    await other.send("CAP LS 302", f"NICK {nick}b", "USER u 0 * :U")
    assert (await answer(other, f"REGISTER * {nick}b@example.org {PASSWORD}"))[:2] == SENT
    await other.send("CAP END")
    assert (await other.expect(lambda m: m.command in {"001", "433"})).command == "001"
    code = await code_in(site, f"{nick}b")
    assert await answer(other, f"VERIFY {nick}B {code.upper().replace('-', '')}") == ("VERIFY", "SUCCESS", f"{nick}b")


async def test_without_an_address_there_is_nothing_to_verify(dial: Connect, nick: str) -> None:
    """ "With no email or verification", where none is required."""
    assert await answer(await dial(nick), f"REGISTER * * {PASSWORD}") == ("REGISTER", "SUCCESS", nick)


async def test_the_name_is_kept_meanwhile(site: SmtpSite, dial: Connect, nick: str) -> None:
    """Nobody else registers it, with an address or without; its nick is nobody's yet."""
    peer, other = await dial(nick), await dial(f"{nick}b")
    await answer(peer, f"REGISTER * {nick}@example.org {PASSWORD}")
    for email in ("*", f"{nick}b@example.org"):
        assert await answer(other, f"REGISTER {nick} {email} other-word") == (
            "FAIL",
            "REGISTER",
            "ACCOUNT_EXISTS",
            nick,
        )
    assert site.mails.qsize() == 1


async def test_an_address_that_was_misspelt(site: SmtpSite, dial: Connect, nick: str) -> None:
    """Whoever registers says REGISTER again; the code of the first mail is worth nothing."""
    peer = await dial(nick)
    await answer(peer, f"REGISTER * {nick}x@example.org {PASSWORD}")
    assert await answer(peer, f"REGISTER * {nick}@example.org {PASSWORD}") == (*SENT, nick)
    first, second = await code_in(site, nick), await code_in(site, nick)
    assert await answer(peer, f"VERIFY {nick} {first}") == ("FAIL", "VERIFY", "INVALID_CODE", nick)
    assert await answer(peer, f"VERIFY {nick} {second}") == ("VERIFY", "SUCCESS", nick)


async def test_what_verify_refuses(site: SmtpSite, dial: Connect, nick: str) -> None:
    """ "INVALID_CODE: if the <code> in the VERIFY command is invalid or expired", and in the same words for names of
    which nothing is known; "ALREADY_AUTHENTICATED: if the client is already authenticated"."""
    peer = await dial(nick)
    await answer(peer, f"REGISTER * {nick}@example.org {PASSWORD}")
    code = await code_in(site, nick)
    texts = set()
    for name in (nick, f"{nick}nobody", "9live"):
        await peer.send(f"VERIFY {name} nonsense")
        failed = await peer.expect("FAIL")
        assert failed.params[:3] == ("VERIFY", "INVALID_CODE", name)
        texts.add(failed.params[-1])
    assert len(texts) == 1
    await answer(peer, f"VERIFY {nick} {code}")
    assert await answer(peer, f"VERIFY {nick} {code}") == ("FAIL", "VERIFY", "ALREADY_AUTHENTICATED", nick)
    other = await dial(f"{nick}b")
    assert await answer(other, f"VERIFY {nick} {code}") == ("FAIL", "VERIFY", "INVALID_CODE", nick)


async def test_guessing_is_stopped(site: SmtpSite, dial: Connect, nick: str) -> None:
    """As guessing at a password is, on whichever gateway; not even the right code counts then."""
    owner, thieves = await dial(nick), [await dial(f"{nick}{letter}") for letter in "ab"]
    await answer(owner, f"REGISTER * {nick}@example.org {PASSWORD}")
    code = await code_in(site, nick)
    codes = [(await answer(thieves[number % 2], f"VERIFY {nick} guess{number}"))[2] for number in range(11)]
    assert codes == ["INVALID_CODE"] * 10 + ["TEMPORARILY_UNAVAILABLE"]
    assert (await answer(owner, f"VERIFY {nick} {code}"))[2] == "TEMPORARILY_UNAVAILABLE"


async def test_a_mailbox_is_not_flooded(site: SmtpSite, dial: Connect, nick: str) -> None:
    """Three mails to one mailbox, however it is spelt, for whichever accounts and from whichever gateways; and three
    for one account. TEMPORARILY_UNAVAILABLE says how long to wait, and keeps no name."""
    peers = [await dial(f"{nick}{letter}") for letter in "ab"]
    limited = ("FAIL", "REGISTER", "TEMPORARILY_UNAVAILABLE")
    for number in range(3):
        line = f"REGISTER {nick}n{number} {nick}+{number}@example.org {PASSWORD}"
        assert (await answer(peers[number % 2], line))[:2] == SENT
    for peer in peers:
        assert (await answer(peer, f"REGISTER {nick}n4 {nick}@EXAMPLE.org {PASSWORD}"))[:3] == limited
    assert await answer(peers[0], f"REGISTER {nick}n4 * {PASSWORD}") == ("REGISTER", "SUCCESS", f"{nick}n4")
    for number in range(3):
        assert (await answer(peers[1], f"REGISTER {nick}m {nick}m{number}@example.org {PASSWORD}"))[:2] == SENT
    assert (await answer(peers[1], f"REGISTER {nick}m {nick}m4@example.org {PASSWORD}"))[:3] == limited
    assert site.mails.qsize() == 6


@pytest.mark.parametrize(
    ("refusal", "code"), [("550 nobody here", "INVALID_EMAIL"), ("450 later", "TEMPORARILY_UNAVAILABLE")]
)
async def test_a_mailbox_that_is_refused(site: SmtpSite, dial: Connect, nick: str, refusal: str, code: str) -> None:
    """ "INVALID_EMAIL: if it cannot send emails to the provided address"; the name is free, no limit was used up."""
    site.refuses = refusal
    peer, other = await dial(nick), await dial(f"{nick}b")
    for _ in range(4):
        line = f"REGISTER {nick}acc {nick}@example.org {PASSWORD}"
        assert await answer(peer, line) == ("FAIL", "REGISTER", code, f"{nick}acc")
    site.refuses = ""
    assert await answer(other, f"REGISTER {nick}acc {nick}@example.org {PASSWORD}") == (*SENT, f"{nick}acc")


async def test_the_mail_server_is_away(dial: Connect, nick: str) -> None:
    """ "TEMPORARILY_UNAVAILABLE", and nothing is kept: another registers the name at once. Who gives no address, or has
    an account already, notices nothing."""
    peer, other = await dial(nick), await dial(f"{nick}b")
    line = f"REGISTER {nick}acc {nick}@example.org {PASSWORD}"
    assert await answer(peer, line) == ("FAIL", "REGISTER", "TEMPORARILY_UNAVAILABLE", f"{nick}acc")
    assert await answer(other, f"REGISTER {nick}acc * {PASSWORD}") == ("REGISTER", "SUCCESS", f"{nick}acc")


async def test_no_secret_is_in_a_log(site: SmtpSite, network: Network, dial: Connect, nick: str) -> None:
    """Neither a code, an address nor a password; of a refused mail the reason is there, not the server's words."""
    peer = await dial(nick)
    await answer(peer, f"REGISTER * {nick}planted@example.org {PASSWORD}planted")
    code = await code_in(site, nick)
    site.refuses = f"550 5.1.1 <{nick}planted@example.org> planted"
    await answer(peer, f"REGISTER * {nick}planted@example.org {PASSWORD}planted")
    await answer(peer, f"VERIFY {nick} {code}")
    lines = [line for gateway in network.gateways for line in gateway.log]
    assert any("mail_not_sent" in line and "550" in line for line in lines)
    assert not [line for line in lines if "planted" in line or code in line]
