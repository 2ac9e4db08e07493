"""A nick is claimed, and changed, for a session on all gateways."""

import contextlib

from gateway.commands.everywhere import change_everywhere
from gateway.commands.services import Services
from gateway.commands.sharing import publish
from gateway.errors import NickReservedError, StoreError
from gateway.events import Renamed
from gateway.session import capabilities
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire import numerics as n
from gateway.wire.names import nick_key

__all__ = ["claim", "rename"]


async def claim(services: Services, session: Session, wanted: str, reply: Reply) -> bool:
    """Take a nick; False after the refusal was said. Raises `StoreError`."""
    key = nick_key(wanted)
    assert key is not None
    asks = session.name if session.ready else "*"
    try:
        if await services.directory.claim(key, session.uid, session.account):
            return True
    except NickReservedError:
        text = "That nickname is reserved for an account; log in to it first"
        if session.has(capabilities.STANDARD_REPLIES):
            reply.message("FAIL", "NICK", "NICKNAME_RESERVED", wanted, text)
        # As well: it is what clients choose another nick by.
        reply.message(n.ERR_NICKNAMEINUSE, asks, wanted, text)
    else:
        reply.message(n.ERR_NICKNAMEINUSE, asks, wanted, "Nickname is already in use")
    return False


async def rename(services: Services, session: Session, wanted: str, reply: Reply) -> None:
    """Give a registered session another nick, or say why not. Raises `StoreError`."""
    if not session.shared:
        await _rename(services, session, wanted, reply)
    elif await services.records.begin_renaming(session.uid):
        try:
            await _rename(services, session, wanted, reply)
        finally:
            with contextlib.suppress(StoreError):  # it ends by itself
                await services.records.end_renaming(session.uid)
                if not session.ready:  # half-way, for which the others have waited
                    await services.records.tell_others(session.uid)
    else:
        reply.fail(
            "NICK", "TEMPORARILY_UNAVAILABLE", wanted, text="Another of your devices changes the nick; try again"
        )


async def _rename(services: Services, session: Session, wanted: str, reply: Reply) -> None:
    old_key, key = session.key, nick_key(wanted)
    claimed = key == old_key or await claim(services, session, wanted, reply)
    if claimed:
        await change_everywhere(
            services,
            session,
            lambda msgid: Renamed(session.uid, msgid, wanted, session.source),
            lambda member: member._replace(nick=wanted),
        )
    if session.state is State.CLOSED and not session.shared:
        # Gone meanwhile: its departure did not know of this nick, nor of the record that every claim begins.
        await services.directory.remove(session.attachment, key)
    elif not session.ready and key is not None and key != old_key:
        # The session goes on under the nick of its record; its rooms learn of that from who comes back.
        await services.directory.free(key, session.uid)
    if not claimed or not session.ready:
        return
    reply.add(f":{session.source} NICK {wanted}\r\n".encode())
    former, session.nick = session.as_user(services.gateway), wanted
    await publish(services, session, nick=wanted)
    await services.presence.here(session.as_member(services.gateway, ""))
    if old_key is not None and old_key != key:
        await services.directory.note_former(former)
        await services.directory.free(old_key, session.uid)
