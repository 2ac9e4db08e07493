"""Rooms and people as somebody may know of them, here or not.

Source: https://modern.ircdocs.horse/#secret-channel-mode, #invisible-user-mode.
"""

from itertools import islice

from gateway.commands.naming import Found, current_room, own_room
from gateway.commands.services import Services
from gateway.model import Member, Uid
from gateway.people import User
from gateway.rooms.replica import Replica
from gateway.rooms.rights import is_visible
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.splitting import first_word

__all__ = ["find_room", "find_visible", "identity", "is_hidden", "shown_members", "visible_room"]

MAX_SHOWN_OUTSIDE = 1000  # members of a room that who is not in it is shown; of each its record is read


async def find_visible(services: Services, session: Session, name: str) -> Found | None:
    """A room that the peer may know of; None also for a secret one it is not in. Raises `StoreError`."""
    if (joined := own_room(services, session, name)) is not None:
        return Found(joined.key, joined.replica)  # Redis may be away
    found = await current_room(services, name)
    return found if found is not None and is_visible(found.replica, session.uid) else None


async def find_room(services: Services, session: Session, name: str) -> Replica | None:
    """Its state. Raises `StoreError`."""
    found = await find_visible(services, session, name)
    return found.replica if found is not None else None


async def visible_room(services: Services, session: Session, name: str, reply: Reply) -> Replica | None:
    """The same; None after 403. Raises `StoreError`."""
    replica = await find_room(services, session, name)
    if replica is None:
        reply.numeric(n.ERR_NOSUCHCHANNEL, first_word(name), "No such channel")
    return replica


def is_hidden(session: Session, user: User) -> bool:
    """Whether somebody is `+i`, and the peer neither shares a room with them nor is an operator of the network."""
    if "i" not in user.modes or user.uid == session.uid or session.operator:
        return False
    return not any(user.uid in room.replica.members for room in session.rooms.values())


async def shown_members(services: Services, session: Session, replica: Replica) -> list[Uid]:
    """The members of a room that the peer is shown: all of one it is in, else the visible ones of the first 1000.
    Raises `StoreError` for a room it is not in."""
    if session.uid in replica.members:
        return list(replica.members)
    users = await services.directory.users(list(islice(replica.members, MAX_SHOWN_OUTSIDE)))
    return [uid for uid, user in users.items() if not is_hidden(session, user)]


def identity(services: Services, session: Session) -> Member:
    """The session as masks see it, whether it is in a room or not."""
    return session.as_member(services.gateway, "")
