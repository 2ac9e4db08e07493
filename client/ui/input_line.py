"""The input of the full screen: one buffer to type into, and for each room its draft."""

from pathlib import Path

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import History, InMemoryHistory

from client.face import Screen
from client.ui.completer import ChatCompleter
from client.ui.drafts import Drafts
from client.ui.history import InputHistory
from gateway.wire.names import casefold

__all__ = ["InputLine"]


class InputLine:
    """What is typed and not sent."""

    def __init__(self, screen: Screen, drafts: Drafts, *, state_dir: Path | None) -> None:
        """Args: state_dir: where typed lines are kept; None: in memory only."""
        self._transcripts = screen.chat.transcripts
        self._drafts = drafts
        self._room = self._transcripts.current
        self._renames = self._transcripts.renames.count
        disk = screen.chat.disk
        history: History = InputHistory(state_dir / "history", disk) if state_dir is not None else InMemoryHistory()
        self.buffer = Buffer(
            multiline=True,
            history=history,
            completer=ChatCompleter(screen),
            document=Document(drafts[self._room]),
            name="input",
        )

    def fill(self, text: str) -> None:
        """Let `text` stand in the input."""
        self.buffer.set_document(Document(text), bypass_readonly=True)

    def follow_room(self) -> bool:
        """Change the draft when the room has changed; whether it has. A room that is called otherwise is no other."""
        renames = self._transcripts.renames
        for old, new in renames.since(self._renames):
            self._drafts.renamed(old, new)
            if casefold(self._room) == casefold(old):
                self._room = new
        self._renames = renames.count
        current = self._transcripts.current
        if current == self._room:
            return False
        self.keep()
        self._room = current
        self.buffer.reset(Document(self._drafts[current]))
        return True

    def keep(self) -> None:
        """What stands here is the room's draft."""
        self._drafts[self._room] = self.buffer.text

    def forget(self) -> None:
        """The room has no draft: what stands here is something else."""
        self._drafts[self._room] = ""
