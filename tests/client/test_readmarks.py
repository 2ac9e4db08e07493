"""What was read at one device is read at all of them. Source: IRCv3 draft/read-marker."""

import pytest

from client.readmarks import TELL_EVERY_MS
from tests.client.play import Play
from tests.harness.deadlines import eventually
from tests.harness.screen_inside import Desk, at, screen_inside

pytestmark = pytest.mark.slow

CAP = "draft/read-marker"


def stamp(clock: str) -> str:
    """That minute of the desk's day, as a marker has it."""
    return f"timestamp=2026-11-22T{clock}:00.000Z"


def two_rooms(marked: str) -> Desk:
    """Ann, connected; #ops has five lines of this morning, of which those up to `marked` were read elsewhere."""
    desk = Desk("#tea", "#ops")
    desk.connect("gw-a", CAP)
    desk.enter("#tea", "@ann bob")
    desk.hear(":ann!a@h JOIN #ops", f":irc MARKREAD #ops {marked}")
    desk.hear(":irc 353 ann = #ops :@ann bob", ":irc 366 ann #ops :End")
    lines = [desk.line(at(22, f"08:0{n}"), "bob", "ann: look" if n == 4 else f"line {n}", "#ops") for n in range(5)]
    desk.answer("#ops", *lines)
    return desk


async def test_what_was_not_read_elsewhere_is_unread_here() -> None:
    """Counted from the marker on, mentions too, also as history; the rule stands there when one looks."""
    desk = two_rooms(stamp("08:02"))
    async with screen_inside(desk, 100) as screen:
        await screen.sees("2 #ops       @1")
        screen.type("\x0e")
        await screen.sees("new messages")
        rows = screen.rows
        rule = next(number for number, row in enumerate(rows) if "new messages" in row)
        assert "line 2" in rows[rule - 1]
        assert "line 3" in rows[rule + 1]


async def test_what_is_read_elsewhere_is_read_here() -> None:
    """While it happens: the count goes, and comes back to no more than what is newer."""
    desk = two_rooms("*")
    async with screen_inside(desk, 100) as screen:
        await screen.sees("2 #ops       @1")
        desk.hear(f":irc MARKREAD #ops {stamp('08:04')}")
        await screen.until(lambda rows: not any("@1" in row for row in rows), "nothing unread")
        desk.hear(desk.line(at(22, "08:05"), "bob", "one more", "#ops"))
        await screen.sees("2 #ops        1")


async def test_a_key_tells_that_somebody_has_read() -> None:
    """Lines that only came onto the screen are not read: nobody may sit there. The time is that of the last line."""
    desk = two_rooms("*")
    async with screen_inside(desk) as screen:
        desk.hear(desk.line(at(22, "09:00"), "bob", "hello"))
        await screen.sees("bob | hello")
        desk.chat.tell_what_was_seen()
        desk.changed()
        assert not [line for line in desk.said if line.startswith("MARKREAD")]
        screen.type("x")
        await screen.input_is("[ann #tea] x")
        desk.chat.tell_what_was_seen()
        desk.changed()
        await eventually(desk.heard(f"MARKREAD #tea {stamp('09:00')}"), what="the marker")


def test_a_busy_room_is_not_told_of_line_by_line() -> None:
    """Once in five seconds; nothing without the capability; private talks are asked about."""
    play = Play()
    play.connect(CAP)
    play.enter()
    play.said()
    play.now_ms = 1_000_000
    for second in range(10):
        play.now_ms += 1_000
        play.hear(f"@msgid=m{second};time=1970-01-01T00:16:{41 + second}.000Z :bob!b@h PRIVMSG #tea :x")
        play.chat.seen("#tea")
        play.chat.tell_what_was_seen()
    told = [line for line in play.said() if line.startswith("MARKREAD")]
    assert len(told) == 10_000 // TELL_EVERY_MS
    assert told[0] == "MARKREAD #tea timestamp=1970-01-01T00:16:41.000Z"
    play.hear("@msgid=p1;time=1970-01-01T00:17:00.000Z :bob!b@h PRIVMSG ann :psst")
    play.chat.lost()
    play.chat.opened("irc:6667")
    play.hear(f":irc CAP * LS :{CAP}", f":irc CAP ann ACK :{CAP}", ":irc 001 ann :Welcome")
    assert "MARKREAD bob" in play.said()
    without = Play()
    without.connect()
    without.enter()
    without.hear("@msgid=m1;time=1970-01-01T00:16:41.000Z :bob!b@h PRIVMSG #tea :x")
    without.said()
    without.chat.seen("#tea")
    without.chat.tell_what_was_seen()
    assert without.said() == []
