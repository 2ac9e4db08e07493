"""The one way from a line to its effect: what is checked before each command, and how its answer is waited for."""

import asyncio
import math
from contextlib import suppress

from gateway.commands import multiline, talking
from gateway.commands.pacing import finish
from gateway.commands.services import Services
from gateway.commands.table import COMMANDS, Command, Work
from gateway.errors import FullError, StoreError
from gateway.session.budget import Verdict
from gateway.session.capabilities import MULTILINE
from gateway.session.reply import Reply
from gateway.session.session import Session, State
from gateway.wire import numerics as n
from gateway.wire.errors import InvalidUtf8Error, MalformedLineError
from gateway.wire.limits import MAX_BODY_BYTES, MAX_CLIENT_TAGS_BYTES
from gateway.wire.message import Message

__all__ = ["CHEAP", "CLOSE_REASON", "obey"]

_IN_BATCH = Command(multiline.line, flows=True, shared=True)
ANSWER_WITHIN_S = 10.0  # while Redis is away; what was asked for may be done all the same, and is shown then
_UNKNOWN = "Redis is away; whether this was done is not known yet"
_NEVER_REFUSED = frozenset({"PING", "PONG", "QUIT", "CAP"})  # clients send them by themselves
CHEAP = 0.1  # what one of those costs of the budget: a flood of them ends the connection, nothing less does
CLOSE_REASON = "Excess Flood"
_ENDED = frozenset({State.CLOSED, State.DETACHED})


def obey(services: Services, session: Session, line: bytes) -> Work | None:
    """Carry out one line. What cannot be done at once is returned; the next line waits for it.

    Raises nothing for anything a peer can send.
    """
    if line[:9] == b"PRIVMSG #" and session.state is State.READY and _may_say_plainly(services, session, line):
        return None
    message = _read(services, session, line)
    if message is None:
        return None
    reply = Reply(session, services.network.server_name, message.tags.get("label", "") if message.tags else "")
    command = COMMANDS.get(message.command)
    services.count_command(message.command if command is not None else "unknown")
    if command is not None and message.tags and "batch" in message.tags and session.has(MULTILINE):
        command = _IN_BATCH
    if not _within_budget(services, session, message, reply):
        multiline.lost(session, message, reply)
        reply.finish()
        return None
    if command is None or not _admitted(services, session, command, message, line, reply):
        if command is None:
            _unknown(session, message, reply)
        elif command is _IN_BATCH and session.draft is not None:
            session.draft.spoil()
        reply.finish()
        return None
    if command.shared and services.network.limits and not _has_allowance(services, session, message):
        return _within_allowance(services, session, command, message, reply)
    return _obey(services, session, command, message, reply)


def _obey(services: Services, session: Session, command: Command, message: Message, reply: Reply) -> Work | None:
    if session.in_flight and not command.flows:
        return _in_turn(services, session, command, message, reply)
    return _run(services, session, command, message, reply)


def _has_allowance(services: Services, session: Session, message: Message) -> bool:
    return not _joins(message) and services.allowances.may_speak(session)


def _joins(message: Message) -> int:
    """How many rooms are joined; for those who do not know of renames, a RENAME is a JOIN."""
    if message.command == "JOIN" and message.params:
        return message.params[0].count(",") + 1
    return int(message.command == "RENAME")


async def _within_allowance(
    services: Services, session: Session, command: Command, message: Message, reply: Reply
) -> None:
    """Carry a command out once the limit that all gateways share allows it, or refuse it."""
    if joins := _joins(message):
        wait_s = await services.allowances.wait_to_join(session, joins)
    else:
        wait_s = await services.allowances.wait_to_speak(session)
    if wait_s:
        _too_fast(message, wait_s, reply)
        multiline.lost(session, message, reply)
        reply.finish()
    elif session.ready and (work := _obey(services, session, command, message, reply)) is not None:
        await work


def _read(services: Services, session: Session, line: bytes) -> Message | None:
    """The line as a message; None after it was refused, or where its session has ended here."""
    if session.state in _ENDED:
        return None  # an answer would tell its author that it need not be said again elsewhere
    reply = Reply(session, services.network.server_name)
    try:
        return Message.parse(line)
    except InvalidUtf8Error:
        reply = _refusal_of_bytes(services, session, line)
    except MalformedLineError:
        reply.numeric(n.ERR_UNKNOWNERROR, "*", "That line could not be read")
    if session.draft is not None:
        session.draft.spoil()
    if _within_budget(services, session, Message("*"), Reply(session, services.network.server_name)):
        reply.finish()
    return None


def _refusal_of_bytes(services: Services, session: Session, line: bytes) -> Reply:
    """The answer to a line that is not UTF-8, with the command and the label if those can be read.

    Source: IRCv3 utf8-only. FAIL whatever was negotiated, as in its examples, of which one comes before registration.
    """
    command, label = "*", ""
    with suppress(MalformedLineError):
        message = Message.parse(line.decode(errors="replace").encode())
        command = message.command if message.command in COMMANDS else "*"
        label = message.tags.get("label", "")
    reply = Reply(session, services.network.server_name, "" if "\ufffd" in label else label)
    reply.message("FAIL", command, "INVALID_UTF8", "Rejected: this network takes UTF-8 only")
    return reply


