"""Who gets which line of a room, in how many writes; with real sessions and the real renderer."""

from collections.abc import Sequence
from itertools import count

import pytest

from gateway.events import (
    AccountSet,
    AwaySet,
    Entry,
    Event,
    HostSet,
    Joined,
    Left,
    LeftBy,
    LinkChanged,
    NameSet,
    Reaped,
    Rebound,
    Renamed,
    RoomRenamed,
    TopicSet,
)
from gateway.model import FurtherId, GatewayId, Member, MsgId, Position, Uid
from gateway.rooms.ports import OnRenamed, Seat
from gateway.rooms.replica import Replica
from gateway.rooms.room import Room
from gateway.session import capabilities as caps
from gateway.session.render import render
from gateway.session.session import Session
from gateway.spoken import SaidTo
from gateway.wire.names import RoomKey
from tests.harness.events import member, said, uid_of

_positions = count(1)


def entry(event: Event) -> Entry:
    """The event at the next place."""
    return Entry(Position(b"%d-0" % next(_positions)), event)


class Person:
    """A member with a session here, and what was written to it."""

    def __init__(self, name: str, negotiated: int = 0) -> None:
        self.member: Member = member(name)
        self.writes: list[bytes] = []
        self.session = Session(self.member.uid, "host", self.writes.append)
        self.session.nick = name
        self.session.negotiate(negotiated)

    @property
    def uid(self) -> Uid:
        """Its identity."""
        return self.member.uid

    def heard(self) -> list[str]:
        """The lines written so far, without sources and tags; they are forgotten."""
        lines = b"".join(self.writes).decode().split("\r\n")[:-1]
        self.writes.clear()
        return [line.rpartition(" :")[2] if " PRIVMSG " in line else line.partition(" ")[2] for line in lines]


class Author:
    """The origin of an event from here, by ann."""

    def __init__(self, answer: bytes | None = None) -> None:
        self.seat = uid_of("ann")
        self.lines: list[bytes] = []
        self._answer = answer

    def arrived(self, line: bytes, position: Position) -> bytes:
        self.lines.append(line)
        return line if self._answer is None else self._answer

    def allowed(self, replica: Replica) -> bool:
        return True

    def failed(self) -> None:
        raise AssertionError("nothing fails here")


def untold(seats: Sequence[Seat], before: str, reason: str) -> None:
    """Nobody who does not know of renames is told of one."""


def room(name: str, *people: Person, recent_limit: int = 50, on_renamed: OnRenamed = untold) -> Room:
    """A room with these members, all here."""
    made = Room(RoomKey(name), name, recent_limit, server="test", on_renamed=on_renamed)
    for person in people:
        made.apply([entry(Joined(person.uid, MsgId(b""), person.member))], render)
        made.flush(render)
        made.seat(person.session)
    for person in people:
        person.writes.clear()
    return made


def apply(*steps: tuple[Room, Event]) -> None:
    """Apply events as one read from Redis brings them, then deliver."""
    for where, event in steps:
        where.apply([entry(event)], render)
    for where in dict.fromkeys(where for where, _ in steps):
        where.flush(render)


def quit_of(person: Person) -> Left:
    """Its QUIT."""
    return Left(person.uid, MsgId(b"q"), LeftBy.QUIT, "gone")


@pytest.fixture
def people() -> tuple[Person, Person, Person]:
    """ann, bob and cat."""
    return Person("ann"), Person("bob"), Person("cat")


def test_all_lines_of_a_read_are_one_write_per_seat(people: tuple[Person, Person, Person]) -> None:
    """Many events, one write to each receiver, in order; the author hears nothing without echo-message."""
    ann, bob, cat = people
    lobby = room("#lobby", ann, bob, cat)
    remarks = [said("ann", str(i)) for i in range(5)]
    lobby.origins.update((remark.msgid, Author()) for remark in remarks)
    lobby.apply([entry(remark) for remark in remarks], render)
    assert bob.writes == []
    lobby.flush(render)
    assert (len(bob.writes), len(cat.writes), ann.writes) == (1, 1, [])
    assert bob.heard() == cat.heard() == ["0", "1", "2", "3", "4"]
    assert lobby.flush(render) == 0


