"""The truth about deliveries: what every witness did and saw goes in, what was wrong comes out. Pure, no I/O.

Witnesses share one clock of ticks, so that "said after I was in" can be decided across them. Texts are unique in a
run: the pair of sender and text is the message. Rules:

- *lost*: acknowledged to its sender, said after a receiver had entered, and not heard by it. A stay that ended is
  judged up to the last message heard in it, since what lay behind that was cut off rightly.
- *doubled*: heard again within one stay. Coming back without having left (a resumed session) is the same stay.
- *unkept*: acknowledged, and not in the room's log at the end, or in it twice. Its place there is not judged: a
  failover may give another one to what was heard already.
- *direct* messages, in a room called `@` and the nick they are for: that witness hears each once, and each sender's in
  their order.
- *excused*: not judged as lost or unkept, for it was not promised: acknowledged in the time of which a failover lost
  everything, by a gateway that died in that time too, so that nobody was left to write it again.
- *reordered*: out of order, and not judged: said while two servers took writes, of which one had been replaced and
  still answered. Nobody can tell then what the other one is taking.
- *out of order*: no single order of the room's messages explains what was heard; each sender's own order is part of
  that order. One per message that a receiver heard after a later one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields

from tests.harness.excuses import contested, excused
from tests.harness.orders import out_of_order
from tests.harness.sights import DIRECT, WISHES, Death, Kind, Log, Loss, Message, Rivalry, Roster, Sight

__all__ = ["Report", "check"]

BORDER = 500  # entries of a trimmed log, the oldest, that are not judged
MAX_DETAILS = 40  # lines in a report; the counts go on


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Counts of a run. What is below `reordered` is wrong."""

    sent: int = 0
    acknowledged: int = 0
    deliveries: int = 0  # to others than the sender
    excused: int = 0  # acknowledged, and promised no more
    reordered: int = 0  # said while two servers took writes, and heard in different orders
    lost: int = 0
    unkept: int = 0
    doubled: int = 0
    out_of_order: int = 0
    invented: int = 0  # heard, and said by nobody
    forked: int = 0  # messages with more than one msgid
    after_leaving: int = 0  # heard while not in the room, or of one who had been seen to part or to be kicked
    flaps: int = 0  # joins and leaves seen that nobody asked for
    ghosts: int = 0  # listed as members, and not there
    missing: int = 0  # members that are not listed
    details: tuple[str, ...] = field(default=(), repr=False)

    @property
    def clean(self) -> bool:
        """Nothing was wrong. Messages never acknowledged are no fault: their senders know."""
        good = {"sent", "acknowledged", "deliveries", "excused", "reordered", "details"}
        return not any(getattr(self, each.name) for each in fields(self) if each.name not in good)


@dataclass(slots=True)
class _Stay:
    """From a witness's entry into a room to its leaving."""

    witness: str
    start: int
    open: bool = True
    heard: list[Message] = field(default_factory=list)
    places: dict[Message, int] = field(default_factory=dict)  # of the first time each was heard

    def hear(self, message: Message) -> None:
        self.places.setdefault(message, len(self.heard))
        self.heard.append(message)


