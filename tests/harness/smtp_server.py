"""A real SMTP server (aiosmtpd) in the test's loop: keeps what it takes; refuses, stalls or asks for TLS as told."""

import asyncio
import email
import email.policy
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.harness.deadlines import DEADLINE_S

__all__ = ["SmtpSite"]

USER, PASSWORD = "mailer", "sesame at the door"


class SmtpSite:
    """One server. Its attributes are what it answers from now on."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.mails: asyncio.Queue[EmailMessage] = asyncio.Queue()
        self.envelopes: list[Envelope] = []
        self.logins: list[bytes] = []
        self.secured: list[bool] = []  # whether a mail came over TLS
        self.refuses = ""  # a reply to RCPT
        self.stalls: asyncio.Event | None = None  # DATA is answered when it is set
        self.begun = 0  # mails that got as far as DATA

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        login: bool = False,
    ) -> AsyncIterator["SmtpSite"]:
        """Listen, on a free port if none is named; `login`: nobody sends without `USER` and `PASSWORD`."""
        site = cls()
        peers: list[SMTP] = []

        def check(server: Any, session: Any, envelope: Any, mechanism: str, offered: Any) -> AuthResult:
            given = cast(LoginPassword, offered)
            site.logins.append(given.login)
            right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
            return AuthResult(success=right, handled=False)

        def make() -> SMTP:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of logins without STARTTLS: TLS is there already
                made = SMTP(
                    site,
                    hostname="mail.test",
                    enable_SMTPUTF8=False,
                    tls_context=starttls,
                    require_starttls=starttls is not None,
                    auth_required=login,
                    auth_require_tls=tls is None,
                    authenticator=check,
                    ident="test",
                )
            peers.append(made)
            return made

        listener = await asyncio.get_running_loop().create_server(make, site.host, port, ssl=tls)
        site.port = listener.sockets[0].getsockname()[1]
        try:
            yield site
        finally:
            listener.close()
            for peer in peers:
                if peer.transport is not None:
                    peer.transport.close()
            await asyncio.sleep(0)  # what closes does so in the next turn of the loop

    async def next_mail(self) -> EmailMessage:
        """The next mail it took. Raises TimeoutError."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.mails.get()

    async def handle_RCPT(  # noqa: N802 - the names are aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Source: aiosmtpd, "Handlers"."""
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Source: aiosmtpd, "Handlers"."""
        self.begun += 1
        if self.stalls is not None:
            await self.stalls.wait()
        self.envelopes.append(envelope)
        assert server.transport is not None
        self.secured.append(server.transport.get_extra_info("ssl_object") is not None)
        content = cast(bytes, envelope.content)
        self.mails.put_nowait(email.message_from_bytes(content, policy=email.policy.default))
        return "250 taken"
