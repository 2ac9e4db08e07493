"""NAMES. Source: RFC 2812 section 3.2.5; https://modern.ircdocs.horse/#names-message."""

from collections.abc import Iterator, Sequence

from gateway.commands.pacing import breathe
from gateway.commands.services import Services
from gateway.commands.visible import find_room, shown_members
from gateway.model import Member, Uid
from gateway.rooms.replica import Replica
from gateway.session import capabilities
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.limits import CHANNELLEN, MAX_BODY_BYTES, NICKLEN
from gateway.wire.message import Message
from gateway.wire.splitting import clip, first_word

__all__ = [
    "MAX_NAMES_TARGETS",
    "NAMES_AT_ONCE",
    "NameLines",
    "add_names",
    "filled",
    "name_slices",
    "names",
    "prefixes",
    "tell_names",
]

MAX_NAMES_TARGETS = 4  # of one command; advertised as TARGMAX
NAMES_AT_ONCE = 250  # members; some 2 ms, in which nobody else is served


async def names(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """NAMES of rooms, here or not: one end for all that were asked for. Outsiders are not shown who is `+i`."""
    if not message.params:
        reply.numeric(n.RPL_ENDOFNAMES, "*", "End of /NAMES list")
        return
    rooms = message.params[0].split(",")[:MAX_NAMES_TARGETS]
    for name in rooms:
        if (replica := await find_room(services, session, name)) is not None:
            await _add_paced(session, replica, await shown_members(services, session, replica), reply)
    # Modern: 366 repeats the parameter of the command, so a list has one end; it may be longer than other parameters.
    asked = clip(first_word(",".join(rooms)), MAX_NAMES_TARGETS * (CHANNELLEN + 1))
    reply.add(f":{reply.server} {n.RPL_ENDOFNAMES} {session.name} {asked} :End of /NAMES list\r\n".encode())


async def tell_names(session: Session, replica: Replica, reply: Reply) -> None:
    """The names of a large room, in parts, for who has just joined it."""
    await _add_paced(session, replica, list(replica.members), reply)
    _end(replica, reply)


async def _add_paced(session: Session, replica: Replica, uids: Sequence[Uid], reply: Reply) -> None:
    for lines in name_slices(session, replica, reply.server, uids):
        for line in lines:
            reply.add(line)
        if len(uids) > NAMES_AT_ONCE:
            await breathe(reply)


def add_names(session: Session, replica: Replica, reply: Reply) -> None:
    """All names at once, and 366."""
    for lines in name_slices(session, replica, reply.server):
        for line in lines:
            reply.add(line)
    _end(replica, reply)


def _end(replica: Replica, reply: Reply) -> None:
    reply.numeric(n.RPL_ENDOFNAMES, replica.name, "End of /NAMES list")


def name_slices(
    session: Session, replica: Replica, server: str, uids: Sequence[Uid] | None = None
) -> Iterator[list[bytes]]:
    """353 lines, as full as they may be, of some members after the other. In between the room may change: who has left
    by then is not named, and of who comes the peer is told, if it is a member."""
    uids = list(replica.members) if uids is None else uids
    prefix = _prefix(replica, server, session.name)
    for start in range(0, len(uids), NAMES_AT_ONCE):
        found = (replica.members.get(uid) for uid in uids[start : start + NAMES_AT_ONCE])
        yield list(filled(prefix, [_prefixed(session, member) for member in found if member is not None]))


class NameLines:
    """All names at once, and 366, for several members: put into lines once for those who want them alike."""

    def __init__(self, replica: Replica, server: str) -> None:
        self._replica = replica
        self._server = server
        self._bodies: dict[int, list[bytes]] = {}  # 353 lines but for their prefix, by capabilities

    def add(self, session: Session, reply: Reply) -> None:
        """To the answer of one of them."""
        wanted = session.caps & (capabilities.MULTI_PREFIX | capabilities.USERHOST_IN_NAMES)
        if wanted not in self._bodies:
            longest = _prefix(self._replica, self._server, "x" * NICKLEN)
            words = [_prefixed(session, member) for member in self._replica.members.values()]
            self._bodies[wanted] = [line[len(longest.encode()) :] for line in filled(longest, words)]
        prefix = _prefix(self._replica, self._server, session.name).encode()
        for body in self._bodies[wanted]:
            reply.add(prefix + body)
        _end(self._replica, reply)


def _prefix(replica: Replica, server: str, nick: str) -> str:
    return f":{server} {n.RPL_NAMREPLY} {nick} {'@' if 's' in replica.modes else '='} {replica.name} :"


def filled(prefix: str, words: list[str]) -> Iterator[bytes]:
    """Lines with the same beginning and as many words each as fit; none without words."""
    room_left = MAX_BODY_BYTES - len(prefix.encode())
    line: list[str] = []
    used = 0
    for word in words:
        size = len(word.encode())
        if used + size > room_left:
            yield f"{prefix}{' '.join(line)}\r\n".encode()
            line, used = [], 0
        line.append(word)
        used += size + 1
    if line:
        yield f"{prefix}{' '.join(line)}\r\n".encode()


def prefixes(session: Session, member: Member) -> str:
    """`@` and `+`: the highest one, or with multi-prefix all."""
    everything = member.modes.replace("o", "@").replace("v", "+")
    return everything if session.has(capabilities.MULTI_PREFIX) else everything[:1]


def _prefixed(session: Session, member: Member) -> str:
    return prefixes(session, member) + (member.source if session.has(capabilities.USERHOST_IN_NAMES) else member.nick)
