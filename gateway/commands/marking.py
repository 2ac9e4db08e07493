"""MARKREAD: how far somebody has read, over all sessions of an account. Source: IRCv3 read-marker."""

import contextlib

from gateway.commands.conversations import identity_of
from gateway.commands.naming import own_room
from gateway.commands.services import Services
from gateway.commands.telling import copy_to_own, tell
from gateway.errors import FullError, StoreError
from gateway.model import Uid
from gateway.rooms.room import Room
from gateway.session.capabilities import READ_MARKER
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.spoken import Said
from gateway.wire.message import Message
from gateway.wire.names import casefold, nick_key, room_key
from gateway.wire.tags import format_time, parse_time

__all__ = ["marker_line", "markread"]


async def markread(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """MARKREAD target [timestamp=...]: ask, or note."""
    if not message.params or not message.params[0]:
        _fail(reply, "NEED_MORE_PARAMS", text="Missing parameters")
        return
    target = message.params[0]
    if not (room_key(target) if target.startswith("#") else nick_key(target)):
        _fail(reply, "INVALID_PARAMS", target, text="That is neither a room nor a nick")
        return
    at_ms: int | None = None
    if len(message.params) > 1:
        kind, _, value = message.params[1].partition("=")
        at_ms = parse_time(value) if kind == "timestamp" else None
        if at_ms is None or at_ms < 0:
            _fail(reply, "INVALID_PARAMS", target, message.params[1], text="That is no timestamp")
            return
    key = casefold(target)
    if (room := own_room(services, session, target)) is not None:
        key, target = room.key, room.replica.name
    who = identity_of(session)
    others: list[Uid] = []
    try:
        if at_ms is None:
            found = await services.markers.get(who, key, _told(session))
        else:
            found, others = await services.markers.set(who, key, at_ms, _told(session))
    except StoreError:
        _fail(reply, "INTERNAL_ERROR", target, text="The read timestamp cannot be had now")
        return
    line = _line(services, target, found)
    reply.add(line + b"\r\n")
    if at_ms is not None:
        copy_to_own(services, session, Said(session.uid, services.new_msgid(), b"", b"", line))
    await _tell_others(services, session, [uid for uid in others if uid != session.uid], line)


async def marker_line(services: Services, session: Session, room: Room, name: str = "") -> bytes:
    """What a session is told of a room it comes into, CR LF included; empty without the capability.

    Args:
        name: which the room will have by then; empty: the one it has.
    """
    if not session.has(READ_MARKER):
        return b""
    found = None
    with contextlib.suppress(StoreError):  # then it is not known
        found = await services.markers.get(identity_of(session), room.key, _told(session))
    return _line(services, name or room.replica.name, found) + b"\r\n"


def _line(services: Services, target: str, at_ms: int | None) -> bytes:
    stamp = f"timestamp={format_time(at_ms)}" if at_ms is not None else "*"
    return f":{services.network.server_name} MARKREAD {target} {stamp}".encode()


def _told(session: Session) -> Uid | None:
    """Who is to be told of changes: the sessions of an account. One without an account has no others."""
    return session.uid if session.account and session.has(READ_MARKER) else None


async def _tell_others(services: Services, session: Session, uids: list[Uid], line: bytes) -> None:
    if not uids:
        return
    with contextlib.suppress(StoreError, FullError):  # they ask when they need to know
        users, who = await services.directory.users(uids), identity_of(session)
        for uid in uids:
            if (user := users.get(uid)) is not None and identity_of(user) == who:
                tell(services, uid, session, line.decode(), by_server=True)
            else:
                await services.markers.leave(who, uid)


def _fail(reply: Reply, code: str, *context: str, text: str) -> None:
    reply.fail_for(READ_MARKER, "MARKREAD", code, *context, text=text)
