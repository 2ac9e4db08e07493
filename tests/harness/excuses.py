"""What was acknowledged, and is promised no more, because of what the lab did meanwhile. Pure."""

from collections.abc import Iterable, Sequence

from tests.harness.sights import Death, Kind, Loss, Rivalry, Sight

__all__ = ["contested", "excused"]


def excused(
    sights: Iterable[Sequence[Sight]], losses: Sequence[Loss], deaths: Sequence[Death]
) -> set[tuple[str, str, str]]:
    """Room, sender and text of what was acknowledged and lost by the same failover with the gateway that had it."""
    found = set()
    for own in sights:
        died_at: int | None = None  # the gateway this witness is connected to, if it is going to
        for sight in own:
            if sight.kind is Kind.REACHING:
                at = (each.tick for each in deaths if each.address == sight.text and each.tick > sight.tick)
                died_at = next(at, None)
            elif sight.kind is Kind.ACKED and died_at is not None:
                first, last = sorted((sight.tick, died_at))
                if any(each.since <= first and last <= each.until for each in losses):
                    found.add((sight.room, sight.nick, sight.text))
    return found


def contested(everything: Iterable[Sight], rivalries: Sequence[Rivalry]) -> set[tuple[str, str, str]]:
    """Room, sender and text of what was said, or waited for its acknowledgement, while two servers took writes."""
    since: dict[tuple[str, str, str], int] = {}
    until: dict[tuple[str, str, str], int] = {}
    for sight in everything if rivalries else ():
        message = (sight.room, sight.nick, sight.text)
        if sight.kind is Kind.SAID:
            since[message] = min(sight.tick, since.get(message, sight.tick))
        if sight.kind in (Kind.SAID, Kind.ACKED):
            until[message] = max(sight.tick, until.get(message, sight.tick))
    return {
        message
        for message, tick in since.items()
        if any(each.since <= until[message] and tick <= each.until for each in rivalries)
    }
