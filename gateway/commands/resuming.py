"""Coming back: a new connection takes over the session it had, wherever that was. Nobody else sees anything.

The vendor capability `hubbub.chat/resume`, docs/protocol.md; the same without its lines for a client that is logged in
to the account of the session that holds the nick it asks for.
"""

from gateway.commands.returning import Returning
from gateway.commands.services import Services
from gateway.commands.sharing import most_attachments
from gateway.people import Refusal
from gateway.session import tokens
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire.message import Message
from gateway.wire.names import NickKey

__all__ = ["issue_token", "resume", "take_by_account", "take_offered"]

MAX_TOKENS = 2  # of one RESUME
_REFUSED = {
    Refusal.NOT_ALLOWED: ("INVALID_TOKEN", "No session can be resumed with that token"),
    Refusal.FORGOTTEN: ("INVALID_TOKEN", "No session can be resumed with that token"),
    Refusal.ENDED: ("SESSION_ENDED", "The session is over; join the rooms afresh"),
    Refusal.BUSY: ("IN_USE", "Another connection is resuming this session; try again"),
    Refusal.FULL: ("IN_USE", "The session has as many connections as it may have"),
}


def resume(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """RESUME token[,former token] [msgid]: noted, and carried out when registration is complete."""
    if session.state is not State.REGISTERING:
        _fail(reply, "ALREADY_REGISTERED", "You are registered already")
    elif not message.params or not message.params[0]:
        _fail(reply, "NEED_MORE_PARAMS", "Not enough parameters")
    else:
        session.offered = tuple(message.params[:2])


def _fail(reply: Reply, code: str, text: str) -> None:
    reply.fail_only("RESUME", code, text=text)


async def issue_token(services: Services, session: Session) -> str:
    """Give a session here a token; empty: another connection has the session by now. Raises `StoreError`."""
    token = tokens.make(session.attachment, services.new_secret())
    kept = tokens.hash_of(token)
    if not await services.records.set_token(session.attachment, session.epoch, kept):
        return ""
    session.token = kept
    return token


async def take_offered(services: Services, session: Session, reply: Reply) -> bool:
    """Resume the session whose token was shown; False after the refusal was said to a peer that is still there.

    Raises:
        StoreError: Redis is away.
    """
    offered, msgid, *_ = (*session.offered, "")
    session.offered = ()
    refusal: Refusal | None = Refusal.NOT_ALLOWED
    # The former one is what Redis knows where a failover has lost that it gave the newer.
    for token in offered.split(",")[:MAX_TOKENS]:
        if refusal is Refusal.NOT_ALLOWED and (attachment := tokens.attachment_of(token)) is not None:
            returning = Returning(services, session, reply, by_token=True, msgid=msgid)
            refusal = await returning.take(attachment, tokens.hash_of(token), "")
    if refusal is Refusal.FORGOTTEN and services.now_s() < services.forgotten_until_s:
        _fail(reply, "IN_USE", "The session may be unknown for a moment; try again")
    elif refusal is not None:
        _fail(reply, *_REFUSED[refusal])
    return refusal is None or session.state is State.CLOSED


async def take_by_account(services: Services, session: Session, nick: NickKey, reply: Reply) -> bool:
    """Share the session that holds the nick, or take it over, if it is of the same account. Raises `StoreError`."""
    uid = await services.directory.find(nick)
    if uid is None:
        return False
    returning = Returning(services, session, reply, by_token=False)
    refusal = await returning.attach(uid, await most_attachments(services, session))
    if refusal is Refusal.FULL:
        text = "Your account has as many connections under this nick as it may have"
        reply.fail_only("NICK", "TOO_MANY_CONNECTIONS", session.nick, text=text)
    return refusal is None
