"""Our own lines, from the keyboard to the server's word: outbox, delivery and transcript kept in step. Pure."""

from collections.abc import Callable
from dataclasses import replace

from client import wording
from client.delivery import Delivery
from client.outbox import Outbox, OutboxFullError, OutboxLine
from client.pieces import pieces, room_for_text
from client.session import Session
from client.transcripts import Transcripts
from gateway.wire.names import casefold

__all__ = ["OwnLines"]


class OwnLines:
    """What we said and no server has acknowledged yet."""

    def __init__(
        self, outbox: Outbox, transcripts: Transcripts, *, new_key: Callable[[], str], now_ms: Callable[[], int]
    ) -> None:
        self.delivery = Delivery(outbox)
        self.refused_for_good = 0  # lines that no room has
        self.unconfirmed = 0  # lines given up that a room may have
        self._outbox = outbox
        self._transcripts = transcripts
        self._new_key = new_key
        self._now_ms = now_ms

    def __len__(self) -> int:
        return len(self._outbox)

    def keys_for(self, targets: set[str]) -> set[str]:
        """The keys of lines that wait for casefolded `targets`."""
        return {line.key for line in self._outbox if casefold(line.target) in targets}

    def first_position(self, room: str) -> str:
        """Where history stood when the first of the waiting lines of `room` was typed, or empty."""
        return next((line.position for line in self._outbox if casefold(line.target) == casefold(room)), "")

    def recall(self, rooms: list[str], nick: str) -> None:
        """Show what an earlier run left, and what of it must wait for a room that we do not enter."""
        wanted = {casefold(room) for room in rooms}
        strayed: dict[str, int] = {}
        for line in self._outbox:
            self._transcripts.pend(line, nick)
            if line.target.startswith("#") and casefold(line.target) not in wanted:
                strayed[line.target] = strayed.get(line.target, 0) + 1
        for room, count in strayed.items():
            self._transcripts.note(f"{wording.lines(count)} for {room} wait from last time; /join {room} sends them")

    def say(
        self,
        text: str,
        *,
        target: str,
        emote: bool,
        nick: str,
        position: str,
        reply_to: str = "",
        session: Session | None = None,
    ) -> None:
        """Take text of one line or several: as one message where `session` can say it so, else cut into pieces.

        Raises:
            OutboxFullError: too many lines wait; nothing was taken.
        """
        lines = [
            OutboxLine(
                key=self._new_key(),
                target=target,
                text=piece,
                time_ms=self._now_ms(),
                emote=emote,
                position=position,
                reply_to=reply_to,
            )
            for piece in self._messages(text, target, emote, session)
        ]
        try:
            self._outbox.append(*lines)
        except OutboxFullError:
            self.refused_for_good += 1
            raise
        for line in lines:
            self._transcripts.pend(line, nick)

    @staticmethod
    def _messages(text: str, target: str, emote: bool, session: Session | None) -> list[str]:
        if session is not None and not emote and session.parts(target, text) is not None:
            return [text]
        limit_bytes = room_for_text(target, action=emote)
        return [piece for line in text.split("\n") if line.strip() for piece in pieces(line, limit_bytes)]

    def send(self, session: Session) -> None:
        """Hand over the lines that are due."""
        self._cut_for(session)
        for key in self.delivery.hopeless(self._now_ms()):
            self._fail(key, "no server confirmed it; it may have been delivered")
            self.unconfirmed += 1
        for line in self.delivery.due(self._now_ms()):
            session.say(key=line.key, target=line.target, text=line.text, emote=line.emote, reply_to=line.reply_to)

    def _cut_for(self, session: Session) -> None:
        """What was to be one message, and is more than this server takes at once, becomes several.

        One that an earlier server may have taken is not sent in other pieces, which nobody could tell from it.
        """
        for line in self._outbox:
            if line.emote or ("\n" not in line.text and len(line.text.encode()) <= room_for_text(line.target)):
                continue
            if not self.delivery.sendable(casefold(line.target)) or self.delivery.on_the_way(line):
                continue
            if session.parts(line.target, line.text) is not None:
                continue
            if line.sent_ms:
                self._fail(line.key, "this server takes no such message; it may have been delivered")
                self.unconfirmed += 1
            else:
                self._cut(line, session)

    def _cut(self, line: OutboxLine, session: Session) -> None:
        nick = next(pending.nick for _, pending in self._transcripts.pending if pending.key == line.key)
        texts = self._messages(line.text, line.target, line.emote, session)
        self._outbox.replace(line.key, [replace(line, key=self._new_key(), text=text) for text in texts])
        timeline = self._transcripts[line.target]
        timeline.accept(line.key)
        for left in self._outbox:
            if casefold(left.target) == casefold(line.target):
                timeline.accept(left.key)
                self._transcripts.pend(left, nick)

    def accepted(self, key: str) -> bool:
        """The server has the line; False when that is no news."""
        line = self.delivery.settled(key)
        if line is not None:
            self._transcripts[line.target].accept(key)
        return line is not None

    def refused(self, key: str, reason: str, *, retry: bool) -> None:
        """The server did not take the line: it waits for another try, or fails for good."""
        if not retry:
            self.refused_for_good += self._fail(key, reason)
        elif (line := self._line(key)) is not None:
            self.delivery.postponed(key, line.target, self._now_ms())
            self._transcripts[line.target].explain(key, reason)

    def resend(self, room: str, nick: str) -> int:
        """Try the lines once more that failed in `room`, under the keys they had: none can arrive twice. How many.

        Raises:
            OutboxFullError: too many lines wait; nothing was taken.
        """
        timeline = self._transcripts[room]
        failed = timeline.failed
        lines = [
            OutboxLine(
                key=row.line.key,
                target=room,
                text=row.line.text,
                time_ms=self._now_ms(),
                emote=row.line.emote,
                position=timeline.position,
                reply_to=row.line.reply_to,
            )
            for row in failed
        ]
        self._outbox.append(*lines)
        timeline.remove_failed()
        for line in lines:
            self._transcripts.pend(line, nick)
        return len(lines)

    def discard(self, room: str) -> int:
        """Forget the lines of `room` that failed, and those that wait and are not on their way. How many."""
        timeline = self._transcripts[room]
        count = len(timeline.failed)
        timeline.remove_failed()
        for line in self._outbox:
            if casefold(line.target) == casefold(room) and not self.delivery.on_the_way(line):
                self.delivery.settled(line.key)
                timeline.accept(line.key)
                count += 1
        return count

    def forget(self) -> None:
        """Take all waiting lines out of the outbox: somebody else knows that they were not confirmed."""
        for line in self._outbox:
            self._outbox.done(line.key)

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise: its lines follow, under the keys they had."""
        self._outbox.retarget(old, new)
        self.delivery.renamed(old, new)

    def drop(self, room: str, reason: str) -> None:
        """We are not in `room` any more: its lines fail."""
        for line in self._outbox:
            if casefold(line.target) == casefold(room):
                self.refused(line.key, reason, retry=False)

    def _fail(self, key: str, reason: str) -> bool:
        """Show a line as not sent; False when it is not ours."""
        if (line := self._line(key)) is None:
            return False
        self.delivery.settled(key)
        self._transcripts.fail(line, reason)
        return True

    def _line(self, key: str) -> OutboxLine | None:
        return next((line for line in self._outbox if line.key == key), None)
