"""What the server refuses comes back to the input, with the reason beside it, and costs nothing that was typed."""

import pytest

from tests.client.play import Play
from tests.harness.deadlines import eventually
from tests.harness.screen_inside import Desk, screen_inside

pytestmark = pytest.mark.slow

ENTER = "\r"


def in_tea() -> Desk:
    """Ann, connected, in #tea."""
    desk = Desk("#tea")
    desk.connect()
    desk.enter("#tea", "@ann bob")
    return desk


@pytest.mark.parametrize(
    ("typed", "sent", "answer", "given_back", "reason"),
    [
        ("/join ops", "JOIN #ops", ":irc 475 ann #ops :Cannot join (+k)", "/join #ops", "it takes a key: /join #ops"),
        ("/join ops x", "JOIN #ops x", ":irc 475 ann #ops :Cannot join (+k)", "/join #ops", "it takes a key"),
        ("/join ops", "JOIN #ops", ":irc 473 ann #ops :Cannot join (+i)", "/join #ops", "Cannot join (+i)"),
        ("/join ops", "JOIN #ops", "FAIL JOIN NO #ops :Not this one", "/join #ops", "Not this one"),
        ("/nick bob", "NICK bob", ":irc 433 ann bob :Nickname is in use", "/nick bob", "Nickname is in use"),
        ("/nick bob", "NICK bob", "FAIL NICK NICKNAME_RESERVED bob :It is bob's", "/nick bob", "It is bob's"),
        ("/topic New", "TOPIC #tea New", ":irc 482 ann #tea :Not an operator", "/topic New", "Not an operator"),
        ("/topic New", "TOPIC #tea New", "FAIL TOPIC NO #tea :Not now", "/topic New", "Not now"),
    ],
)
async def test_a_refused_command_is_given_back(
    typed: str, sent: str, answer: str, given_back: str, reason: str
) -> None:
    """A key can be typed, a nick changed; the reason stands at the input and in the transcript."""
    desk = in_tea()
    async with screen_inside(desk, 110) as screen:
        screen.type(typed + ENTER)
        await eventually(desk.heard(sent), what=sent)
        await screen.input_is("[ann #tea]")
        desk.hear(answer)
        await screen.input_is(f"[ann #tea] {given_back}")
        await screen.until(lambda rows: reason in [row for row in rows if row][-2], "the reason at the input")
        assert sum(reason in row for row in screen.rows) == 2, "at the input, and in the transcript"


async def test_what_is_typed_meanwhile_stays() -> None:
    """The refused command does not take its place: the transcript has the reason and how to go on."""
    desk = in_tea()
    async with screen_inside(desk) as screen:
        screen.type("/join ops" + ENTER)
        await eventually(desk.heard("JOIN #ops"), what="the request")
        screen.type("half a thought")
        await screen.input_is("[ann #tea] half a thought")
        desk.hear(":irc 475 ann #ops :Cannot join (+k)")
        await screen.sees("cannot enter #ops: it takes a key: /join #ops KEY")
        await screen.input_is("[ann #tea] half a thought")


async def test_a_key_can_be_typed_at_once() -> None:
    """The cursor stands behind the name of the room."""
    desk = in_tea()
    async with screen_inside(desk) as screen:
        screen.type("/join ops" + ENTER)
        await eventually(desk.heard("JOIN #ops"), what="the request")
        desk.hear(":irc 475 ann #ops :Cannot join (+k)")
        await screen.input_is("[ann #tea] /join #ops")
        screen.type("sesame" + ENTER)
        await eventually(desk.heard("JOIN #ops sesame"), what="the room with its key")


async def test_a_message_that_was_refused_is_told_where_one_looks() -> None:
    """Also when it was for somebody else, whose transcript is not on the screen."""
    desk = in_tea()
    async with screen_inside(desk, 110) as screen:
        screen.type("/msg nobody psst" + ENTER)
        await screen.until(lambda _: any("PRIVMSG nobody" in text for text in desk.said), "the message on its way")
        line = next(text for text in desk.said if "PRIVMSG nobody" in text)
        desk.hear(f"{line.partition(' ')[0]} :irc 401 ann nobody :No such nick")
        await screen.sees("not sent: No such nick; /resend, /discard")


async def test_join_without_a_name_lets_one_choose() -> None:
    """The server's rooms as they come; a part of a name and Enter."""
    desk = in_tea()
    async with screen_inside(desk) as screen:
        screen.type("/join" + ENTER)
        await screen.sees("Join a room")
        await eventually(desk.heard("LIST"), what="the request for the rooms")
        desk.hear(
            ":irc 322 ann #gateway 41 :On-call in the topic", ":irc 322 ann #garden 3 :Plants", ":irc 323 ann :End"
        )
        await screen.sees("41  On-call in the topic")
        screen.type("gard" + ENTER)
        await eventually(desk.heard("JOIN #garden"), what="the request")


def test_join_without_a_name_lists_the_rooms_where_there_is_no_screen() -> None:
    """As /list, with a word about what to do next."""
    play = Play()
    play.connect()
    play.enter()
    play.seen()
    play.console.typed("/join")
    assert play.said()[-1] == "LIST"
    assert play.seen() == ["-- /join NAME enters one of these rooms, or a new one"]


async def test_ascii_draws_no_symbol_of_its_own_or_of_others() -> None:
    """A nick that is too long, a quotation, a box; letters stay, and so do the columns."""
    desk = in_tea()
    text = (
        "\N{LEFT DOUBLE QUOTATION MARK}caf\u00e9\N{RIGHT DOUBLE QUOTATION MARK} \N{BOX DRAWINGS LIGHT HORIZONTAL}\u2502"
    )
    desk.hear(desk.line(desk.now_ms, "a_very_long_nick_indeed", text))
    async with screen_inside(desk, ascii_only=True) as screen:
        await screen.sees('a_very_long~ | "caf\u00e9" -|')
        assert "\N{HORIZONTAL ELLIPSIS}" not in screen.wire.written
    async with screen_inside(desk) as screen:
        await screen.sees("a_very_long\N{HORIZONTAL ELLIPSIS} | ")
