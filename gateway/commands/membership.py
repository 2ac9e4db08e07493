"""KICK and INVITE. Source: RFC 2812 sections 3.2.7 and 3.2.8; https://modern.ircdocs.horse/#invite-message."""

from gateway.commands.changing import change_room
from gateway.commands.rooms import inline, joined_room
from gateway.commands.services import Services
from gateway.commands.telling import tell
from gateway.commands.visible import visible_room
from gateway.errors import FullError
from gateway.events import Invited, Kicked
from gateway.model import MsgId, Position
from gateway.people import User
from gateway.rooms.joining import inviting
from gateway.rooms.ports import Change
from gateway.rooms.replica import Replica
from gateway.rooms.rights import is_operator
from gateway.rooms.room import Room
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.limits import KICKLEN
from gateway.wire.message import Message
from gateway.wire.names import nick_key
from gateway.wire.splitting import clip, first_word

__all__ = ["MAX_KICK_TARGETS", "invite", "kick"]

MAX_KICK_TARGETS = 4  # of one command; advertised as TARGMAX


async def kick(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """KICK members of one room, or one member of each room of a list."""
    rooms, nicks = message.params[0].split(","), message.params[1].split(",")
    if len(rooms) == 1:
        rooms *= len(nicks)
    if len(rooms) != len(nicks):
        reply.numeric(n.ERR_NEEDMOREPARAMS, "KICK", "As many members as rooms, or one room")
        return
    reason = clip(message.params[2] if len(message.params) > 2 else "", KICKLEN) or session.nick
    victims = list(zip(rooms, nicks, strict=True))[:MAX_KICK_TARGETS]
    for index, (name, nick) in enumerate(victims, 1):
        if await visible_room(services, session, name, reply) is None:
            continue
        if (room := joined_room(services, session, name, reply)) is not None:
            await _kick(services, session, room, nick, reason, reply, last=index == len(victims))


async def _kick(
    services: Services, session: Session, room: Room, nick: str, reason: str, reply: Reply, *, last: bool
) -> None:
    def decide(replica: Replica, msgid: MsgId) -> Change | None:
        if not is_operator(replica, session.uid):
            reply.numeric(n.ERR_CHANOPRIVSNEEDED, replica.name, "You're not a channel operator")
            return None
        target = replica.find(nick)
        if target is None:
            reply.numeric(n.ERR_USERNOTINCHANNEL, nick, replica.name, "They aren't on that channel")
            return None
        return Change(
            event=Kicked(session.uid, msgid, session.source, target.uid, reason, target.nick),
            permissions=replica.permissions,
            uid=target.uid,
            need="in",
            leaves=True,
        )

    await change_room(services, session, room, decide, inline(reply, last=last))
    services.engine.close_if_empty(room)


async def invite(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """INVITE somebody to a room; without parameters: the rooms the peer is invited to."""
    if not message.params:
        for name in (session.invitations or {}).values():
            reply.numeric(n.RPL_INVITELIST, name)
        reply.numeric(n.RPL_ENDOFINVITELIST, "End of /INVITE list")
        return
    if len(message.params) == 1:
        reply.numeric(n.ERR_NEEDMOREPARAMS, "INVITE", "Not enough parameters")
        return
    nick, name = message.params[:2]
    key = nick_key(nick)
    target = await services.directory.find_user(key) if key is not None else None
    if target is None:
        reply.numeric(n.ERR_NOSUCHNICK, first_word(nick), "No such nick")
    elif (
        await visible_room(services, session, name, reply) is not None
        and (room := joined_room(services, session, name, reply)) is not None
    ):
        await _invite(services, session, room, target, reply)


async def _invite(services: Services, session: Session, room: Room, target: User, reply: Reply) -> None:
    def decide(replica: Replica, msgid: MsgId) -> Change | None:
        if session.uid not in replica.members:
            reply.numeric(n.ERR_NOTONCHANNEL, replica.name, "You're not on that channel")
        elif "i" in replica.modes and not is_operator(replica, session.uid):
            reply.numeric(n.ERR_CHANOPRIVSNEEDED, replica.name, "You're not a channel operator")
        elif target.uid in replica.members:
            reply.numeric(n.ERR_USERONCHANNEL, target.nick, replica.name, "is already on channel")
        else:
            return inviting(replica, Invited(session.uid, msgid, session.source, target.uid, target.nick))
        return None

    def arrived(line: bytes, position: Position) -> bytes:
        reply.numeric(n.RPL_INVITING, target.nick, room.replica.name)
        return b""

    if not await change_room(services, session, room, decide, arrived):
        return
    if target.away:
        reply.numeric(n.RPL_AWAY, target.nick, target.away)
    try:
        tell(services, target.uid, session, f":{session.source} INVITE {target.nick} {room.replica.name}")
    except FullError:
        reply.fail("INVITE", "TEMPORARILY_UNAVAILABLE", text="They may join now, but could not be told")
