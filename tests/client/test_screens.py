"""The full screen, cell by cell, at every size that has a look of its own; and the screens that the README shows.

`UPDATE_SCREENS=1` writes the files anew; what has changed is then seen in the difference.
"""

import os
from pathlib import Path

import pytest
from prompt_toolkit.output import ColorDepth

from tests.harness.screen_inside import Desk, ScreenInside, at, screen_inside

SCREENS = Path(__file__).with_name("screens")
README = Path(__file__).parents[2] / "README.md"
STYLES = "---- one letter a cell: colour, upper case is bold, # reversed, _ underlined"
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "100x24": (100, 24), "40x10": (40, 10), "20x4": (20, 4)}
NOTES = "Gateway 2.14 rollout - notes https://wiki.lab/gw"
PEOPLE = "@carol +bob ann dave_the_long eve frank"


def a_day(desk: Desk) -> tuple[str, ...]:
    """What was said in #dev before we came."""
    return (
        desk.line(at(20, "15:02"), "dave_the_long", "is anyone else getting 502 from the artifact store?", "#dev"),
        desk.line(at(20, "15:03"), "carol", "yes. restarting it", "#dev"),
        desk.line(at(21, "17:58"), "bob", "build 812 is green, tagging 2.14", "#dev"),
        desk.line(at(21, "18:03"), "bob", "nice", "#dev"),
        desk.line(
            at(21, "18:03") + 9000,
            "bob",
            "ann: can you look at the catch-up patch before we ship? It changes what happens when history has a hole.",
            "#dev",
        ),
        desk.line(at(21, "18:04"), "ann", "on it", "#dev"),
        desk.line(at(21, "18:07"), "ann", "two remarks, otherwise fine", "#dev"),
        desk.line(at(21, "18:09"), "eve", "", "#dev", "JOIN"),
        desk.line(at(21, "18:09") + 1, "frank", "", "#dev", "JOIN"),
        desk.line(at(21, "18:09") + 2, "mallory", "bye", "#dev", "PART"),
        desk.line(at(21, "18:10"), "bob", "pushed, both fixed", "#dev"),
        desk.line(
            at(22, "09:12"),
            "eve",
            "morning! the soak test ran all night, no gaps: https://ci.lab/run/4711",
            "#dev",
        ),
        desk.line(at(22, "09:14"), "eve", "p95 join-to-history 180 ms", "#dev"),
    )


def at_work() -> Desk:
    """Ann in three rooms and a private talk, with something new in each."""
    desk = Desk("#lobby", "#dev", "#ops")
    desk.connect()
    desk.enter("#lobby")
    desk.enter("#ops", "@ann dave")
    desk.enter("#dev", PEOPLE, topic=NOTES, history=a_day(desk))
    desk.hear(desk.line(at(22, "09:29"), "dave", "ann: pager is yours", "#ops"))
    desk.hear(*(desk.line(at(22, "09:29") + number, "bob", "psst", "ann") for number in range(3)))
    return desk


async def newly_said(desk: Desk, screen: ScreenInside) -> None:
    """Lines come to #dev while ann looks at #lobby; then she looks, and answers."""
    await screen.sees(" #lobby")
    desk.hear(
        desk.line(at(22, "09:30"), "dave_the_long", "日本語 works now too", "#dev"),
        desk.line(at(22, "09:31"), "carol", "\x01ACTION waves\x01", "#dev"),
        desk.line(at(22, "09:31") + 1, "carol", "@ann release notes?", "#dev"),
    )
    await screen.drawn()
    screen.type("\x1b2")
    await screen.sees("release notes?")
    desk.chat.say("writing them now")
    desk.changed()
    await screen.drawn()
    screen.type("thanks everyone,")
    await screen.input_is("[ann #dev] thanks everyone," if screen.glass.columns >= 50 else "[ann] thanks everyone,")
    await screen.drawn()