def test_what_a_member_says_elsewhere_is_news_here() -> None:
    """Several connections share a member: one that did not say a line gets it without echo-message, and once; both part
    at once."""
    phone, laptop, bob = Person("ann"), Person("ann"), Person("bob")
    laptop.session.attachment = FurtherId(laptop.uid + b"~1")
    lobby = room("#lobby", phone, bob)
    lobby.seat(laptop.session)
    author = Author()
    lobby.origins[MsgId(b"here")] = author
    apply((lobby, said("ann", "here")), (lobby, said("ann", "there")))
    assert (phone.heard(), laptop.heard(), bob.heard()) == (["there"], ["here", "there"], ["here", "there"])
    assert author.lines == [b""]
    apply((lobby, Left(phone.uid, MsgId(b"p"), LeftBy.PART, "")), (lobby, said("bob", "alone")))
    assert (phone.heard(), laptop.heard(), bob.heard()) == (["PART #lobby"], ["PART #lobby"], ["PART #lobby", "alone"])
    assert not lobby.sits(phone.uid)


def test_what_is_not_for_a_member_is_for_none_of_its_seats() -> None:
    """A further attachment may be the only one here: it hears nothing that is for operators, and of those who are lost
    together once."""
    laptop, bob = Person("ann", caps.BATCH), Person("bob")
    laptop.session.attachment = FurtherId(laptop.uid + b"~1")
    lobby = room("#lobby", laptop, bob, Person("cat"), Person("dan"))
    apply((lobby, SaidTo(*said("bob", "psst"), "o")), (lobby, said("bob", "all")))
    assert laptop.heard() == ["all"]
    apply((lobby, Reaped(GatewayId("g1"), (uid_of("cat"), uid_of("dan")))))
    assert [line.partition(" ")[0] for line in laptop.heard()].count("QUIT") == 0
    assert [line.partition(" ")[0] for line in bob.heard()].count("QUIT") == 2


def test_one_of_several_seats_of_a_member_goes() -> None:
    """The others stay, whichever goes first; the member sits here until the last is gone."""
    phone, laptop = Person("ann"), Person("ann")
    laptop.session.attachment = FurtherId(laptop.uid + b"~1")
    for first, second in ((phone, laptop), (laptop, phone)):
        lobby = room("#lobby", phone)
        lobby.seat(laptop.session)
        lobby.unseat(first.session.attachment)
        apply((lobby, said("bob", "one less")))
        assert (first.heard(), second.heard(), lobby.sits(phone.uid)) == ([], ["one less"], True)
        lobby.unseat(second.session.attachment)
        assert not lobby.sits(phone.uid)


def test_each_class_of_receiver_gets_its_own_bytes() -> None:
    """One rendering per set of capabilities; those of one class get the same object."""
    plain, tagged, other = Person("ann"), Person("bob", caps.TAGS), Person("cat", caps.TAGS | caps.BATCH)
    lobby = room("#lobby", plain, tagged, other)
    apply((lobby, said("dan", "x")))
    assert plain.writes == [b":dan!~dan@host PRIVMSG #room :x\r\n"]
    assert tagged.writes == [b"@msgid=x :dan!~dan@host PRIVMSG #room :x\r\n"]
    assert tagged.writes[0] is other.writes[0]


def test_a_class_that_gets_nothing_is_not_written_to() -> None:
    """TAGMSG is nothing to who has no tags: not even an empty write."""
    plain, tagged = Person("ann"), Person("bob", caps.TAGS)
    lobby = room("#lobby", plain, tagged)
    apply((lobby, said("dan", "x")._replace(tags=b"+typing=active", line=b":dan!d@h TAGMSG #lobby")))
    assert (plain.writes, len(tagged.writes)) == ([], 1)


