"""What can go wrong in the gateway, sorted by whose fault it is.

::

    GatewayError
    ├── StoreError            Redis is away or refused; the peer is told to try again
    ├── FullError             a bounded queue of ours is full; the peer is told to try again
    └── NickReservedError     the nick is another account's; the peer is told to log in or to choose another
"""

__all__ = ["FullError", "GatewayError", "NickReservedError", "StoreError"]


class GatewayError(Exception):
    """Base of all errors below. Their text is for our log, never for a peer."""


class StoreError(GatewayError):
    """Redis did not do what was asked: away, too slow, or refusing."""


class FullError(GatewayError):
    """A queue of ours is at its limit."""


class NickReservedError(GatewayError):
    """A nick is reserved for an account that who asks for it is not logged in to."""