def check(name: str, screen: ScreenInside) -> None:
    """The screen is as it was when the file was written."""
    path = SCREENS / f"{name}.txt"
    shown = "\n".join([*screen.rows, STYLES, *screen.styles]) + "\n"
    if os.environ.get("UPDATE_SCREENS"):
        SCREENS.mkdir(exist_ok=True)
        path.write_text(shown)
    assert path.read_text() == shown


@pytest.mark.parametrize("size", SIZES)
async def test_a_room(size: str) -> None:
    """Columns, rules, marks, counts and the draft, as wide as there is room for."""
    columns, rows = SIZES[size]
    desk = at_work()
    async with screen_inside(desk, columns, rows) as screen:
        if rows > 4:
            await newly_said(desk, screen)
        check(f"room-{size}", screen)


async def test_no_colour() -> None:
    """With NO_COLOR nothing is coloured, and nothing is lost: marks and words stand as they do elsewhere."""
    desk = at_work()
    async with screen_inside(desk, depth=ColorDepth.DEPTH_1_BIT) as screen:
        await newly_said(desk, screen)
        check("room-no-colour", screen)
        assert not set("".join(screen.styles)) - set(".W#_")
        assert screen.rows == (SCREENS / "room-80x24.txt").read_text().partition(STYLES)[0].splitlines()


async def test_a_light_background() -> None:
    """No yellow on white; the text is the same."""
    desk = at_work()
    async with screen_inside(desk, light=True) as screen:
        await newly_said(desk, screen)
        check("room-light", screen)
        assert not set("".join(screen.styles)) & set("yY")
        assert screen.rows == (SCREENS / "room-80x24.txt").read_text().partition(STYLES)[0].splitlines()


async def test_an_outage() -> None:
    """Since when, why, what next, and what becomes of what is typed; the transcript stays."""
    desk = at_work()
    async with screen_inside(desk) as screen:
        await newly_said(desk, screen)
        desk.lose("gw-a", "it stopped answering")
        desk.now_ms += 11_000
        desk.status.failed("gw-b", 1, "connection refused", desk.now_ms + 6_000)
        desk.now_ms += 3_000
        desk.chat.say("should be up in 10 minutes")
        await screen.drawn()
        check("outage", screen)


async def test_scrolled_up() -> None:
    """What is below is counted; the view does not move."""
    desk = at_work()
    async with screen_inside(desk, 80, 16) as screen:
        await newly_said(desk, screen)
        screen.type("\x1b[5~")
        await screen.sees("newer below")
        before = screen.rows[1:10]
        desk.hear(*(desk.line(at(22, "09:33") + number, "bob", f"ann: line {number}", "#dev") for number in range(40)))
        await screen.sees("40 mention you")
        assert screen.rows[1:10] == before
        check("scrolled", screen)


async def test_the_question() -> None:
    """Leaving is asked about in the input line; what is unsent is named."""
    desk = at_work()
    async with screen_inside(desk) as screen:
        await newly_said(desk, screen)
        screen.type("\x03")
        await screen.input_is("[ann #dev]")
        screen.type("\x03")
        await screen.input_is("Leave chat? [y/N]")
        check("question", screen)


async def test_joining() -> None:
    """Rooms of the server, the fitting ones first; a new one can be made."""
    desk = at_work()
    async with screen_inside(desk) as screen:
        screen.type("\x1bj")
        await screen.sees("Join a room")
        desk.hear(
            ":irc 322 ann #gateway 41 :Gateway team, on-call in the topic",
            ":irc 322 ann #gameday 9 :chaos drills, Thursdays",
            ":irc 322 ann #tea 3 :",
            ":irc 323 ann :End",
        )
        screen.type("ga")
        await screen.sees("create #ga")
        check("join", screen)


@pytest.mark.parametrize("name", ["room-80x24", "outage"])
def test_the_readme_shows_what_is_true(name: str) -> None:
    """Each screen of the README is one that the tests above have seen."""
    shown = (SCREENS / f"{name}.txt").read_text().partition(STYLES)[0].rstrip()
    assert shown in README.read_text()