def test_a_newcomer_gets_nothing_from_before_its_own_join(people: tuple[Person, Person, Person]) -> None:
    """Seated in the middle of a read: what was applied before is not its own, what comes after is."""
    ann, bob, cat = people
    lobby = room("#lobby", ann, bob)
    lobby.apply([entry(said("ann", "before")), entry(Joined(cat.uid, MsgId(b"j"), cat.member))], render)
    lobby.seat(cat.session)
    lobby.apply([entry(said("ann", "after"))], render)
    lobby.flush(render)
    assert cat.heard() == ["after"]
    assert bob.heard() == ["before", "JOIN #lobby", "after"]
    apply((lobby, said("ann", "later")))
    assert cat.heard() == ["later"]


def test_a_join_from_here_is_told_to_the_others_and_answered_in_its_place(
    people: tuple[Person, Person, Person],
) -> None:
    """The newcomer's own JOIN, topic and names are its command's business, at the JOIN's place in the log."""
    ann, bob, cat = people
    lobby = room("#lobby", ann, bob)
    order: list[str] = []

    class Joining(Author):
        def arrived(self, line: bytes, position: Position) -> bytes:
            order.append(f"arrived with {len(lobby.replica.members)} members, {len(lobby.lines)} lines waiting")
            lobby.seat(cat.session)
            return b""

    lobby.origins[MsgId(b"j")] = Joining()
    lobby.apply([entry(said("ann", "before")), entry(Joined(cat.uid, MsgId(b"j"), cat.member))], render)
    lobby.apply([entry(said("ann", "after"))], render)
    lobby.flush(render)
    assert order == ["arrived with 3 members, 2 lines waiting"]
    assert cat.heard() == ["after"]
    assert bob.heard() == ["before", "JOIN #lobby", "after"]
    assert lobby.origins == {}


def test_what_one_says_comes_back_in_its_place() -> None:
    """The echo stands between the others' lines where the log has it; the label is put there too."""
    ann, bob = Person("ann", caps.ECHO), Person("bob", caps.ECHO)
    lobby = room("#lobby", ann, bob)
    author = Author(b"@label=1 :answer\r\n")
    lobby.origins[MsgId(b"mine")] = author
    apply((lobby, said("bob", "first")), (lobby, said("ann", "mine")), (lobby, said("bob", "last")))
    assert b"".join(ann.writes).split(b"\r\n")[1] == b"@label=1 :answer"
    assert len(ann.writes) == 1
    assert author.lines == [b":ann!~ann@host PRIVMSG #room :mine\r\n"]
    assert bob.heard() == ["first", "mine", "last"]


def test_without_echo_the_author_is_told_with_an_empty_line() -> None:
    """The command still hears that it is done, and may answer (ACK) in that place."""
    ann = Person("ann")
    lobby = room("#lobby", ann)
    author = Author(b":server ACK\r\n")
    lobby.origins[MsgId(b"mine")] = author
    apply((lobby, said("ann", "mine")))
    assert (author.lines, ann.writes) == ([b""], [b":server ACK\r\n"])


def test_an_author_that_left_meanwhile_is_still_told(people: tuple[Person, Person, Person]) -> None:
    """What was on its way when the socket closed is delivered to the others, and its origin hears of the end."""
    ann, bob, _ = people
    lobby = room("#lobby", ann, bob)
    author = lobby.origins[MsgId(b"mine")] = Author()
    lobby.unseat(ann.uid)
    apply((lobby, said("ann", "mine")))
    assert author.lines == [b""]
    assert bob.heard() == ["mine"]


def test_a_part_is_seen_by_who_parts_and_nothing_after_it(people: tuple[Person, Person, Person]) -> None:
    """The leaver gets what was said before, its own PART, and then nothing of the room."""
    ann, bob, _ = people
    lobby = room("#lobby", ann, bob)
    apply(
        (lobby, said("bob", "before")),
        (lobby, Left(ann.uid, MsgId(b"p"), LeftBy.PART, "bye")),
        (lobby, said("bob", "after")),
    )
    assert ann.heard() == ["before", "PART #lobby :bye"]
    assert (ann.uid in lobby.seats, ann.session.rooms) == (False, {})


