"""Accounts, the passwords that log in to them, and the mail to their owners."""

from typing import Protocol

from gateway.model import Uid
from gateway.people import Account, Credentials, ScramVerifier
from gateway.wire.names import NickKey

__all__ = ["Accounts", "Mail", "Passwords"]


class Accounts(Protocol):
    """All accounts. Every method raises `StoreError`."""

    async def find(self, name: NickKey) -> tuple[Account | None, bytes]:
        """The account with this name or nick, and a salt to show where there is none."""

    async def create(self, name: NickKey, account: Account, uid: Uid) -> bool:
        """Register an account; False when its name cannot be had."""

    async def propose(self, name: NickKey, account: Account, uid: Uid, code: str) -> bool:
        """Keep a name while the code is being mailed; False when it cannot be had."""

    async def await_code(self, name: NickKey, code: str) -> None:
        """The code is in the mail: keep the name for a day."""

    async def withdraw(self, name: NickKey, code: str) -> None:
        """No mail was sent: the name is free."""

    async def verify(self, name: NickKey, code: str) -> str | None:
        """Make the account that waits for this code; what it is called, or None where none does."""

    async def set_password(self, name: NickKey, credentials: Credentials) -> bool:
        """Change the password; False when there is no such account any more."""

    async def multiclient(self, name: str) -> bool | None:
        """Whether the connections of the account share a session; None: it has not chosen."""

    async def set_multiclient(self, name: NickKey, choice: bool | None) -> bool:
        """Choose; None: as the network has it. False when there is no such account any more."""

    async def group(self, name: NickKey, account: Account, nick: NickKey, uid: Uid) -> bool:
        """Reserve one more nick; False when it cannot be had."""

    async def ungroup(self, name: NickKey, account: Account, nick: NickKey) -> None:
        """End a reservation."""

    async def find_owner(self, certificate: str) -> Account | None:
        """The account that a certificate, by its fingerprint, logs in to."""

    async def add_certificate(self, name: NickKey, account: Account, certificate: str) -> bool:
        """Let a certificate log in; False when it belongs to another account."""

    async def remove_certificate(self, name: NickKey, account: Account, certificate: str) -> None:
        """It logs in no more."""

    async def delete(self, name: NickKey, account: Account) -> None:
        """End an account; its name is not registered again."""

    async def deleted(self) -> set[str]:
        """The accounts that were deleted lately, casefolded."""

    async def is_reserved(self, nick: NickKey, account: NickKey | None) -> bool:
        """Whether a nick is reserved for another account than this."""


class Passwords(Protocol):
    """Hashing away from the event loop. The methods that wait raise `FullError`."""

    async def verify_account(self, password_hash: str | None, text: str) -> bool:
        """Whether it is the password; None (there is no such account) takes as long."""

    async def make(self, text: str) -> Credentials:
        """What is kept of a new password."""

    def decoy(self, salt: bytes) -> ScramVerifier:
        """What is shown for an account that does not exist."""


class Mail(Protocol):
    """The way to the mailboxes of people."""

    async def send_code(self, mailbox: str, account: str, code: str) -> None:
        """Send the code that verifies an account. Raises `FullError`, `MailError`, `MailboxError`."""
