"""Sends mail by SMTP, a few at once, each within its deadline. Source: RFC 5321."""

import asyncio
import contextlib
import logging
import ssl
from email.message import EmailMessage
from email.utils import localtime

import aiosmtplib

from gateway.errors import FullError, MailboxError, MailError
from gateway.mail.letter import Letter
from gateway.mail.server import SmtpServer, Transport

__all__ = ["DEADLINE_S", "MAX_UNDER_WAY", "MailSender"]

DEADLINE_S = 8.0  # of one mail, the wait for its turn included; who asked for it is answered within 10 s
MAX_AT_ONCE = 4  # connections
MAX_UNDER_WAY = 40  # mails, those that wait included; at half a second each all are sent in time
_log = logging.getLogger(__name__)


class MailSender:
    """Sends codes for one network. Belongs to one event loop."""

    def __init__(self, server: SmtpServer, letter: Letter, *, sender: str, network: str, host: str) -> None:
        """
        Args:
            sender: the address that mails come from.
            host: what we are called in EHLO.
        """
        self._server = server
        self._letter = letter
        self._sender = sender
        self._network = network
        self._host = host
        # Made once: reading the system's authorities takes longer than sending a mail.
        self._tls = None if server.transport is Transport.PLAIN else _context(server)
        self._under_way = 0
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)

    async def send_code(self, mailbox: str, account: str, code: str) -> None:
        """Send somebody the code that verifies an account; on return the server has taken the mail.

        Raises:
            FullError: too many mails wait; nothing was begun.
            MailboxError: the server has no way to that address.
            MailError: the server is away, too slow, or refuses for now.
        """
        if self._under_way >= MAX_UNDER_WAY:
            raise FullError(f"{self._under_way} mails are under way")
        message = self._letter.write(self._sender, mailbox, network=self._network, account=account, code=code)
        message["Date"] = localtime()
        self._under_way += 1
        try:
            async with asyncio.timeout(DEADLINE_S), self._turns:
                await self._send(message)
        except (aiosmtplib.SMTPException, OSError, ssl.CertificateError) as exc:
            raise self._failure(exc) from exc
        finally:
            self._under_way -= 1

    async def _send(self, message: EmailMessage) -> None:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._host,
            username=server.user or None,
            password=server.password if server.user else None,
            use_tls=server.transport is Transport.TLS,
            start_tls=server.transport is Transport.STARTTLS,
            tls_context=self._tls,
            timeout=DEADLINE_S,
        )
        # Not `async with`: on its way out it says QUIT, and waits for the answer of a server that gives none.
        try:
            await client.connect()
            await client.send_message(message)
            with contextlib.suppress(aiosmtplib.SMTPException):
                await client.quit()
        finally:
            client.close()

    def _failure(self, exc: Exception) -> MailError:
        # The server's words stay out of the log: they may quote the address.
        code = _code(exc)
        _log.warning("mail_not_sent", extra={"kind": type(exc).__name__, "code": code})
        if isinstance(exc, aiosmtplib.SMTPRecipientsRefused) and code >= 500:  # RFC 5321 section 4.2.1: permanently
            return MailboxError(f"refused with {code}")
        return MailError(type(exc).__name__)


def _context(server: SmtpServer) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=server.ca_certs or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _code(exc: Exception) -> int:
    """The server's reply code; 0 where there was no reply."""
    if isinstance(exc, aiosmtplib.SMTPRecipientsRefused):
        return exc.recipients[0].code
    return exc.code if isinstance(exc, aiosmtplib.SMTPResponseException) else 0