@pytest.mark.parametrize("shared", [1, 2, 3])
def test_a_quit_is_heard_once_however_many_rooms_are_shared(shared: int) -> None:
    """At the last of them, and by everybody who shares any."""
    ann, bob, cat = Person("ann"), Person("bob"), Person("cat")
    rooms = [room(f"#r{i}", ann, bob, *([cat] if i == 0 else [])) for i in range(shared)]
    for index, where in enumerate(rooms):
        apply((where, quit_of(ann)))
        assert bob.heard() == (["QUIT :gone"] if index == shared - 1 else [])
    assert cat.heard() == ["QUIT :gone"]
    assert ann.writes == []


def test_a_nick_is_heard_once_at_the_first_room() -> None:
    """However many rooms are shared; who shares the second only hears it there; its author not from a room."""
    ann, bob, cat = Person("ann"), Person("bob"), Person("cat")
    one, two = room("#one", ann, bob), room("#two", ann, bob, cat)
    for where in (one, two):
        apply((where, Renamed(ann.uid, MsgId(b"n"), "anna")))
    assert bob.heard() == cat.heard() == ["NICK anna"]
    assert ann.writes == []
    apply((two, Renamed(ann.uid, MsgId(b"n"), "ann")), (one, Renamed(ann.uid, MsgId(b"n"), "ann")))
    assert bob.heard() == ["NICK ann"]


def test_a_login_is_heard_once_by_who_shares_several_rooms() -> None:
    """By those with account-notify, at the first of them; the one it is about hears of it by its command."""
    ann, bob, cat = (Person(name, caps.ACCOUNT_NOTIFY) for name in ("ann", "bob", "cat"))
    dan = Person("dan")
    one, two = room("#one", ann, bob, dan), room("#two", ann, bob, cat)
    for account, shown in (("acc", "acc"), ("", "*")):
        for where in (one, two):
            apply((where, AccountSet(ann.uid, MsgId(b"a"), account)))
        assert bob.heard() == cat.heard() == [f"ACCOUNT {shown}"]
        for person in (bob, cat):
            person.writes.clear()
    assert ann.writes == dan.writes == []


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (AwaySet(uid_of("ann"), MsgId(b"w"), "tea"), "AWAY :tea"),
        (NameSet(uid_of("ann"), MsgId(b"f"), "Ann B."), "SETNAME :Ann B."),
        (LinkChanged((uid_of("ann"), uid_of("stranger"))), "AWAY :Link lost"),
    ],
)
def test_what_changes_of_a_member_is_heard_once(event: Event, line: str) -> None:
    """At the first shared room; by who asked for it, and not by the one it is about."""
    ann, bob, cat = (
        Person(name, caps.RENDERED & ~caps.TAGS & ~caps.SERVER_TIME & ~caps.ACCOUNT_TAG)
        for name in ("ann", "bob", "cat")
    )
    dan = Person("dan")
    one, two = room("#one", ann, bob, dan), room("#two", ann, bob, cat)
    for where in (one, two):
        apply((where, event))
    assert bob.heard() == cat.heard() == [line]
    assert ann.writes == dan.writes == []


def test_a_new_host_is_a_quit_and_joins_for_who_does_not_know_chghost() -> None:
    """One QUIT, at the first shared room; then a JOIN in each with the modes given back by the server, of which who
    knows CHGHOST hears nothing, and who it is about of neither.

    Source: IRCv3 chghost, "Fallback when the chghost capability has not been negotiated".
    """
    ann, bob, dan = Person("ann"), Person("bob"), Person("dan", caps.CHGHOST)
    ann.member = ann.member._replace(modes="ov")
    one, two = room("#one", ann, bob, dan), room("#two", ann, bob, dan)
    for where in (one, two):
        apply((where, HostSet(ann.uid, MsgId(b"h"), "other")))
    shown = b"".join(bob.writes).decode().split("\r\n")[:-1]
    assert shown == [
        ":ann!~ann@host QUIT :Changing host",
        ":ann!~ann@other JOIN #one",
        ":test MODE #one +ov ann ann",
        ":ann!~ann@other JOIN #two",
        ":test MODE #two +ov ann ann",
    ]
    assert dan.heard() == ["CHGHOST ~ann other"]
    assert ann.writes == []