def _may_say_plainly(services: Services, session: Session, line: bytes) -> bool:
    # A budget is spent once: what a flood's line costs, the general way decides.
    if len(line) > MAX_BODY_BYTES:
        return False
    limits = services.network.limits
    now_s = services.now_s() if limits else 0.0
    if limits and not (session.budget.has_room(now_s) and services.allowances.may_speak(session)):
        return False
    if not talking.say_plainly(services, session, line):
        if limits:
            services.allowances.unspoken(session)
        return False
    services.count_command("PRIVMSG")
    if limits:
        session.budget.spend(now_s)
    return True


def _run(services: Services, session: Session, command: Command, message: Message, reply: Reply) -> Work | None:
    work = command.run(services, session, message, reply)
    if work is None or work is False or (work is True and not reply.label):
        reply.finish()
        return None
    return None if work is True else _finish(services, message, work, reply)


async def _in_turn(services: Services, session: Session, command: Command, message: Message, reply: Reply) -> None:
    """Commands of one connection run in order, each finished in Redis before the next."""
    # While Redis is away nothing comes back; PING and QUIT must work all the same.
    if services.history.up:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S if command.needs_store else None):
                await services.settled(session)
        except TimeoutError:
            reply.fail(message.command, "TEMPORARILY_UNAVAILABLE", text="Redis is away; nothing was done, try again")
            reply.finish()
            return
    work = _run(services, session, command, message, reply)
    if work is not None:
        await work


async def _finish(services: Services, message: Message, work: Work, reply: Reply) -> None:
    """Carry out `work`; past the limit its author is told that nobody knows, and it goes on unwaited for."""
    task = asyncio.ensure_future(_carry_out(message, work, reply))
    try:
        await asyncio.wait([task], timeout=ANSWER_WITHIN_S)
        while reply.under_way and not task.done():
            await asyncio.wait([task], timeout=ANSWER_WITHIN_S)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if task.done():
        task.result()
        return
    services.under_way.add(task)
    task.add_done_callback(services.under_way.discard)
    session = reply.session
    if session.state is State.CLOSED:
        session.close(session.quit_reason)  # its departure goes on without it
        return
    reply.fail(message.command, "TEMPORARILY_UNAVAILABLE", text=_UNKNOWN)
    reply.finish()


async def _carry_out(message: Message, work: Work, reply: Reply) -> None:
    try:
        await work
    except (StoreError, FullError):
        reply.fail(message.command, "TEMPORARILY_UNAVAILABLE", text="Redis is away, try again")
    await finish(reply)


def _unknown(session: Session, message: Message, reply: Reply) -> None:
    if session.ready:
        reply.numeric(n.ERR_UNKNOWNCOMMAND, message.command, "Unknown command")
    else:
        reply.numeric(n.ERR_NOTREGISTERED, "You have not registered")


def _admitted(
    services: Services, session: Session, command: Command, message: Message, line: bytes, reply: Reply
) -> bool:
    """The checks that are the same for every command; False after the refusal was said."""
    if len(line) > MAX_BODY_BYTES and not _fits(line):
        reply.numeric(n.ERR_INPUTTOOLONG, "Input line was too long")
        return False
    if not command.before_ready and not session.ready:
        reply.numeric(n.ERR_NOTREGISTERED, "You have not registered")
        return False
    if len(message.params) < command.min_params:
        reply.numeric(n.ERR_NEEDMOREPARAMS, message.command, "Not enough parameters")
        return False
    if command.needs_store and session.ready and not services.history.up:
        reply.fail(message.command, "TEMPORARILY_UNAVAILABLE", text="Redis is away, try again")
        return False
    return True


def _within_budget(services: Services, session: Session, message: Message, reply: Reply) -> bool:
    """Whether the session may do one more thing; False after the refusal was said."""
    if not services.network.limits:
        return True
    joins = _joins(message)
    free = message.command in _NEVER_REFUSED
    verdict = session.budget.spend(services.now_s(), cost=CHEAP if free else 1.0, joins=joins)
    if verdict is Verdict.GO or (free and verdict is Verdict.REFUSE):
        return True
    if verdict is Verdict.CLOSE:
        session.quit_reason = CLOSE_REASON
        session.close(CLOSE_REASON)
    else:
        _too_fast(message, session.budget.retry_s(joins=joins), reply)
    return False


def _too_fast(message: Message, wait_s: float, reply: Reply) -> None:
    if message.command != "NOTICE" or reply.label:
        seconds = f"{math.ceil(max(1.0, wait_s))}"
        reply.fail(message.command, "RATE_LIMITED", seconds, text=f"Too fast; nothing was done, wait {seconds} s")


def _fits(line: bytes) -> bool:
    """512 bytes without tags, 4096 of tags. Source: IRCv3 message-tags, "Size limit"."""
    if not line.startswith(b"@"):
        return len(line) <= MAX_BODY_BYTES
    tags, _, rest = line.partition(b" ")
    return len(tags) + 1 <= MAX_CLIENT_TAGS_BYTES and len(rest) <= MAX_BODY_BYTES
