"""Sending mail, against a real SMTP server. Source: RFC 5321, RFC 3207, RFC 8314."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import FullError, MailboxError, MailError
from gateway.mail import sender as sending
from gateway.mail.letter import DEFAULT_LETTER
from gateway.mail.sender import MAX_AT_ONCE, MAX_UNDER_WAY, MailSender
from gateway.mail.server import SmtpServer
from tests.harness.certificates import certificate
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.smtp_server import PASSWORD, USER, SmtpSite

pytestmark = pytest.mark.slow

ADDRESS = "ann@example.org"


@pytest.fixture
async def site() -> AsyncIterator[SmtpSite]:
    """A server without TLS that takes everything."""
    async with SmtpSite.running() as site:
        yield site


def sender(url: str) -> MailSender:
    """What sends by that server."""
    return MailSender(
        SmtpServer.parse(url), DEFAULT_LETTER, sender="chat@example.net", network="Hubbub", host="hubbub.test"
    )


def plain(site: SmtpSite) -> MailSender:
    """What sends by a server without TLS."""
    return sender(f"smtp://127.0.0.1:{site.port}?starttls=off")


def context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context, and the authority that signed it."""
    pems = certificate(folder)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(pems.cert, pems.key)
    return made, pems.ca


async def test_a_mail_as_it_arrives(site: SmtpSite) -> None:
    """Network, account and code, in plain text, from and to one address each, with a date; nothing answers it by itself
    (RFC 3834 section 5)."""
    await plain(site).send_code(ADDRESS, "Ann", "abcd-efgh")
    mail = await site.next_mail()
    assert (site.envelopes[0].mail_from, site.envelopes[0].rcpt_tos) == ("chat@example.net", [ADDRESS])
    assert (mail["From"], mail["To"]) == ("Hubbub <chat@example.net>", ADDRESS)
    assert mail["Subject"] == "Ann on Hubbub: your code"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime is not None
    assert mail["Message-ID"].endswith("@example.net>")
    assert mail.get_content_type() == "text/plain"
    assert "/verify Ann abcd-efgh" in mail.get_content()


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    """smtps://, with a login; the password is one from a URL, percent-encoded."""
    tls, authority = context(tmp_path)
    async with SmtpSite.running(tls=tls, login=True) as site:
        url = f"smtps://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{site.port}?ssl_ca_certs={authority}"
        await sender(url).send_code(ADDRESS, "Ann", "code")
        assert (site.logins, site.secured) == ([USER.encode()], [True])


async def test_starttls(tmp_path: Path) -> None:
    """smtp:// is secured before anybody logs in."""
    tls, authority = context(tmp_path)
    async with SmtpSite.running(starttls=tls, login=True) as site:
        server = SmtpServer.parse(f"smtp://{USER}@127.0.0.1:{site.port}?ssl_ca_certs={authority}")
        by = MailSender(
            replace(server, password=PASSWORD), DEFAULT_LETTER, sender=ADDRESS, network="Hubbub", host="hubbub.test"
        )
        await by.send_code(ADDRESS, "Ann", "code")
        assert (site.logins, site.secured) == ([USER.encode()], [True])


async def test_nothing_is_sent_in_the_clear_by_mistake(site: SmtpSite, tmp_path: Path) -> None:
    """A server that offers no STARTTLS, and one whose certificate nobody vouches for."""
    with pytest.raises(MailError):
        await sender(f"smtp://127.0.0.1:{site.port}").send_code(ADDRESS, "Ann", "code")
    tls, _ = context(tmp_path)
    async with SmtpSite.running(tls=tls) as first, SmtpSite.running(starttls=tls) as second:
        for url in (f"smtps://127.0.0.1:{first.port}", f"smtp://127.0.0.1:{second.port}"):
            with pytest.raises(MailError):
                await sender(url).send_code(ADDRESS, "Ann", "code")
        assert (first.begun, second.begun) == (0, 0)
    assert site.begun == 0


async def test_a_login_that_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Is for the operator to see: by the server's code, without its words, the password or the address."""
    tls, authority = context(tmp_path)
    async with SmtpSite.running(tls=tls, login=True) as site:
        url = f"smtps://{USER}:planted@127.0.0.1:{site.port}?ssl_ca_certs={authority}"
        with pytest.raises(MailError):
            await sender(url).send_code(ADDRESS, "Ann", "planted-code")
    (record,) = [record for record in caplog.records if record.name.startswith("gateway")]
    assert (record.message, record.__dict__["kind"], record.__dict__["code"]) == (
        "mail_not_sent", "SMTPAuthenticationError", 535,
    )  # fmt: skip
    assert not any(word in str(record.__dict__) for word in ("planted", ADDRESS))


@pytest.mark.parametrize(
    ("answer", "kind"), [("550 no such mailbox", MailboxError), ("450 come again later", MailError)]
)
async def test_a_refused_address(site: SmtpSite, answer: str, kind: type[MailError]) -> None:
    """ "5yz: permanent", and "4yz: transient" (RFC 5321 section 4.2.1): greylisting is no fault of the address."""
    site.refuses = answer
    with pytest.raises(MailError) as caught:
        await plain(site).send_code(ADDRESS, "Ann", "code")
    assert type(caught.value) is kind


async def test_a_server_that_is_away(site: SmtpSite) -> None:
    """Nobody listens."""
    async with SmtpSite.running() as other:
        port = other.port
    with pytest.raises(MailError):
        await sender(f"smtp://127.0.0.1:{port}?starttls=off").send_code(ADDRESS, "Ann", "code")


async def test_a_server_that_does_not_answer(site: SmtpSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs the deadline of one mail, wherever it stops; its connection is closed."""
    monkeypatch.setattr(sending, "DEADLINE_S", 0.3)
    site.stalls = asyncio.Event()
    with pytest.raises(MailError):
        await plain(site).send_code(ADDRESS, "Ann", "code")
    gone = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        with pytest.raises(MailError):
            await sender(f"smtp://127.0.0.1:{port}?starttls=off").send_code(ADDRESS, "Ann", "code")
        async with asyncio.timeout(DEADLINE_S):
            await gone.wait()
    site.stalls.set()
    await plain(site).send_code(ADDRESS, "Bob", "code")


async def test_a_few_at_once_and_not_many_waiting(site: SmtpSite) -> None:
    """`MAX_AT_ONCE` connections; beyond `MAX_UNDER_WAY` mails nothing is begun; all that were taken are sent."""
    site.stalls, by = asyncio.Event(), plain(site)
    async with asyncio.TaskGroup() as tasks:
        for number in range(MAX_UNDER_WAY):
            tasks.create_task(by.send_code(ADDRESS, f"ann{number}", "code"))

        async def begun() -> bool | None:
            return site.begun == MAX_AT_ONCE or None

        await eventually(begun, what="as many as may are at it")
        with pytest.raises(FullError):
            await by.send_code(ADDRESS, "toomany", "code")
        assert site.begun == MAX_AT_ONCE
        site.stalls.set()
    assert len(site.envelopes) == MAX_UNDER_WAY
    await by.send_code(ADDRESS, "again", "code")