def test_a_new_name_is_a_line_to_who_knows_of_renames_and_the_others_are_told_elsewhere() -> None:
    """What was said before goes out under the name it was said to, and what comes after to the new one; the caller is
    told of the other seats in between, at the place of the rename. Source: IRCv3 channel-rename."""
    ann, bob = Person("ann", caps.RENAME), Person("bob")
    told: list[tuple[list[bytes], str, str, list[str]]] = []

    def on_renamed(seats: Sequence[Seat], before: str, reason: str) -> None:
        told.append(([seat.attachment for seat in seats], before, reason, bob.heard()))

    where = room("#old", ann, bob, on_renamed=on_renamed)
    renamed = RoomRenamed(ann.uid, MsgId(b"r"), ann.member.source, "#old", "#new", "better")
    topic = TopicSet(ann.uid, MsgId(b"t"), ann.member.source, "tea")
    where.apply([entry(topic), entry(renamed), entry(topic)], render)
    assert told == [([bob.uid], "#old", "better", ["TOPIC #old :tea"])]
    where.flush(render)
    assert ann.heard() == ["TOPIC #old :tea", "RENAME #old #new :better", "TOPIC #new :tea"]
    assert bob.heard() == ["TOPIC #new :tea"]


def test_another_spelling_is_a_rename_of_which_the_others_hear_nothing() -> None:
    """IRCv3 channel-rename: the fallback is not used "if the rename only changes the case"."""
    ann, bob = Person("ann", caps.RENAME), Person("bob")
    told: list[Sequence[Seat]] = []
    where = room("#old", ann, bob, on_renamed=lambda seats, before, reason: told.append(seats))
    apply((where, RoomRenamed(ann.uid, MsgId(b"r"), ann.member.source, "#old", "#Old")))
    assert ann.heard() == ["RENAME #old #Old :"]
    assert (bob.writes, told) == ([], [[]])


def test_the_renamer_is_answered_once_and_nobody_else_for_it() -> None:
    """Its command tells it what it needs to know, whether it knows of renames or not."""
    ann, bob = Person("ann"), Person("bob")
    author, told = Author(answer=b"answer"), list[list[bytes]]()
    where = room("#old", ann, bob, on_renamed=lambda seats, before, reason: told.append([s.attachment for s in seats]))
    where.origins[MsgId(b"r")] = author
    apply((where, RoomRenamed(ann.uid, MsgId(b"r"), ann.member.source, "#old", "#new")))
    assert (author.lines, ann.writes, told) == ([b""], [b"answer"], [[bob.uid]])


def test_who_is_back_is_shown_only_where_it_was_shown_as_lost() -> None:
    """Once for all shared rooms; a resumption that nobody was told of is nobody's news."""
    ann, bob = (Person(name, caps.AWAY_NOTIFY) for name in ("ann", "bob"))
    rooms = [room("#one", ann, bob), room("#two", ann, bob)]
    back = Rebound(ann.uid, MsgId(b"b"), GatewayId("g2"), 1)
    for where in rooms:
        apply((where, back))
    assert bob.writes == []
    for where in rooms:
        apply((where, LinkChanged((ann.uid,))))
    for where in rooms:
        apply((where, back))
    assert bob.heard() == ["AWAY :Link lost", "AWAY"]
    for where in rooms:
        assert where.replica.members[ann.uid].gateway == "g2"


def test_one_rename_finishes_when_the_last_room_has_it() -> None:
    """The same origin stands in each room, and each tells it once."""
    ann, bob = Person("ann"), Person("bob")
    rooms = [room("#one", ann, bob), room("#two", ann)]
    author = Author()
    for where in rooms:
        where.origins[MsgId(b"n")] = author
        apply((where, Renamed(ann.uid, MsgId(b"n"), "anna")))
    assert author.lines == [b"", b""]


