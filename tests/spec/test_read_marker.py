"""MARKREAD. Source: https://ircv3.net/specs/extensions/read-marker (sections in parentheses)."""

import pytest

from tests.harness.history import account_of
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.sasl_client import log_in
from tests.harness.steps import answers, join

CAPS = ("draft/read-marker", "server-time", "message-tags")
EARLY, LATE = "timestamp=2019-01-01T00:00:00.000Z", "timestamp=2019-06-01T12:00:00.123Z"


async def mark(peer: IrcPeer, target: str, *stamp: str) -> str:
    """Set or ask; the timestamp of the one answer."""
    (answer,) = await answers(peer, " ".join(("MARKREAD", target, *stamp)))
    assert (answer.command, answer.params[0]) == ("MARKREAD", target)
    return answer.params[1]


@pytest.mark.parametrize("target", ["#somewhere", "somebody"])
async def test_only_ever_later(dial: Connect, nick: str, target: str) -> None:
    """Unknown is `*`; what was set is told; an older one is answered with what is stored ("MARKREAD client set
    command"); names are compared as names are."""
    ann = await dial(nick, caps=CAPS)
    assert await mark(ann, target) == "*"
    assert await mark(ann, target, LATE) == LATE
    assert await mark(ann, target, EARLY) == LATE
    assert await mark(ann, target.upper()) == LATE
    assert await mark(ann, f"{target}2") == "*"


async def test_not_in_the_future(dial: Connect, nick: str) -> None:
    """ "...it can clamp it between the last read timestamp and the current time" ("Implementation Considerations")."""
    ann = await dial(nick, caps=CAPS)
    assert await mark(ann, "#x", "timestamp=2190-01-01T00:00:00.000Z") < "timestamp=2100"


async def test_on_join(dial: Connect, nick: str, room: str) -> None:
    """After the JOIN and before the end of the names, known or not; with the capability only ("Command flows")."""
    ann = await dial(nick, caps=CAPS)
    for expected in ("*", LATE):
        lines = await answers(ann, f"JOIN {room}")
        order = [m.command for m in lines]
        assert order.index("JOIN") < order.index("MARKREAD") < order.index("366")
        assert lines[order.index("MARKREAD")].params == (room, expected)
        await answers(ann, f"MARKREAD {room} {LATE}", f"PART {room}")
    bob = await dial(f"{nick}b")
    assert "MARKREAD" not in [m.command for m in await answers(bob, f"JOIN {room}")]


async def test_all_sessions_of_an_account(dial: Connect, nick: str, room: str) -> None:
    """ "...to all the clients of the user" when it changes, on any gateway; it is the account's, so it is there after
    the session, and nobody else is told ("Security Considerations")."""
    phone = await account_of(dial, nick, caps=(*CAPS, "standard-replies"))
    laptop, old = await dial(f"{nick}2", caps=CAPS), await dial(f"{nick}3", caps=("sasl",))
    for peer in (laptop, old):
        await log_in(peer, nick, "sesame-street")
    stranger = await dial(f"{nick}s", caps=CAPS)
    await join(room, phone, laptop, old, stranger)
    assert await mark(phone, room, LATE) == LATE
    told = await laptop.expect("MARKREAD")
    assert (told.params, "account" in told.tags) == ((room, LATE), False)
    assert await mark(laptop, room, EARLY) == LATE
    assert await mark(stranger, room) == "*"
    for peer in (phone, laptop):
        await peer.send("QUIT")
        await peer.wait_closed()
    assert "MARKREAD" not in [m.command for m in await old.barrier()]
    again = await account_of(dial, nick, caps=CAPS, again=True)
    assert await mark(again, room) == LATE
    assert await mark(again, room, "timestamp=2020-01-01T00:00:00.000Z") > LATE


async def test_a_guest_is_one_session(dial: Connect, nick: str) -> None:
    """Who takes a guest's nick has read nothing yet."""
    ann = await dial(nick, caps=CAPS)
    await mark(ann, "#x", LATE)
    await ann.send("QUIT")
    await ann.wait_closed()
    assert await mark(await dial(nick, caps=CAPS), "#x") == "*"


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("MARKREAD", "NEED_MORE_PARAMS"),
        ("MARKREAD #x *", "INVALID_PARAMS #x *"),
        ("MARKREAD #x timestamp=not-a-timestamp", "INVALID_PARAMS #x timestamp=not-a-timestamp"),
        ("MARKREAD #x 2019-01-01T00:00:00.000Z", "INVALID_PARAMS #x 2019-01-01T00:00:00.000Z"),
        ("MARKREAD #x timestamp=1960-01-01T00:00:00.000Z", "INVALID_PARAMS #x timestamp=1960-01-01T00:00:00.000Z"),
        ("MARKREAD #a,#b", "INVALID_PARAMS #a,#b"),
        ("MARKREAD !?", "INVALID_PARAMS !?"),
    ],
)
async def test_refusals(dial: Connect, nick: str, line: str, refusal: str) -> None:
    """FAIL with the code and the parameters that cannot be ("Errors and Warnings")."""
    (answer,) = await answers(await dial(nick, caps=CAPS), line)
    assert (answer.command, " ".join(answer.params[:-1])) == ("FAIL", f"MARKREAD {refusal}")
