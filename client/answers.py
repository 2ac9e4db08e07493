"""What the server answers to a person's questions, as notes. Pure.

Servers send names and topic of a room unasked as well, on each entry: those are told the first time, and when they
have changed.
"""

from client.events import Members, RoomList, TopicIs
from client.renames import move
from client.transcripts import Transcripts
from client.wording import people
from gateway.wire.names import casefold

__all__ = ["Answers"]

SHOWN_NAMES = 50


class Answers:
    """Which answers a person waits for, and how they are told."""

    def __init__(self, transcripts: Transcripts) -> None:
        self.quiet = False  # people and topics are visible anyway, so that they need not be told on entering
        self.listed: tuple[tuple[str, str, str], ...] = ()  # the last list of rooms: name, members, topic
        self._transcripts = transcripts
        self._awaited: set[tuple[str, str]] = set()
        self._topics: dict[str, str] = {}

    def expect(self, what: str, room: str) -> None:
        """Show the answer: the `"names"` or the `"topic"` of `room`, its `"arrival"`, or the `"list"` of no room."""
        self._awaited.add((what, casefold(room)))

    def topic(self, room: str) -> str:
        """The topic of `room`; empty for none, or when it is not known."""
        return self._topics.get(casefold(room), "")

    def topic_changed(self, room: str, text: str) -> None:
        """The transcript shows the change already."""
        self._topics[casefold(room)] = text

    def renamed(self, old: str, new: str) -> None:
        """A room is called otherwise."""
        move(self._topics, old, new)
        self._awaited = {(what, casefold(new) if room == casefold(old) else room) for what, room in self._awaited}

    def members(self, event: Members) -> None:
        """Show who is in a room, if anybody wants to know."""
        arrived = self._was_asked("arrival", event.room) and not self.quiet
        if not self._was_asked("names", event.room) and not arrived:
            return
        named = [prefix[:1] + nick for nick, prefix in sorted(event.prefixes.items(), key=lambda item: item[0].lower())]
        more = f" and {len(named) - SHOWN_NAMES} more" if len(named) > SHOWN_NAMES else ""
        self._transcripts.note(f"{event.room}: {people(len(named))}: {', '.join(named[:SHOWN_NAMES])}{more}")

    def topic_told(self, event: TopicIs) -> None:
        """Show a topic, if anybody has asked or it is another one."""
        changed = self.topic(event.room) != event.text and not self.quiet
        if self._was_asked("topic", event.room) or changed:
            topic = f"topic of {event.room}: {event.text}" if event.text else f"{event.room} has no topic"
            self._transcripts.note(topic)
        self.topic_changed(event.room, event.text)

    def rooms_listed(self, event: RoomList) -> None:
        """Keep the list of rooms, and show it if anybody has asked."""
        self.listed = event.rooms
        if not self._was_asked("list", ""):
            return  # the completion of names wanted it
        for room, members, topic in event.rooms:
            self._transcripts.note(f"{room} ({members}) {topic}".rstrip())
        self._transcripts.note(f"and {event.more} more rooms" if event.more else f"{len(event.rooms)} rooms in all")

    def _was_asked(self, what: str, room: str) -> bool:
        awaited = (what, casefold(room)) in self._awaited
        self._awaited.discard((what, casefold(room)))
        return awaited