def test_those_on_a_lost_gateway_quit_once_each() -> None:
    """One `Reaped` event is one QUIT per lost member, heard once where rooms are shared."""
    lost = [Person("x"), Person("y")]
    bob = Person("bob")
    rooms = [room("#one", bob), room("#two", bob)]
    for where in rooms:
        for person in lost:
            where.apply([entry(Joined(person.uid, MsgId(b""), person.member))], render)
        where.flush(render)
    bob.writes.clear()
    for where in rooms:
        apply((where, Reaped(lost[0].member.gateway, tuple(person.uid for person in lost), "Gateway lost")))
    assert bob.heard() == ["QUIT :Gateway lost"] * 2
    assert [list(where.replica.members) for where in rooms] == [[bob.uid], [bob.uid]]


def test_several_lost_at_once_are_one_netsplit_to_who_knows_batches() -> None:
    """A batch of their QUITs, each once, for such members; plain QUITs for others; one alone is never a batch.

    Source: IRCv3 batch types, "netsplit".
    """
    lost = [Person(name) for name in ("x", "y", "z")]
    plain, batched = Person("plain"), Person("batched", caps.BATCH)
    one, two = room("#one", plain, batched), room("#two", plain, batched)
    for where, people in ((one, lost), (two, lost[:1])):
        for person in people:
            where.apply([entry(Joined(person.uid, MsgId(b""), person.member))], render)
        where.flush(render)
    plain.writes.clear()
    batched.writes.clear()
    apply((one, Reaped(GatewayId("g"), tuple(person.uid for person in lost), "gone")))
    # x is in #two as well: it is told there.
    assert plain.heard() == ["QUIT :gone"] * 2
    lines = b"".join(batched.writes).decode().split("\r\n")[:-1]
    batched.writes.clear()
    assert [line.split(" ")[0] for line in lines] == ["BATCH", "@batch=netsplit", "@batch=netsplit", "BATCH"]
    assert lines[0].split(" ")[1:3] == ["+netsplit", "netsplit"]
    assert [line.split(" ")[1].partition("!")[0] for line in lines[1:3]] == [":y", ":z"]
    assert lines[-1] == "BATCH -netsplit"
    apply((two, Reaped(GatewayId(""), (lost[0].uid,), "gone")))
    assert plain.heard() == batched.heard() == ["QUIT :gone"]


def test_who_comes_back_elsewhere_is_seen_by_nobody() -> None:
    """Not a line; the replica knows the gateway; the origin hears at its place."""
    ann, bob = Person("ann"), Person("bob")
    lobby = room("#lobby", ann, bob)
    author = Author()
    lobby.origins[MsgId(b"back")] = author
    apply((lobby, Rebound(bob.uid, MsgId(b"back"), GatewayId("g2"), 1)))
    assert (ann.heard(), bob.heard(), author.lines) == ([], [], [b""])
    assert lobby.replica.members[bob.uid] == bob.member._replace(gateway=GatewayId("g2"))


def test_new_capabilities_count_from_the_next_line(people: tuple[Person, Person, Person]) -> None:
    """What waits goes out as it was, what comes after as it is now."""
    ann, bob, _ = people
    lobby = room("#lobby", ann, bob)
    lobby.apply([entry(said("ann", "one"))], render)
    lobby.flush(render)
    bob.session.negotiate(caps.TAGS)
    lobby.reclass(bob.session, render)
    apply((lobby, said("ann", "two")))
    assert [write.startswith(b"@") for write in bob.writes] == [False, True]
    lobby.unseat(bob.uid)
    lobby.unseat(ann.uid)
    assert lobby.classes == {}


def test_what_was_said_last_is_kept_for_newcomers() -> None:
    """Only what is said, only so much."""
    lobby = room("#lobby", recent_limit=2)
    events: Sequence[Event] = [said("ann", "1"), said("ann", "2"), TopicSet(Uid(b""), MsgId(b""), "a", "t")]
    lobby.apply([entry(event) for event in [*events, said("ann", "3")]], render)
    assert [kept.event.msgid for kept in lobby.recent] == [b"2", b"3"]
