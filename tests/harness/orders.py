"""Whether one order explains what several people heard. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.harness.sights import Message

__all__ = ["merged", "out_of_order"]


def out_of_order(sequences: Sequence[tuple[str, Sequence[Message]]]) -> Iterator[tuple[str, Message]]:
    """Each message that somebody heard behind one that comes later in the order that explains most, and who."""
    place = {message: index for index, message in enumerate(merged([sequence for _, sequence in sequences]))}
    for who, sequence in sequences:
        highest = -1
        for message in dict.fromkeys(sequence):
            if place[message] < highest:
                yield who, message
            highest = max(highest, place[message])


def merged(sequences: Sequence[Sequence[Message]]) -> list[Message]:
    """One order that agrees with all sequences, if there is one; where there is none, longer sequences win."""
    longest_first = sorted(sequences, key=len, reverse=True)
    firsts = list(dict.fromkeys(message for sequence in longest_first for message in sequence))
    after: dict[Message, list[Message]] = defaultdict(list)
    before = Counter[Message]()
    for sequence in sequences:
        for one, next_one in pairwise(dict.fromkeys(sequence)):
            after[one].append(next_one)
            before[next_one] += 1
    order: dict[Message, None] = {}
    ready = [message for message in reversed(firsts) if not before[message]]
    waiting = iter(firsts)
    while len(order) < len(firsts):
        # A circle leaves nothing ready: the sequences disagree, and the message seen first goes first.
        message = ready.pop() if ready else next(each for each in waiting if each not in order)
        if message in order:
            continue
        order[message] = None
        for follower in after[message]:
            before[follower] -= 1
            if not before[follower]:
                ready.append(follower)
    return list(order)
