"""Completion as prompt_toolkit asks for it; what is offered, and in which order, is `completion`'s business."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from client.face import Screen
from client.render import printable
from client.ui.completion import Candidate, Facts, candidates, listing_wanted, recent_speakers

__all__ = ["ChatCompleter", "ask_for_rooms"]

LISTING_WAIT_S = 2.0  # for the server's list of rooms; without it there is nothing to offer
LISTING_STEP_S = 0.05
LISTING_KEPT_MS = 60_000


class ChatCompleter(Completer):
    """Offers what the conversation knows. A list of rooms that is old is asked for, and waited for a moment."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What is known now."""
        with self._screen.lock:
            found = candidates(document.text_before_cursor, self._facts()) if not self._screen.question else []
        return [_completion(candidate) for candidate in found]

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """What is known, or can be asked for in a moment."""
        if listing_wanted(document.text_before_cursor) and ask_for_rooms(self._screen):
            known = self._screen.chat.heard.listed_ms
            for _ in range(round(LISTING_WAIT_S / LISTING_STEP_S)):
                if self._screen.chat.heard.listed_ms != known:
                    break
                await asyncio.sleep(LISTING_STEP_S)
        for completion in self.get_completions(document, complete_event):
            yield completion

    def _facts(self) -> Facts:
        chat = self._screen.chat
        room = chat.transcripts.current
        return Facts(
            speakers=recent_speakers(chat.transcripts.get(room)),
            members=chat.session.members(room) if chat.session is not None else (),
            places=chat.places,
            listed=chat.listed,
            topic=chat.topic(room),
            me=chat.nick,
        )


def ask_for_rooms(screen: Screen) -> bool:
    """Ask the server for its rooms when what we know is old; whether an answer will come."""
    with screen.lock:
        chat = screen.chat
        known = chat.heard.listed_ms
        if chat.session is None or (known is not None and chat.now_ms() - known < LISTING_KEPT_MS):
            return False
        chat.session.list_rooms()
    screen.changed()
    return True


def _completion(candidate: Candidate) -> Completion:
    return Completion(
        candidate.text,
        start_position=-candidate.replaces,
        display=printable(candidate.text.strip()),
        display_meta=printable(candidate.about),
    )
