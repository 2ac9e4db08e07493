"""Direct messages as conversations: two people, and one log of what they said to each other.

A person is an account, or a session that is not logged in to one: what is kept of an account outlives its sessions, and
nobody who takes a guest's nick later can read what the guest was told. docs/adr/0019-conversations-have-logs.md.
"""

from gateway.commands.ports.history import Peer
from gateway.commands.services import Services
from gateway.model import LogKey, Position, Uid, time_ms
from gateway.people import User
from gateway.session.session import Session
from gateway.wire.names import casefold, nick_key

__all__ = ["find_conversation", "find_peer", "identity_of", "note"]

GUEST_KEPT_S = 7 * 86_400  # after the last message with somebody who is not logged in
KEPT_S = 365 * 86_400  # after the last message, where no age is too old


def identity_of(who: Session | User) -> str:
    """`a:` and the account, or `u:` and the session's uid."""
    return f"a:{casefold(who.account)}" if who.account else f"u:{who.uid.decode()}"


async def find_conversation(services: Services, session: Session, nick: str) -> LogKey | None:
    """The log of what the session and a nick said to each other; None: nobody of that name is or was known to it.
    Raises `StoreError`."""
    peer = await find_peer(services, session, nick)
    return services.log_of_conversation(identity_of(session), peer) if peer else None


async def find_peer(services: Services, session: Session, nick: str) -> str | None:
    """The identity of whom a session means by a nick; None: nobody of that name is or was known to it.

    Who holds the nick now counts; if nobody does, the account it is reserved for, then who had it last. Raises
    `StoreError`.
    """
    key, own = nick_key(nick), identity_of(session)
    if key is None:
        return None
    user = await services.directory.find_user(key)
    if user is not None:
        return identity_of(user)
    peers = await services.conversations.peers(own)
    account, _ = await services.accounts.find(key)
    reserved = f"a:{casefold(account.name)}" if account is not None else ""
    known = next((peer.identity for peer in peers if peer.identity == reserved), None)
    known = known or next((peer.identity for peer in peers if casefold(peer.nick) == key), None)
    return known or reserved or None


def note(services: Services, one: tuple[Uid, Peer], other: tuple[Uid, Peer], position: Position) -> None:
    """Something was said between the two, in these sessions: each has the other among those it talks with, and the log
    is kept on."""
    at_ms = time_ms(position)
    identities = [who.identity for _, who in (one, other)]
    guests = any(identity.startswith("u:") for identity in identities)
    kept_s = services.network.history.age_s or KEPT_S
    for (uid, who), (_, peer) in ((one, other), (other, one)):
        services.conversations.note(who.identity, uid, peer._replace(at_ms=at_ms), kept_s)
    log = services.log_of_conversation(*identities)
    oldest_ms = services.network.history.oldest_ms(at_ms)
    services.history.keep_for(log, min(kept_s, GUEST_KEPT_S) if guests else kept_s, oldest_ms)
