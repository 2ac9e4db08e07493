"""The direct messages that somebody who comes back has missed."""

from gateway.commands.missed import is_talk, read_missed, write_missed
from gateway.commands.reading import PAGE, find
from gateway.commands.services import Services
from gateway.events import Entry
from gateway.model import ORIGIN, LogKey, MsgId, Position
from gateway.people import Taken
from gateway.session.held import Held
from gateway.session.session import Session
from gateway.spoken import Said

__all__ = ["MissedMail"]

NONE = "*"


class MissedMail:
    """Of one session, once it is known which.

    Attributes:
        acts: what else came to its inbox: invitations, a KILL.
        had: what came to its inbox last and is not news.
    """

    def __init__(self, services: Services, session: Session, msgid: str) -> None:
        """`msgid` is the last direct message the client has; `NONE`: it has none; empty: it does not say."""
        self.acts: list[Entry] = []
        self.had: list[MsgId] = []
        self._services = services
        self._session = session
        self._msgid = msgid

    async def replay(self, taken: Taken, held: Held, last: Position | None = None) -> Position:
        """Write what was missed; returns up to where the inbox was read. Raises `StoreError`.

        Args:
            last: it was read up to there already.
        """
        services, session = self._services, self._session
        log = services.log_of_inbox(session.uid)
        if last is None:
            last = await self._last_had(taken, log)
            # Should a failover lose these, they come again, at another place.
            had = await services.history.read_back(log, last, b"-", PAGE)
            self.had = [*(entry.event.msgid for entry in had), MsgId(self._msgid.encode())]
        async for entries in read_missed(services, log, last, b"+"):
            last = entries[-1].position
            self.had += [entry.event.msgid for entry in entries]
            await write_missed(services, session, session.nick, [each for each in entries if is_talk(each)], held)
            self.acts += [entry for entry in entries if isinstance(entry.event, Said) and not is_talk(entry)]
        return last

    async def _last_had(self, taken: Taken, log: LogKey) -> Position:
        if self._msgid == NONE and self._session.attachment == self._session.uid:
            return ORIGIN  # the inbox began with this attachment; others came to it later
        seen = await find(self._services.history, log, self._msgid) if self._msgid not in ("", NONE) else None
        return seen.position if seen is not None else taken.positions.get(log, ORIGIN)