class _Faults:
    """Counts by name, and the first of them in words."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self.details: list[str] = []

    def add(self, fault: str, where: str) -> None:
        self.counts[fault] += 1
        if len(self.details) < MAX_DETAILS:
            self.details.append(f"{fault}: {where}")


def check(
    sights: Mapping[str, Sequence[Sight]],
    rosters: Iterable[Roster] = (),
    logs: Mapping[str, Log] | None = None,
    *,
    losses: Iterable[Loss] = (),
    deaths: Iterable[Death] = (),
    rivalries: Iterable[Rivalry] = (),
) -> Report:
    """Judge a run.

    Args:
        sights: of each witness, by its nick, in the order it made them.
        rosters: the last NAMES replies, of any number of witnesses and rooms.
        logs: of each room at the end; without them nothing is `unkept`.
        losses: the failovers that lost something.
        deaths: of gateways, in the order in which they died.
        rivalries: the failovers in which both servers answered.
    """
    faults = _Faults()
    everything = [sight for own in sights.values() for sight in own]
    said = {(each.room, each.nick, each.text): each.tick for each in reversed(everything) if each.kind is Kind.SAID}
    said_last = {(each.room, each.nick, each.text): each.tick for each in everything if each.kind is Kind.SAID}
    acknowledged = {(each.room, each.nick, each.text) for each in everything if each.kind is Kind.ACKED}
    forgiven = excused(sights.values(), list(losses), list(deaths))
    rivalled = contested(everything, list(rivalries))
    acked = acknowledged - forgiven
    _check_texts(everything, said, faults)
    stays = _stays(sights, faults)
    for room in stays:
        first = {(nick, text): tick for (where, nick, text), tick in said.items() if where == room}
        last = {(nick, text): tick for (where, nick, text), tick in said_last.items() if where == room}
        here = [(nick, text) for where, nick, text in acked if where == room]
        rivals = {(nick, text) for where, nick, text in rivalled if where == room}
        _check_order(room, stays[room], sorted(here, key=lambda message: last[message]), rivals, faults)
        _check_arrival(room, stays[room], {message: first[message] for message in here}, faults)
        if logs is not None:
            _check_log(room, logs.get(room, Log(())), {message: first[message] for message in here}, faults)
    _check_direct(sights, {message: said_last[message] for message in acked if message[0].startswith(DIRECT)}, faults)
    _check_flaps(sights, faults)
    _check_rosters(stays, rosters, faults)
    return Report(
        sent=len(said),
        acknowledged=len(acknowledged),
        excused=len(forgiven),
        deliveries=sum(each.kind is Kind.HEARD for each in everything),
        details=tuple(faults.details),
        **faults.counts,
    )


def _check_texts(everything: Iterable[Sight], said: Mapping[tuple[str, str, str], int], faults: _Faults) -> None:
    msgids: dict[tuple[str, str, str], str] = {}
    for sight in everything:
        if sight.kind not in (Kind.HEARD, Kind.ACKED):
            continue
        message = (sight.room, sight.nick, sight.text)
        if message not in said:
            faults.add("invented", f"{message}")
        if msgids.setdefault(message, sight.msgid) != sight.msgid:
            faults.add("forked", f"{message}: {msgids[message]} and {sight.msgid}")


def _stays(sights: Mapping[str, Sequence[Sight]], faults: _Faults) -> dict[str, list[_Stay]]:
    """All stays by room, with what was heard in them."""
    stays: dict[str, list[_Stay]] = defaultdict(list)
    for witness, own in sights.items():
        current: dict[str, _Stay] = {}
        outside: set[tuple[str, str]] = set()  # room and nick of those who were seen to leave it
        for sight in own:
            if sight.kind is Kind.LEFT:
                outside.add((sight.room, sight.nick))
            elif sight.kind is Kind.ENTERED:
                # Who comes back is told afresh who is in.
                outside -= {(sight.room, nick) for _, nick in outside} if sight.nick == witness else set()
                outside.discard((sight.room, sight.nick))
            if sight.room.startswith(DIRECT):
                continue
            if sight.kind in (Kind.HEARD, Kind.ACKED):
                if sight.room in current:
                    current[sight.room].hear((sight.nick, sight.text))
                if sight.room not in current or (sight.room, sight.nick) in outside:
                    faults.add("after_leaving", f"{witness} in {sight.room}: {sight.text!r} of {sight.nick}")
            elif sight.kind is Kind.ENTERED and sight.nick == witness and sight.room not in current:
                current[sight.room] = _Stay(witness, sight.tick)
                stays[sight.room].append(current[sight.room])
            elif _ends_stay(sight, witness):
                for room in [sight.room] if sight.room else list(current):
                    if stay := current.pop(room, None):
                        stay.open = False
    return stays


def _ends_stay(sight: Sight, witness: str) -> bool:
    """Until a part or a kick is seen, lines may come; after a quit nothing is read any more."""
    return sight.nick == witness and (sight.kind is Kind.LEFT or (sight.kind is Kind.LEAVING and not sight.room))


def _check_order(
    room: str, stays: Sequence[_Stay], said: Sequence[Message], rivals: Set[Message], faults: _Faults
) -> None:
    """Args: `said`, what was acknowledged, in the order it was sent; `rivals`, what two servers may have taken."""
    by_sender: dict[str, list[Message]] = defaultdict(list)
    for message in said:
        by_sender[message[0]].append(message)
    sequences = [(stay.witness, stay.heard) for stay in stays]
    sequences += [(f"{sender} itself", sent) for sender, sent in by_sender.items()]
    for who, message in out_of_order(sequences):
        faults.add("reordered" if message in rivals else "out_of_order", f"{who} in {room}: {message}")


def _check_arrival(room: str, stays: Sequence[_Stay], said: Mapping[Message, int], faults: _Faults) -> None:
    """Args: `said`, what was acknowledged, with the tick at which it was first sent."""
    for stay in stays:
        heard = Counter(stay.heard)
        due = said if stay.open else _heard_before(stay, stays) & said.keys()
        for message in due:
            if said[message] > stay.start and message not in heard:
                faults.add("lost", f"{stay.witness} in {room}: {message}")
        for message, times in heard.items():
            for _ in range(times - 1):
                faults.add("doubled", f"{stay.witness} in {room}: {message}")


def _heard_before(ended: _Stay, stays: Sequence[_Stay]) -> set[Message]:
    """What anyone heard before the last message heard in a stay that ended."""
    if not ended.heard:
        return set()
    last = ended.heard[-1]
    return {
        message
        for stay in stays
        if (place := stay.places.get(last)) is not None
        for message in stay.heard[:place]
        if message not in ended.places
    }


def _check_direct(
    sights: Mapping[str, Sequence[Sight]], said: Mapping[tuple[str, str, str], int], faults: _Faults
) -> None:
    """Args: `said`, what was acknowledged, with the tick at which it was sent last."""
    heard = {
        nick: [(each.room, each.nick, each.text) for each in own if each.kind is Kind.HEARD and each.room[:1] == DIRECT]
        for nick, own in sights.items()
    }
    gone = {nick for nick, own in sights.items() if any(each.kind is Kind.LEAVING and not each.room for each in own)}
    for nick, messages in heard.items():
        latest: dict[str, int] = {}
        for message in dict.fromkeys(messages):
            sender = message[1]
            if said.get(message, latest.get(sender, 0)) < latest.get(sender, 0):
                faults.add("out_of_order", f"{nick}, directly: {message}")
            latest[sender] = max(latest.get(sender, 0), said.get(message, 0))
        for message, times in Counter(messages).items():
            for _ in range(times - 1):
                faults.add("doubled", f"{nick}, directly: {message}")
    for message in said:
        receiver = message[0].removeprefix(DIRECT)
        if receiver not in gone and message not in heard.get(receiver, ()):
            faults.add("lost", f"{receiver}, directly: {message}")


def _check_log(room: str, log: Log, said: Mapping[Message, int], faults: _Faults) -> None:
    times = Counter(log.messages)
    # What was said just before the oldest entry may have been appended just after it.
    oldest = [said[message] for message in log.messages[:BORDER] if message in said] if log.trimmed else []
    for message, tick in said.items():
        if tick > max(oldest, default=-1) and times[message] != 1:
            faults.add("unkept", f"{times[message]} times in the log of {room}: {message}")


def _check_flaps(sights: Mapping[str, Sequence[Sight]], faults: _Faults) -> None:
    """A wish explains one sight of each witness, but for those who asked to enter after it had come true."""
    wishes: dict[tuple[Kind, str, str], list[int]] = defaultdict(list)
    come_true: dict[tuple[Kind, str, str], list[int]] = defaultdict(list)
    for witness, own in sights.items():
        for each in own:
            if each.kind in WISHES.values():
                wishes[each.kind, each.room, each.nick].append(each.tick)
            elif each.kind in WISHES and each.nick == witness:
                come_true[WISHES[each.kind], each.room, each.nick].append(each.tick)
    for witness, own in sights.items():
        asked_at = {
            each.room: each.tick for each in reversed(own) if each.kind is Kind.ENTERING and each.nick == witness
        }
        seen = Counter(
            (each.kind, each.room, each.nick) for each in own if each.kind in WISHES and each.nick != witness
        )
        for (kind, room, nick), times in seen.items():
            wish = (WISHES[kind], room, nick)
            too_old = [sum(tick < asked_at.get(room, 0) for tick in ticks) for ticks in (wishes[wish], come_true[wish])]
            for _ in range(times - len(wishes[wish]) + min(too_old)):
                faults.add("flaps", f"{witness} saw {nick} {kind.value} {room or 'the network'}")


def _check_rosters(stays: Mapping[str, Sequence[_Stay]], rosters: Iterable[Roster], faults: _Faults) -> None:
    for roster in rosters:
        present = {stay.witness for stay in stays.get(roster.room, ()) if stay.open}
        for nick in roster.nicks - present:
            faults.add("ghosts", f"{nick} in {roster.room}, as {roster.witness} was told")
        for nick in present - roster.nicks:
            faults.add("missing", f"{nick} in {roster.room}, as {roster.witness} was told")
