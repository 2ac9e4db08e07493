"""LIST, with conditions. Source: https://modern.ircdocs.horse/#list-message, #elist-parameter."""

import re
from collections.abc import Callable

from gateway.commands.pacing import breathe
from gateway.commands.services import Services
from gateway.people import RoomRow
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire import numerics as n
from gateway.wire.message import Message
from gateway.wire.names import casefold, wildcard

__all__ = ["ELIST", "list_"]

ELIST = "CMNTU"
ROWS_AT_ONCE = 100
_COMPARISON = re.compile(r"([CT]?)([<>])([0-9]{1,9})", re.ASCII | re.IGNORECASE)
_NUMBERS: dict[str, Callable[[RoomRow, int], float | None]] = {
    "": lambda room, now_s: room.members,
    "C": lambda room, now_s: (now_s - room.created_s) / 60,
    "T": lambda room, now_s: (now_s - room.topic_at_s) / 60 if room.topic_at_s else None,
}
"""What a condition compares: members, minutes since the room or its topic was made."""

Condition = Callable[[RoomRow], bool]


async def list_(services: Services, session: Session, message: Message, reply: Reply) -> None:
    """LIST of all rooms, or of those for which one of the names and masks and each of the conditions holds."""
    # "[<channel>{,<channel>}] [<elistcond>{,<elistcond>}]": either list may have both, and be the only one.
    fits = _condition(",".join(message.params[:2]), int(services.clock_s()))
    reply.numeric(n.RPL_LISTSTART, "Channel", "Users  Name")
    rows = [row for row in await services.directory.rooms() if fits(row)]
    for index, row in enumerate(rows, 1):
        if "s" not in row.modes or row.room in session.rooms:
            reply.numeric(n.RPL_LIST, row.name, str(row.members), row.topic)
        if not index % ROWS_AT_ONCE:
            await breathe(reply)
    reply.numeric(n.RPL_LISTEND, "End of /LIST")


def _condition(text: str, now_s: int) -> Condition:
    named: list[Condition] = []
    demanded: list[Condition] = []
    for word in filter(None, text.split(",")):
        if (numeric := _numeric(word, now_s)) is not None:
            demanded.append(numeric)
        elif word.startswith("!"):
            demanded.append(_unlike(word[1:]))
        else:
            named.append(_like(word))
    return lambda row: all(fits(row) for fits in demanded) and (not named or any(fits(row) for fits in named))


def _like(mask: str) -> Condition:
    pattern = wildcard(mask)
    return lambda row: pattern.fullmatch(casefold(row.name)) is not None


def _unlike(mask: str) -> Condition:
    fits = _like(mask)
    return lambda row: not fits(row)


def _numeric(word: str, now_s: int) -> Condition | None:
    """`>3`, `C<60`, `T>5`: more or fewer members; made more or less than so many minutes ago."""
    match = _COMPARISON.fullmatch(word)
    if match is None:
        return None
    of, sign, limit = _NUMBERS[match[1].upper()], match[2], int(match[3])

    def fits(row: RoomRow) -> bool:
        value = of(row, now_s)
        return value is not None and (value < limit if sign == "<" else value > limit)

    return fits
