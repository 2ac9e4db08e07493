"""Direct messages as conversations: two people, and one log of what they said to each other.

A person is an account, or a session that is not logged in to one: what is kept of an account outlives its sessions, and
nobody who takes a guest's nick later can read what the guest was told. docs/adr/0019-conversations-have-logs.md.
"""

from gateway.commands.ports.history import Peer
from gateway.commands.services import Services
from gateway.model import LogKey, Position, time_ms
from gateway.people import User
from gateway.session.session import Session
from gateway.wire.names import casefold, nick_key

__all__ = ["find_conversation", "identity_of", "note"]

GUEST_KEPT_S = 7 * 86_400  # after the last message with somebody who is not logged in
KEPT_S = 365 * 86_400  # after the last message, where no age is too old


def identity_of(who: Session | User) -> str:
    """`a:` and the account, or `u:` and the session's uid."""
    return f"a:{casefold(who.account)}" if who.account else f"u:{who.uid.decode()}"


async def find_conversation(services: Services, session: Session, nick: str) -> LogKey | None:
    """The log of what the session and a nick said to each other; None: nobody of that name is or was known to it.

    Who holds the nick now counts; if nobody does, the account it is reserved for, then who had it last. Raises
    `StoreError`.
    """
    key, own = nick_key(nick), identity_of(session)
    if key is None:
        return None
    user = await services.directory.find_user(key)
    if user is not None:
        return services.log_of_conversation(own, identity_of(user))
    peers = await services.conversations.peers(own)
    account, _ = await services.accounts.find(key)
    reserved = f"a:{casefold(account.name)}" if account is not None else ""
    known = next((peer.identity for peer in peers if peer.identity == reserved), None)
    known = known or next((peer.identity for peer in peers if casefold(peer.nick) == key), None)
    identity = known or reserved
    return services.log_of_conversation(own, identity) if identity else None


def note(services: Services, one: Peer, other: Peer, position: Position) -> None:
    """Something was said between the two: each has the other among those it talks with, and the log is kept on."""
    at_ms = time_ms(position)
    guests = any(who.identity.startswith("u:") for who in (one, other))
    kept_s = services.network.history.age_s or KEPT_S
    for who, peer in ((one, other), (other, one)):
        services.conversations.note(who.identity, peer._replace(at_ms=at_ms), kept_s)
    log = services.log_of_conversation(one.identity, other.identity)
    oldest_ms = services.network.history.oldest_ms(at_ms)
    services.history.keep_for(log, min(kept_s, GUEST_KEPT_S) if guests else kept_s, oldest_ms)
