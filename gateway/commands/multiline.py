"""BATCH from a client: messages of several lines. Source: IRCv3 draft/multiline and client-batch."""

from collections.abc import Coroutine
from typing import Any

from gateway.commands.services import Services
from gateway.commands.talking import say_lines
from gateway.session.capabilities import BATCH, MULTILINE
from gateway.session.multiline import KIND, Draft, Problem, is_reference
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire.message import Message

__all__ = ["batch", "expire", "line", "lost"]

Answer = Coroutine[Any, Any, None] | bool | None
OPEN_FOR_S = 60.0  # a message may take to come in


def batch(services: Services, session: Session, message: Message, reply: Reply) -> Answer:
    """BATCH +reference draft/multiline target, and BATCH -reference."""
    sign, reference = message.params[0][:1], message.params[0][1:]
    if sign == "-":
        return _close(services, session, reference, reply)
    draft = session.draft
    if not session.has(MULTILINE) or not session.has(BATCH):
        _fail(reply, ("MULTILINE_INVALID", "The capabilities batch and draft/multiline are not in use"))
    elif sign != "+" or not is_reference(reference):
        _fail(reply, ("MULTILINE_INVALID", "That is no reference of a batch"))
    elif len(message.params) < 3 or message.params[1] != KIND or not message.params[2] or "," in message.params[2]:
        _fail(reply, ("MULTILINE_INVALID", f"A batch of a client is of the type {KIND} and has one target"))
    elif draft is not None and draft.problem is None:
        _fail(reply, ("MULTILINE_INVALID", "There is an open batch already"))
    else:
        session.draft = Draft(message, reply.label, services.now_s())
        return True  # the label is answered when it is complete
    return None


def line(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """Anything with the tag `batch`."""
    draft = session.draft
    if draft is None or message.tags["batch"] != draft.reference:
        _fail(reply, ("MULTILINE_INVALID", "There is no such batch"))
        return
    draft.add(message)
    _tell(draft, reply)


def lost(session: Session, message: Message, reply: Reply) -> None:
    """A command was refused for coming too fast. A message is said as a whole or not at all, and its author is told
    once."""
    draft = session.draft
    if draft is None:
        return
    if message.command == "BATCH" and message.params[:1] == (f"-{draft.reference}",):
        session.draft = None
    elif not message.tags or message.tags.get("batch") != draft.reference:
        return
    if draft.problem is None:
        draft.problem = "RATE_LIMITED", "A line of it came too fast; nothing was said"
    reply.take()  # what was said of the line by itself
    _tell(draft, reply)


def expire(services: Services, session: Session) -> None:
    """Give a batch up that was left open for too long."""
    draft = session.draft
    if draft is not None and draft.problem is None and services.now_s() - draft.began_at_s > OPEN_FOR_S:
        draft.problem = "TIMEOUT", draft.reference, "The batch was left open for too long; nothing was said"
        reply = Reply(session, services.network.server_name)
        _tell(draft, reply)
        reply.finish()


def _close(services: Services, session: Session, reference: str, reply: Reply) -> Answer:
    draft = session.draft
    if draft is None or reference != draft.reference:
        _fail(reply, ("MULTILINE_INVALID", "There is no such batch"))
        return None
    session.draft = None
    draft.end()
    if draft.problem is not None:
        _tell(draft, reply)
        return None
    reply.label = draft.label
    return say_lines(services, session, draft.opening, draft.lines, reply)


def _tell(draft: Draft, reply: Reply) -> None:
    if draft.problem is not None and not draft.told:
        draft.told = True
        reply.label = draft.label
        _fail(reply, draft.problem)


def _fail(reply: Reply, problem: Problem) -> None:
    # Never a NOTICE: who sends batches knows standard replies, on which their specification depends.
    reply.message("FAIL", "BATCH", *problem)
