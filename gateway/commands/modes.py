"""MODE, of rooms and of oneself. Source: RFC 2812 sections 3.1.5 and 3.2.3; https://modern.ircdocs.horse/#mode-message."""

from gateway.commands.changing import change_room
from gateway.commands.naming import own_room
from gateway.commands.oversight import audit
from gateway.commands.rooms import inline
from gateway.commands.services import Services
from gateway.commands.sharing import publish
from gateway.commands.visible import visible_room
from gateway.events import ModeChange, ModesSet
from gateway.model import MsgId, Position
from gateway.rooms.modes import LISTS, Request, as_change, decide, pieces, read_modes
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.rights import is_operator
from gateway.rooms.room import Room
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.limits import MAX_BODY_BYTES
from gateway.wire.message import Message
from gateway.wire.names import casefold, nick_key

__all__ = ["mode"]

_USER_MODES = "Bisw"  # that everybody may give and take; "o" may only be given away
_LISTS = {
    "b": (n.RPL_BANLIST, n.RPL_ENDOFBANLIST, "End of channel ban list"),
    "e": (n.RPL_EXCEPTLIST, n.RPL_ENDOFEXCEPTLIST, "End of channel exception list"),
    "I": (n.RPL_INVEXLIST, n.RPL_ENDOFINVEXLIST, "End of channel invite exception list"),
}


async def mode(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """MODE: ask, or change."""
    target = message.params[0]
    if not target.startswith("#"):
        await _user_mode(services, session, target, "".join(message.params[1:2]), reply)
        return
    replica = await visible_room(services, session, target, reply)
    if replica is None:
        return
    if len(message.params) == 1:
        _tell_modes(replica, session, reply)
        return
    wanted = read_modes(message.params[1:])
    for letter in dict.fromkeys(request.letter for request in wanted if _asks(request)):
        _tell_list(replica, letter, reply)
    changes = [request for request in wanted if not _asks(request)]
    if not changes:
        return
    room = own_room(services, session, target)
    if room is None or not is_operator(replica, session.uid):
        _refuse(replica, reply)
        return
    changes = [request for request in changes if await _names_somebody(services, room, request, reply)]
    room_left = MAX_BODY_BYTES - len(f":{session.source} MODE {replica.name} ".encode())
    parts = list(pieces(changes, room_left))
    for part in parts:
        await _change(services, session, room, part, reply, last=part is parts[-1])


def _asks(request: Request) -> bool:
    return request.letter in LISTS and request.value is None


def _refuse(replica: Replica, reply: Reply) -> None:
    reply.numeric(n.ERR_CHANOPRIVSNEEDED, replica.name, "You're not a channel operator")


def _tell_modes(replica: Replica, session: Session, reply: Reply) -> None:
    letters, values = list(replica.modes), []
    if replica.history:
        letters.append("H")
        values.append(replica.history)
    if replica.key:
        letters.append("k")
        values.append(replica.key if session.uid in replica.members else "*")
    if replica.limit:
        letters.append("l")
        values.append(str(replica.limit))
    reply.numeric(n.RPL_CHANNELMODEIS, replica.name, "+" + "".join(letters), *values)
    reply.numeric(n.RPL_CREATIONTIME, replica.name, str(replica.created_ms // 1000))


def _tell_list(replica: Replica, letter: str, reply: Reply) -> None:
    number, end, text = _LISTS[letter]
    for mask, listed in replica.lists.get(letter, {}).items():
        reply.numeric(number, replica.name, mask, listed.by, str(listed.at_ms // 1000))
    reply.numeric(end, replica.name, text)


async def _names_somebody(services: Services, room: Room, request: Request, reply: Reply) -> bool:
    """Whether the nick of an `o` or `v` is held by anybody; False after 401."""
    nick = request.value
    if request.letter not in "ov" or nick is None or room.replica.find(nick) is not None:
        return True
    key = nick_key(nick)
    if key is not None and await services.directory.find(key) is not None:
        return True
    reply.numeric(n.ERR_NOSUCHNICK, nick, "No such nick")
    return False


async def _change(
    services: Services, session: Session, room: Room, requests: list[Request], reply: Reply, *, last: bool
) -> None:
    refusals: tuple[tuple[str, ...], ...] = ()
    changes: tuple[ModeChange, ...] = ()

    def decide_modes(replica: Replica, msgid: MsgId) -> Change | None:
        if not is_operator(replica, session.uid):
            _refuse(replica, reply)
            return None
        nonlocal refusals, changes
        changes, refusals = decide(replica, requests)
        if changes:
            return as_change(replica, ModesSet(session.uid, msgid, session.source, changes))
        tell_refusals()
        return None

    def tell_refusals() -> None:
        for refusal in refusals:
            reply.numeric(*refusal)

    def arrived(line: bytes, position: Position) -> bytes:
        tell_refusals()
        return in_place(line, position)

    in_place = inline(reply, last=last)
    done = await change_room(services, session, room, decide_modes, arrived)
    if done and session.operator:  # without the parameters: a key is a secret
        audit(session, "room_modes_set", room=room.key, modes=" ".join(sign + letter for sign, letter, _, _ in changes))


async def _user_mode(services: Services, session: Session, target: str, changes: str, reply: Reply) -> None:
    if casefold(target) != casefold(session.nick):
        reply.numeric(n.ERR_USERSDONTMATCH, "Can't view or change mode for other users")
        return
    before = set(session.modes) | ({"o"} if session.operator else set())
    after, sign, unknown = set(before), "+", False
    for letter in changes:
        if letter in "+-":
            sign = letter
        elif letter in _USER_MODES or (letter == "o" and sign == "-"):
            after = after | {letter} if sign == "+" else after - {letter}
        elif letter != "o":
            unknown = True
    if unknown:
        reply.numeric(n.ERR_UMODEUNKNOWNFLAG, "Unknown MODE flag")
    if not changes:
        reply.numeric(n.RPL_UMODEIS, "+" + "".join(sorted(after)))
    if after == before:
        return
    session.set_modes("".join(sorted(after - {"o"})))
    session.operator = "o" in after
    services.count_users(recount=True)
    if "o" in before - after:
        audit(session, "operator_no_more")
    await publish(services, session, modes=session.modes, operator=session.operator)
    gained, lost = "".join(sorted(after - before)), "".join(sorted(before - after))
    line = ("+" + gained if gained else "") + ("-" + lost if lost else "")
    reply.add(f":{session.source} MODE {session.nick} :{line}\r\n".encode())
