"""What somebody missed while away: read in pages, written at the pace of the peer."""

from collections.abc import AsyncIterator

from gateway.commands.pacing import finish
from gateway.commands.reading import PAGE
from gateway.commands.services import Services
from gateway.events import Entry
from gateway.model import LogKey, Position
from gateway.session.held import Held
from gateway.session.render import render
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.spoken import Direct, Redacted, Said, SaidLines, is_history

__all__ = ["is_talk", "read_missed", "write_missed"]


def is_talk(entry: Entry) -> bool:
    """Whether it is something that somebody said, and not what else may come to an inbox."""
    if isinstance(entry.event, Direct | Redacted):
        return True
    words = entry.event.line.split(b" ", 2) if isinstance(entry.event, Said | SaidLines) else ()
    return len(words) > 1 and words[1] in {b"PRIVMSG", b"NOTICE", b"TAGMSG"}


async def read_missed(services: Services, log: LogKey, after: Position, before: bytes) -> AsyncIterator[list[Entry]]:
    """The entries between two places of a log, in pages. Raises `StoreError`."""
    while True:
        page = await services.history.read_between(log, b"(" + after, before, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].position


async def write_missed(services: Services, session: Session, target: str, entries: list[Entry], held: Held) -> None:
    """The messages among the entries, at the pace of the peer: its own history must not be what closes it."""
    said = (entry for entry in entries if is_history(entry.event) or isinstance(entry.event, Direct | Redacted))
    lines = [line for entry in said if (line := render(entry, None, target, session.render_class))]
    if lines:
        reply = Reply(session, services.network.server_name)
        reply.batch("chathistory", target, lines=lines, reference=services.next_batch())
        await finish(reply, held.write)
