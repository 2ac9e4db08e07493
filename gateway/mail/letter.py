"""What a mail says: plain text with the network, the account and the code. Source: RFC 5322; RFC 3834 section 5."""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from string import Template

__all__ = ["DEFAULT_LETTER", "Letter"]

_FIELDS = {"network", "account", "code"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A template; `$network`, `$account` and `$code` stand for theirs, and `$$` for a dollar sign."""

    subject: str
    body: str

    @classmethod
    def parse(cls, text: str) -> "Letter":
        """Read a template: a line `Subject: ...`, an empty line, the text. Raises ValueError with the reason."""
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        name, _, subject = head.partition(":")
        if name.lower() != "subject" or "\n" in head or not subject.strip():
            raise ValueError("it begins with a line 'Subject: ...' and an empty line")
        for part in (subject, body):
            template = Template(part)
            if not template.is_valid() or not set(template.get_identifiers()) <= _FIELDS:
                raise ValueError("after a $ it has another word than network, account or code")
        if "code" not in Template(body).get_identifiers():
            raise ValueError("its text is without $code")
        return cls(subject.strip(), body)

    def write(self, sender: str, mailbox: str, *, network: str, account: str, code: str) -> EmailMessage:
        """The mail, as it is sent but for its date."""
        known = {"network": network, "account": account, "code": code}
        message = EmailMessage(SMTP)
        message["From"] = Address(network, addr_spec=sender)
        message["To"] = Address(addr_spec=mailbox)
        message["Subject"] = Template(self.subject).substitute(known)
        message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # so that nobody's holiday notice answers
        message.set_content(Template(self.body).substitute(known))
        return message


DEFAULT_LETTER = Letter.parse("""\
Subject: $account on $network: your code

Somebody - you, we hope - is registering the account $account on $network
with this address. The code is

    $code

It is good for a day. Type in the chat:

    /verify $account $code

If this was not you, do nothing: there will be no such account.
""")
