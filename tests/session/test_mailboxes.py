"""Addresses that a code can be mailed to. Source: RFC 5321 sections 4.1.2 and 4.5.3.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.letter import DEFAULT_LETTER
from gateway.session.mailboxes import BadMailboxError, parse_mailbox, same_mailbox


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann.B+tag@Example.ORG", "Ann.B+tag@Example.ORG"),
        ("o'brien=x/y!#$%&*?^_`{|}~-@a-b.example", "o'brien=x/y!#$%&*?^_`{|}~-@a-b.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_what_is_one(text: str, mailbox: str) -> None:
    """ "Server implementations should be careful not to accidentally send INVALID_EMAIL as a response to a valid
    address" (account-registration)."""
    assert parse_mailbox(text) == mailbox


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "nonsense", "@", "a@", "@b.org", "a@b", "a@b@c.org", "a..b@c.org", ".a@c.org", "a@c..org", "a@-c.org",
        "a@c-.org", "a@c_d.org", "<a@c.org>", "a<b@c.org>", "a@c.org,b@d.org", "x:a@c.org;", "a b@c.org", "a(b)@c.org",
        "a@c.org\r\nBcc: all@c.org", "a\r\n@c.org", "a@" + "c." * 130 + "org", "a" * 65 + "@c.org",
        "a@" + "ü" * 80 + ".org",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    """INVALID_EMAIL."""
    with pytest.raises(BadMailboxError, match=r"^INVALID_EMAIL$"):
        parse_mailbox(text)


@pytest.mark.parametrize(
    "text", ['"ann b"@example.org', '"a@\\"b"@c.org', '""@c.org', "é@example.org", "ann@[127.0.0.1]"]
)
def test_what_we_do_not_send_to(text: str) -> None:
    """UNACCEPTABLE_EMAIL: "the email address is valid, but not available for account registration"."""
    with pytest.raises(BadMailboxError, match=r"^UNACCEPTABLE_EMAIL$"):
        parse_mailbox(text)


hostile = st.text(st.sampled_from('ab.@+"\\<>()[],:; \t\r\n\0é=?_-%'), max_size=30)


@given(
    hostile
    | hostile.map("{}@b.org".format)
    | hostile.map("a@{}.org".format)
    | hostile.map("=?utf-8?q?{}?=@b.org".format)
)
def test_nothing_but_an_address_comes_of_it(text: str) -> None:
    """Any text: an address that a mail can have as its only receiver, or a refusal."""
    try:
        mailbox = parse_mailbox(text)
    except BadMailboxError:
        return
    mail = DEFAULT_LETTER.write("a@b.org", mailbox, network="N", account="A", code="c")
    assert [one.addr_spec for one in mail["To"].addresses] == [mailbox]
    assert mail.keys().count("To") == 1
    assert mailbox.isascii()
    assert not any(char in mailbox for char in "\r\n <>,")


def test_which_are_one_persons() -> None:
    """However they are spelt: what limits how much is sent there must not be gone round by a tag."""
    assert same_mailbox("Ann+x@Example.org") == same_mailbox("ann@example.ORG") == "ann@example.org"
    assert same_mailbox("ann@a.org") != same_mailbox("ann@b.org")
