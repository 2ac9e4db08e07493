"""Addresses of mailboxes as people type them. Pure. Source: RFC 5321 section 4.1.2; RFC 6531 section 3.3."""

import re

__all__ = ["BadMailboxError", "parse_mailbox", "same_mailbox"]

MAX_BYTES = 254  # RFC 5321 section 4.5.3.1.3, without its brackets
MAX_LOCAL_BYTES = 64

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"  # RFC 5322 section 3.2.3
_DOT_STRING = re.compile(rf"{_ATEXT}+(\.{_ATEXT}+)*")
_QUOTED_OR_UTF8 = re.compile(rf'"([ !#-\[\]-~]|\\[ -~])*"|({_ATEXT}|[^\0-\x7f])+(\.({_ATEXT}|[^\0-\x7f])+)*')
_LITERAL = re.compile(r"\[[0-9A-Za-z:.]+\]")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 1123 section 2.1
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")


class BadMailboxError(Exception):
    """No mail goes there; `code` is the one of account-registration for `FAIL`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse_mailbox(text: str) -> str:
    """The address as it stands in a mail: ASCII, without a character that could end it there.

    Raises:
        BadMailboxError: INVALID_EMAIL: it is none; UNACCEPTABLE_EMAIL: it is one to which we do not send, for it is
            quoted or encoded, not ASCII in front of the @, or at a bare IP address.
    """
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.encode("idna").decode()  # RFC 3490: what servers without SMTPUTF8 know
    except UnicodeError:
        raise BadMailboxError("INVALID_EMAIL") from None
    mailbox = f"{local}@{domain}"
    if len(local.encode()) > MAX_LOCAL_BYTES or len(mailbox.encode()) > MAX_BYTES:
        raise BadMailboxError("INVALID_EMAIL")
    plain, at_host = _DOT_STRING.fullmatch(local), _DOMAIN.fullmatch(domain)
    if plain and at_host and "=?" not in local:  # an encoded word (RFC 2047) would be another name in a header
        return mailbox
    known = (plain or _QUOTED_OR_UTF8.fullmatch(local)) and (at_host or _LITERAL.fullmatch(domain))
    raise BadMailboxError("UNACCEPTABLE_EMAIL" if known else "INVALID_EMAIL")


def same_mailbox(mailbox: str) -> str:
    """What most servers deliver to one person: without case, and without what follows a plus sign."""
    local, _, domain = mailbox.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
