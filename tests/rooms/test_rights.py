"""Who may join, speak and see: https://modern.ircdocs.horse/#channel-modes."""

import pytest

from gateway.events import Entry, Invited, Joined, ModeChange, ModesSet, Renamed
from gateway.model import Listed, Member, MsgId, Position, Snapshot, Uid
from gateway.rooms.joining import inviting, join_refusal, joining
from gateway.rooms.replica import MAX_INVITED, Replica
from gateway.rooms.rights import is_visible, may_speak
from gateway.wire import numerics as n
from tests.harness.events import member

OP, VOICED, PLAIN, OUT = member("op", modes="o"), member("voiced", modes="v"), member("plain"), member("out")
LINE = b":x!y@z PRIVMSG #room :hello"
MSGID = MsgId(b"m")


def room(
    modes: str = "nt", *, key: str = "", limit: int = 0, invited: tuple[Member, ...] = (), **lists: str
) -> Replica:
    """A room with an operator, a voiced and a plain member; lists as words."""
    replica = Replica("#room")
    replica.reset(
        Snapshot(
            name="#room",
            created_ms=1,
            modes=modes,
            key=key,
            limit=limit,
            members={who.uid: who for who in (OP, VOICED, PLAIN)},
            lists={letter: dict.fromkeys(masks.split(), Listed("x", 1)) for letter, masks in lists.items()},
            invited={who.uid: Listed("x", 1) for who in invited},
        )
    )
    return replica


def speakers(replica: Replica, line: bytes = LINE) -> list[str]:
    """Who may speak."""
    return [who.nick for who in (OP, VOICED, PLAIN, OUT) if may_speak(replica, who, line)]


@pytest.mark.parametrize(
    ("replica", "expected"),
    [
        (room("nt"), ["op", "voiced", "plain"]),
        (room("t"), ["op", "voiced", "plain", "out"]),
        (room("mn"), ["op", "voiced"]),
        (room("m"), ["op", "voiced"]),
        (room("n", b="plain!*@* op!*@* voiced!*@*"), ["op", "voiced"]),
        (room("n", b="m:plain!*@*"), ["op", "voiced"]),
        (room("n", b="plain!*@*", e="*!*@host"), ["op", "voiced", "plain"]),
        (room("", b="out!*@*"), ["op", "voiced", "plain"]),
        (room("", b="m:out!*@*"), ["op", "voiced", "plain"]),
        (room("n", b="somebody!*@*"), ["op", "voiced", "plain"]),
    ],
)
def test_who_may_speak(replica: Replica, expected: list[str]) -> None:
    """+n keeps out who is not in, +m and bans silence members without a rank, exceptions lift bans."""
    assert speakers(replica) == expected


def test_ctcp_is_blocked_for_all_but_action() -> None:
    """+C: a request or an answer by CTCP is refused, also of operators; /me is not."""
    assert speakers(room("Cn"), b":x!y@z PRIVMSG #room :\x01VERSION\x01") == []
    assert speakers(room("Cn"), b":x!y@z PRIVMSG #room :\x01ACTION waves\x01") == ["op", "voiced", "plain"]
    assert speakers(room("Cn")) == ["op", "voiced", "plain"]


def test_an_empty_room_takes_nothing_from_outside() -> None:
    """There is nobody to hear it."""
    replica = room("t")
    replica.members.clear()
    assert not may_speak(replica, OUT, LINE)


def test_only_rooms_with_restrictions_ask_for_more() -> None:
    """What the way of an ordinary message looks at: one flag, kept with the modes and the list of bans."""
    replica = room("nt")
    assert not replica.restricted
    for ms, (sign, letter, value, restricted) in enumerate(
        [("+", "i", "", False), ("+", "m", "", True), ("-", "m", "", False), ("+", "b", "x!*@*", True)], 2
    ):
        event = ModesSet(OP.uid, MSGID, OP.source, (ModeChange(sign, letter, value),))
        replica.apply(Entry(Position(b"%d-0" % ms), event))
        assert replica.restricted is restricted


def test_what_was_found_for_a_member_ends_with_its_nick_and_the_permissions() -> None:
    """A rename into or out of a ban counts at once, an unban as well, and a new rank."""
    replica = room("n", b="rob!*@*")
    assert may_speak(replica, PLAIN, LINE)
    replica.apply(Entry(Position(b"2-0"), Renamed(PLAIN.uid, MSGID, "rob")))
    assert not may_speak(replica, replica.members[PLAIN.uid], LINE)
    voice = ModeChange("+", "v", "rob", PLAIN.uid.decode())
    replica.apply(Entry(Position(b"3-0"), ModesSet(OP.uid, MSGID, OP.source, (voice,))))
    assert may_speak(replica, replica.members[PLAIN.uid], LINE)


