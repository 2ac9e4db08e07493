"""What can go wrong in the gateway, sorted by whose fault it is.

::

    GatewayError
    ├── StoreError            Redis is away or refused; the peer is told to try again
    │   └── AliasedError      a room cannot be founded, since its name leads to another; who joins goes there
    ├── FullError             a bounded queue of ours is full; the peer is told to try again
    ├── MailError             no mail can be sent now; the peer is told to try again
    │   └── MailboxError      there is no way to that address; the peer is told to name another
    └── NickReservedError     the nick is another account's; the peer is told to log in or to choose another
"""

__all__ = [
    "AliasedError",
    "FullError",
    "GatewayError",
    "MailError",
    "MailboxError",
    "NickReservedError",
    "StoreError",
]


class GatewayError(Exception):
    """Base of all errors below. Their text is for our log, never for a peer."""


class StoreError(GatewayError):
    """Redis did not do what was asked: away, too slow, or refusing."""


class AliasedError(StoreError):
    """A room that nobody is in cannot be founded: another answers to its name."""


class FullError(GatewayError):
    """A queue of ours is at its limit."""


class MailError(GatewayError):
    """A mail was not sent: the server is away, too slow, or refusing for now."""


class MailboxError(MailError):
    """The server does not send to that address."""


class NickReservedError(GatewayError):
    """A nick is reserved for an account that who asks for it is not logged in to."""
