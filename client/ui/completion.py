"""What Tab offers. Pure: the text before the cursor and the facts in, candidates out, best first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from client.commands import COMMANDS
from client.line import RoomLine
from client.timeline import Timeline
from gateway.wire.names import casefold

__all__ = ["Candidate", "Facts", "candidates", "listing_wanted", "match", "recent_speakers"]

MAX_CANDIDATES = 50
LOOKED_BACK_ROWS = 500
_NICK_COMMANDS = frozenset({"invite", "kick", "msg", "query", "reply", "whois"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """`text` in place of the last `replaces` characters; `about` stands beside it in the menu."""

    text: str
    replaces: int
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What can be named.

    Attributes:
        speakers: nicks that spoke here, the last one first.
        members: who is here.
        places: rooms and private talks of ours.
        listed: (room, members, topic) of the server's rooms.
    """

    speakers: Sequence[str] = ()
    members: Iterable[str] = ()
    places: Sequence[str] = ()
    listed: Sequence[tuple[str, str, str]] = ()
    topic: str = ""
    me: str = ""
    commands: Mapping[str, str] = field(
        default_factory=lambda: {name: f"{command.usage}  {command.does}".strip() for name, command in COMMANDS.items()}
    )


def candidates(before: str, facts: Facts) -> list[Candidate]:
    """What the word before the cursor could become."""
    word = before.rpartition(" ")[2]
    found: Iterable[Candidate]
    if before.startswith("/") and " " not in before:
        found = (
            Candidate(f"/{name} ", len(before), about)
            for name, about in facts.commands.items()
            if name.startswith(word[1:].lower())
        )
    elif before == "/topic ":
        found = [Candidate(facts.topic, 0)] if facts.topic else []
    else:
        command = before[1:].partition(" ")[0] if before.startswith("/") else ""
        first_argument = bool(command) and before.count(" ") == 1
        if first_argument and command == "join":
            found = _rooms(word, facts.listed)
        elif first_argument and command in ("room", "part", "names"):
            found = (Candidate(name, len(word)) for name in match(word, facts.places))
        elif word.startswith("#"):
            found = (Candidate(f"{name} ", len(word)) for name in match(word, facts.places))
        elif word:
            ending = ": " if before == word and not command else " "
            found = (Candidate(nick + ending, len(word)) for nick in _nicks(word, facts))
        else:
            nicks = _nicks("", facts) if first_argument and command in _NICK_COMMANDS else []
            found = (Candidate(f"{nick} ", 0) for nick in nicks)
    return [candidate for candidate, _ in zip(found, range(MAX_CANDIDATES), strict=False)]


def listing_wanted(before: str) -> bool:
    """Whether the server's list of rooms would help here."""
    return before.startswith("/join ") and before.count(" ") == 1


def match(query: str, names: Iterable[str]) -> list[str]:
    """The names that fit `query`: those that begin with it, then those that have it in them; `#` may be left out."""
    wanted = casefold(query.lstrip("#"))
    begins, contains = [], []
    for name in names:
        folded = casefold(name.lstrip("#"))
        if folded.startswith(wanted):
            begins.append(name)
        elif wanted in folded:
            contains.append(name)
    return begins + contains


def recent_speakers(timeline: Timeline | None) -> list[str]:
    """Who spoke, the last one first, each once; of the newest rows only."""
    found: dict[str, str] = {}
    if timeline is not None:
        for back in range(min(LOOKED_BACK_ROWS, len(timeline))):
            row = timeline[len(timeline) - 1 - back]
            if isinstance(row, RoomLine) and row.kind.is_text and not row.own:
                found.setdefault(casefold(row.nick), row.nick)
    return list(found.values())


def _nicks(word: str, facts: Facts) -> list[str]:
    wanted = casefold(word.lstrip("@"))
    here = {casefold(nick): nick for nick in facts.members}
    spoke = [nick for nick in facts.speakers if not here or casefold(nick) in here]
    known = {casefold(nick) for nick in spoke} | {casefold(facts.me)}
    silent = sorted((nick for key, nick in here.items() if key not in known), key=casefold)
    return [nick for nick in (*spoke, *silent) if casefold(nick).startswith(wanted)]


def _rooms(word: str, listed: Sequence[tuple[str, str, str]]) -> Iterable[Candidate]:
    people = {room: int(count) if count.isdecimal() else 0 for room, count, _ in listed}
    topics = {room: topic for room, _, topic in listed}
    for room in match(word, sorted(people, key=lambda name: (-people[name], name))):
        yield Candidate(room, len(word), f"{people[room]}  {topics[room]}")