@pytest.mark.parametrize(
    ("replica", "refusal"),
    [
        (room("nt"), ""),
        (room("i"), n.ERR_INVITEONLYCHAN),
        (room("i", I="out!*@*"), ""),
        (room("i", invited=(OUT,)), ""),
        (room("n", key="x"), n.ERR_BADCHANNELKEY),
        (room("n", key="right"), ""),
        (room("n", key="x", invited=(OUT,)), ""),
        (room("n", limit=3), n.ERR_CHANNELISFULL),
        (room("n", limit=4), ""),
        (room("n", limit=3, invited=(OUT,)), ""),
        (room("n", b="out!*@*"), n.ERR_BANNEDFROMCHAN),
        (room("n", b="m:out!*@*"), ""),
        (room("n", b="out!*@*", e="*!*@host"), ""),
        (room("n", b="out!*@*", I="out!*@*"), n.ERR_BANNEDFROMCHAN),
        (room("n", b="out!*@*", invited=(OUT,)), ""),
    ],
)
def test_who_may_join(replica: Replica, refusal: str) -> None:
    """The numeric of the first barrier; an invitation overrides every one."""
    assert join_refusal(replica, OUT, "right") == refusal


@pytest.mark.parametrize(
    ("modes", "key", "blank"), [("nt", "", False), ("int", "", True), ("nst", "", True), ("n", "k", True)]
)
def test_a_room_that_ended_is_founded_again(modes: str, key: str, blank: bool) -> None:
    """Whoever comes is operator of a room with the modes of a new one; what was said in a closed one is gone."""
    replica = room(modes, key=key, limit=1, b="out!*@*", invited=(PLAIN,))
    replica.members.clear()
    assert join_refusal(replica, OUT, "") == ""
    event, change = joining(replica, OUT, MSGID)
    assert (event.anew, event.blank, change.anew, change.blank) == (True, blank, True, blank)
    replica.apply(Entry(Position(b"9-0"), event))
    assert (replica.modes, replica.key, replica.limit, replica.lists, replica.invited) == ("nt", "", 0, {}, {})
    assert replica.members[OUT.uid].modes == "o"
    assert not replica.restricted


def test_an_invitation_is_used_once() -> None:
    """Joining ends it, here and in Redis."""
    replica = room("i", invited=(OUT, PLAIN))
    event, change = joining(replica, OUT, MSGID)
    assert change.unlisted == ("i u-out",)
    replica.apply(Entry(Position(b"9-0"), event))
    assert list(replica.invited) == [PLAIN.uid]


def test_one_invitation_too_many_ends_the_oldest() -> None:
    """The same one here and in Redis; to invite somebody again is none more."""
    replica = room("i")
    for ms in range(MAX_INVITED + 5):
        event = Invited(OP.uid, MSGID, OP.source, Uid(b"u%d" % ms))
        change = inviting(replica, event)
        gone = [f"i u{ms - MAX_INVITED}"] if ms >= MAX_INVITED else []
        assert list(change.unlisted) == gone
        replica.apply(Entry(Position(b"%d-0" % (ms + 10)), event))
    assert len(replica.invited) == MAX_INVITED
    assert inviting(replica, Invited(OP.uid, MSGID, OP.source, Uid(b"u50"))).unlisted == ()


def test_a_limit_counts_where_the_order_is_made() -> None:
    """The change carries the limit; who was invited, and who founds, is not counted."""
    assert joining(room("n", limit=7), OUT, MSGID)[1].capacity == 7
    assert joining(room("n", limit=7, invited=(OUT,)), OUT, MSGID)[1].capacity == 0
    assert joining(Replica("#new"), OUT, MSGID)[1].capacity == 0


def test_a_secret_room_is_there_for_its_members_only() -> None:
    """+s; an empty room is there for nobody."""
    assert is_visible(room("s"), PLAIN.uid)
    assert not is_visible(room("s"), OUT.uid)
    assert is_visible(room("n"), OUT.uid)
    assert not is_visible(Replica("#none"), OUT.uid)


def test_a_join_keeps_what_the_member_is() -> None:
    """Nobody but a founder gets a rank by joining."""
    event, change = joining(room(), OUT, MSGID)
    assert isinstance(event, Joined)
    assert (event.member, change.member, change.changes_permissions) == (OUT, OUT, False)
