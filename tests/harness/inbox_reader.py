"""Who reads an inbox (`rooms.inboxes.Reader`)."""

from gateway.events import Entry
from gateway.model import AttachmentId

__all__ = ["InboxReader"]


class InboxReader:
    """Keeps what it is delivered."""

    def __init__(self, attachment: AttachmentId) -> None:
        self.attachment = attachment
        self.msgids: list[bytes] = []

    def deliver(self, entries: list[Entry]) -> None:
        """Direct messages came."""
        self.msgids += [entry.event.msgid for entry in entries]
